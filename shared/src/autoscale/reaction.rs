//! From a change of the load to a replica that serves it.

use std::fmt;

use super::AutoscalingOptions;
use crate::catalog::StartTimes;

/// Seconds from a scrape until Managed Service for Prometheus answers queries with it: 3 to 7
/// (cloud.google.com/stackdriver/docs/managed-prometheus/hpa); the slow end.
const INGESTION_SECONDS: f64 = 7.0;

/// Seconds between two looks of the HPA controller: `--horizontal-pod-autoscaler-sync-period`.
const SYNC_SECONDS: f64 = 15.0;

/// What a start has to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// Size of the server's image in GB, where it is known.
    pub image_gb: Option<f64>,
    /// Bytes of the weights.
    pub weights_bytes: u64,
    /// Whether the weights come from the Hugging Face Hub, and are not mounted.
    pub downloads: bool,
    /// Whether compiled programs are found in a cache that replicas share.
    pub is_compiled: bool,
}

/// Seconds of each part of the time from a change of the load to a replica that serves it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReactionTime {
    /// Until the next scrape.
    pub scrape_seconds: f64,
    /// Until what was scraped can be queried.
    pub ingestion_seconds: f64,
    /// Until the HPA looks.
    pub sync_seconds: f64,
    /// Until there is a node.
    pub node_seconds: f64,
    /// Until it has the image.
    pub image_seconds: f64,
    /// Until the weights are in the accelerators.
    pub weights_seconds: f64,
    /// Until the engine serves.
    pub engine_seconds: f64,
}

impl ReactionTime {
    /// What the options say, else what the catalog says of the start.
    pub fn of(times: Option<&StartTimes>, start: &Start, options: &AutoscalingOptions) -> Self {
        const GB: f64 = 1e9;
        let known = |read: &dyn Fn(&StartTimes) -> f64| times.map_or(0.0, read);
        let bytes = start.weights_bytes as f64;
        let image =
            |times: &StartTimes| start.image_gb.unwrap_or(times.image_gb) * GB / times.image_bytes_per_second;
        let weights = |times: &StartTimes| {
            let download = if start.downloads { bytes / times.hub_bytes_per_second } else { 0.0 };
            download + bytes / times.load_bytes_per_second
        };
        let engine = |times: &StartTimes| {
            if start.is_compiled { times.cached_engine_seconds } else { times.engine_seconds }
        };
        Self {
            scrape_seconds: f64::from(options.scrape_seconds()),
            ingestion_seconds: options.ingestion_seconds.unwrap_or(INGESTION_SECONDS),
            sync_seconds: options.sync_seconds.unwrap_or(SYNC_SECONDS),
            node_seconds: options.node_seconds.unwrap_or_else(|| known(&|times| times.node_seconds)),
            image_seconds: options.image_seconds.unwrap_or_else(|| known(&image)),
            weights_seconds: options.weights_seconds.unwrap_or_else(|| known(&weights)),
            engine_seconds: options.engine_seconds.unwrap_or_else(|| known(&engine)),
        }
    }

    /// All of it.
    pub fn seconds(&self) -> f64 {
        self.decision_seconds() + self.start_seconds()
    }

    /// Until the autoscaler knows.
    pub fn decision_seconds(&self) -> f64 {
        self.scrape_seconds + self.ingestion_seconds + self.sync_seconds
    }

    /// From the decision to a serving replica.
    pub fn start_seconds(&self) -> f64 {
        self.node_seconds + self.image_seconds + self.weights_seconds + self.engine_seconds
    }
}

impl fmt::Display for ReactionTime {
    /// `scrape 15 s + ingestion 7 s + HPA 15 s + node 240 s + image 100 s + weights 700 s + engine 120 s = 1197 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "scrape {:.0} s + ingestion {:.0} s + HPA {:.0} s + node {:.0} s + image {:.0} s + weights {:.0} s + \
             engine {:.0} s = {:.0} s",
            self.scrape_seconds,
            self.ingestion_seconds,
            self.sync_seconds,
            self.node_seconds,
            self.image_seconds,
            self.weights_seconds,
            self.engine_seconds,
            self.seconds()
        )
    }
}
