//! The Prometheus frontend of Managed Service for Prometheus: a Prometheus API in the cluster that asks Cloud Monitoring.

use serde_json::{Value, json};

use crate::autoscale::{FRONTEND, FRONTEND_PORT, MONITORING_NAMESPACE};

/// As in the GKE tutorial on autoscaling of Gemma with JetStream.
const IMAGE: &str = "gke.gcr.io/prometheus-engine/frontend:v0.8.0-gke.4";

/// Everything, in the order in which to apply it. The account is there before anything is bound to it or runs as it, and
/// the Service has the name that the adapter asks.
pub(super) fn objects(project: &str) -> [Value; 4] {
    let metadata = json!({"name": FRONTEND, "namespace": MONITORING_NAMESPACE});
    [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MONITORING_NAMESPACE}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": FRONTEND}},
                "template": {"metadata": {"labels": {"app": FRONTEND}}, "spec": pod(project)},
            },
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {
                "selector": {"app": FRONTEND},
                "ports": [{"name": "web", "port": FRONTEND_PORT, "targetPort": "web", "protocol": "TCP"}],
            },
        }),
    ]
}

fn pod(project: &str) -> Value {
    let probe = |path: &str| json!({"httpGet": {"path": path, "port": "web"}});
    let runs_on = |key: &str, values: &[&str]| json!({"key": key, "operator": "In", "values": values});
    json!({
        "serviceAccountName": FRONTEND,
        "automountServiceAccountToken": true,
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [
                runs_on("kubernetes.io/arch", &["arm64", "amd64"]),
                runs_on("kubernetes.io/os", &["linux"]),
            ]}],
        }}},
        "containers": [{
            "name": "frontend",
            "image": IMAGE,
            "args": [format!("--web.listen-address=:{FRONTEND_PORT}"), format!("--query.project-id={project}")],
            "ports": [{"name": "web", "containerPort": FRONTEND_PORT}],
            "readinessProbe": probe("/-/ready"),
            "livenessProbe": probe("/-/healthy"),
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "privileged": false,
                "runAsGroup": 1000,
                "runAsNonRoot": true,
                "runAsUser": 1000,
            },
        }],
    })
}
