//! Autoscalers in control planes with somebody who answers for metrics.

mod monitored;
mod scaled;
mod sequences;

use serde_json::{Value, json};

/// A Deployment `server` whose Pods fit anywhere.
fn deployment(replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "server" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": "server" } },
            "template": {
                "metadata": { "labels": { "app": "server" } },
                "spec": { "containers": [{ "name": "server", "image": "server" }], "terminationGracePeriodSeconds": 0 },
            },
        },
    })
}

/// An HorizontalPodAutoscaler of it.
fn autoscaler(min: u32, max: u32, metrics: &Value, behavior: Option<&Value>) -> Value {
    let mut object = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "server" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "server" },
            "minReplicas": min,
            "maxReplicas": max,
            "metrics": metrics,
        },
    });
    if let Some(behavior) = behavior {
        object["spec"]["behavior"] = behavior.clone();
    }
    object
}
