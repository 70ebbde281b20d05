//! `autoscaling explain`: autoscalers of files or of the cluster, in words and numbers.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::anyhow;
use infer_core::catalog::Catalog;
use infer_core::estimate::Calibration;
use infer_core::explain::{self, Explanation, MetricExplanation, ScalesAt, Statement, Verdict};
use infer_core::rules::{Background, Neighbours, Settings};
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use crate::arguments::{ClusterOptions, DocumentFormat, ExplainAutoscaling};
use crate::cluster::{self, Cluster};
use crate::commands::files;
use crate::failure::{Failure, unknown};
use crate::output::{self, Outcome};

/// Says what autoscalers do; status 1 where something of them does not work.
pub(crate) fn explain(
    catalog: &Catalog,
    cluster: &ClusterOptions,
    options: &ExplainAutoscaling,
) -> Result<Outcome, Failure> {
    let mut api_services = None;
    let objects = match &options.name {
        // Status 1 says that something of an autoscaler does not work.
        Some(name) => {
            let (objects, services) =
                of_cluster(cluster, options, name).map_err(|failure| failure.with_status(2))?;
            api_services = services;
            objects
        }
        None => of_files(options)?,
    };
    let mut neighbours = Neighbours::default();
    for object in &objects {
        neighbours.insert(Arc::clone(object));
    }
    let settings = Settings::default();
    let background = Background { catalog, settings: &settings, neighbours: &neighbours };
    let calibration = Calibration::embedded().map_err(Failure::unexpected)?;
    let mut explanations = Vec::new();
    for object in &objects {
        explanations.extend(explain::explain(object, &background, &calibration).map_err(unknown)?);
    }
    if let Some(services) = &api_services {
        explanations = explanations.into_iter().map(|found| found.with_owners(services)).collect();
    }
    if explanations.is_empty() {
        return Err(Failure::user(anyhow!("there is no HorizontalPodAutoscaler and no ScaledObject"))
            .hint("`kubectl infer manifests create` writes one with a latency target")
            .with_status(2));
    }
    let text = match options.output {
        None => explanations.iter().map(text).collect::<Vec<_>>().join("\n"),
        Some(format) => {
            let document = json!({ "autoscalers": explanations });
            match format {
                DocumentFormat::Json => output::json(&document)?,
                DocumentFormat::Yaml => output::yaml(&document)?,
            }
        }
    };
    let status = u8::from(explanations.iter().any(Explanation::is_bad));
    Ok(Outcome { status, ..Outcome::print(text) })
}

fn of_files(options: &ExplainAutoscaling) -> Result<Vec<Arc<Value>>, Failure> {
    let mut objects = Vec::new();
    for input in files::read(&options.filename, false)? {
        if let (Some(trouble), true) = (input.file.troubles().first(), input.file.objects().is_empty()) {
            let message = format!("cannot read `{}`: {}", input.name, trouble.what);
            return Err(Failure::user(anyhow!(message)).with_status(2));
        }
        let found = input.file.objects().iter().map(|object| Arc::new(input.file.value(object).clone()));
        objects.extend(found);
    }
    Ok(objects)
}

/// Objects, and the APIs of metrics where they may be read.
type Found = (Vec<Arc<Value>>, Option<Vec<Value>>);

/// The autoscaler, what it scales, what scrapes that, and who serves metrics.
fn of_cluster(cluster: &ClusterOptions, options: &ExplainAutoscaling, name: &str) -> Result<Found, Failure> {
    let connection = Cluster::connect(cluster, &options.connection)?;
    connection.block_on(async {
        let objects = read(&connection, name).await?;
        Ok((objects, api_services(&connection).await))
    })
}

/// `None` where they cannot be read: what is not known is not said.
async fn api_services(connection: &Cluster) -> Option<Vec<Value>> {
    let gvk = GroupVersionKind::gvk("apiregistration.k8s.io", "v1", "APIService");
    let api: Api<DynamicObject> = Api::all_with(connection.client(), &ApiResource::from_gvk(&gvk));
    let list = api.list(&ListParams::default()).await.ok()?;
    list.items.into_iter().map(|object| serde_json::to_value(object).ok()).collect()
}

