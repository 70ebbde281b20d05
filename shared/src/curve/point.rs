//! The points of a curve.

use serde::{Deserialize, Serialize};

use super::{Configuration, FigureBands, Provenance, RatioBand};
use crate::workload::{Itl, LatencyMetric, Ntpot, Traffic, Ttft};

/// How the load was put on: decides what the latencies mean past capacity.
///
/// A closed loop keeps N requests in flight, so its queue is bounded and latency grows linearly with N. In an
/// open loop requests arrive whatever the server does: past capacity the queue, and latency with it, grows
/// until the run ends. The two are not comparable past the knee, and a comparison of both must say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadKind {
    /// N requests in flight.
    Closed,
    /// Poisson arrivals at a rate.
    Poisson,
    /// Arrivals at a constant rate.
    Constant,
    /// A number of requests at once.
    Burst,
    /// Open loop whose rates were not published: points are ordered by rate, the rate itself is unknown.
    AtThroughput,
}

impl LoadKind {
    /// Whether requests arrive independently of the server's answers.
    pub const fn is_open_loop(self) -> bool {
        !matches!(self, Self::Closed)
    }

    /// Name as tables write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed loop",
            Self::Poisson => "open loop, Poisson",
            Self::Constant => "open loop, constant rate",
            Self::Burst => "burst",
            Self::AtThroughput => "open loop",
        }
    }
}

/// The load of one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Requests in flight (closed loop).
    InFlight(f64),
    /// Requests per second offered (open loop).
    RequestsPerSecond(f64),
    /// Requests sent at once (burst).
    AtOnce(f64),
    /// Not published.
    Unknown,
}

impl Load {
    /// The number, whatever it counts; `None` where it is unknown.
    pub const fn amount(self) -> Option<f64> {
        match self {
            Self::InFlight(amount) | Self::RequestsPerSecond(amount) | Self::AtOnce(amount) => Some(amount),
            Self::Unknown => None,
        }
    }

    /// The load at `times` the rate; numbers of requests stay.
    pub(crate) fn times(self, times: f64) -> Self {
        match self {
            Self::RequestsPerSecond(rate) => Self::RequestsPerSecond(rate * times),
            other => other,
        }
    }

    /// The load a `share` of the way to `next`; unknown between loads of different kinds.
    pub(super) fn towards(self, next: Self, share: f64) -> Self {
        let mix = |from: f64, to: f64| from + (to - from) * share;
        match (self, next) {
            (Self::InFlight(from), Self::InFlight(to)) => Self::InFlight(mix(from, to)),
            (Self::RequestsPerSecond(from), Self::RequestsPerSecond(to)) => {
                Self::RequestsPerSecond(mix(from, to))
            }
            (Self::AtOnce(from), Self::AtOnce(to)) => Self::AtOnce(mix(from, to)),
            _ => Self::Unknown,
        }
    }
}

/// Steady state of one configuration at one load. Latencies are the statistic that the curve's provenance names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadPoint {
    /// What was offered.
    pub load: Load,
    /// Requests completed per second, all of the replica.
    pub requests_per_second: f64,
    /// Prompt tokens per second, all of the replica.
    pub input_tokens_per_second: f64,
    /// Generated tokens per second, all of the replica.
    pub output_tokens_per_second: f64,
    /// Time to first token.
    pub ttft: Option<Ttft>,
    /// Inter-token latency.
    pub itl: Option<Itl>,
    /// Normalised time per output token.
    pub ntpot: Option<Ntpot>,
    /// Mean requests in flight (running and waiting), given or by Little's law.
    pub concurrency: Option<f64>,
    /// Mean requests being decoded or prefilled.
    pub running: Option<f64>,
    /// Mean requests queued in the server.
    pub waiting: Option<f64>,
    /// Mean share of the KV cache in use, 0 to 1.
    pub kv_use: Option<f64>,
}

impl LoadPoint {
    /// One of the three latencies in milliseconds, where it is known.
    pub fn latency_milliseconds(&self, metric: LatencyMetric) -> Option<f64> {
        match metric {
            LatencyMetric::Ttft => self.ttft.map(Ttft::milliseconds),
            LatencyMetric::Itl => self.itl.map(Itl::milliseconds),
            LatencyMetric::Ntpot => self.ntpot.map(Ntpot::milliseconds),
        }
    }
}

/// Load points of one configuration under one traffic, in order of rising load.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What was measured or estimated.
    pub configuration: Configuration,
    /// GKE machine type that the figures are for, where the source or the mapping names one.
    pub machine: Option<String>,
    /// Lengths of the requests.
    pub traffic: Traffic,
    /// How load was put on.
    pub load_kind: LoadKind,
    /// Where the figures come from.
    pub provenance: Provenance,
    /// How far the figures may be off, where they are estimated.
    pub bands: Option<FigureBands>,
    /// At least one point, by rising load.
    pub points: Vec<LoadPoint>,
}

impl Curve {
    /// The curve at the ends of its bands where it serves worst: the highest latencies and the lowest throughput. The
    /// same curve where it has no bands.
    pub fn pessimistic(&self) -> Self {
        let Some(bands) = self.bands else { return self.clone() };
        let slower = |milliseconds: f64, band: RatioBand| band.around(milliseconds).high;
        let share = bands.throughput.around(1.0).low;
        let point = |point: &LoadPoint| LoadPoint {
            requests_per_second: point.requests_per_second * share,
            input_tokens_per_second: point.input_tokens_per_second * share,
            output_tokens_per_second: point.output_tokens_per_second * share,
            ttft: point.ttft.map(|ttft| Ttft::from_milliseconds(slower(ttft.milliseconds(), bands.ttft))),
            itl: point.itl.map(|itl| Itl::from_milliseconds(slower(itl.milliseconds(), bands.itl))),
            ntpot: point
                .ntpot
                .map(|ntpot| Ntpot::from_milliseconds(slower(ntpot.milliseconds(), bands.ntpot))),
            ..*point
        };
        Self { points: self.points.iter().map(point).collect(), ..self.clone() }
    }
}
