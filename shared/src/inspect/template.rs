//! Where the Pod templates of an object stand.

use serde_json::Value;

use super::PointerBuf;

/// A Pod, or what a workload makes Pods of: an object with `metadata` and `spec`.
#[derive(Debug, Clone, PartialEq)]
pub struct PodTemplate<'a> {
    /// Where it stands in the object; the root for a Pod.
    pub at: PointerBuf,
    /// The template itself.
    pub value: &'a Value,
    /// Its part in a group of Pods.
    pub role: super::Role,
}

/// Pod templates of `object`, by its kind; empty for kinds that make no Pods.
pub fn pod_templates(object: &Value) -> Vec<PodTemplate<'_>> {
    use super::Role;
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let paths: &[(&str, Role)] = match kind {
        "Pod" => &[("", Role::Alone)],
        "Deployment" | "StatefulSet" | "ReplicaSet" | "DaemonSet" | "Job" | "ReplicationController" => {
            &[("/spec/template", Role::Alone)]
        }
        "CronJob" => &[("/spec/jobTemplate/spec/template", Role::Alone)],
        "LeaderWorkerSet" => &[
            ("/spec/leaderWorkerTemplate/leaderTemplate", Role::Leader),
            ("/spec/leaderWorkerTemplate/workerTemplate", Role::Worker),
        ],
        "JobSet" => return job_set_templates(object),
        _ => &[],
    };
    let present = paths.iter().filter_map(|(path, role)| {
        let value = object.pointer(path)?;
        Some(PodTemplate { at: PointerBuf::parse(*path).ok()?, value, role: *role })
    });
    present.filter(|template| template.value.get("spec").is_some()).collect()
}

fn job_set_templates(object: &Value) -> Vec<PodTemplate<'_>> {
    let jobs = object.pointer("/spec/replicatedJobs").and_then(Value::as_array);
    let jobs = jobs.into_iter().flatten().enumerate();
    let templates = jobs.filter_map(|(index, job)| {
        let value = job.pointer("/template/spec/template")?;
        let at = PointerBuf::parse(format!("/spec/replicatedJobs/{index}/template/spec/template")).ok()?;
        Some(PodTemplate { at, value, role: super::Role::Group })
    });
    templates.filter(|template| template.value.get("spec").is_some()).collect()
}
