//! The number of running requests that an autoscaler of a workload should aim at.

use crate::autoscale::REACH_SHARE;
use crate::catalog::Meaning;
use crate::estimate::memory::EngineLimits;
use crate::manifest::{self, AutoscalingPlan, ManifestRequest};
use crate::recommend::Measured;
use crate::rules::Facts;
use crate::rules::promise::targets;
use crate::workload::LatencyMetric;

/// Running requests of a replica to aim at, and why so many.
pub(crate) struct Aim {
    pub(crate) running: u32,
    pub(crate) why: &'static str,
}

/// What our own manifests of the same configuration would aim at where it was measured, else half of the requests
/// that the server runs at once.
pub(crate) fn aim(facts: &Facts<'_>) -> Option<Aim> {
    let measured = measured(facts).map(|running| Aim { running, why: "the measured operating point" });
    measured.or_else(|| {
        // Between 0 and the seats: the cast is exact.
        let running = ((seats(facts)? as f64) * REACH_SHARE).floor().max(1.0) as u32;
        Some(Aim { running, why: "half of what the server runs at once, since nobody measured more" })
    })
}

fn measured(facts: &Facts<'_>) -> Option<u32> {
    let (_, checkpoint) = facts.model?;
    let targets = targets(facts.workload);
    let target = |asked| targets.latencies().find(|(metric, _)| *metric == asked).map(|(_, limit)| limit);
    let request = ManifestRequest {
        model_server_version: Some(facts.version?.version.clone()),
        accelerators: Some(facts.accelerators_per_pod()?),
        target_ttft_milliseconds: target(LatencyMetric::Ttft),
        target_itl_milliseconds: target(LatencyMetric::Itl),
        target_ntpot_milliseconds: target(LatencyMetric::Ntpot),
        ..ManifestRequest::new(&checkpoint.id, &facts.server?.name, &facts.accelerator?.id)
    };
    let catalog = facts.background.catalog;
    let mut plan = manifest::plan(catalog, &Measured::new(catalog), &request).ok()?;
    plan.max_sequences = facts.pod.max_sequences.known().copied().or(plan.max_sequences);
    let autoscaling = AutoscalingPlan::of(&plan).ok()?;
    let running = autoscaling.held.iter().find(|held| {
        held.expression.signals().first().is_some_and(|signal| signal.meaning == Meaning::Running)
    });
    // Counts of requests: between 0 and some thousands.
    Some((running?.threshold as u32).max(1))
}

/// Requests that a replica runs at once at most; `None` where neither the arguments nor the catalog tell.
pub(crate) fn seats(facts: &Facts<'_>) -> Option<u64> {
    let version = facts.version.filter(|version| !version.scheduler_defaults.is_empty());
    let default =
        version.zip(facts.accelerator).map(|(version, accelerator)| EngineLimits::of(version, accelerator));
    let seats = match default {
        Some(limits) => facts.pod.max_sequences.or_default(limits.max_sequences)?,
        None => facts.pod.max_sequences.known().copied()?,
    };
    let ranks = facts.pod.parallelism.data.or_default(1)?;
    Some(u64::from(seats) * u64::from(ranks.max(1)))
}
