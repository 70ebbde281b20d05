//! Signals: the metrics that tell how busy a server is, who exports them, and what they can be used for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Problem, Reference, Section, name};
use super::{Evidence, Server, ServerVersion};

/// Exporter of the metrics of TPU chips, which is no model server: a DaemonSet of GKE.
pub const TPU_DEVICE_PLUGIN: &str = "tpu-device-plugin";

/// One metric that somebody exports in Prometheus' format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signal {
    /// Catalog name of the server, or [`TPU_DEVICE_PLUGIN`].
    pub exporter: String,
    /// Name in Prometheus: `vllm:num_requests_running`.
    pub metric: String,
    /// First version of the server that exports it; absent: every version before `before`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// First version of the server that does not export it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it tells.
    pub meaning: Meaning,
    /// Type in Prometheus.
    #[serde(rename = "type")]
    pub kind: MetricType,
    /// Unit of its value.
    pub unit: SignalUnit,
    /// What one series is of.
    pub scope: SignalScope,
    /// The most that it can read; absent: there is no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<Bound>,
    /// What scaling by it is good for; absent: it is no signal to scale by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_for: Option<Goal>,
    /// Argument or setting without which it is not exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// Argument with which it is not exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_with: Option<String>,
    /// Metric to take in versions that do not export this one, where none of the same meaning is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// Where it is exported, where that is not the server's own port and path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Where the facts come from.
    pub evidence: Evidence,
}

/// What a signal tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// Requests that are prefilled or decoded: the batch.
    Running,
    /// Requests that wait to be scheduled or prefilled.
    Waiting,
    /// Prefilled requests that wait to be moved to where they are decoded (JetStream).
    TransferBacklog,
    /// Prefilled requests that wait for a decode slot (JetStream).
    GenerateBacklog,
    /// Share of the decode slots that are taken (JetStream).
    SlotsUsed,
    /// Share of the KV cache in use.
    KvUse,
    /// Memory of a chip in use.
    MemoryUsed,
    /// Memory of a chip.
    MemoryTotal,
    /// Requests that were moved to host memory; engines of today preempt instead.
    Swapped,
    /// Share of the KV cache in host memory in use.
    HostKvUse,
    /// Requests that were preempted.
    Preemptions,
    /// Time to first token.
    Ttft,
    /// Inter-token latency.
    Itl,
    /// Time per output token of whole requests.
    Tpot,
    /// From arrival to the last token.
    RequestLatency,
    /// From arrival to scheduling.
    QueueTime,
}

impl Meaning {
    /// Name as the catalog and the command line write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::TransferBacklog => "transfer-backlog",
            Self::GenerateBacklog => "generate-backlog",
            Self::SlotsUsed => "slots-used",
            Self::KvUse => "kv-use",
            Self::MemoryUsed => "memory-used",
            Self::MemoryTotal => "memory-total",
            Self::Swapped => "swapped",
            Self::HostKvUse => "host-kv-use",
            Self::Preemptions => "preemptions",
            Self::Ttft => "ttft",
            Self::Itl => "itl",
            Self::Tpot => "tpot",
            Self::RequestLatency => "request-latency",
            Self::QueueTime => "queue-time",
        }
    }

    /// What it counts, in a sentence.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Running => "running requests",
            Self::Waiting => "waiting requests",
            Self::TransferBacklog => "requests waiting for their transfer",
            Self::GenerateBacklog => "requests waiting for a decode slot",
            Self::SlotsUsed => "share of the decode slots in use",
            Self::KvUse => "share of the KV cache in use",
            Self::MemoryUsed => "bytes of accelerator memory in use",
            Self::MemoryTotal => "bytes of accelerator memory",
            Self::Swapped => "swapped requests",
            Self::HostKvUse => "share of the KV cache in host memory in use",
            Self::Preemptions => "preemptions",
            Self::Ttft => "time to first token",
            Self::Itl => "inter-token latency",
            Self::Tpot => "time per output token",
            Self::RequestLatency => "request latency",
            Self::QueueTime => "queue time",
        }
    }
}

/// Type of a metric in Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricType {
    /// A value that goes up and down.
    Gauge,
    /// A sum that only grows.
    Counter,
    /// Counts by bucket, with `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl MetricType {
    /// Name as the catalog and Managed Service for Prometheus write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// Unit of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalUnit {
    /// Requests.
    Requests,
    /// A share from 0 to 1.
    Share,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Things that happened.
    Events,
}

/// What one series of a signal is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalScope {
    /// An engine: a replica has one, or one for each data parallel rank, which add up.
    Replica,
    /// A chip: a replica has as many as accelerators.
    Chip,
    /// All replicas together.
    Pool,
}

/// The most that a signal can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The requests that the server runs at once: its seats, or what its KV cache holds.
    Seats,
    /// 1.
    One,
    /// The memory of the chip.
    Memory,
}

/// What scaling by a signal is good for: batch sizes reach lower latencies than queues can, queues reach a higher
/// throughput at a bounded latency (cloud.google.com/kubernetes-engine/docs/best-practices, autoscaling of inference).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Cost and throughput within a latency bound.
    Throughput,
    /// Lower latencies.
    Latency,
}

/// Where a metric is exported that no model server exports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint {
    /// Namespace of the Pods that export it.
    pub namespace: String,
    /// Their labels.
    pub labels: BTreeMap<String, String>,
    /// Port.
    pub port: u16,
    /// Path.
    pub path: String,
}

impl Signal {
    /// Whether `version` of `server` exports it, as far as the order of the catalog's versions tells. A bound that the
    /// catalog does not list lies past its newest version.
    pub fn is_exported_by(&self, server: &Server, version: &ServerVersion) -> bool {
        let index = |wanted: &str| server.versions.iter().position(|version| version.version == wanted);
        let Some(here) = index(&version.version) else { return false };
        let last = server.versions.len();
        let from = self.since.as_deref().map_or(0, |since| index(since).unwrap_or(last));
        let until = self.before.as_deref().map_or(last, |before| index(before).unwrap_or(last));
        self.exporter == server.name && (from..until).contains(&here)
    }

    /// What has to be set for it to be exported although `arguments` do not set it; `None` where it is exported.
    pub fn missing_setting(&self, arguments: &[String]) -> Option<&str> {
        self.needs.as_deref().filter(|needs| !arguments.iter().any(|argument| argument == needs))
    }
}

impl Entry for Signal {
    const KIND: &'static str = "signal";

    fn key(&self) -> String {
        format!("{} {} {}", self.exporter, self.metric, self.since.as_deref().unwrap_or_default())
    }

    fn validate(&self) -> Result<(), Problem> {
        name("exporter", &self.exporter)?;
        let is_metric = |text: &str| {
            let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
            text.starts_with(|c: char| rest(c) && !c.is_ascii_digit()) && text.chars().all(rest)
        };
        if !is_metric(&self.metric) {
            let reason = format!("is `{}`: letters, digits, `_` and `:` are accepted", self.metric);
            return Err(Problem::new("metric", reason));
        }
        if self.kind == MetricType::Histogram && self.good_for.is_some() {
            return Err(Problem::new("goodFor", "is set for a histogram: autoscalers read one number"));
        }
        self.evidence.validate()
    }

    fn references(&self) -> Vec<Reference<'_>> {
        if self.exporter == TPU_DEVICE_PLUGIN {
            return Vec::new();
        }
        vec![Reference { field: "exporter", section: Section::Servers, name: &self.exporter }]
    }
}
