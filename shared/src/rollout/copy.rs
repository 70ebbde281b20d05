//! The temporary copy that compiles for a serving workload.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{REVISION, WARMS};

/// Name of the temporary copy of the Deployment `name`.
pub fn copy_name(name: &str) -> String {
    const LONGEST_NAME: usize = 253;
    const SUFFIX: &str = "-warm";
    let kept = name.get(..LONGEST_NAME - SUFFIX.len()).unwrap_or(name);
    format!("{}{SUFFIX}", kept.trim_end_matches(['-', '.']))
}

/// A Deployment of one replica with the template of `deployment`, that nothing but the rollout finds: its Pods have
/// none of the labels by which the Deployment, or one of `services`, selects. It is deleted with the Deployment.
pub fn copy_of(deployment: &Value, services: &[Value]) -> Value {
    let text = |path: &str| deployment.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let uid = text("/metadata/uid");
    let mut template = deployment.pointer("/spec/template").cloned().unwrap_or_default();
    let labels = labels(deployment, &template, services, uid);
    template["metadata"]["labels"] = labels.into();
    let revision = deployment.pointer("/metadata/annotations/deployment.kubernetes.io~1revision");
    let owner = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": text("/metadata/name"),
        "uid": uid,
    });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": copy_name(text("/metadata/name")),
            "namespace": text("/metadata/namespace"),
            "labels": { WARMS: uid },
            "annotations": revision.map(|revision| json!({ REVISION: revision })),
            "ownerReferences": [owner],
        },
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 0,
            "selector": { "matchLabels": { WARMS: uid } },
            "template": template,
        },
    })
}

/// The template's labels without those by which anything selects it.
fn labels(deployment: &Value, template: &Value, services: &[Value], uid: &str) -> Map<String, Value> {
    let empty = Map::new();
    let written = template.pointer("/metadata/labels").and_then(Value::as_object).unwrap_or(&empty);
    let mut selecting: BTreeSet<&str> = BTreeSet::new();
    let own = deployment.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    selecting.extend(own.into_iter().flat_map(Map::keys).map(String::as_str));
    let expressions = deployment.pointer("/spec/selector/matchExpressions").and_then(Value::as_array);
    let keys = expressions.into_iter().flatten().filter_map(|expression| expression.get("key")?.as_str());
    selecting.extend(keys);
    for selector in services.iter().filter_map(|service| service.pointer("/spec/selector")?.as_object()) {
        if selector.iter().all(|(key, value)| written.get(key) == Some(value)) {
            selecting.extend(selector.keys().map(String::as_str));
        }
    }
    let kept = written.iter().filter(|(key, _)| !selecting.contains(key.as_str()));
    let mut labels: Map<_, _> = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
    labels.insert(WARMS.to_owned(), uid.into());
    labels
}
