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
        "sets `behavior.scaleDown`: one replica in two minutes after ten quiet minutes; scaling up stays as it is",
    ),
    source: "Kubernetes API reference, HorizontalPodAutoscalerBehavior v2; pkg/apis/autoscaling/v2/defaults.go",
    check: Check::Autoscaler(check),
    examples: examples!("INF101"),
};

fn check(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let autoscaler = facts.autoscaler;
    let down = autoscaler.behavior.and_then(|behavior| behavior.get(DOWN));
    // `autoscaling/v1` has no behaviour: the field would be lost.
    let is_old = autoscaler.is_first_version();
    if facts.target.is_empty() || is_old || !is_default(down) {
        return Vec::new();
    }
    let what = "scaling down is left at its default: all surplus replicas go at once after 300 s";
    let found = Found::new(
        autoscaler.behavior_at(),
        what,
        "set `behavior.scaleDown` to one replica at a time after a longer window",
    );
    vec![match fix(&autoscaler.behavior_at()) {
        Some(fix) => found.with_fix(fix),
        None => found,
    }]
}

const DOWN: &str = "scaleDown";

/// Whether rules say nothing beyond what the API server fills in, which stands there when admission sees the object: an
/// author who writes how to scale up gets `scaleDown` with all replicas in 15 s, and without a window.
fn is_default(rules: Option<&Value>) -> bool {
    let Some(rules) = rules.filter(|rules| !rules.is_null()) else { return true };
    let field = |name: &str| rules.get(name).filter(|value| !value.is_null());
    let filled_in = json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]);
    field("stabilizationWindowSeconds").is_none()
        && field("selectPolicy").is_none_or(|select| select == "Max")
        && field("tolerance").is_none()
        && field("policies").is_none_or(|written| *written == json!([]) || *written == filled_in)
}

fn fix(at: &PointerBuf) -> Option<Fix> {
    let ours = json!(behavior(ScalingSteps::USUAL, None));
    Some(Fix {
        summary: "scale down by one replica in two minutes after ten quiet minutes".to_owned(),
        caution: Caution::Safe,
        edits: vec![Edit::Set { at: at.with_trailing_token(DOWN), value: ours.get(DOWN)?.clone() }],
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
        assert!(is_default(Some(&filled)));
        assert!(is_default(Some(&json!({"policies": []}))));
        assert!(is_default(None));
        for own in [
            json!({"stabilizationWindowSeconds": 120}),
            // The controller's default, but nobody fills it in: the author wrote it.
            json!({"stabilizationWindowSeconds": 300}),
            json!({"selectPolicy": "Disabled"}),
            json!({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}),
        ] {
            assert!(!is_default(Some(&own)), "{own}");
        }
    }
}
