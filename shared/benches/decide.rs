//! What a decision costs once the object is parsed.
//!
//! `cargo bench -p infer-core --bench decide`. The bounds are 100 µs median for a Deployment of 20 KiB under 20
//! policies, and 10 µs for a Pod that serves no model.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::sync::Arc;

use divan::{Bencher, black_box};
use infer_core::policy::{Phase, PolicySet, Request, Snapshot, decide, decide_about};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

const NOW: i64 = 1_790_000_000;

/// A Deployment of about 20 KiB, as deployment tools leave them: many variables, annotations and managed fields.
fn deployment() -> Value {
    let environment: Vec<_> = (0..60)
        .map(
            |index| json!({"name": format!("SETTING_{index}"), "value": format!("value of setting {index}")}),
        )
        .collect();
    let managed: serde_json::Map<_, _> = (0..120)
        .map(|index| {
            (format!("k:{{\"name\":\"SETTING_{index}\"}}"), json!({".": {}, "f:name": {}, "f:value": {}}))
        })
        .collect();
    let annotations: serde_json::Map<_, _> = (0..30)
        .map(|index| (format!("example.com/note-{index}"), json!("some words that a tool wrote down here")))
        .collect();
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "llama", "namespace": "serving", "labels": {"app": "llama", "tier": "gold"},
            "annotations": annotations,
            "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": managed}}]
        },
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "llama"}},
            "template": {
                "metadata": {"labels": {"app": "llama"}},
                "spec": {
                    "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"},
                    "volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}}],
                    "containers": [{
                        "name": "vllm",
                        "image": "vllm/vllm-openai:v0.11.0",
                        "command": ["sh", "-c"],
                        "args": ["exec vllm serve meta-llama/Llama-3.3-70B-Instruct \\\n  --tensor-parallel-size 8 \\\n  \
                                  --max-model-len 32768 --gpu-memory-utilization 0.9 --port 8000"],
                        "env": environment,
                        "ports": [{"containerPort": 8000}],
                        "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}},
                        "resources": {
                            "requests": {"cpu": "32", "memory": "400Gi", "nvidia.com/gpu": "8"},
                            "limits": {"memory": "400Gi", "nvidia.com/gpu": "8"}
                        },
                        "volumeMounts": [{"name": "dshm", "mountPath": "/dev/shm"}]
                    }]
                }
            }
        }
    })
}

fn web_pod() -> Value {
    let environment: Vec<_> =
        (0..60).map(|index| json!({"name": format!("SETTING_{index}"), "value": "value"})).collect();
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"containers": [
            {"name": "web", "image": "registry.example/shop/web:2.4.1", "command": ["/web"], "args": ["--port=8080"], "env": environment},
            {"name": "proxy", "image": "registry.example/mesh/proxy:1.9", "args": ["--concurrency", "2"]}
        ]}
    })
}

/// 20 policies that select the workload by a label and say something of several groups.
fn snapshot() -> Snapshot {
    let policies: Vec<_> = (0..20)
        .map(|index| {
            json!({
                "apiVersion": "kubectl-infer.io/v1alpha1", "kind": "InferencePolicy",
                "metadata": {"name": format!("policy-{index:02}"), "generation": 1},
                "spec": {
                    "namespaceSelector": {"matchLabels": {"env": "prod"}},
                    "workloadSelector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["gold", "silver"]}]},
                    "rules": [
                        {"rule": "cache", "action": "mutate"},
                        {"rule": "fit", "action": "warn"},
                        {"rule": "promise", "action": "deny"}
                    ],
                    "limits": {"accelerators": ["nvidia-l4", "nvidia-h100-80gb"], "usdPerHour": 1000.0 + f64::from(index), "replicas": 50},
                    "exemptions": [{"namespace": "trials", "reason": "trials"}]
                }
            })
        })
        .collect();
    let policies = PolicySet::compile(&policies, &PolicySet::default());
    assert_eq!(policies.len(), 20);
    let labels = [("env".to_owned(), "prod".to_owned())].into();
    let namespaces = [("serving".to_owned(), Arc::new(labels))].into();
    let snapshot = Snapshot { policies: Arc::new(policies), namespaces, ..Snapshot::default() };
    // The catalog's sections are read when they are first asked for, by the first decision of a process.
    decide(Phase::Mutate, &Request::create(&deployment(), NOW), &snapshot).unwrap();
    snapshot
}

/// The object as it is stored: every fix made.
fn stored(snapshot: &Snapshot) -> Value {
    let mut object = deployment();
    let verdict = decide(Phase::Mutate, &Request::create(&object, NOW), snapshot).unwrap();
    json_patch::patch(&mut object, &verdict.patch).unwrap();
    object
}

#[divan::bench]
fn mutate_with_fixes(bencher: Bencher<'_, '_>) {
    let (object, snapshot) = (deployment(), snapshot());
    let verdict = decide(Phase::Mutate, &Request::create(&object, NOW), &snapshot).unwrap();
    assert!(!verdict.patch.0.is_empty());
    let request = Request { object: None, ..Request::create(&object, NOW) };
    bencher
        .with_inputs(|| object.clone())
        .bench_values(|object| decide_about(Phase::Mutate, &request, Some(object), &snapshot).unwrap());
}

#[divan::bench]
fn mutate_without_fixes(bencher: Bencher<'_, '_>) {
    let snapshot = snapshot();
    let object = stored(&snapshot);
    bencher.bench(|| decide(Phase::Mutate, black_box(&Request::create(&object, NOW)), &snapshot).unwrap());
}

#[divan::bench]
fn validate(bencher: Bencher<'_, '_>) {
    let snapshot = snapshot();
    let object = stored(&snapshot);
    bencher.bench(|| decide(Phase::Validate, black_box(&Request::create(&object, NOW)), &snapshot).unwrap());
}

#[divan::bench]
fn update_of_nothing(bencher: Bencher<'_, '_>) {
    let snapshot = snapshot();
    let object = stored(&snapshot);
    let request = Request::update(&object, &object, NOW);
    bencher.bench(|| decide(Phase::Mutate, black_box(&request), &snapshot).unwrap());
}

#[divan::bench]
fn not_inference(bencher: Bencher<'_, '_>) {
    let (object, snapshot) = (web_pod(), snapshot());
    let request = Request { namespace: Some("serving"), ..Request::create(&object, NOW) };
    bencher.bench(|| decide(Phase::Mutate, black_box(&request), &snapshot).unwrap());
}

#[divan::bench]
fn not_inference_validated(bencher: Bencher<'_, '_>) {
    let (object, snapshot) = (web_pod(), snapshot());
    let request = Request { namespace: Some("serving"), ..Request::create(&object, NOW) };
    bencher.bench(|| decide(Phase::Validate, black_box(&request), &snapshot).unwrap());
}
