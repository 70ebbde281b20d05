//! INF105: the first request waits for the weights.

use crate::catalog::GIB;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{AutoscalerFacts, Check, Group, Rule, Scope, Severity};

/// Weights that take minutes to load: at 100 MB/s from the Hub this is five.
const SLOW_FROM_GIB: f64 = 28.0;

/// INF105.
pub(crate) static RULE: Rule = Rule {
    id: "INF105",
    name: "slow-to-wake",
    group: Group::Autoscaling,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "A ScaledObject goes to 0 replicas, and its server takes minutes to start",
    needs: "the target's manifest, and its model's size or a TPU",
    rationale: "The first request after a quiet time waits for a node, for the weights and, on TPU, for a compilation of \
                10 to 30 minutes; most clients give up before.",
    fix: None,
    source: "cloud.google.com/tpu/docs/ml-inference/vllm, compilation; sizes of the catalog",
    check: Check::Autoscaler(check),
    examples: examples!("INF105"),
};

fn check(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let autoscaler = facts.autoscaler;
    let Some(target) = facts.target.first().filter(|_| autoscaler.sleeps()) else { return Vec::new() };
    let weights_gib = target.model.map(|(_, checkpoint)| checkpoint.bytes as f64 / GIB);
    let why = match weights_gib {
        _ if target.is_tpu() => "compiles for 10 to 30 minutes on TPU".to_owned(),
        Some(gib) if gib >= SLOW_FROM_GIB => format!("first loads {gib:.0} GiB of weights"),
        _ => return Vec::new(),
    };
    let at = autoscaler.object.pointer("/spec/minReplicaCount").map(|_| "minReplicaCount");
    let place = crate::inspect::PointerBuf::from_tokens(["spec"].into_iter().chain(at));
    vec![Found::new(
        place,
        format!("it goes to 0 replicas, and a replica that comes back {why}"),
        "set `minReplicaCount: 1` where requests cannot wait that long",
    )]
}
