//! The Custom Metrics Stackdriver Adapter.
//!
//! Its parts, image, arguments and the names of its APIs are those of GoogleCloudPlatform/k8s-stackdriver,
//! `custom-metrics-stackdriver-adapter/deploy/production/adapter_new_resource_model.yaml@0857364` (Apache-2.0).

use serde_json::{Value, json};

/// Namespace.
pub(super) const NAMESPACE: &str = "custom-metrics";

/// Deployment, Service and service account.
pub(super) const NAME: &str = "custom-metrics-stackdriver-adapter";

/// 0.13.1 and newer read Managed Service for Prometheus.
const IMAGE: &str = "gcr.io/gke-release/custom-metrics-stackdriver-adapter:v0.15.1-gke.0";

/// Everything, in the order in which to apply it; the APIs come last, when there is something behind them.
pub(super) fn objects() -> Vec<Value> {
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(NAME)}),
    ];
    objects.extend(roles());
    objects.extend([deployment(), service()]);
    objects.extend([
        api("custom.metrics.k8s.io", "v1beta1", 100),
        api("custom.metrics.k8s.io", "v1beta2", 200),
        api("external.metrics.k8s.io", "v1beta1", 100),
    ]);
    objects
}

fn metadata(name: &str) -> Value {
    json!({"name": name, "namespace": NAMESPACE})
}

fn adapter() -> Value {
    json!([{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}])
}

fn role(kind: &str, name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
}

/// It may ask the API server who asks it, and read Pods; the HPA controller may read external metrics.
fn roles() -> [Value; 6] {
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    const READER: &str = "custom-metrics-resource-reader";
    const EXTERNAL: &str = "external-metrics-reader";
    const READ: [&str; 3] = ["get", "list", "watch"];
    let controller = json!([
        {"kind": "ServiceAccount", "name": "horizontal-pod-autoscaler", "namespace": "kube-system"}
    ]);
    let binding = |name: &str, role: Value, subjects: Value| {
        json!({
            "apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": role, "subjects": subjects,
        })
    };
    [
        binding(
            "custom-metrics:system:auth-delegator",
            role("ClusterRole", "system:auth-delegator"),
            adapter(),
        ),
        json!({
            "apiVersion": RBAC, "kind": "RoleBinding",
            "metadata": {"name": "custom-metrics-auth-reader", "namespace": "kube-system"},
            "roleRef": role("Role", "extension-apiserver-authentication-reader"), "subjects": adapter(),
        }),
        json!({
            "apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": READER},
            "rules": [{"apiGroups": [""], "resources": ["pods", "nodes", "nodes/stats"], "verbs": READ}],
        }),
        binding(READER, role("ClusterRole", READER), adapter()),
        json!({
            "apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": EXTERNAL},
            "rules": [{"apiGroups": ["external.metrics.k8s.io"], "resources": ["*"], "verbs": READ}],
        }),
        binding(EXTERNAL, role("ClusterRole", EXTERNAL), controller),
    ]
}

fn deployment() -> Value {
    let labels = json!({"run": NAME, "k8s-app": NAME});
    let resources = json!({"cpu": "250m", "memory": "400Mi"});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(NAME),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": NAME,
                    "containers": [{
                        "name": "pod-custom-metrics-stackdriver-adapter",
                        "image": IMAGE,
                        "command": [
                            "/adapter", "--use-new-resource-model=true",
                            "--fallback-for-container-metrics=true",
                        ],
                        "resources": {"requests": resources, "limits": resources},
                    }],
                },
            },
        },
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": metadata(NAME),
        "spec": {
            "selector": {"run": NAME, "k8s-app": NAME},
            "ports": [{"port": 443, "protocol": "TCP", "targetPort": 443}],
        },
    })
}

/// The adapter makes its own certificate, which nobody can check.
fn api(group: &str, version: &str, priority: u32) -> Value {
    json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": format!("{version}.{group}")},
        "spec": {
            "group": group, "version": version, "insecureSkipTLSVerify": true,
            "groupPriorityMinimum": 100, "versionPriority": priority,
            "service": {"name": NAME, "namespace": NAMESPACE},
        },
    })
}
