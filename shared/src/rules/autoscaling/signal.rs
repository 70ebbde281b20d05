//! Which of a server's metrics an autoscaler reads.

use crate::inspect::{Metric, ServerKind};

use super::query;

/// What a metric of Managed Service for Prometheus is called in the API of the Stackdriver adapter.
const STACKDRIVER: &str = "prometheus.googleapis.com|";

/// A metric under its Prometheus name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scraped<'a> {
    /// Its name: `vllm:num_requests_running`.
    pub(crate) name: &'a str,
    /// Its kind, where the name in the API says it: `gauge`.
    pub(crate) kind: Option<&'a str>,
}

/// Prometheus names of what `metric` reads: of the Stackdriver adapter's names and of KEDA's queries. Other adapters
/// rename, and nothing is read.
pub(crate) fn scraped<'a>(metric: &Metric<'a>) -> Vec<Scraped<'a>> {
    if let Some(query) = prometheus_query(metric) {
        return query::names(query).into_iter().map(|name| Scraped { name, kind: None }).collect();
    }
    let name = metric.name.and_then(|name| name.strip_prefix(STACKDRIVER));
    let scraped = name.map(|name| match name.split_once('|') {
        Some((name, kind)) => Scraped { name, kind: Some(kind) },
        None => Scraped { name, kind: None },
    });
    scraped.into_iter().collect()
}

/// The query of a Prometheus trigger of KEDA.
pub(crate) fn prometheus_query<'a>(metric: &Metric<'a>) -> Option<&'a str> {
    metric.query.filter(|_| metric.kind == "prometheus")
}

/// Whether a metric is the processors or the memory.
pub(crate) fn is_resource(metric: &Metric<'_>) -> bool {
    matches!(metric.kind, "Resource" | "ContainerResource" | "cpu" | "memory")
        && matches!(metric.name, Some("cpu" | "memory"))
}

/// What every metric of a server begins with; `None` for servers that export those of the engine inside them.
pub(crate) const fn prefix(server: ServerKind) -> Option<&'static str> {
    match server {
        ServerKind::Vllm => Some("vllm:"),
        ServerKind::Sglang => Some("sglang:"),
        ServerKind::Tgi => Some("tgi_"),
        ServerKind::Jetstream => Some("jetstream_"),
        _ => None,
    }
}

/// Servers whose metrics tell themselves apart.
pub(crate) const WITH_PREFIX: [ServerKind; 4] =
    [ServerKind::Vllm, ServerKind::Sglang, ServerKind::Tgi, ServerKind::Jetstream];
