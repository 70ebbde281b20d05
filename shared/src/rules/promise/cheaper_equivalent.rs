//! INF126: the same promise for less.

use super::targets::targets;
use crate::inspect::PointerBuf;
use crate::recommend::{Measured, Recommendation, Requirements, recommend};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// A difference below this share is in the noise of measurements and prices.
const WORTH_SAYING: f64 = 0.2;

/// INF126.
pub(crate) static RULE: Rule = Rule {
    id: "INF126",
    name: "cheaper-equivalent",
    group: Group::Promise,
    severity: Severity::Information,
    // Ranking all that was measured takes longer than an admission decision may.
    scope: Scope::LintOnly,
    summary: "Another accelerator keeps the annotated promise for less",
    needs: "an annotated target that the Pod's own configuration was measured to meet",
    rationale: "Compared are dollars a million output tokens of measured curves of the same weights, server, traffic \
                and kind of load, each at the highest load within the targets.",
    fix: None,
    source: "measured profiles and price book of the catalog; `kubectl infer list` prints the ranking",
    check: Check::Workload(check),
    examples: examples!("INF126"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    if targets(facts.workload).is_empty() || !facts.is_first_pod() {
        return Vec::new();
    }
    found(facts).into_iter().collect()
}

fn found(facts: &Facts<'_>) -> Option<Found> {
    let (_, checkpoint) = facts.model?;
    let accelerators = facts.accelerators_per_pod()?.checked_mul(*facts.pod.pods_per_replica.known()?)?;
    let accelerator = facts.accelerator?;
    let background = facts.background;
    let requirements = Requirements {
        model: Some(checkpoint.id.clone()),
        server: Some(facts.server?.name.clone()),
        targets: targets(facts.workload),
        pricing_model: super::bill::pricing_model(facts),
        region: background.settings.region.clone(),
        ..Requirements::default()
    };
    let answers = recommend(background.catalog, &Measured::new(background.catalog), &requirements).ok()?;
    let is_own = |found: &&Recommendation| {
        let configuration = &found.configuration;
        configuration.accelerators == accelerators
            && configuration.accelerator == accelerator.id
            && found.checkpoint == checkpoint.id
    };
    let own = answers.ranked.iter().find(is_own)?;
    let alike = |found: &&Recommendation| {
        let other = &found.configuration;
        other.accelerator != accelerator.id
            && found.checkpoint == own.checkpoint
            && other.precision == own.configuration.precision
            && found.traffic == own.traffic
            && found.load_kind == own.load_kind
    };
    let other = answers.ranked.iter().find(alike)?;
    let cost = |found: &Recommendation| Some(found.cost.priced()?.usd_per_million_output_tokens);
    let (now, then) = (cost(own)?, cost(other)?);
    if then > now * (1.0 - WORTH_SAYING) {
        return None;
    }
    let configuration = &other.configuration;
    let what = format!(
        "{} x {} meets the targets at ${then:.3} a million output tokens, {accelerators} x {} takes ${now:.3}",
        configuration.accelerators, configuration.accelerator, accelerator.id
    );
    let at = facts.pod.at.concat(&PointerBuf::from_tokens(["spec", "nodeSelector"]));
    let remedy = format!("compare them with `kubectl infer list --model {}`", checkpoint.id);
    Some(Found::new(at, what, remedy))
}
