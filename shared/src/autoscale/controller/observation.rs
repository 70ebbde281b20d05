//! What one pass of the controller sees.

use std::time::Duration;

use super::Milli;

/// The target and its metrics at one pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation<'a> {
    /// `spec.replicas` of the target's scale.
    pub spec_replicas: u32,
    /// `status.replicas` of the target's scale: replicas that exist, ready or not.
    pub status_replicas: u32,
    /// Pods that the target's selector selects.
    pub pods: &'a [Pod],
    /// What each metric of the autoscaler read, in its order. A missing one counts as unreadable.
    pub readings: &'a [Reading],
}

/// One Pod of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pod {
    /// Its phase.
    pub phase: Phase,
    /// Whether it is being deleted.
    pub is_deleted: bool,
    /// Its condition `Ready`: whether it holds, and since when; `None` where it has none.
    pub ready: Option<(bool, Duration)>,
    /// When the kubelet took it on; `None` before that.
    pub started_at: Option<Duration>,
    /// What its containers request of the metric's resource. Only resource metrics with a utilization ask for it.
    pub request: Option<Milli>,
}

impl Pod {
    /// A running Pod that has been ready since `since`.
    pub const fn ready_since(since: Duration) -> Self {
        Self {
            phase: Phase::Running,
            is_deleted: false,
            ready: Some((true, since)),
            started_at: Some(since),
            request: None,
        }
    }

    /// A Pod that waits for a machine or its images.
    pub const fn pending() -> Self {
        Self { phase: Phase::Pending, is_deleted: false, ready: None, started_at: None, request: None }
    }

    /// A running Pod whose containers are not ready yet.
    pub const fn loading_since(since: Duration) -> Self {
        Self { ready: Some((false, since)), ..Self::ready_since(since) }
    }

    pub(super) fn is_running_and_ready(&self) -> bool {
        self.phase == Phase::Running && self.ready.is_some_and(|(ready, _)| ready)
    }
}

/// `status.phase` of a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not on a machine yet, or its containers do not run yet.
    Pending,
    /// Its containers run.
    Running,
    /// Its containers ended well.
    Succeeded,
    /// Its containers ended badly.
    Failed,
}

/// What one metric read.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// The API had no answer, or an empty one.
    Unreadable,
    /// Values of an External metric (one a series), or the one value of an Object metric.
    Values(Vec<Milli>),
    /// A sample a Pod of a Pods or Resource metric, in the order of [`Observation::pods`]; `None` where the API had
    /// none of that Pod.
    Pods(Vec<Option<Sample>>),
}

/// A sample of one Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Its value.
    pub value: Milli,
    /// When it was taken. Only CPU asks for it.
    pub at: Duration,
    /// The time over which it is a mean. Only CPU asks for it.
    pub window: Duration,
}

impl Sample {
    /// A sample of a gauge.
    pub const fn of(value: Milli) -> Self {
        Self { value, at: Duration::ZERO, window: Duration::ZERO }
    }
}
