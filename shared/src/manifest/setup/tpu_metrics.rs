//! Scraping of the memory of TPU chips, which GKE's device plugin exports.

use serde_json::{Value, json};

use crate::autoscale::Expression;
use crate::catalog::{Catalog, CatalogError, Meaning, Signal, TPU_DEVICE_PLUGIN};
use crate::manifest::ManifestError;

/// Fewest seconds between two scrapes of system metrics.
const LEAST_SECONDS: u32 = 15;

/// The PodMonitoring of the device plugin.
pub(crate) fn object(catalog: &Catalog, scrape_seconds: u32) -> Result<Value, ManifestError> {
    let missing =
        || CatalogError::Unknown { kind: "signal", name: TPU_DEVICE_PLUGIN.to_owned(), nearest: Vec::new() };
    let endpoint = catalog
        .signals()?
        .iter()
        .find_map(|signal| signal.endpoint.as_ref().filter(|_| signal.exporter == TPU_DEVICE_PLUGIN));
    let endpoint = endpoint.ok_or_else(missing)?;
    Ok(json!({
        "apiVersion": "monitoring.googleapis.com/v1", "kind": "PodMonitoring",
        "metadata": {"name": "tpu-metrics-exporter", "namespace": endpoint.namespace, "labels": endpoint.labels},
        "spec": {
            "selector": {"matchLabels": endpoint.labels},
            "endpoints": [{
                "port": endpoint.port, "path": endpoint.path,
                "interval": format!("{}s", scrape_seconds.max(LEAST_SECONDS)),
            }],
        },
    }))
}

/// Memory in use over memory, on average over the chips of a workload.
pub(crate) fn share(signals: &[Signal]) -> Option<Expression<'_>> {
    let of = |meaning: Meaning| signals.iter().find(|signal| signal.meaning == meaning);
    Some(Expression::Ratio(of(Meaning::MemoryUsed)?, of(Meaning::MemoryTotal)?))
}
