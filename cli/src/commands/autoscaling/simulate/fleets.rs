//! What is compared: the autoscaler, other thresholds, and replicas that never change.

use anyhow::Context;
use infer_core::autoscale::ScalingSteps;
use infer_core::autoscale::controller::{Metric, Spec};
use infer_core::autoscale::simulation::{Fleet, Gauge, Scaling, Scenario};
use infer_core::catalog::Signal;

use super::replica::Replica;
use crate::arguments::SimulateAutoscaling;
use crate::commands::files;
use crate::failure::Failure;

/// How many times the replicas that the peak needs an autoscaler may run, unless told otherwise.
const HEADROOM: u32 = 2;

pub(super) fn of(
    options: &SimulateAutoscaling,
    replica: &Replica,
    scenario: &Scenario,
) -> Result<Vec<Fleet>, Failure> {
    // Rates and capacities are bounded, so the counts are small; the casts saturate.
    let needs = |rate: f64| (rate / replica.operating_rate).ceil().max(1.0) as u32;
    let initial = (scenario.trace.rate(0) / replica.aim.requests_per_second()).ceil() as u32;
    let mut fleets = match &options.filename {
        Some(path) => {
            let inputs = files::read(std::slice::from_ref(path), false)?;
            let mut fleets = Vec::new();
            for input in &inputs {
                if let (Some(trouble), true) =
                    (input.file.troubles().first(), input.file.objects().is_empty())
                {
                    let message = format!("cannot read `{}`: {}", input.name, trouble.what);
                    return Err(Failure::user(anyhow::anyhow!(message)));
                }
                for object in input.file.objects() {
                    fleets.extend(from_object(input.file.value(object), replica)?);
                }
            }
            if fleets.is_empty() {
                let message = format!("`{}` has no HorizontalPodAutoscaler", path.display());
                return Err(Failure::user(anyhow::anyhow!(message)));
            }
            fleets
        }
        None => with_thresholds(options, replica, needs(scenario.trace.peak()))?,
    };
    for fleet in &mut fleets {
        if let Scaling::Autoscaled { spec, .. } = &fleet.scaling {
            fleet.initial_replicas = initial.clamp(spec.min_replicas, spec.max_replicas);
        }
    }
    let mut fixed = options.compare_replicas.clone();
    if fixed.is_empty() {
        fixed = vec![needs(scenario.trace.mean()), needs(scenario.trace.peak())];
        fixed.dedup();
    }
    fleets.extend(fixed.into_iter().map(Fleet::fixed));
    Ok(fleets)
}

fn with_thresholds(
    options: &SimulateAutoscaling,
    replica: &Replica,
    for_peak: u32,
) -> Result<Vec<Fleet>, Failure> {
    let (min, max) = (options.min_replicas, options.max_replicas);
    let max = max.unwrap_or_else(|| for_peak.saturating_mul(HEADROOM).max(min));
    let threshold = match options.threshold {
        Some(threshold) => threshold,
        None => {
            let none = || {
                anyhow::anyhow!(
                    "the curve does not say how many requests are in a replica: name a `--threshold`"
                )
            };
            let in_flight = replica.aim.in_flight().ok_or_else(|| Failure::user(none()))?;
            in_flight.floor().max(1.0)
        }
    };
    let mut thresholds = vec![threshold];
    if options.compare_threshold.is_empty() {
        thresholds.extend([(threshold / 2.0).max(1.0).round(), threshold * 2.0]);
    } else {
        thresholds.extend(&options.compare_threshold);
    }
    let steps = ScalingSteps::of(&replica.reaction);
    let fleet = |threshold: f64| Fleet::held_at(threshold, (min, max), steps).map_err(Failure::argument);
    thresholds.into_iter().map(fleet).collect()
}

/// The autoscaler of a file; `None` for other objects.
fn from_object(object: &serde_json::Value, replica: &Replica) -> Result<Option<Fleet>, Failure> {
    if object.get("kind").and_then(serde_json::Value::as_str) != Some("HorizontalPodAutoscaler") {
        return Ok(None);
    }
    let name =
        object.pointer("/metadata/name").and_then(serde_json::Value::as_str).unwrap_or("without a name");
    let spec = Spec::of(object)
        .with_context(|| format!("HorizontalPodAutoscaler `{name}` cannot be played"))
        .map_err(Failure::user)?;
    let signals: Vec<&Signal> = replica.signals.iter().collect();
    let seats = replica.seats.unwrap_or(u32::MAX);
    let known = |metric: &Metric| Gauge::of_metric(&metric.name, &signals, seats);
    let gauges = spec.metrics.iter().map_while(known).collect();
    Ok(Some(Fleet {
        name: name.to_owned(),
        initial_replicas: spec.min_replicas,
        scaling: Scaling::Autoscaled { spec, gauges },
    }))
}
