//! One metric: what it is, who serves it, whether it can be reached, and when it acts.

use serde::Serialize;
use serde_json::Value;

use super::load::{Loads, ScalesAt};
use super::{Statement, Verdict};
use crate::autoscale::{Expression, Kind, REACH_SHARE, TOLERANCE};
use crate::catalog::{Bound, Catalog, CatalogError, Meaning, Server, Signal, SignalScope, TPU_DEVICE_PLUGIN};
use crate::inspect::{Autoscaler, Metric, MetricTarget, parse_quantity};
use crate::rules::Facts;
use crate::rules::autoscaling::query;
use crate::rules::autoscaling::signal::{is_resource, prometheus_query, scraped};
use crate::rules::autoscaling::threshold::seats;

/// One metric of an autoscaler.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricExplanation {
    /// Its name, or its query.
    pub metric: String,
    /// What it is held at, as written; `None` without a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What it counts, where the catalog knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// Who has to serve it.
    pub served_by: String,
    /// What is the case.
    pub statements: Vec<Statement>,
    /// Where it acts, where a curve tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scales_at: Option<ScalesAt>,
    #[serde(skip)]
    pub(super) served: Served,
}

/// What a metric reads, as far as its name or query tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading<'a> {
    /// The signals.
    pub(super) signals: Vec<&'a Signal>,
    /// Whether the number is one of all replicas together.
    pub(super) is_sum: Option<bool>,
}

/// Explains a metric.
pub(super) fn explanation(
    metric: &Metric<'_>,
    autoscaler: &Autoscaler<'_>,
    facts: Option<&Facts<'_>>,
    catalog: &Catalog,
    loads: &Loads<'_>,
) -> Result<MetricExplanation, CatalogError> {
    let reading = reading(metric, facts, catalog)?;
    let tolerance = tolerance(autoscaler);
    let mut statements: Vec<Statement> = target_statements(metric).into_iter().collect();
    let threshold = per_replica(metric, &reading);
    if !is_resource(metric) {
        statements.extend(existence(metric, &reading, facts));
        statements.extend(facts.and_then(|facts| scraping(&reading, facts)));
        if let Some(threshold) = threshold {
            statements.extend(reach(&reading, threshold, tolerance, facts));
        }
    }
    let served = served(metric);
    let scales_at = threshold.and_then(|threshold| loads.scales_at(&reading, threshold * (1.0 + tolerance)));
    if scales_at.is_none() && threshold.is_some() && !reading.signals.is_empty() {
        statements.extend(loads.why_unknown().map(Statement::unknown));
    }
    Ok(MetricExplanation {
        metric: metric.query.or(metric.name).unwrap_or(metric.kind).to_owned(),
        target: metric.target.map(target_text),
        meaning: meaning(&reading),
        served_by: served.by.to_owned(),
        served,
        statements,
        scales_at,
    })
}

fn meaning(reading: &Reading<'_>) -> Option<String> {
    match reading.signals.as_slice() {
        [] => None,
        [one] => Some(one.meaning.phrase().to_owned()),
        several => {
            let names: Vec<&str> = several.iter().map(|signal| signal.meaning.name()).collect();
            Some(names.join(" and "))
        }
    }
}

fn target_text(target: MetricTarget) -> String {
    match target {
        MetricTarget::Utilization(percent) => format!("{percent} % of the request"),
        MetricTarget::AverageValue(value) => format!("{value} a replica"),
        MetricTarget::Value(value) => format!("{value} in all"),
    }
}

/// Share by which the metric has to be above its target: the HPA's own tolerance, else the controller's.
fn tolerance(autoscaler: &Autoscaler<'_>) -> f64 {
    let written = autoscaler.behavior.and_then(|behavior| behavior.pointer("/scaleUp/tolerance"));
    let written = written.and_then(|value| value.as_f64().or_else(|| parse_quantity(value.as_str()?)));
    written.filter(|share| share.is_finite() && *share >= 0.0).unwrap_or(TOLERANCE)
}

