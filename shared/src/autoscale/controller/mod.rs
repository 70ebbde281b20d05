//! What the controller of HorizontalPodAutoscalers does with what it reads.
//!
//! The meaning is that of Kubernetes 1.36 (`pkg/controller/podautoscaler`) with its default feature gates: a
//! tolerance for each direction (`HPAConfigurableTolerance`, on since 1.35), no scaling to zero (`HPAScaleToZero`,
//! alpha). The end-to-end tests hold it against the real controller: same inputs, same replicas.
//!
//! One [`Controller`] is one HorizontalPodAutoscaler with its memory. [`Controller::sync`] is one pass of the real
//! controller's loop, every 15 s unless the cluster says otherwise:
//!
//! 1. each metric proposes replicas ([`Proposal`]): `⌈sum / target⌉` for averages of External and Object metrics,
//!    `⌈mean / target × replicas⌉` for Pods and Resource metrics, `⌈value / target × ready replicas⌉` for values;
//!    none at all while the ratio is within the tolerance of 1;
//! 2. the largest proposal wins; where one metric cannot be read, the others may add replicas and not take any;
//! 3. the stabilization windows and the policies of the behaviour hold the change back ([`Limit`]);
//! 4. the least and the most replicas bound it.

mod memory;
mod milli;
mod observation;
mod proposal;
mod spec;
mod spec_error;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use milli::Milli;
pub use observation::{Observation, Phase, Pod, Reading, Sample};
pub use proposal::Proposal;
pub use spec::{Behavior, Metric, Policy, PolicyKind, Rules, SelectPolicy, Source, Spec, Target};
pub use spec_error::SpecError;

use self::memory::Memory;
use self::proposal::propose;

/// What the controller is started with: flags of `kube-controller-manager`, with its defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// `--horizontal-pod-autoscaler-sync-period`: time between two passes.
    pub sync_period: Duration,
    /// `--horizontal-pod-autoscaler-tolerance`: how far the ratio of a metric to its target may be off 1.
    pub tolerance: f64,
    /// `--horizontal-pod-autoscaler-downscale-stabilization`: the window before replicas go, where the
    /// autoscaler names none.
    pub downscale_stabilization: Duration,
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`: how long samples of CPU of a Pod that is not ready
    /// do not count.
    pub cpu_initialization_period: Duration,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`: how long after its start a Pod that turns unready
    /// counts as never having been ready.
    pub initial_readiness_delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sync_period: Duration::from_secs(15),
            tolerance: 0.1,
            downscale_stabilization: Duration::from_secs(300),
            cpu_initialization_period: Duration::from_secs(300),
            initial_readiness_delay: Duration::from_secs(30),
        }
    }
}

/// One HorizontalPodAutoscaler, and what the controller remembers about it.
#[derive(Debug, Clone)]
pub struct Controller {
    spec: Spec,
    settings: Settings,
    memory: Memory,
}

/// What one pass came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Replicas that the target is set to: those it has where nothing changes.
    pub replicas: u32,
    /// What each metric proposed, in the order of the autoscaler; none where metrics were not looked at.
    pub proposals: Vec<Proposal>,
    /// Why.
    pub reason: Reason,
}

/// Why a pass came to its replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The metrics ask for what there is.
    Steady,
    /// The metrics ask for another number, and get it.
    Metrics,
    /// The metrics ask for another number, and get less of a change or none.
    Limited(Limit),
    /// No metric could be read, or one could not and the others ask for fewer replicas.
    Unreadable,
    /// There were more replicas than the most, or fewer than the least: corrected at once, metrics unread.
    OutOfBounds,
    /// The target has 0 replicas: the autoscaler is off.
    Disabled,
}

/// What held a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// A lower number was asked for within the scale-up window.
    UpWindow,
    /// A higher number was asked for within the scale-down window.
    DownWindow,
    /// A policy of scale-up (without a behaviour: double, or 4).
    UpPolicy,
    /// A policy of scale-down.
    DownPolicy,
    /// The most replicas.
    Most,
    /// The least replicas.
    Least,
}

impl Controller {
    /// An autoscaler that was just made.
    pub fn new(spec: Spec, settings: Settings) -> Self {
        Self { spec, settings, memory: Memory::default() }
    }

