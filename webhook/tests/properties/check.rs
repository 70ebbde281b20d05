// What holds for any bytes and any object. Used by the properties that run in CI and by the fuzz targets.

#[path = "../../../shared/src/policy/tests/soundness.rs"]
mod soundness;

use std::sync::{Arc, LazyLock};

use infer_core::catalog::Catalog;
use infer_core::policy::{Phase, PolicySet, Request, Snapshot, decide};
use infer_webhook::{ReviewRequest, answer};
use serde_json::{Value, json};

/// Everything that can be put right is, whatever its author wrote.
static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let groups =
        ["cache", "storage", "compilation", "fit", "arguments", "life-cycle", "autoscaling", "promise"];
    let rules: Vec<_> =
        groups.iter().map(|group| json!({ "rule": group, "action": "mutate", "overwrite": true })).collect();
    let policy = json!({
        "apiVersion": "kubectl-infer.io/v1alpha1",
        "kind": "InferencePolicy",
        "metadata": { "name": "everything", "generation": 1 },
        "spec": { "rules": rules },
    });
    let policies = PolicySet::compile([&policy], &PolicySet::default());
    assert_eq!(policies.len(), 1, "{:?}", policies.reports());
    Snapshot { catalog: Arc::new(Catalog::embedded()), policies: Arc::new(policies), ..Snapshot::default() }
});

/// Any bytes are a review, or refused with a reason.
pub(crate) fn bytes(body: &[u8]) {
    match ReviewRequest::read(body) {
        Err(reason) => assert!(!reason.is_empty()),
        Ok(review) => {
            if let Some(object) = &review.object {
                self::object(object);
            }
            let _ = review.old_object.read();
        }
    }
}

/// Any object is answered with a valid review, its patch applies, and a second admission changes nothing more: as it
/// is, and with fields that nobody knows.
pub(crate) fn object(object: &Value) {
    answered(object);
    answered(&soundness::with_unknown_fields(object));
}

fn answered(object: &Value) {
    let decided = |phase, object: &Value| {
        let request = Request { namespace: Some("team"), ..Request::create(object, 1_800_000_000) };
        decide(phase, &request, &SNAPSHOT).expect("the embedded catalog can be read")
    };
    let first = decided(Phase::Mutate, object);
    let text = answer("uid", &first).expect("an answer is JSON");
    let review: Value = serde_json::from_slice(&text).expect("an answer is JSON");
    assert_eq!(review["response"]["uid"], "uid");
    assert!(review["response"]["allowed"].is_boolean());

    let changed = soundness::apply_soundly(object, &first.patch);
    let again = decided(Phase::Mutate, &changed);
    assert!(again.patch.is_empty(), "{}\nis changed again by\n{}", first.patch, again.patch);

    let last = decided(Phase::Validate, &changed);
    assert!(last.patch.is_empty());
    let together: usize = last.warnings.iter().map(String::len).sum();
    assert!(together <= 4096 && last.warnings.iter().all(|warning| warning.len() <= 256));
    let printable = |warning: &String| warning.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    assert!(last.warnings.iter().all(printable), "{:?}", last.warnings);
}