/// An API that autoscalers, their targets and their monitors are of.
struct Kind {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
}

const HORIZONTAL: Kind = Kind { group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler" };
const KEDA: Kind = Kind { group: "keda.sh", version: "v1alpha1", kind: "ScaledObject" };
const MONITORS: [Kind; 3] = [
    Kind { group: "monitoring.googleapis.com", version: "v1", kind: "PodMonitoring" },
    Kind { group: "monitoring.googleapis.com", version: "v1", kind: "ClusterPodMonitoring" },
    Kind { group: "monitoring.coreos.com", version: "v1", kind: "PodMonitor" },
];

async fn read(connection: &Cluster, name: &str) -> Result<Vec<Arc<Value>>, Failure> {
    let (kind, name) = name.split_once('/').unwrap_or(("", name));
    let kinds: &[&Kind] = match kind.to_lowercase().as_str() {
        "" => &[&HORIZONTAL, &KEDA],
        "hpa" | "horizontalpodautoscaler" | "horizontalpodautoscalers" => &[&HORIZONTAL],
        "so" | "scaledobject" | "scaledobjects" => &[&KEDA],
        other => {
            let message =
                format!("`{other}` is no autoscaler: `NAME`, `hpa/NAME` or `scaledobject/NAME` is accepted");
            return Err(Failure::argument(anyhow!(message)));
        }
    };
    let mut autoscaler = None;
    for kind in kinds {
        autoscaler = get(connection, kind, name).await?.map(|found| (found, *kind));
        if autoscaler.is_some() {
            break;
        }
    }
    let Some((autoscaler, _)) = autoscaler else {
        let message = format!("there is no autoscaler `{name}` in namespace `{}`", connection.namespace());
        return Err(Failure::user(anyhow!(message)).hint("`kubectl get hpa,scaledobject -A` lists them"));
    };
    let mut objects = vec![Arc::new(autoscaler.clone())];
    objects.extend(target(connection, &autoscaler).await?.map(Arc::new));
    for kind in &MONITORS {
        objects.extend(list(connection, kind).await?.into_iter().map(Arc::new));
    }
    Ok(objects)
}

fn api(connection: &Cluster, kind: &Kind) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    let resource = ApiResource::from_gvk(&gvk);
    match kind.kind {
        "ClusterPodMonitoring" => Api::all_with(connection.client(), &resource),
        _ => Api::namespaced_with(connection.client(), connection.namespace(), &resource),
    }
}

async fn get(connection: &Cluster, kind: &Kind, name: &str) -> Result<Option<Value>, Failure> {
    let found = match api(connection, kind).get_opt(name).await {
        Ok(found) => found,
        Err(kube::Error::Api(status)) if status.is_not_found() => None,
        Err(error) => return Err(cluster::failure(error)),
    };
    found.map(|object| as_written(object, kind)).transpose()
}

async fn list(connection: &Cluster, kind: &Kind) -> Result<Vec<Value>, Failure> {
    match api(connection, kind).list(&ListParams::default()).await {
        Ok(list) => list.items.into_iter().map(|object| as_written(object, kind)).collect(),
        // A cluster without the kind has none of it, and who may not read it is told nothing wrong.
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_forbidden() => Ok(Vec::new()),
        Err(error) => Err(cluster::failure(error)),
    }
}

async fn target(connection: &Cluster, autoscaler: &Value) -> Result<Option<Value>, Failure> {
    let text =
        |field: &str| autoscaler.pointer(&format!("/spec/scaleTargetRef/{field}")).and_then(Value::as_str);
    let version = text("apiVersion").unwrap_or("apps/v1");
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let (kind, name) = (text("kind").unwrap_or("Deployment"), text("name").unwrap_or_default());
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> =
        Api::namespaced_with(connection.client(), connection.namespace(), &resource);
    let found = match api.get_opt(name).await {
        Ok(found) => found,
        Err(kube::Error::Api(status)) if status.is_not_found() => None,
        Err(error) => return Err(cluster::failure(error)),
    };
    found.map(|object| serde_json::to_value(object).map_err(Failure::unexpected)).transpose()
}

