//! The number of running requests at which a replica has its fill.

use super::request::Storage;
use super::{ManifestError, Plan};
use crate::curve::{Load, LoadPoint};

/// How far above its target an HPA's metric has to be before it adds a replica: Kubernetes' default
/// tolerance.
pub(crate) const TOLERANCE: f64 = 0.1;

/// Share of the requests that a server runs at once to aim at where nobody measured how latency grows with them:
/// half leaves room for what arrives while a new replica starts.
const UNMEASURED_SHARE: f64 = 0.5;

/// Where the threshold of an autoscaler comes from, in numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Threshold {
    /// Running requests of a replica that the autoscaler aims at.
    pub(crate) running: u32,
    /// Requests in flight at the operating point.
    pub(super) in_flight: f64,
    /// Requests that the server runs at once at most, if that is less.
    pub(super) ceiling: Option<Ceiling>,
}

/// What keeps a replica from running as many requests as are in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ceiling {
    /// The scheduler's limit on sequences.
    Seats(u64),
    /// The KV cache, full of requests of the mean length.
    Cache {
        /// Requests it holds.
        requests: u64,
        /// Tokens of each.
        tokens: u64,
    },
}

impl Ceiling {
    /// Requests at once.
    pub(super) const fn requests(self) -> u64 {
        match self {
            Self::Seats(requests) | Self::Cache { requests, .. } => requests,
        }
    }
}

impl Threshold {
    /// The threshold of a plan with an operating point.
    ///
    /// Little's law: requests in flight = requests a second × mean seconds that one takes. What the server
    /// does not run at once waits and is not counted by the metric, so a threshold above what it can run
    /// would never be passed. An HPA acts 10 % above its target; the target is lower by as much, so that it
    /// acts at the operating point and not past it.
    pub(crate) fn of(plan: &Plan<'_>) -> Result<Self, ManifestError> {
        let point = plan.recommendation.as_ref().map(|recommendation| &recommendation.operating.point);
        let in_flight = point.and_then(in_flight).ok_or_else(|| ManifestError::NoRequestsInFlight {
            model: plan.model.id.clone(),
            accelerator: plan.accelerator.id.clone(),
        })?;
        let ceilings = [Some(seats(plan)), cache(plan)].into_iter().flatten();
        let lowest = ceilings.min_by_key(|ceiling| ceiling.requests());
        let ceiling = lowest.filter(|ceiling| (ceiling.requests() as f64) < in_flight);
        let running = ceiling.map_or(in_flight, |ceiling| ceiling.requests() as f64);
        // Counts of requests: between 0 and some thousands.
        let running = (running / (1.0 + TOLERANCE)).floor().max(1.0) as u32;
        Ok(Self { running, in_flight, ceiling })
    }
}

/// Running requests to aim at where no curve tells: half of the `seats` that the server runs at once.
pub(crate) fn unmeasured(seats: u32) -> u32 {
    // Between 0 and `seats`: the cast is exact.
    (f64::from(seats) * UNMEASURED_SHARE).floor().max(1.0) as u32
}

/// Requests in flight: those that run where the source says, else all of a closed loop, else Little's law.
fn in_flight(point: &LoadPoint) -> Option<f64> {
    let closed = match point.load {
        Load::InFlight(requests) => Some(requests),
        _ => None,
    };
    point.running.or(closed).or(point.concurrency)
}

fn seats(plan: &Plan<'_>) -> Ceiling {
    let seats = plan.max_sequences.unwrap_or(plan.limits.max_sequences);
    Ceiling::Seats(u64::from(seats) * u64::from(plan.parallelism.data.max(1)))
}

fn cache(plan: &Plan<'_>) -> Option<Ceiling> {
    let memory = plan.memory.as_ref()?;
    let traffic = plan.recommendation.as_ref()?.traffic;
    // A request in the middle of its answer holds its prompt and half of the answer. Lengths are positive and
    // finite; the cast saturates.
    let tokens = (traffic.mean_input_tokens() + traffic.mean_output_tokens() / 2.0).ceil() as u64;
    Some(Ceiling::Cache { requests: memory.sequences_of(tokens).max(1), tokens })
}

/// Replicas to start with: one where they share an XLA cache, which has to be filled before there are more.
pub(super) fn replicas(plan: &Plan<'_>) -> i32 {
    match plan.request.storage {
        Storage::Bucket { xla_cache_bucket_uri: Some(_), .. } => 1,
        _ => replicas_for_load(plan),
    }
}

/// Replicas that a load needs at the operating point: at least one.
pub(super) fn replicas_for_load(plan: &Plan<'_>) -> i32 {
    let each = plan.recommendation.as_ref().map(|found| found.operating.point.requests_per_second);
    match (plan.request.requests_per_second, each) {
        (Some(load), Some(each)) if each > 0.0 => (load / each).ceil().clamp(1.0, 1000.0) as i32,
        _ => 1,
    }
}
