//! How long a new replica takes to serve, part by part.

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Problem, positive};
use super::{AcceleratorKind, Evidence};

/// Times and rates of a start on one kind of accelerator. Rates are on the slow side: a promise rests on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartTimes {
    /// Kind of accelerator.
    pub accelerator_kind: AcceleratorKind,
    /// Seconds until a new node takes Pods: the machine, its driver, the device plugin.
    pub node_seconds: f64,
    /// Size of an image in GB where its version does not say.
    pub image_gb: f64,
    /// Bytes a second at which a node pulls and unpacks an image.
    pub image_bytes_per_second: f64,
    /// Bytes a second of a download from the Hugging Face Hub.
    pub hub_bytes_per_second: f64,
    /// Bytes a second from disk, RAM or a bucket's mount into the accelerators.
    pub load_bytes_per_second: f64,
    /// Seconds of the rest, which does not grow with the weights: imports, compilation, graph capture.
    pub engine_seconds: f64,
    /// The same where compiled programs are found in a cache.
    pub cached_engine_seconds: f64,
    /// Seconds of the rest after which a start counts as failed.
    pub longest_engine_seconds: f64,
    /// Where the facts come from.
    pub evidence: Evidence,
}

impl Entry for StartTimes {
    const KIND: &'static str = "start times";

    fn key(&self) -> String {
        self.accelerator_kind.name().to_owned()
    }

    fn validate(&self) -> Result<(), Problem> {
        const DAY: f64 = 86_400.0;
        const MOST_BYTES_PER_SECOND: f64 = 1e12;
        positive("nodeSeconds", self.node_seconds, DAY)?;
        positive("imageGb", self.image_gb, 10_000.0)?;
        positive("imageBytesPerSecond", self.image_bytes_per_second, MOST_BYTES_PER_SECOND)?;
        positive("hubBytesPerSecond", self.hub_bytes_per_second, MOST_BYTES_PER_SECOND)?;
        positive("loadBytesPerSecond", self.load_bytes_per_second, MOST_BYTES_PER_SECOND)?;
        positive("engineSeconds", self.engine_seconds, DAY)?;
        positive("cachedEngineSeconds", self.cached_engine_seconds, DAY)?;
        positive("longestEngineSeconds", self.longest_engine_seconds, DAY)?;
        self.evidence.validate()
    }
}
