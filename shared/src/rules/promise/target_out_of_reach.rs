//! INF121: a promise that the accelerator cannot keep.

use super::targets::{ANNOTATIONS, targets};
use crate::curve::{Curve, NoOperatingPoint};
use crate::inspect::{PointerBuf, Told};
use crate::recommend::{CurveSource, Measured, Question, Recommendation, Rejection, Requirements, recommend};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};
use crate::workload::Targets;

/// INF121.
pub(crate) static RULE: Rule = Rule {
    id: "INF121",
    name: "target-out-of-reach",
    group: Group::Promise,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The annotated latency target is out of reach for the accelerators that the Pod asks for",
    needs: "an annotated target, and measured curves of this model, server and number of accelerators",
    rationale: "No load is low enough: even a single request takes longer than the target on every measured curve of \
                this configuration.",
    fix: None,
    source: "measured profiles of the catalog; `kubectl infer benchmarks list` prints them",
    check: Check::Workload(check),
    examples: examples!("INF121"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let targets = targets(facts.workload);
    if targets.is_empty() || !facts.is_first_pod() {
        return Vec::new();
    }
    found(facts, &targets).into_iter().collect()
}

fn found(facts: &Facts<'_>, targets: &Targets) -> Option<Found> {
    let curves = curves(facts)?;
    let mut nearest: Option<(f64, Rejection)> = None;
    for curve in &curves {
        match curve.operating_point(targets) {
            Ok(_) => return None,
            Err(NoOperatingPoint::Unmet(unmet)) => {
                let excess = unmet.iter().map(|unmet| unmet.nearest / unmet.target).fold(1.0, f64::max);
                if nearest.as_ref().is_none_or(|(least, _)| excess < *least) {
                    nearest = Some((excess, NoOperatingPoint::Unmet(unmet).into()));
                }
            }
            // A curve without that latency may well meet the target.
            Err(NoOperatingPoint::NeverMeasured(_) | NoOperatingPoint::Empty) => return None,
        }
    }
    let (_, why) = nearest?;
    let configuration = &curves.first()?.configuration;
    let on = format!("{} x {}", configuration.accelerators, configuration.accelerator);
    let remedy = match elsewhere(facts, targets) {
        Some(other) => reaching(&other),
        None => "no measured configuration of the model reaches it: raise the target".to_owned(),
    };
    Some(Found::new(place(facts), format!("on {on}, {why}"), remedy))
}

/// Measured curves of just what the Pods run, of any version and traffic; `None` where that cannot be told.
pub(super) fn curves(facts: &Facts<'_>) -> Option<Vec<Curve>> {
    let (model, checkpoint) = facts.model?;
    let accelerators = facts.accelerators_per_pod()?.checked_mul(*facts.pod.pods_per_replica.known()?)?;
    if facts.pod.quantization != Told::Unset {
        return None;
    }
    let question = Question {
        model: Some(&model.id),
        server: Some(&facts.server?.name),
        accelerator: Some(&facts.accelerator?.id),
        ..Question::default()
    };
    let source = Measured::new(facts.background.catalog);
    let mut curves = source.curves(&question).ok()?;
    curves.retain(|curve| {
        let configuration = &curve.configuration;
        configuration.accelerators == accelerators
            && configuration.precision.is_none_or(|precision| precision == checkpoint.precision)
    });
    Some(curves)
}

/// The cheapest measured configuration of the model that meets the targets.
fn elsewhere(facts: &Facts<'_>, targets: &Targets) -> Option<Recommendation> {
    let background = facts.background;
    let requirements = Requirements {
        model: Some(facts.model?.1.id.clone()),
        targets: *targets,
        pricing_model: super::bill::pricing_model(facts),
        region: background.settings.region.clone(),
        ..Requirements::default()
    };
    let answers = recommend(background.catalog, &Measured::new(background.catalog), &requirements).ok()?;
    answers.ranked.into_iter().next()
}

fn reaching(other: &Recommendation) -> String {
    let configuration = &other.configuration;
    let what = format!(
        "{} x {} with {}",
        configuration.accelerators, configuration.accelerator, configuration.server
    );
    match other.cost.priced() {
        Some(cost) => format!("{what} reaches it at ${:.2} an hour a replica", cost.usd_per_hour),
        None => format!("{what} reaches it"),
    }
}

/// The first annotated target.
fn place(facts: &Facts<'_>) -> PointerBuf {
    let of = |value: &serde_json::Value| {
        let annotations = value.pointer("/metadata/annotations")?;
        ANNOTATIONS.iter().map(|(_, key)| *key).find(|key| annotations.get(key).is_some())
    };
    let below = |key: &'static str| PointerBuf::from_tokens(["metadata", "annotations", key]);
    match (of(facts.workload.object), of(facts.pod.template)) {
        (Some(key), _) => below(key),
        (None, Some(key)) => facts.pod.at.concat(&below(key)),
        (None, None) => PointerBuf::from_tokens(["metadata", "annotations"]),
    }
}