    /// What it scales by.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// One pass at `now`, a time since any fixed moment that never falls. What it decides is done at once.
    pub fn sync(&mut self, now: Duration, seen: &Observation<'_>) -> Decision {
        let decision = self.decide(now, seen);
        self.changed(now, seen.spec_replicas, decision.replicas);
        decision
    }

    /// One pass without what comes of it: [`Controller::changed`] tells when that was done.
    pub fn decide(&mut self, now: Duration, seen: &Observation<'_>) -> Decision {
        let current = seen.spec_replicas;
        self.memory.start(now, current);
        let (replicas, reason, proposals) = if current == 0 {
            (0, Reason::Disabled, Vec::new())
        } else if current > self.spec.max_replicas {
            (self.spec.max_replicas, Reason::OutOfBounds, Vec::new())
        } else if current < self.spec.min_replicas {
            (self.spec.min_replicas, Reason::OutOfBounds, Vec::new())
        } else {
            self.by_metrics(now, seen)
        };
        Decision { replicas, proposals, reason }
    }

    /// The replicas were changed at `at`, when the API server had accepted it: periods of policies count from there.
    pub fn changed(&mut self, at: Duration, from: u32, to: u32) {
        if from != to {
            self.memory.record_change(at, from, to, self.spec.behavior.as_ref());
        }
    }

    fn by_metrics(&mut self, now: Duration, seen: &Observation<'_>) -> (u32, Reason, Vec<Proposal>) {
        let current = seen.spec_replicas;
        let unread = Reading::Unreadable;
        let propose_one = |(index, metric): (usize, &Metric)| {
            let reading = seen.readings.get(index).unwrap_or(&unread);
            propose(metric, reading, seen, &self.settings, self.spec.behavior.as_ref(), now)
        };
        let proposals: Vec<Proposal> = self.spec.metrics.iter().enumerate().map(propose_one).collect();
        let asked = proposals.iter().filter_map(Proposal::replicas).max();
        let all_read = proposals.iter().all(|proposal| proposal.replicas().is_some());
        let Some(asked) = asked.filter(|asked| all_read || *asked >= current) else {
            return (current, Reason::Unreadable, proposals);
        };
        let (replicas, limit) = self.limited(now, current, asked);
        let reason = match limit {
            Some(limit) => Reason::Limited(limit),
            None if replicas == current => Reason::Steady,
            None => Reason::Metrics,
        };
        (replicas, reason, proposals)
    }

    /// Windows first, then policies and bounds, as the controller does it.
    fn limited(&mut self, now: Duration, current: u32, asked: u32) -> (u32, Option<Limit>) {
        let Spec { min_replicas, max_replicas, behavior, .. } = &self.spec;
        let (stabilized, bounds) = match behavior {
            None => {
                let window = self.settings.downscale_stabilization;
                (self.memory.stabilized_down(now, asked, window), Bounds::without_behavior(current))
            }
            Some(behavior) => {
                let up = behavior.scale_up.window.unwrap_or_default();
                let down = behavior.scale_down.window.unwrap_or(self.settings.downscale_stabilization);
                let stabilized = self.memory.stabilized(now, current, asked, up, down);
                (stabilized, self.memory.bounds(now, current, behavior))
            }
        };
        let mut limit = (stabilized != asked).then_some(match behavior {
            Some(_) if asked >= current => Limit::UpWindow,
            _ => Limit::DownWindow,
        });
        let mut replicas = stabilized;
        if stabilized > current || behavior.is_none() {
            let most = bounds.most.min(*max_replicas);
            if stabilized > most {
                limit = Some(if most < *max_replicas { Limit::UpPolicy } else { Limit::Most });
                replicas = most;
            }
        }
        if stabilized < current || behavior.is_none() {
            let least = bounds.least.max(*min_replicas);
            if stabilized < least {
                limit = Some(if least > *min_replicas { Limit::DownPolicy } else { Limit::Least });
                replicas = least;
            }
        }
        (replicas, limit)
    }
}

/// Where the policies let the replicas go from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    least: u32,
    most: u32,
}

impl Bounds {
    /// Without a behaviour: up to double and at least 4, down without a limit.
    fn without_behavior(current: u32) -> Self {
        Self { least: 0, most: current.saturating_mul(2).max(4) }
    }
}
