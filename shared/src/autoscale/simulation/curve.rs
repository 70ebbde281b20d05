//! A curve read as what a replica does with the requests it holds.

use thiserror::Error;

use crate::curve::{Curve, Load, LoadPoint};
use crate::workload::{Itl, LatencyMetric, Ntpot, Targets, Ttft};

/// Why a curve cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotSimulated {
    /// No point says how many requests are in flight, nor how long they take.
    #[error(
        "the curve says neither how many requests are in flight nor how long they take, so what a replica does with a \
         queue is unknown: an estimate says both (`--provenance estimated`)"
    )]
    NoRequestsInFlight,
    /// A latency that a target is about was not measured.
    #[error(
        "{0} has a target and was never measured on this curve: set the target on another, or take an estimate"
    )]
    NoLatency(LatencyMetric),
    /// The autoscaler scales by what the simulation does not know.
    #[error(
        "metric `{0}` cannot be simulated: known are running and waiting requests, their sum, and KV cache use"
    )]
    UnknownGauge(String),
    /// The curve does not say how full the KV cache is.
    #[error("the curve does not say how full the KV cache is, which `{0}` reads: an estimate says it")]
    NoCacheUse(String),
}

/// What a replica does with so many requests in flight.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Knot {
    in_flight: f64,
    requests_per_second: f64,
    running: f64,
    waiting: f64,
    cache_use: Option<f64>,
    ttft: Option<f64>,
    itl: Option<f64>,
    ntpot: Option<f64>,
}

/// A curve up to its highest throughput, by requests in flight.
///
/// Between two knots every figure is linear, below the first a request takes as long as there, and past the last a
/// replica finishes no more and the rest waits.
#[derive(Debug, Clone, PartialEq)]
pub struct ServingCurve {
    /// At least two, rising in both requests in flight and throughput, from nothing on.
    knots: Vec<Knot>,
    output_tokens: f64,
}

/// What a replica reads and what a request that arrives now will see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct State {
    pub(super) running: f64,
    pub(super) waiting: f64,
    pub(super) cache_use: Option<f64>,
    ttft: Option<f64>,
    itl: Option<f64>,
    ntpot: Option<f64>,
}

impl State {
    /// A latency in milliseconds.
    pub(super) const fn latency(&self, metric: LatencyMetric) -> Option<f64> {
        match metric {
            LatencyMetric::Ttft => self.ttft,
            LatencyMetric::Itl => self.itl,
            LatencyMetric::Ntpot => self.ntpot,
        }
    }

    pub(super) fn meets(&self, targets: &Targets) -> bool {
        // A figure that lies on its target is within it, whatever interpolation rounds.
        const ROUNDING: f64 = 1.0 + 1e-9;
        let within = |(metric, limit): (LatencyMetric, f64)| {
            self.latency(metric).is_some_and(|latency| latency <= limit * ROUNDING)
        };
        targets.latencies().all(within)
    }
}

impl ServingCurve {
    /// What `curve` says; `seats` is how many requests the server runs at once, where the curve does not tell running
    /// from waiting ones.
    ///
    /// # Errors
    ///
    /// [`NotSimulated::NoRequestsInFlight`].
    pub fn of(curve: &Curve, seats: Option<u32>) -> Result<Self, NotSimulated> {
        let output_tokens = curve.traffic.mean_output_tokens();
        let mut points: Vec<Knot> =
            curve.points.iter().filter_map(|point| Knot::of(point, output_tokens, seats)).collect();
        points.sort_by(|one, other| one.in_flight.total_cmp(&other.in_flight));
        let mut knots: Vec<Knot> = Vec::with_capacity(points.len() + 1);
        for point in points {
            let rises = knots.last().is_none_or(|last| {
                point.in_flight > last.in_flight && point.requests_per_second > last.requests_per_second
            });
            if rises {
                knots.push(point);
            }
        }
        let first = *knots.first().ok_or(NotSimulated::NoRequestsInFlight)?;
        let idle = Knot {
            in_flight: 0.0,
            requests_per_second: 0.0,
            running: 0.0,
            waiting: 0.0,
            cache_use: first.cache_use.map(|_| 0.0),
            ..first
        };
        knots.insert(0, idle);
        Ok(Self { knots, output_tokens })
    }

    /// Refuses targets on what the curve does not have.
    pub(super) fn check(&self, targets: &Targets) -> Result<(), NotSimulated> {
        let lacks = |metric: LatencyMetric| self.knots.iter().any(|knot| knot.latency(metric).is_none());
        match targets.latencies().find(|(metric, _)| lacks(*metric)) {
            Some((metric, _)) => Err(NotSimulated::NoLatency(metric)),
            None => Ok(()),
        }
    }

    pub(super) fn knows_cache_use(&self) -> bool {
        self.knots.iter().all(|knot| knot.cache_use.is_some())
    }

    /// Most requests a second that a replica finishes.
    pub fn capacity(&self) -> f64 {
        self.knots.last().map_or(0.0, |knot| knot.requests_per_second)
    }

