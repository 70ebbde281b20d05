//! How fast replicas come and go.

use super::ReactionTime;

/// Shortest and longest of a policy's periods that Kubernetes takes, in seconds.
const LEAST_PERIOD: f64 = 60.0;
const MOST_PERIOD: f64 = 1800.0;

/// Longest stabilization window that Kubernetes takes, in seconds.
const MOST_WINDOW: f64 = 3600.0;

/// Shortest window before a replica goes: a replica that goes takes its accelerator along, and the next start loads all
/// weights again.
const LEAST_WINDOW: f64 = 600.0;

/// Seconds that a Pod that was told to go still serves (`preStop` and grace period of our manifests).
const DRAIN_SECONDS: f64 = 90.0;

/// Scaling steps of an autoscaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalingSteps {
    /// Seconds in which replicas may at most double.
    pub doubling_seconds: i32,
    /// Seconds that the load must have been lower before a replica goes.
    pub down_window_seconds: i32,
    /// Seconds between two replicas that go.
    pub down_period_seconds: i32,
}

impl ScalingSteps {
    /// Where nothing is known of the start.
    pub const USUAL: Self = Self { doubling_seconds: 60, down_window_seconds: 600, down_period_seconds: 120 };

    /// From the time a reaction takes: the metric has to show one step before the next is taken, and a replica that went
    /// and is needed again takes a whole start to come back, so the load must have been lower for as long.
    pub fn of(reaction: &ReactionTime) -> Self {
        let seen = reaction.decision_seconds();
        Self {
            doubling_seconds: whole(seen, LEAST_PERIOD, MOST_PERIOD),
            down_window_seconds: whole(reaction.start_seconds(), LEAST_WINDOW, MOST_WINDOW),
            down_period_seconds: whole(seen + DRAIN_SECONDS, LEAST_PERIOD, MOST_PERIOD),
        }
    }
}

/// Whole minutes, rounded up, within bounds.
fn whole(seconds: f64, least: f64, most: f64) -> i32 {
    // Within 60 and 3600: the cast is exact.
    ((seconds / 60.0).ceil() * 60.0).clamp(least, most) as i32
}
