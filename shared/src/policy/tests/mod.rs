//! Decisions, as the people who meet them would describe them.

mod definition;
mod policies;
mod properties;
mod said;
mod soundness;
mod when;

use serde_json::{Value, json};

use std::sync::Arc;

use super::{Phase, PolicySet, Request, Snapshot, Verdict, decide};

/// A moment that tests do not care about.
const NOW: i64 = 1_790_000_000;

/// A Deployment whose weights fill a node's disk: INF001 finds it and has a safe fix.
fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "llama", "namespace": "serving"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "llama"}},
            "template": {
                "metadata": {"labels": {"app": "llama"}},
                "spec": pod_spec()
            }
        }
    })
}

fn pod_spec() -> Value {
    json!({
        "containers": [{
            "name": "vllm",
            "image": "vllm/vllm-openai:v0.11.0",
            "args": ["--model=meta-llama/Llama-3.3-70B-Instruct", "--tensor-parallel-size=8"],
            "env": [{
                "name": "HF_TOKEN",
                "valueFrom": {"secretKeyRef": {"name": "hf-secret", "key": "hf_api_token"}}
            }],
            "resources": {
                "requests": {"cpu": "32", "memory": "400Gi"},
                "limits": {"nvidia.com/gpu": "8", "memory": "400Gi"}
            },
            "unknownToEveryone": {"kept": [1, 2, 3]}
        }]
    })
}

fn pod() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "llama", "namespace": "serving"},
        "spec": pod_spec()
    })
}

fn set(object: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let key = key.replace("~1", "/");
    let parent = object.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().insert(key, value);
}

fn mutate(request: &Request<'_>) -> Verdict {
    decide(Phase::Mutate, request, &Snapshot::default()).unwrap()
}

fn patched(object: &Value, verdict: &Verdict) -> Value {
    let mut object = object.clone();
    json_patch::patch(&mut object, &verdict.patch).unwrap();
    object
}

/// The object as the API server stores it after it was created.
fn stored(object: &Value) -> Value {
    patched(object, &mutate(&Request::create(object, NOW)))
}

/// Policies, each a name and a spec, in force.
fn policies(specs: &[(&str, Value)]) -> PolicySet {
    let objects: Vec<_> = specs.iter().map(|(name, spec)| policy(name, spec)).collect();
    PolicySet::compile(&objects, &PolicySet::default())
}

fn policy(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "kubectl-infer.io/v1alpha1",
        "kind": "InferencePolicy",
        "metadata": {"name": name, "generation": 1},
        "spec": spec
    })
}

fn under(policies: PolicySet) -> Snapshot {
    Snapshot { policies: Arc::new(policies), ..Snapshot::default() }
}

/// What validation says of the object after it was mutated, as the API server asks.
fn admitted(object: &Value, snapshot: &Snapshot) -> Verdict {
    let mutation = decide(Phase::Mutate, &Request::create(object, NOW), snapshot).unwrap();
    let object = patched(object, &mutation);
    decide(Phase::Validate, &Request::create(&object, NOW), snapshot).unwrap()
}