fn target_statements(metric: &Metric<'_>) -> Option<Statement> {
    match metric.target.map(MetricTarget::number) {
        None => Some(Statement::bad("it has no number to be held at", "set `target`, of KEDA `threshold`")),
        Some(number) if number.is_nan() || number <= 0.0 => Some(Statement::bad(
            format!("it is held at {number}: a metric is divided by it"),
            "set a positive number",
        )),
        Some(_) => None,
    }
}

/// Which part of the cluster the HPA controller asks for a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Served {
    /// In words.
    pub(super) by: &'static str,
    /// API group; `None` for one that every cluster has.
    pub(super) api: Option<&'static str>,
    /// The adapter, where the metric's name tells it.
    pub(super) kind: Option<Kind>,
}

const CUSTOM: &str = "custom.metrics.k8s.io";
const EXTERNAL: &str = "external.metrics.k8s.io";

fn served(metric: &Metric<'_>) -> Served {
    const STACKDRIVER: [&str; 2] = ["prometheus.googleapis.com|", "kubernetes.io|"];
    let is_stackdriver =
        metric.name.is_some_and(|name| STACKDRIVER.iter().any(|prefix| name.starts_with(prefix)));
    let (by, api, kind) = match metric.kind {
        "Resource" | "ContainerResource" => ("the metrics server (metrics.k8s.io)", None, None),
        "Pods" | "Object" if is_stackdriver => (
            "the Custom Metrics Stackdriver Adapter (custom.metrics.k8s.io)",
            Some(CUSTOM),
            Some(Kind::Stackdriver),
        ),
        "External" if is_stackdriver => (
            "the Custom Metrics Stackdriver Adapter (external.metrics.k8s.io)",
            Some(EXTERNAL),
            Some(Kind::Stackdriver),
        ),
        "Pods" | "Object" => (
            "an adapter of custom.metrics.k8s.io, such as prometheus-adapter with a rule for it",
            Some(CUSTOM),
            None,
        ),
        "External" => (
            "an adapter of external.metrics.k8s.io, such as prometheus-adapter with a rule for it",
            Some(EXTERNAL),
            None,
        ),
        _ => ("KEDA (external.metrics.k8s.io), which asks by itself", Some(EXTERNAL), Some(Kind::Keda)),
    };
    Served { by, api, kind }
}

/// What the metric reads: names of the Stackdriver adapter and queries tell it, of other adapters our own rules' names.
fn reading<'a>(
    metric: &Metric<'_>,
    facts: Option<&Facts<'a>>,
    catalog: &'a Catalog,
) -> Result<Reading<'a>, CatalogError> {
    let all = catalog.signals()?;
    let own = facts.and_then(|facts| facts.server).map(|server| server.name.as_str());
    let is_own = |signal: &&Signal| {
        own.is_none_or(|own| signal.exporter == own || signal.exporter == TPU_DEVICE_PLUGIN)
    };
    let named = |name: &str| all.iter().find(|signal| signal.metric == name);
    let scraped: Vec<&Signal> = scraped(metric).iter().filter_map(|scraped| named(scraped.name)).collect();
    if !scraped.is_empty() {
        let is_sum = match prometheus_query(metric) {
            None => Some(false),
            Some(text) if scraped.len() > 1 => sums(text).then_some(true),
            Some(text) => match query::outermost(text) {
                Some(("sum", inner)) => query::selector(inner).map(|_| true),
                Some(("avg" | "max" | "min", inner)) => query::selector(inner).map(|_| false),
                Some(_) => None,
                None => query::selector(text).map(|_| false),
            },
        };
        return Ok(Reading { signals: scraped, is_sum });
    }
    let Some(name) = metric.name else { return Ok(Reading { signals: Vec::new(), is_sum: None }) };
    let by_rule = all.iter().filter(is_own).find(|signal| Expression::One(signal).metric_name() == name);
    if let Some(signal) = by_rule.or_else(|| named(name)) {
        return Ok(Reading { signals: vec![signal], is_sum: Some(true) });
    }
    let of = |meaning: Meaning| {
        all.iter().filter(is_own).find(|signal| {
            signal.meaning == meaning
                && name == format!("{}_requests_in_flight", signal.exporter.replace('-', "_"))
        })
    };
    let signals: Vec<&Signal> = of(Meaning::Running).into_iter().chain(of(Meaning::Waiting)).collect();
    Ok(Reading { is_sum: (!signals.is_empty()).then_some(true), signals })
}

