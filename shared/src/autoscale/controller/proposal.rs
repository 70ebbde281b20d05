//! How many replicas one metric asks for.

use std::time::Duration;

use super::{Behavior, Metric, Milli, Observation, Phase, Pod, Reading, Sample, Settings, Source, Target};

/// What one metric proposes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Proposal {
    /// So many replicas.
    Replicas {
        /// Proposed.
        replicas: u32,
        /// What the metric read, as `status.currentMetrics` shows it: the mean a replica for averages, the value for
        /// values, percent for utilizations.
        current: f64,
    },
    /// The metric could not be read.
    Unreadable,
}

impl Proposal {
    /// The proposed replicas; `None` where the metric could not be read.
    pub const fn replicas(&self) -> Option<u32> {
        match self {
            Self::Replicas { replicas, .. } => Some(*replicas),
            Self::Unreadable => None,
        }
    }
}

/// How far a ratio may be off 1 in each direction.
#[derive(Debug, Clone, Copy)]
struct Tolerances {
    down: f64,
    up: f64,
}

impl Tolerances {
    fn of(settings: &Settings, behavior: Option<&Behavior>) -> Self {
        let own =
            |rules: fn(&Behavior) -> Option<f64>| behavior.and_then(rules).unwrap_or(settings.tolerance);
        Self {
            down: own(|behavior| behavior.scale_down.tolerance),
            up: own(|behavior| behavior.scale_up.tolerance),
        }
    }

