//! `autoscaling setup`: what belongs to the cluster, printed or applied.

use std::fmt::Write as _;

use anyhow::anyhow;
use infer_core::autoscale::Kind;
use infer_core::catalog::Catalog;
use infer_core::manifest::{
    ClusterSetup, Ownership, PROJECT_PLACEHOLDER, SetupRequest, metrics_apis, ownership,
};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::Value;

use crate::arguments::{ClusterOptions, SetupAutoscaling, SetupOutput};
use crate::cluster::objects::{Mode, apply, get, label};
use crate::cluster::{self, Cluster};
use crate::commands::manifests::{failure, surroundings, with_line_feed};
use crate::failure::Failure;
use crate::output::{Destination, Outcome, json};

/// Writes or applies it.
pub(crate) fn setup(
    catalog: &Catalog,
    cluster: &ClusterOptions,
    options: &SetupAutoscaling,
) -> Result<Outcome, Failure> {
    let request = SetupRequest {
        options: options.options(),
        project: cluster.project.clone(),
        tpu_metrics: options.tpu_metrics,
    };
    let surroundings = surroundings(cluster, None, options.output_path.as_deref())?;
    let setup = request.setup(catalog, &surroundings).map_err(failure)?;
    if options.apply {
        return apply_to(cluster, options, &request, &setup);
    }
    let text = match options.output {
        SetupOutput::Manifest => setup.to_yaml(false, true).map_err(Failure::unexpected)?,
        SetupOutput::Comments => setup.to_yaml(true, false).map_err(Failure::unexpected)?,
        SetupOutput::All => setup.to_yaml(true, true).map_err(Failure::unexpected)?,
        SetupOutput::Json => json(&setup.to_json())?,
        SetupOutput::Values => {
            let values = setup.values.as_ref().ok_or_else(|| {
                Failure::argument(anyhow!("`--output values` is for `--autoscaler prometheus-adapter`"))
            })?;
            values.to_yaml().map_err(Failure::unexpected)?
        }
    };
    Ok(Outcome::write(with_line_feed(text), Destination::of(options.output_path.as_deref())))
}

fn apply_to(
    options: &ClusterOptions,
    setup_options: &SetupAutoscaling,
    request: &SetupRequest,
    setup: &ClusterSetup,
) -> Result<Outcome, Failure> {
    let kind = request.options.autoscaler;
    let needs_project = matches!(kind, Kind::PrometheusAdapter | Kind::Keda)
        && request.options.prometheus_url.is_none()
        && request.project.is_none();
    if needs_project {
        let message = format!(
            "`--apply` needs `--project`: the frontend asks the metrics of a project, and `{PROJECT_PLACEHOLDER}` is none"
        );
        return Err(Failure::argument(anyhow!(message)));
    }
    let connection = Cluster::connect(options, &setup_options.connection)?;
    let client = connection.client();
    let text = connection.block_on(async {
        let owned = owned_by(&client, kind).await?;
        let mut text = String::new();
        for (api, owner) in owned {
            let _ = writeln!(text, "{api} {owner}");
        }
        // All are asked first, so that a refusal leaves nothing half-applied.
        for dry_run in [true, false] {
            let mode = Mode { dry_run, force: setup_options.force_conflicts };
            let done = apply_all(&client, &setup.objects, mode).await?;
            if !dry_run {
                text.push_str(&done);
            }
        }
        Ok::<_, Failure>(text)
    })?;
    Ok(Outcome::print(text + &left(setup)))
}

/// Who owns the APIs, in words; an error where it is another adapter.
async fn owned_by(client: &Client, kind: Kind) -> Result<Vec<(&'static str, String)>, Failure> {
    let gvk = GroupVersionKind::gvk("apiregistration.k8s.io", "v1", "APIService");
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::from_gvk(&gvk));
    let mut owned = Vec::new();
    for name in metrics_apis(kind) {
        let found = api.get_opt(name).await.map_err(cluster::failure)?;
        let found = found.map(serde_json::to_value).transpose();
        match ownership(kind, found.map_err(Failure::unexpected)?.as_ref()) {
            Ownership::Free => owned.push((*name, "is served by nobody yet".to_owned())),
            Ownership::Ours(owner) => owned.push((*name, format!("is served by {owner}"))),
            Ownership::Others(owner) => {
                let message = format!(
                    "{name} is served by {owner}, and only one adapter can own it: nothing was applied"
                );
                let refused = Failure::user(anyhow!(message));
                return Err(match owner.kind() {
                    Some(kind) => refused.hint(format!("`--autoscaler {}` goes with it", kind.name())),
                    None => refused.hint("remove it first, if nothing in the cluster scales by it"),
                });
            }
        }
    }
    Ok(owned)
}

async fn apply_all(client: &Client, objects: &[Value], mode: Mode) -> Result<String, Failure> {
    let mut missing = Vec::new();
    let mut text = String::new();
    for object in objects {
        let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
        // A dry run makes no namespace, and nothing in it can be asked.
        if mode.dry_run && namespace.is_some_and(|namespace| missing.contains(&namespace)) {
            continue;
        }
        if object["kind"] == "Namespace" {
            // Whoever made it may have more in it: it is not ours to change.
            if get(client, object).await?.is_some() {
                let _ = writeln!(text, "{} unchanged", label(object));
                continue;
            }
            missing.extend(object.pointer("/metadata/name").and_then(Value::as_str));
        }
        let change = apply(client, object, mode).await?;
        let _ = writeln!(text, "{} {change}", label(object));
    }
    Ok(text)
}

/// The commands that are left to the user.
fn left(setup: &ClusterSetup) -> String {
    let steps = setup.comments.iter().filter(|comment| {
        let done = ["Apply the objects below", "See who owns the APIs of metrics"];
        !comment.commands.is_empty() && !done.contains(&comment.title.as_str())
    });
    let mut text = String::new();
    for comment in steps {
        let _ = write!(text, "\n# {}\n{}\n", comment.title, comment.commands.join("\n"));
    }
    text
}
