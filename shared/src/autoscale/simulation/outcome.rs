//! What came of a simulation.

use crate::workload::LatencyMetric;

/// What one fleet did with the traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Name of the fleet.
    pub name: String,
    /// Requests that arrived.
    pub requests: f64,
    /// Share of them that met every latency target, by the curve's statistic; `None` without a target.
    pub within_targets: Option<f64>,
    /// Longest TTFT in milliseconds.
    pub worst_ttft: Option<f64>,
    /// Longest NTPOT in milliseconds.
    pub worst_ntpot: Option<f64>,
    /// Mean replicas that are paid for.
    pub mean_replicas: f64,
    /// Most replicas.
    pub most_replicas: u32,
    /// Fewest replicas.
    pub fewest_replicas: u32,
    /// Replicas times hours, from their creation on: an accelerator that loads weights is paid for.
    pub replica_hours: f64,
    /// USD for them, where a replica has a price.
    pub usd: Option<f64>,
    /// How often replicas were added.
    pub scale_ups: u32,
    /// How often replicas were taken away.
    pub scale_downs: u32,
    /// Most requests waiting in one replica.
    pub longest_queue: f64,
    /// The course of it, evenly spaced.
    pub samples: Vec<Sample>,
}

/// One stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Second at which it starts.
    pub second: u64,
    /// Mean requests a second that arrived.
    pub requests_per_second: f64,
    /// Replicas at its end, ready or not.
    pub replicas: u32,
    /// Of which serve.
    pub ready: u32,
    /// Mean requests in flight of a ready replica at its end.
    pub in_flight: f64,
    /// Longest TTFT in milliseconds that a request met.
    pub ttft: Option<f64>,
    /// Longest NTPOT.
    pub ntpot: Option<f64>,
}

impl Sample {
    /// TTFT or NTPOT in milliseconds.
    pub const fn latency(&self, metric: LatencyMetric) -> Option<f64> {
        match metric {
            LatencyMetric::Ttft => self.ttft,
            LatencyMetric::Ntpot => self.ntpot,
            LatencyMetric::Itl => None,
        }
    }
}