/// Whether a query is nothing but sums of metrics, added up.
fn sums(text: &str) -> bool {
    let parts: Vec<&str> = text.split(" + ").collect();
    parts.iter().all(
        |part| matches!(query::outermost(part), Some(("sum", inner)) if query::selector(inner).is_some()),
    )
}

/// The threshold as a value of one replica; `None` where the form of the query leaves it open.
fn per_replica(metric: &Metric<'_>, reading: &Reading<'_>) -> Option<f64> {
    let number = metric.target.map(MetricTarget::number).filter(|number| *number > 0.0)?;
    match metric.target? {
        MetricTarget::AverageValue(_) => {
            // Of a `Pods` metric the controller takes the mean itself; of others it divides, so that it has to be a sum.
            (metric.kind == "Pods" || reading.is_sum == Some(true)).then_some(number)
        }
        MetricTarget::Value(_) => (reading.is_sum == Some(false)).then_some(number),
        MetricTarget::Utilization(_) => None,
    }
}

/// Whether the server's version exports it.
fn existence(metric: &Metric<'_>, reading: &Reading<'_>, facts: Option<&Facts<'_>>) -> Option<Statement> {
    if reading.signals.is_empty() {
        return Some(Statement::unknown(match prometheus_query(metric) {
            Some(_) => "the query names no metric that the catalog knows of any server",
            None => "the catalog knows no metric of this name; an adapter may call it so",
        }));
    }
    let facts = facts?;
    let (server, version) = facts.server.zip(facts.version)?;
    let of_server: Vec<&&Signal> =
        reading.signals.iter().filter(|signal| signal.exporter == server.name).collect();
    let missing = of_server.iter().find(|signal| !facts.exports(&signal.metric));
    let name = format!("{} {}", server.display_name, version.version);
    Some(match (missing, of_server.first()) {
        // Said by the rule that finds it, with what to take instead.
        (Some(signal), _) => Statement::bad(
            format!("{name} does not export `{}`", signal.metric),
            match facts.signal(signal.meaning) {
                Some(instead) => format!("read `{}`", instead.metric),
                None => "take another signal: `kubectl infer autoscaling create` chooses one".to_owned(),
            },
        ),
        (None, Some(signal)) => {
            let doubt = match signal.evidence.unverified_fields() {
                Some(fields) => format!(" (unverified: {fields})"),
                None => String::new(),
            };
            Statement::good(format!("{name} exports it{doubt}"))
        }
        (None, None) if reading.signals.iter().any(|signal| signal.scope == SignalScope::Chip) => {
            Statement::note(
                "GKE's TPU device plugin exports it, one series a chip; it follows memory, not load",
            )
        }
        (None, None) => Statement::bad(
            format!("{name} does not export it: it is a metric of {}", reading.signals[0].exporter),
            "take the metric of this server that says the same",
        ),
    })
}

/// Whether something scrapes the server where it exports.
fn scraping(reading: &Reading<'_>, facts: &Facts<'_>) -> Option<Statement> {
    let server = facts.server.filter(|server| reading.signals.iter().any(|s| s.exporter == server.name))?;
    let namespace = facts.workload.identity.namespace;
    let monitors = facts.background.neighbours.monitors_of(namespace, facts.pod.template);
    if monitors.is_empty() {
        if facts.background.neighbours.scrapes(namespace, facts.pod.template) {
            return None;
        }
        return Some(Statement::bad(
            format!(
                "nothing beside it scrapes the Pods of `{}`",
                facts.workload.identity.name.unwrap_or_default()
            ),
            "add a PodMonitoring whose selector matches their labels; one elsewhere in the cluster would do too",
        ));
    }
    let of = |monitor: &Value| monitored(monitor, server, &ports(facts));
    let statements: Vec<Statement> = monitors.into_iter().map(of).collect();
    let good = statements.iter().find(|statement| statement.verdict == Verdict::Good);
    good.or(statements.first()).cloned()
}