/// With the kind that items of lists do not repeat.
fn as_written(object: DynamicObject, kind: &Kind) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(object).map_err(Failure::unexpected)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("apiVersion".to_owned(), format!("{}/{}", kind.group, kind.version).into());
        fields.insert("kind".to_owned(), kind.kind.into());
    }
    Ok(value)
}

fn text(explanation: &Explanation) -> String {
    let mut text = format!("{} scales {}", explanation.autoscaler, explanation.target);
    if let Some(serves) = &explanation.serves {
        let _ = write!(text, ": {serves}");
    }
    text.push('\n');
    let most = explanation.max_replicas.map_or("?".to_owned(), |most| most.to_string());
    let _ = writeln!(text, "  replicas  {} to {most}", explanation.min_replicas);
    if let Some(cost) = &explanation.cost {
        let range = match cost.usd_per_hour_max {
            Some(most) => format!("${:.2} to ${most:.2} an hour", cost.usd_per_hour_min),
            None => format!("${:.2} an hour and more", cost.usd_per_hour_min),
        };
        let _ = writeln!(text, "  cost      {range}, ${:.2} a replica ({})", cost.usd_per_hour, cost.price);
    }
    for statement in &explanation.statements {
        say(&mut text, "  ", statement);
    }
    for metric in &explanation.metrics {
        of_metric(&mut text, metric);
    }
    text
}

fn of_metric(text: &mut String, metric: &MetricExplanation) {
    let _ = writeln!(text, "\n  {}", metric.metric);
    let _ = writeln!(text, "    target    {}", metric.target.as_deref().unwrap_or("none"));
    if let Some(meaning) = &metric.meaning {
        let _ = writeln!(text, "    meaning   {meaning}");
    }
    let _ = writeln!(text, "    served by {}", metric.served_by);
    for statement in &metric.statements {
        say(text, "    ", statement);
    }
    if let Some(at) = &metric.scales_at {
        scales_at(text, at);
    }
}

fn scales_at(text: &mut String, at: &ScalesAt) {
    let when = if at.only_when_saturated {
        "scales    only past the highest rate, when the replica is saturated:"
    } else {
        "scales    when a replica has"
    };
    let _ = writeln!(
        text,
        "    {when} {:.2} requests/s, {:.0} output tokens/s, {:.0} % of its highest rate",
        at.requests_per_second,
        at.output_tokens_per_second,
        at.share_of_highest_rate * 100.0
    );
    let latency = |name: &str, median: Option<f64>, ninth: Option<f64>| {
        let ninth = ninth.map(|ninth| format!(", P90 about {ninth:.0} ms")).unwrap_or_default();
        median.map(|median| format!("{name} {median:.0} ms (P50{ninth})"))
    };
    let latencies = [
        latency("TTFT", at.ttft_p50_milliseconds, at.ttft_p90_milliseconds),
        latency("NTPOT", at.ntpot_p50_milliseconds, at.ntpot_p90_milliseconds),
    ];
    let latencies: Vec<String> = latencies.into_iter().flatten().collect();
    if !latencies.is_empty() {
        let _ = writeln!(text, "    latency   {}", latencies.join(", "));
    }
    let _ = writeln!(text, "    figures   {}, {} tokens in/out", at.provenance, at.traffic);
}

fn say(text: &mut String, indent: &str, statement: &Statement) {
    let verdict = match statement.verdict {
        Verdict::Good => "ok",
        Verdict::Bad => "wrong",
        Verdict::Note => "note",
        Verdict::Unknown => "?",
    };
    let _ = writeln!(text, "{indent}{verdict:<9} {}", statement.says);
    if let Some(advice) = &statement.advice {
        let _ = writeln!(text, "{indent}{:<9} {advice}", "");
    }
}
