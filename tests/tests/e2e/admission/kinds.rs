//! The same Pod in every kind that brings one.

use anyhow::Result;
use serde_json::{Value, json};

/// Kinds, all but the Deployment, that a Deployment is turned into.
pub(super) const KINDS: [&str; 8] =
    ["Pod", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "JobSet", "LeaderWorkerSet"];

/// A Deployment as another kind: with the same name, annotations and Pod template.
pub(super) fn turned_into(kind: &str, deployment: &Value) -> Result<Value> {
    let mut template = deployment["spec"]["template"].clone();
    if matches!(kind, "Job" | "CronJob" | "JobSet") {
        template["spec"]["restartPolicy"] = json!("Never");
    }
    // Its volume has a random name.
    template["spec"]["automountServiceAccountToken"] = json!(false);
    let selector = &deployment["spec"]["selector"];
    let job = json!({ "template": template });
    let (group, spec) = match kind {
        "Pod" => ("v1", template["spec"].clone()),
        "StatefulSet" => {
            ("apps/v1", json!({ "serviceName": "", "selector": selector, "template": template }))
        }
        "DaemonSet" | "ReplicaSet" => ("apps/v1", json!({ "selector": selector, "template": template })),
        "Job" => ("batch/v1", job),
        "CronJob" => ("batch/v1", json!({ "schedule": "0 3 * * *", "jobTemplate": { "spec": job } })),
        "JobSet" => (
            "jobset.x-k8s.io/v1alpha2",
            json!({ "replicatedJobs": [{ "name": "servers", "replicas": 1, "template": { "spec": job } }] }),
        ),
        "LeaderWorkerSet" => (
            "leaderworkerset.x-k8s.io/v1",
            json!({ "replicas": 1, "leaderWorkerTemplate": { "size": 1, "workerTemplate": template } }),
        ),
        _ => anyhow::bail!("{kind} is not known"),
    };
    let mut metadata = deployment["metadata"].clone();
    if kind == "Pod" {
        metadata["labels"] = template["metadata"]["labels"].clone();
        if let Some(own) = template["metadata"]["annotations"].as_object() {
            for (key, value) in own {
                metadata["annotations"][key] = value.clone();
            }
        }
    }
    Ok(json!({ "apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec }))
}

/// Where its Pod template is.
pub(super) fn template(object: &Value) -> &Value {
    let spec = &object["spec"];
    match object["kind"].as_str().unwrap_or_default() {
        "Pod" => object,
        "CronJob" => &spec["jobTemplate"]["spec"]["template"],
        "JobSet" => &spec["replicatedJobs"][0]["template"]["spec"]["template"],
        "LeaderWorkerSet" => &spec["leaderWorkerTemplate"]["workerTemplate"],
        _ => &spec["template"],
    }
}
