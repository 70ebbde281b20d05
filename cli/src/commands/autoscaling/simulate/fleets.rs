//! What is compared: the autoscaler, other thresholds, and replicas that never change.

use anyhow::Context;
use infer_core::autoscale::controller::Spec;
use infer_core::autoscale::simulation::{Fleet, Gauge, Scaling, Scenario};

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
    let needs = |rate: f64| {
        // Rates and capacities are bounded, so the count is small; the cast saturates.
        (rate / replica.operating_rate).ceil().max(1.0) as u32
    };
    let initial = needs(scenario.trace.rate(0));
    let mut fleets = match &options.filename {
        Some(path) => {
            let inputs = files::read(std::slice::from_ref(path), false)?;
            let mut fleets = Vec::new();
            for input in &inputs {
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
        None => with_thresholds(options, replica, scenario, needs(scenario.trace.peak()))?,
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
    scenario: &Scenario,
    for_peak: u32,
) -> Result<Vec<Fleet>, Failure> {
    let (min, max) = (options.min_replicas, options.max_replicas);
    let max = max.unwrap_or_else(|| for_peak.saturating_mul(HEADROOM).max(min));
    let threshold = match options.threshold {
        Some(threshold) => threshold,
        None => {
            let in_flight = scenario.curve.in_flight_at(replica.operating_rate).ok_or_else(|| {
                Failure::unexpected(anyhow::anyhow!("the operating point lies above the curve's capacity"))
            })?;
            // The controller acts that much above the threshold, which should be the operating point.
            (in_flight / (1.0 + scenario.settings.tolerance)).floor().max(1.0)
        }
    };
    let mut thresholds = vec![threshold];
    if options.compare_threshold.is_empty() {
        thresholds.extend([(threshold / 2.0).max(1.0).round(), threshold * 2.0]);
    } else {
        thresholds.extend(&options.compare_threshold);
    }
    let fleet = |threshold: f64| Fleet::held_at(threshold, min, max).map_err(Failure::argument);
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
    let gauges = spec.metrics.iter().map_while(|metric| Gauge::of_metric(&metric.name, &replica.metrics));
    let gauges = gauges.collect();
    Ok(Some(Fleet {
        name: name.to_owned(),
        initial_replicas: spec.min_replicas,
        scaling: Scaling::Autoscaled { spec, gauges },
    }))
}
