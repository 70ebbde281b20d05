//! Workloads for tests of single rules.

use serde_json::{Value, json};

use super::{Background, Finding, Neighbours, Settings, apply, check};
use crate::catalog::Catalog;

/// A Deployment whose one container has the fields of `container`, with the fields of `spec` in its Pod.
pub(super) fn server(container: Value, spec: Value) -> Value {
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "server"},
        "spec": {
            "replicas": 1,
            "template": {"metadata": {}, "spec": {"containers": [{"name": "server"}]}},
        },
    });
    let object = merged(object, "/spec/template/spec", spec);
    merged(object, "/spec/template/spec/containers/0", container)
}

/// `object` with `change` merged into what stands at `at`, as RFC 7386 merges.
pub(super) fn merged(mut object: Value, at: &str, change: Value) -> Value {
    json_patch::merge(object.pointer_mut(at).unwrap(), &change);
    object
}

/// What the rule `id` finds without any policy.
pub(super) fn findings_of(id: &str, object: &Value) -> Vec<Finding> {
    findings_with(id, object, &Settings::default())
}

/// What the rule `id` finds with `settings`.
pub(super) fn findings_with(id: &str, object: &Value, settings: &Settings) -> Vec<Finding> {
    let catalog = Catalog::embedded();
    let neighbours = Neighbours::default();
    let background = Background { catalog: &catalog, settings, neighbours: &neighbours };
    let found = check(object, &background).unwrap();
    found.into_iter().filter(|finding| finding.rule.id == id).collect()
}

/// `object` with every fix of the rule `id`.
pub(super) fn fixed(id: &str, object: &Value) -> Value {
    let mut fixed = object.clone();
    for fix in findings_of(id, object).into_iter().filter_map(|finding| finding.fix) {
        apply(&fix.edits, &mut fixed).unwrap();
    }
    fixed
}
