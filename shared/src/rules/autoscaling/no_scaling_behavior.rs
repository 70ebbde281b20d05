//! INF101: replicas that go as fast as they came.

use serde_json::{Value, json};

use crate::autoscale::ScalingSteps;
use crate::inspect::PointerBuf;
use crate::manifest::autoscaling::behavior;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{AutoscalerFacts, Caution, Check, Edit, Fix, Group, Rule, Scope, Severity};

/// INF101.
pub(crate) static RULE: Rule = Rule {
    id: "INF101",
    name: "no-scaling-behavior",
    group: Group::Autoscaling,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "An autoscaler of an inference workload has no behaviour of its own for scaling down",
    needs: "the target's manifest",
    rationale: "By default all surplus replicas go at once after five quiet minutes. A replica that goes takes its \
                accelerator along and the next one loads all weights again; the N - 1 that remain carry N/(N - 1) of \
                the load.",
    fix: Some(
        "down by one replica in two minutes after ten quiet minutes, up to at most double in a minute; what the author \
         wrote stays",
    ),
    source: "Kubernetes API reference, HorizontalPodAutoscalerBehavior v2; pkg/apis/autoscaling/v2/defaults.go",
    check: Check::Autoscaler(check),
    examples: examples!("INF101"),
};

fn check(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let autoscaler = facts.autoscaler;
    let written = |direction: &str| autoscaler.behavior.and_then(|behavior| behavior.get(direction));
    // `autoscaling/v1` has no behaviour: the field would be lost.
    let is_old = autoscaler.is_first_version();
    if facts.target.is_empty() || is_old || !is_default(written(DOWN), None, DEFAULT_DOWN) {
        return Vec::new();
    }
    let what = "scaling down is left at its default: all surplus replicas go at once after 300 s";
    let found = Found::new(
        autoscaler.behavior_at(),
        what,
        "set `behavior.scaleDown` to one replica at a time after a longer window",
    );
    let up_is_free = is_default(written(UP), Some(0.0), DEFAULT_UP);
    vec![match fix(&autoscaler.behavior_at(), up_is_free) {
        Some(fix) => found.with_fix(fix),
        None => found,
    }]
}

const UP: &str = "scaleUp";
const DOWN: &str = "scaleDown";

/// Policies that the API server fills in: type, value, seconds.
const DEFAULT_UP: &[(&str, f64, f64)] = &[("Pods", 4.0, 15.0), ("Percent", 100.0, 15.0)];
const DEFAULT_DOWN: &[(&str, f64, f64)] = &[("Percent", 100.0, 15.0)];

/// Whether rules say nothing beyond the API server's defaults, which stand there when admission sees the object: an
/// author who writes one direction gets the other filled in. A window it fills in for scaling up alone.
fn is_default(rules: Option<&Value>, window: Option<f64>, policies: &[(&str, f64, f64)]) -> bool {
    let Some(rules) = rules.filter(|rules| !rules.is_null()) else { return true };
    let field = |name: &str| rules.get(name).filter(|value| !value.is_null());
    field("stabilizationWindowSeconds").is_none_or(|seconds| window.is_some() && seconds.as_f64() == window)
        && field("selectPolicy").is_none_or(|select| select == "Max")
        && field("tolerance").is_none()
        && field("policies").is_none_or(|written| are_default(written, policies))
}

fn are_default(written: &Value, policies: &[(&str, f64, f64)]) -> bool {
    let Some(written) = written.as_array() else { return false };
    let read = |policy: &Value| {
        let number = |name: &str| policy.get(name)?.as_f64();
        Some((policy.get("type")?.as_str()?.to_owned(), number("value")?, number("periodSeconds")?))
    };
    let has = |(kind, value, seconds): &(&str, f64, f64)| {
        written.iter().filter_map(read).any(|found| found == ((*kind).to_owned(), *value, *seconds))
    };
    written.is_empty() || (written.len() == policies.len() && policies.iter().all(has))
}

fn fix(at: &PointerBuf, up_is_free: bool) -> Option<Fix> {
    let ours = json!(behavior(ScalingSteps::USUAL, None));
    let directions = if up_is_free { &[UP, DOWN][..] } else { &[DOWN] };
    let edits = directions.iter().map(|direction| {
        Some(Edit::Set { at: at.with_trailing_token(*direction), value: ours.get(*direction)?.clone() })
    });
    let up = if up_is_free { ", and up by doubling each minute" } else { "" };
    Some(Fix {
        summary: format!("scale down by one replica in two minutes after ten quiet minutes{up}"),
        caution: Caution::Safe,
        edits: edits.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_fills_in_is_not_set() {
        let filled = json!({
            "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
        });
        assert!(is_default(Some(&filled), None, DEFAULT_DOWN));
        let up = json!({
            "stabilizationWindowSeconds": 0, "selectPolicy": "Max",
            "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 15},
                {"type": "Percent", "value": 100, "periodSeconds": 15},
            ],
        });
        assert!(is_default(Some(&up), Some(0.0), DEFAULT_UP));
        for own in [
            json!({"stabilizationWindowSeconds": 120}),
            // The controller's default, but nobody fills it in: the author wrote it.
            json!({"stabilizationWindowSeconds": 300}),
            json!({"selectPolicy": "Disabled"}),
            json!({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}),
        ] {
            assert!(!is_default(Some(&own), None, DEFAULT_DOWN), "{own}");
        }
    }
}
