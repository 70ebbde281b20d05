//! What autoscaling costs: `cargo bench -p infer-core --bench autoscale`.
//!
//! A day's traffic at a second shall be simulated in at most 1 s, and an autoscaler be written or explained in at most
//! 50 ms.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use divan::{Bencher, black_box};
use infer_core::autoscale::ScalingSteps;
use infer_core::autoscale::controller::Settings;
use infer_core::autoscale::simulation::{
    Delays, Fleet, Outcome, Pattern, Scenario, ServingCurve, Trace, simulate,
};
use infer_core::catalog::Catalog;
use infer_core::curve::Curve;
use infer_core::estimate::Calibration;
use infer_core::explain::explain;
use infer_core::manifest::{ManifestRequest, Surroundings, generate};
use infer_core::recommend::{CurveSource, Measured, Question};
use infer_core::rules::{self, Background, Neighbours};
use infer_core::workload::{Ntpot, Targets};
use serde_json::Value;

fn main() {
    divan::main();
}

const DAY: u64 = 24 * 3600;

/// gemma-2-27b in vLLM on L4s, as the service measured it.
fn curve(catalog: &Catalog) -> Option<Curve> {
    let question = Question {
        model: Some("google/gemma-2-27b-it"),
        server: Some("vllm"),
        accelerator: Some("nvidia-l4"),
        ..Question::default()
    };
    Measured::new(catalog).curves(&question).ok()?.into_iter().next()
}

fn scenario() -> Option<Scenario> {
    let seconds = Duration::from_secs;
    Some(Scenario {
        trace: Trace::of_pattern(Pattern::Diurnal, 2.0, 20.0, DAY).ok()?,
        curve: ServingCurve::of(&curve(&Catalog::embedded())?, None).ok()?,
        targets: Targets { ntpot: Some(Ntpot::from_milliseconds(200.0)), ..Targets::default() },
        delays: Delays {
            pending: seconds(340),
            loading: seconds(846),
            scrape: seconds(15),
            ingestion: seconds(7),
        },
        settings: Settings::default(),
        usd_per_replica_hour: Some(4.5),
        seed: Some(1),
    })
}

fn played(scenario: &Scenario, fleet: &Fleet) -> Option<Outcome> {
    black_box(simulate(scenario, fleet).ok())
}

#[divan::bench]
fn a_day_at_a_second_autoscaled(bencher: Bencher<'_, '_>) {
    let fleet = Fleet::held_at(49.0, (1, 32), ScalingSteps::USUAL).ok();
    let scenario = scenario();
    bencher.bench(|| played(scenario.as_ref()?, fleet.as_ref()?));
}

#[divan::bench]
fn a_day_at_a_second_with_fixed_replicas(bencher: Bencher<'_, '_>) {
    let (scenario, fleet) = (scenario(), Fleet::fixed(10));
    bencher.bench(|| played(scenario.as_ref()?, &fleet));
}

#[divan::bench]
fn a_day_at_a_second_read(bencher: Bencher<'_, '_>) {
    let mut text = "seconds,requestsPerSecond\n".to_owned();
    for second in 0..DAY {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{second},{:.3}", 2.0 + (second % 3600) as f64 / 100.0);
    }
    bencher.bench(|| black_box(Trace::read(black_box(&text)).ok()));
}

fn manifests(catalog: &Catalog) -> Option<Vec<Value>> {
    let request = ManifestRequest {
        model_server_version: Some("v0.7.2".to_owned()),
        target_ntpot_milliseconds: Some(200.0),
        ..ManifestRequest::new("google/gemma-2-27b-it", "vllm", "nvidia-l4")
    };
    let set = generate(catalog, &Measured::new(catalog), &request, &Surroundings::default()).ok()?;
    set.objects.iter().map(|object| object.to_json().ok()).collect()
}

/// The curve, the threshold, and all objects with their reasons.
#[divan::bench]
fn a_threshold_with_its_manifests(bencher: Bencher<'_, '_>) {
    let catalog = Catalog::embedded();
    bencher.bench(|| black_box(manifests(&catalog)));
}

#[divan::bench]
fn an_explanation(bencher: Bencher<'_, '_>) {
    let (catalog, calibration) = (Catalog::embedded(), Calibration::embedded().ok());
    let objects = manifests(&catalog).unwrap_or_default();
    let autoscaler = objects.iter().find(|object| object["kind"] == "HorizontalPodAutoscaler");
    let mut neighbours = Neighbours::default();
    for object in &objects {
        neighbours.insert(Arc::new(object.clone()));
    }
    let settings = rules::Settings::default();
    let background = Background { catalog: &catalog, settings: &settings, neighbours: &neighbours };
    bencher.bench(|| black_box(explain(autoscaler?, &background, calibration.as_ref()?).ok().flatten()));
}
