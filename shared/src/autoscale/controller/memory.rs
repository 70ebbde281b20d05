//! What the controller remembers of an autoscaler: what it asked for and what it changed, and when.

use std::time::Duration;

use super::{Behavior, Bounds, Policy, PolicyKind, Rules, SelectPolicy};

/// Longest window and period that the API accepts; what is older cannot matter.
const LONGEST: Duration = Duration::from_secs(3600);

/// Recommendations and changes, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    recommendations: Vec<(Duration, u32)>,
    added: Vec<(Duration, u32)>,
    removed: Vec<(Duration, u32)>,
}

impl Memory {
    /// At the first pass the replicas that there are count as asked for.
    pub(super) fn start(&mut self, now: Duration, current: u32) {
        if self.recommendations.is_empty() {
            self.recommendations.push((now, current));
        }
    }

    /// Without a behaviour: the most that was asked for within the window, its end included.
    pub(super) fn stabilized_down(&mut self, now: Duration, asked: u32, window: Duration) -> u32 {
        let recent = self.recommendations.iter().filter(|(at, _)| *at + window >= now);
        let stabilized = recent.map(|(_, replicas)| *replicas).fold(asked, u32::max);
        self.remember(now, asked, window);
        stabilized
    }

    /// With a behaviour: not above the least asked for within the window for scale-up, not below the most asked for
    /// within the one for scale-down, their ends excluded.
    pub(super) fn stabilized(
        &mut self,
        now: Duration,
        current: u32,
        asked: u32,
        up: Duration,
        down: Duration,
    ) -> u32 {
        let within = |window: Duration| self.recommendations.iter().filter(move |(at, _)| *at + window > now);
        let lowest = within(up).map(|(_, replicas)| *replicas).fold(asked, u32::min);
        let highest = within(down).map(|(_, replicas)| *replicas).fold(asked, u32::max);
        self.remember(now, asked, up.max(down));
        current.max(lowest).min(highest)
    }

    fn remember(&mut self, now: Duration, asked: u32, window: Duration) {
        // An empty memory would count the replicas that there are as asked for, as it does at the start.
        let window = window.min(LONGEST);
        self.recommendations.retain(|(at, _)| *at + window >= now);
        self.recommendations.push((now, asked));
    }

    /// A change that was made. Policies are about nothing else, so without a behaviour it is forgotten.
    pub(super) fn record_change(&mut self, now: Duration, from: u32, to: u32, behavior: Option<&Behavior>) {
        if behavior.is_none() {
            return;
        }
        let changes = if to > from { &mut self.added } else { &mut self.removed };
        changes.retain(|(at, _)| *at + LONGEST >= now);
        changes.push((now, to.abs_diff(from)));
    }

    /// Where the policies let the replicas go.
    pub(super) fn bounds(&self, now: Duration, current: u32, behavior: &Behavior) -> Bounds {
        let start = |policy: &Policy| {
            let change = |changes: &[(Duration, u32)]| -> i64 {
                let recent = changes.iter().filter(|(at, _)| *at + policy.period > now);
                recent.map(|(_, replicas)| i64::from(*replicas)).sum()
            };
            i64::from(current) - change(&self.added) + change(&self.removed)
        };
        let most = limit(&behavior.scale_up, current, |policy| up(policy, start(policy)), Side::Up);
        let least = limit(&behavior.scale_down, current, |policy| down(policy, start(policy)), Side::Down);
        // What was changed already within the period is not taken back.
        Bounds { least: bounded(least.min(i64::from(current))), most: bounded(most.max(i64::from(current))) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Up,
    Down,
}

/// The limit of the policy that the rules select.
fn limit(rules: &Rules, current: u32, of: impl Fn(&Policy) -> i64, side: Side) -> i64 {
    let limits = rules.policies.iter().map(of);
    let selected = match (rules.select, side) {
        (SelectPolicy::Disabled, _) => None,
        (SelectPolicy::Max, Side::Up) | (SelectPolicy::Min, Side::Down) => limits.max(),
        (SelectPolicy::Min, Side::Up) | (SelectPolicy::Max, Side::Down) => limits.min(),
    };
    selected.unwrap_or_else(|| i64::from(current))
}

/// Most replicas under a policy, from those at the start of its period. Percentages are rounded up, so that one
/// replica can ever become two.
fn up(policy: &Policy, start: i64) -> i64 {
    match policy.kind {
        PolicyKind::Pods => start + i64::from(policy.value),
        PolicyKind::Percent => (start as f64 * (1.0 + f64::from(policy.value) / 100.0)).ceil() as i64,
    }
}

/// Least replicas under a policy, rounded towards 0.
fn down(policy: &Policy, start: i64) -> i64 {
    match policy.kind {
        PolicyKind::Pods => start - i64::from(policy.value),
        PolicyKind::Percent => (start as f64 * (1.0 - f64::from(policy.value) / 100.0)) as i64,
    }
}

fn bounded(replicas: i64) -> u32 {
    u32::try_from(replicas.clamp(0, i64::from(i32::MAX))).unwrap_or_default()
}