    /// Requests in flight of a replica that serves a steady rate; `None` above its capacity.
    pub fn in_flight_at(&self, requests_per_second: f64) -> Option<f64> {
        let upper = self.knots.partition_point(|knot| knot.requests_per_second < requests_per_second);
        let to = self.knots.get(upper)?;
        let Some(from) = upper.checked_sub(1).and_then(|lower| self.knots.get(lower)) else {
            return Some(to.in_flight);
        };
        let share = (requests_per_second - from.requests_per_second)
            / (to.requests_per_second - from.requests_per_second);
        Some(from.in_flight + (to.in_flight - from.in_flight) * share)
    }

    /// Requests in flight one second after there were `in_flight`, with `arrivals` in that second.
    ///
    /// They change by what arrives less what is finished; taken at the end of the second (implicit Euler), which holds
    /// for requests that take far less than a second too.
    pub(super) fn after_a_second(&self, in_flight: f64, arrivals: f64) -> f64 {
        let total = in_flight + arrivals;
        let load = |knot: &Knot| knot.in_flight + knot.requests_per_second;
        let upper = self.knots.partition_point(|knot| load(knot) < total);
        let Some(to) = self.knots.get(upper) else { return (total - self.capacity()).max(0.0) };
        let Some(from) = upper.checked_sub(1).and_then(|lower| self.knots.get(lower)) else { return 0.0 };
        let share = (total - load(from)) / (load(to) - load(from));
        from.in_flight + (to.in_flight - from.in_flight) * share
    }

    /// What a replica with so many requests in flight reads.
    pub(super) fn state(&self, in_flight: f64) -> State {
        let upper = self.knots.partition_point(|knot| knot.in_flight < in_flight);
        match (upper.checked_sub(1).and_then(|lower| self.knots.get(lower)), self.knots.get(upper)) {
            (Some(from), Some(to)) => from.towards(to, in_flight).state(),
            (None, Some(first)) => first.state(),
            (Some(last), None) => self.saturated(last, in_flight - last.in_flight),
            (None, None) => self.saturated(&IDLE, in_flight),
        }
    }

    /// The state past the last knot: `queued` more requests wait, and one that comes waits for them.
    fn saturated(&self, last: &Knot, queued: f64) -> State {
        let wait = queued / last.requests_per_second * 1000.0;
        let state = last.state();
        State {
            waiting: state.waiting + queued,
            ttft: state.ttft.map(|ttft| ttft + wait),
            ntpot: state.ntpot.map(|ntpot| ntpot + wait / self.output_tokens),
            ..state
        }
    }
}

const IDLE: Knot = Knot {
    in_flight: 0.0,
    requests_per_second: 0.0,
    running: 0.0,
    waiting: 0.0,
    cache_use: None,
    ttft: None,
    itl: None,
    ntpot: None,
};

impl Knot {
    fn of(point: &LoadPoint, output_tokens: f64, seats: Option<u32>) -> Option<Self> {
        let ttft = point.ttft.map(Ttft::milliseconds);
        let itl = point.itl.map(Itl::milliseconds);
        let ntpot = point.ntpot.map(Ntpot::milliseconds);
        let in_flight = in_flight(point, output_tokens)?;
        let seats = seats.map_or(f64::INFINITY, f64::from);
        let running = point.running.unwrap_or(in_flight).min(in_flight).min(seats);
        let usable = in_flight > 0.0 && point.requests_per_second > 0.0;
        usable.then_some(Self {
            in_flight,
            requests_per_second: point.requests_per_second,
            running,
            waiting: in_flight - running,
            cache_use: point.kv_use,
            ttft,
            itl,
            ntpot,
        })
    }

    const fn latency(&self, metric: LatencyMetric) -> Option<f64> {
        match metric {
            LatencyMetric::Ttft => self.ttft,
            LatencyMetric::Itl => self.itl,
            LatencyMetric::Ntpot => self.ntpot,
        }
    }

    fn towards(&self, to: &Self, in_flight: f64) -> Self {
        let share = (in_flight - self.in_flight) / (to.in_flight - self.in_flight);
        let mix = |from: f64, to: f64| from + (to - from) * share;
        let known = |from: Option<f64>, to: Option<f64>| Some(mix(from?, to?));
        Self {
            in_flight,
            requests_per_second: mix(self.requests_per_second, to.requests_per_second),
            running: mix(self.running, to.running),
            waiting: mix(self.waiting, to.waiting),
            cache_use: known(self.cache_use, to.cache_use),
            ttft: known(self.ttft, to.ttft),
            itl: known(self.itl, to.itl),
            ntpot: known(self.ntpot, to.ntpot),
        }
    }

    const fn state(&self) -> State {
        let Self { running, waiting, cache_use, ttft, itl, ntpot, .. } = *self;
        State { running, waiting, cache_use, ttft, itl, ntpot }
    }
}

/// Requests in flight: given, those of a closed loop, or by Little's law from how long one takes.
fn in_flight(point: &LoadPoint, output_tokens: f64) -> Option<f64> {
    let closed = match point.load {
        Load::InFlight(requests) => Some(requests),
        _ => None,
    };
    let seconds = || {
        let of_tokens = point.ntpot.map(|ntpot| ntpot.milliseconds() * output_tokens);
        let of_parts = point
            .ttft
            .zip(point.itl)
            .map(|(ttft, itl)| ttft.milliseconds() + itl.milliseconds() * (output_tokens - 1.0).max(0.0));
        of_tokens.or(of_parts).map(|milliseconds| milliseconds / 1000.0)
    };
    closed.or(point.concurrency).or_else(|| Some(point.requests_per_second * seconds()?))
}
