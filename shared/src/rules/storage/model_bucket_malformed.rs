//! INF022: an annotation that names no bucket.

use super::model_bucket::{self, ANNOTATION};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF022.
pub(crate) static RULE: Rule = Rule {
    id: "INF022",
    name: "model-bucket-malformed",
    group: Group::Storage,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The annotation `kubectl-infer.io/model-bucket-uri` is not `gs://BUCKET` or `gs://BUCKET/PATH`",
    needs: "the annotation, on the workload or the Pod template",
    rationale: "What it names becomes a mount option: characters that mean something there are refused, and so are \
                URIs of other kinds of storage.",
    fix: None,
    source: "cloud.google.com/storage/docs/buckets#naming",
    check: Check::Workload(check),
    examples: examples!("INF022"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(Err(error)) = model_bucket::named(facts) else { return Vec::new() };
    let on_template = facts.pod.annotation(ANNOTATION).is_some();
    let at = if on_template {
        facts.pod.pointer(["metadata", "annotations", ANNOTATION])
    } else {
        crate::inspect::PointerBuf::from_tokens(["metadata", "annotations", ANNOTATION])
    };
    vec![Found::new(at, error.to_string(), "name a directory with `config.json` and the weights")]
}