    fn holds(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}

pub(super) fn propose(
    metric: &Metric,
    reading: &Reading,
    seen: &Observation<'_>,
    settings: &Settings,
    behavior: Option<&Behavior>,
    now: Duration,
) -> Proposal {
    let tolerances = Tolerances::of(settings, behavior);
    let proposed = match reading {
        Reading::Unreadable => None,
        Reading::Values(values) => of_values(metric.target, values, seen, tolerances),
        Reading::Pods(samples) => {
            let grouped = Groups::of(metric, samples, seen.pods, settings, now);
            of_pods(metric.target, &grouped, seen, tolerances)
        }
    };
    proposed.map_or(Proposal::Unreadable, |(replicas, current)| Proposal::Replicas { replicas, current })
}

/// External and Object metrics: the sum of all series.
fn of_values(
    target: Target,
    values: &[Milli],
    seen: &Observation<'_>,
    tolerances: Tolerances,
) -> Option<(u32, f64)> {
    if values.is_empty() {
        return None;
    }
    let sum = values.iter().fold(0_i64, |sum, value| sum.saturating_add(value.0)) as f64;
    match target {
        Target::AverageValue(target) => {
            // Without replicas the ratio is infinite, or no number where the sum is 0 too: neither is within.
            let existing = f64::from(seen.status_replicas);
            let ratio = sum / (target.0 as f64 * existing);
            let replicas =
                if tolerances.holds(ratio) { seen.status_replicas } else { whole(sum / target.0 as f64) };
            Some((replicas, (sum / existing.max(1.0)).ceil() / 1000.0))
        }
        Target::Value(target) => {
            let ratio = sum / target.0 as f64;
            if tolerances.holds(ratio) {
                return Some((seen.spec_replicas, sum / 1000.0));
            }
            // No Pods at all are an error of their own; Pods of which none is ready are 0.
            let ready = seen.pods.iter().filter(|pod| pod.is_running_and_ready()).count();
            (!seen.pods.is_empty()).then(|| (whole(ratio * ready as f64), sum / 1000.0))
        }
        Target::Utilization(_) => None,
    }
}

/// Pods of a Pods or Resource metric by what their samples are worth.
#[derive(Debug, Default)]
struct Groups {
    /// Samples that count, with the request of their Pods.
    counted: Vec<(i64, i64)>,
    /// Requests of Pods that wait for a machine, or whose samples of CPU do not count yet.
    unready: Vec<i64>,
    /// Requests of running Pods without a sample.
    missing: Vec<i64>,
    /// Whether a Pod lacks a request that the target is a share of.
    lacks_request: bool,
}

impl Groups {
    fn of(
        metric: &Metric,
        samples: &[Option<Sample>],
        pods: &[Pod],
        settings: &Settings,
        now: Duration,
    ) -> Self {
        let mut groups = Self::default();
        let is_cpu = matches!(metric.source, Source::Resource) && metric.name == "cpu";
        let is_share = matches!(metric.target, Target::Utilization(_));
        for (index, pod) in pods.iter().enumerate() {
            let request = pod.request.map_or(0, |request| request.0);
            groups.lacks_request |= is_share && pod.request.is_none();
            if pod.is_deleted || pod.phase == Phase::Failed {
                continue;
            }
            if pod.phase == Phase::Pending {
                groups.unready.push(request);
                continue;
            }
            match samples.get(index).copied().flatten() {
                None => groups.missing.push(request),
                Some(sample) if is_cpu && warms_up(pod, sample, settings, now) => {
                    groups.unready.push(request);
                }
                Some(sample) => groups.counted.push((sample.value.0, request)),
            }
        }
        groups
    }
}

/// Whether a sample of CPU tells of the start of a Pod rather than of its load.
fn warms_up(pod: &Pod, sample: Sample, settings: &Settings, now: Duration) -> bool {
    let Some(((ready, since), started)) = pod.ready.zip(pod.started_at) else { return true };
    if started + settings.cpu_initialization_period > now {
        !ready || sample.at < since + sample.window
    } else {
        !ready && started + settings.initial_readiness_delay > since
    }
}

/// Mean use of some Pods against the target, and as `status.currentMetrics` shows it.
fn usage(target: Target, counted: &[(i64, i64)]) -> Option<(f64, f64)> {
    let sum = counted.iter().fold(0_i64, |sum, (value, _)| sum.saturating_add(*value));
    match target {
        Target::AverageValue(target) => {
            let mean = sum.checked_div(i64::try_from(counted.len()).ok()?)?;
            Some((mean as f64 / target.0 as f64, mean as f64 / 1000.0))
        }
        Target::Utilization(percent) => {
            let requested = counted.iter().fold(0_i64, |sum, (_, request)| sum.saturating_add(*request));
            let used = sum.saturating_mul(100).checked_div(requested)?;
            Some((used as f64 / f64::from(percent), used as f64))
        }
        Target::Value(_) => None,
    }
}

/// Pods and Resource metrics: the mean over the Pods that count. Pods without a sample count as whatever makes the
/// change smaller.
fn of_pods(
    target: Target,
    groups: &Groups,
    seen: &Observation<'_>,
    tolerances: Tolerances,
) -> Option<(u32, f64)> {
    if seen.pods.is_empty() || groups.counted.is_empty() || groups.lacks_request {
        return None;
    }
    let (ratio, current) = usage(target, &groups.counted)?;
    let unready_may_take_it = !groups.unready.is_empty() && ratio > 1.0;
    if !unready_may_take_it && groups.missing.is_empty() {
        let replicas = if tolerances.holds(ratio) {
            seen.spec_replicas
        } else {
            whole(ratio * groups.counted.len() as f64)
        };
        return Some((replicas, current));
    }
    let mut counted = groups.counted.clone();
    if ratio < 1.0 {
        let as_if_full = |request: &i64| match target {
            Target::Utilization(percent) => request.saturating_mul(i64::from(percent.max(100))) / 100,
            Target::AverageValue(target) | Target::Value(target) => target.0,
        };
        counted.extend(groups.missing.iter().map(|request| (as_if_full(request), *request)));
    } else if ratio > 1.0 {
        counted.extend(groups.missing.iter().map(|request| (0, *request)));
    }
    if unready_may_take_it {
        counted.extend(groups.unready.iter().map(|request| (0, *request)));
    }
    let (damped, _) = usage(target, &counted)?;
    let turned = (ratio < 1.0 && damped > 1.0) || (ratio > 1.0 && damped < 1.0);
    if tolerances.holds(damped) || turned {
        return Some((seen.spec_replicas, current));
    }
    let replicas = whole(damped * counted.len() as f64);
    let turned =
        (damped < 1.0 && replicas > seen.spec_replicas) || (damped > 1.0 && replicas < seen.spec_replicas);
    Some((if turned { seen.spec_replicas } else { replicas }, current))
}

/// Rounded up to whole replicas; a negative metric asks for none.
fn whole(replicas: f64) -> u32 {
    // The API's numbers are 32 bits with a sign. The cast saturates, and takes no number for 0.
    replicas.ceil().min(f64::from(i32::MAX)) as u32
}
