//! What comes out: ranked recommendations, and what was left out and why.

use super::{Cost, Fleet, Infeasible, Placement, Rejected};
use crate::curve::{Banded, Configuration, Curve, LoadKind, OperatingPoint, Provenance, Range};
use crate::workload::{LatencyMetric, Traffic};

/// One way to serve what was asked: configuration, machine, operating point, cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// Model, precision, server, version, accelerators, parallelism.
    pub configuration: Configuration,
    /// Hugging Face id of the weights of the configuration's precision; the model's own where the source does
    /// not say which precision it served.
    pub checkpoint: String,
    /// Machines of a replica.
    pub placement: Placement,
    /// Lengths of the requests that the figures are for.
    pub traffic: Traffic,
    /// How load was put on.
    pub load_kind: LoadKind,
    /// Where on the curve it should run, and what it does there.
    pub operating: OperatingPoint,
    /// What that costs.
    pub cost: Cost,
    /// The figures of the operating point with their intervals, where they are estimated. Under targets the operating
    /// point holds the worse ends of these.
    pub bands: Option<FigureBanded>,
    /// What serves the request rate that was asked for.
    pub fleet: Option<Fleet>,
    /// Where the figures come from and what was derived.
    pub provenance: Provenance,
}

/// Figures of a load with their intervals; a latency that the curve does not have has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FigureBanded {
    /// Time to first token in milliseconds.
    pub ttft: Option<Banded>,
    /// Inter-token latency in milliseconds.
    pub itl: Option<Banded>,
    /// Normalised time per output token in milliseconds.
    pub ntpot: Option<Banded>,
    /// Output tokens a second.
    pub output_tokens_per_second: Banded,
}

/// A configuration that fits in memory but that nobody measured.
#[derive(Debug, Clone, PartialEq)]
pub struct NotMeasured {
    /// The configuration; the traffic is the asked one, if any.
    pub configuration: Configuration,
    /// Hugging Face id of the weights.
    pub checkpoint: String,
    /// Machines of a replica.
    pub placement: Placement,
    /// Longest sequence in tokens that the cache holds.
    pub max_context_tokens: u64,
}

/// The answer to some requirements.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recommendations {
    /// Best first: cheapest output tokens, then those without a price by throughput of an accelerator.
    pub ranked: Vec<Recommendation>,
    /// What fits in memory but has no curve.
    pub not_measured: Vec<NotMeasured>,
    /// Curves that do not answer, each with the reason.
    pub rejected: Vec<Rejected>,
    /// What the curves of the asked traffic reach at all, whatever the targets.
    pub reachable: Reachable,
    /// What binds and what would be reachable, when targets were asked and nothing meets them.
    pub infeasible: Option<Infeasible>,
    /// What a reader of the ranking has to know: unlike traffic, unlike load kinds, regions.
    pub notes: Vec<String>,
}

/// Lowest and highest figures over all points of some curves; absent where none was measured.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Reachable {
    /// Output tokens a second of a replica.
    pub output_tokens_per_second: Option<Range>,
    /// Time to first token in milliseconds.
    pub ttft: Option<Range>,
    /// Inter-token latency in milliseconds.
    pub itl: Option<Range>,
    /// Normalised time per output token in milliseconds.
    pub ntpot: Option<Range>,
}

impl Reachable {
    pub(super) fn of<'a>(curves: impl Iterator<Item = &'a Curve> + Clone) -> Self {
        let over = |reach: fn(&Curve) -> Option<Range>| {
            let ranges = curves.clone().filter_map(reach);
            Range::of(ranges.flat_map(|range| [range.lowest, range.highest]))
        };
        Self {
            output_tokens_per_second: over(Curve::throughput_reach),
            ttft: over(|curve| curve.reach(LatencyMetric::Ttft)),
            itl: over(|curve| curve.reach(LatencyMetric::Itl)),
            ntpot: over(|curve| curve.reach(LatencyMetric::Ntpot)),
        }
    }
}
