//! The load that an autoscaler should leave to each replica.

use super::{AutoscalingOptions, ReactionTime};
use crate::curve::{Curve, LoadPoint};

/// By how much a replica has to be left below what it can carry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Headroom {
    /// Share by which the metric has to be off before the autoscaler acts.
    pub tolerance: f64,
    /// Share by which the load may rise in a minute.
    pub growth_per_minute: f64,
    /// From a change to a replica that serves it.
    pub reaction: ReactionTime,
}

impl Headroom {
    /// What the options say, over a reaction time.
    pub fn of(options: &AutoscalingOptions, reaction: ReactionTime) -> Self {
        Self { tolerance: options.tolerance(), growth_per_minute: options.growth_per_minute(), reaction }
    }

    /// (1 + growth · τ): the load at the end of the reaction over that at its start.
    pub fn growth_factor(&self) -> f64 {
        1.0 + self.growth_per_minute * self.reaction.seconds() / 60.0
    }

    /// (1 + tolerance) · (1 + growth · τ), at least 1.
    pub fn factor(&self) -> f64 {
        (1.0 + self.tolerance) * self.growth_factor()
    }
}

/// Where a replica should run for its targets to hold while others start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aim {
    /// Most requests a second with which a replica meets the targets: λ_SLO.
    pub most_requests_per_second: f64,
    /// What it is divided by.
    pub headroom: Headroom,
    /// The replica at λ_T; its signals are means.
    pub point: LoadPoint,
}

impl Aim {
    /// From the operating point on a curve; the pessimistic one where it is estimated. `None` for a curve without a rate.
    pub fn of(curve: &Curve, operating: &LoadPoint, headroom: Headroom) -> Option<Self> {
        let most = operating.requests_per_second;
        let point = curve.at_rate(most / headroom.factor())?;
        Some(Self { most_requests_per_second: most, headroom, point })
    }

    /// Requests a second that the autoscaler leaves to a replica: λ_T.
    pub fn requests_per_second(&self) -> f64 {
        self.most_requests_per_second / self.headroom.factor()
    }

    /// Mean requests in the server, running and waiting: as simulated, else by Little's law.
    pub fn in_flight(&self) -> Option<f64> {
        let simulated =
            self.point.running.zip(self.point.waiting).map(|(running, waiting)| running + waiting);
        simulated.or(self.point.concurrency).or(self.point.running)
    }
}
