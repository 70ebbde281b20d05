//! Where the Pod templates of an object stand.

use serde_json::Value;

use super::{PointerBuf, Role};

/// A Pod, or what a workload makes Pods of: an object with `metadata` and `spec`.
#[derive(Debug, Clone, PartialEq)]
pub struct PodTemplate<'a> {
    /// Where it stands in the object; the root for a Pod.
    pub at: PointerBuf,
    /// The template itself.
    pub value: &'a Value,
    /// Its part in a group of Pods.
    pub role: Role,
}

/// Pod templates of `object`, by its kind; empty for kinds that make no Pods.
pub fn pod_templates(object: &Value) -> Vec<PodTemplate<'_>> {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let mut found = Vec::new();
    match kind {
        "Pod" => push(&mut found, object, &[], Role::Alone),
        "Deployment" | "StatefulSet" | "ReplicaSet" | "DaemonSet" | "Job" | "ReplicationController" => {
            push(&mut found, object, &["spec", "template"], Role::Alone);
        }
        "CronJob" => push(&mut found, object, &["spec", "jobTemplate", "spec", "template"], Role::Alone),
        "LeaderWorkerSet" => {
            let path = |template| ["spec", "leaderWorkerTemplate", template];
            push(&mut found, object, &path("leaderTemplate"), Role::Leader);
            push(&mut found, object, &path("workerTemplate"), Role::Worker);
        }
        "JobSet" => each(&mut found, object, &["spec", "replicatedJobs"], &["template", "spec", "template"]),
        "RayCluster" => ray_cluster(&mut found, object, &["spec"]),
        "RayService" => ray_cluster(&mut found, object, &["spec", "rayClusterConfig"]),
        _ => {}
    }
    found
}

/// Head and workers of a Ray cluster, whose specification stands at `at`.
fn ray_cluster<'a>(found: &mut Vec<PodTemplate<'a>>, object: &'a Value, at: &[&str]) {
    push(found, object, &[at, &["headGroupSpec", "template"]].concat(), Role::Group);
    each(found, object, &[at, &["workerGroupSpecs"]].concat(), &["template"]);
}

/// The template at `path`, if one is there.
fn push<'a>(found: &mut Vec<PodTemplate<'a>>, object: &'a Value, path: &[&str], role: Role) {
    let value = path.iter().try_fold(object, |value, name| value.get(name));
    if let Some(value) = value.filter(|value| value.get("spec").is_some_and(Value::is_object)) {
        found.push(PodTemplate { at: PointerBuf::from_tokens(path.iter().copied()), value, role });
    }
}

/// The templates at `path` in each entry of `list`.
fn each<'a>(found: &mut Vec<PodTemplate<'a>>, object: &'a Value, list: &[&str], path: &[&str]) {
    let entries = list.iter().try_fold(object, |value, name| value.get(name)).and_then(Value::as_array);
    let above = PointerBuf::from_tokens(list.iter().copied());
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        let before = found.len();
        push(found, entry, path, Role::Group);
        for template in &mut found[before..] {
            template.at = above.with_trailing_token(index).concat(&template.at);
        }
    }
}