/// Whether a PodMonitoring or PodMonitor that selects the Pods asks where the server exports.
fn monitored(monitor: &Value, server: &Server, ports: &[(String, String)]) -> Statement {
    let text = |pointer: &str| monitor.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let name = format!("{} `{}`", text("/kind"), text("/metadata/name"));
    let endpoints = ["/spec/endpoints", "/spec/podMetricsEndpoints"];
    let endpoints = endpoints.iter().find_map(|at| monitor.pointer(at)?.as_array());
    let wrong = endpoints.into_iter().flatten().find_map(|endpoint| {
        let port = endpoint.get("port").or_else(|| endpoint.get("targetPort"))?;
        let port = port.as_str().map_or_else(|| port.to_string(), str::to_owned);
        let is_there = |(name, number): &(String, String)| *name == port || *number == port;
        if !ports.is_empty() && !ports.iter().any(is_there) {
            let known: Vec<String> =
                ports.iter().map(|(name, number)| format!("{name} {number}").trim().to_owned()).collect();
            let says = format!("{name} scrapes port {port}, which no container has");
            return Some(Statement::bad(says, format!("scrape one of: {}", known.join(", "))));
        }
        let path = endpoint.get("path").and_then(Value::as_str).unwrap_or("/metrics");
        (path != server.metrics_path).then(|| {
            let exports = format!("{} exports at {}", server.display_name, server.metrics_path);
            Statement::bad(format!("{name} scrapes path {path}"), exports)
        })
    });
    wrong.unwrap_or_else(|| Statement::good(format!("{name} scrapes it")))
}

/// Names and numbers of the ports of all containers.
fn ports(facts: &Facts<'_>) -> Vec<(String, String)> {
    let containers =
        facts.pod.containers.iter().filter_map(|container| container.value.get("ports")?.as_array());
    let ports = containers.flatten().map(|port| {
        let name = port.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        (name, port.get("containerPort").map(ToString::to_string).unwrap_or_default())
    });
    ports.collect()
}

/// Whether a replica can read more than what it is held at.
fn reach(
    reading: &Reading<'_>,
    threshold: f64,
    tolerance: f64,
    facts: Option<&Facts<'_>>,
) -> Option<Statement> {
    let [signal] = reading.signals.as_slice() else {
        return (reading.signals.len() > 1)
            .then(|| Statement::good("the sum has no cap: it grows with every request that waits"));
    };
    let (most, of_what) = match signal.most {
        Some(Bound::One) => (1.0, "it is a share of 1".to_owned()),
        // Far below 2^53.
        Some(Bound::Seats) => {
            let seats = seats(facts?)? as f64;
            (seats, format!("a replica runs at most {seats} requests at once"))
        }
        Some(Bound::Memory) => return None,
        None => return Some(Statement::good("it has no cap: it grows with every request that waits")),
    };
    let acts = threshold * (1.0 + tolerance);
    let advice =
        format!("hold it at {} or below, so that a full replica asks for double", most * REACH_SHARE);
    if acts > most * (1.0 + 1e-9) {
        let says = format!("it never scales: {of_what}, and it acts above {acts:.2}");
        return Some(Statement::bad(says, advice));
    }
    if threshold > most * REACH_SHARE * (1.0 + 1e-9) {
        let says = format!(
            "{of_what}: when all are full it asks for {:.2} times the replicas, however long the queue is",
            most / threshold
        );
        return Some(Statement { advice: Some(advice), ..Statement::note(says) });
    }
    Some(Statement::good(format!("{of_what}, so that a full one asks for double or more")))
}
