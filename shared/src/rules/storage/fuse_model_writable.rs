//! INF027: a model that its server could overwrite.

use serde_json::json;

use super::weights::WeightsVolume;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF027.
pub(crate) static RULE: Rule = Rule {
    id: "INF027",
    name: "fuse-model-writable",
    group: Group::Storage,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "A Cloud Storage FUSE mount that holds only the model is writable",
    needs: "a model path on an inline volume into which no cache, download or script writes",
    rationale: "The server can change the weights of every replica; and what cannot be written can be cached without \
                end.",
    fix: Some("mounts it read-only"),
    source: "cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-perf",
    check: Check::Workload(check),
    examples: examples!("INF027"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(weights) = WeightsVolume::of(facts.pod) else { return Vec::new() };
    if weights.read_only || weights.mount.read_only || weights.may_be_written(facts.pod) {
        return Vec::new();
    }
    let at = weights.mount.at.with_trailing_token("readOnly");
    let written = facts.workload.object.pointer(at.as_str()).is_some();
    let what = format!("the model is mounted writable at `{}`", weights.mount.path);
    let fix = Fix {
        summary: format!("mount {} read-only", weights.mount.path),
        caution: if written { Caution::Overwrites } else { Caution::Safe },
        edits: vec![Edit::Set { at: at.clone(), value: json!(true) }],
    };
    vec![Found::new(at, what, "set `readOnly: true` on the mount").with_fix(fix)]
}
