//! What admission makes of objects on their way into a real cluster, and what the cluster's own controllers make of
//! that.

mod api;
mod kinds;
mod opt_in;
mod order;
mod outage;
mod rules;
pub(crate) mod samples;
mod traps;
mod ways;
mod words;

use crate::cluster::{define_policies, kubectl, until};
use anyhow::{Context, Result, bail, ensure};
use api::{Answer, send};
use axum::http::Method;
use infer_core::policy::{Rehearsal, Request, Snapshot, rehearse};
use infer_tests::{ControlPlane, InferWebhook, MountedCertificates, Registration, TestNamespace};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Long enough for controllers to make ReplicaSets without end, had they a reason to.
const CALM: Duration = Duration::from_secs(4);

/// A namespace whose objects the real program changes and judges.
struct Admission<'a> {
    namespace: TestNamespace<'a>,
    /// Nobody judges what is in it: what the API server makes of an object by itself.
    plain: TestNamespace<'a>,
    webhook: InferWebhook,
    registration: Registration<'a>,
    _certificates: MountedCertificates,
}

impl<'a> Admission<'a> {
    fn start(test: &str) -> Result<Self> {
        Self::begin(ControlPlane::shared()?.namespace(test)?, &[])
    }

    /// For a namespace that may have objects already.
    fn begin(namespace: TestNamespace<'a>, arguments: &[&str]) -> Result<Self> {
        let control_plane = namespace.control_plane();
        let plain = control_plane.namespace("plain")?;
        define_policies(control_plane)?;
        let arguments: Vec<_> = arguments.iter().chain(&["--register=false"]).copied().collect();
        let (webhook, certificates) = InferWebhook::start_with(control_plane, &arguments)?;
        let registration = webhook.register(&namespace, &certificates)?;
        let admission = Self { namespace, plain, webhook, registration, _certificates: certificates };
        admission.wait_until_called()?;
        Ok(admission)
    }

    /// The namespace without its webhook, which is called no more.
    fn end(self) -> TestNamespace<'a> {
        self.namespace
    }

    fn wait_until_called(&self) -> Result<()> {
        until("objects are changed", || {
            let answer = self.dry_run(&server("probe", 2))?;
            Ok(answer.body["metadata"]["annotations"]["kubectl-infer.io/applied"].is_string().then_some(()))
        })
    }

    /// Creates an object without storing it.
    fn dry_run(&self, object: &Value) -> Result<Answer> {
        create(&self.namespace, object, "dryRun=All")
    }

    /// Creates an object that is let in.
    fn accepts(&self, object: &Value) -> Result<Answer> {
        let answer = create(&self.namespace, object, "")?;
        ensure!(answer.status == 201, "{}: {}", answer.status, answer.body);
        Ok(answer)
    }

    /// Creates an object that is refused, and returns the reason.
    fn denies(&self, object: &Value) -> Result<String> {
        let answer = self.dry_run(object)?;
        ensure!(answer.status >= 400, "it was let in: {}", answer.body);
        Ok(answer.body["message"].as_str().unwrap_or_default().to_owned())
    }

    /// What the library alone says admission does with an object, once the API server has filled in its defaults.
    /// `others` are in the namespace beside it.
    fn rehearse(&self, object: &Value, others: &[Value]) -> Result<Rehearsal> {
        let defaulted = self.defaulted(object)?;
        let mut snapshot = Snapshot::default();
        for other in others {
            let mut other = other.clone();
            other["metadata"]["namespace"] = json!(self.namespace.name());
            snapshot.neighbours.insert(Arc::new(other));
        }
        let mut rehearsal = rehearse(&Request::create(&defaulted, 0), &snapshot)?;
        // What a fix adds gets its own defaults.
        rehearsal.object = self.defaulted(&as_written(&rehearsal.object))?;
        Ok(rehearsal)
    }

    /// An object as the API server fills it in, without any webhook.
    fn defaulted(&self, object: &Value) -> Result<Value> {
        let (here, there) = (self.namespace.name(), self.plain.name());
        let answer = create(&self.plain, &renamed(object, here, there)?, "dryRun=All")?;
        ensure!(answer.status == 201, "{}: {}", answer.status, answer.body);
        renamed(&answer.body, there, here)
    }

    /// Applies a policy to this namespace, and waits until `object` is refused by it.
    fn enforce(&self, name: &str, rules: &str, object: &Value) -> Result<String> {
        self.apply_policy(name, rules)?;
        until("the policy is in force", || {
            let answer = self.dry_run(object)?;
            let message = answer.body["message"].as_str().unwrap_or_default().to_owned();
            Ok((answer.status >= 400 && message.contains(name)).then_some(message))
        })
    }

    /// Applies a policy to this namespace. `spec` is its fields in flow style, without the selector.
    fn apply_policy(&self, name: &str, spec: &str) -> Result<()> {
        self.namespace.apply(&format!(
            "
apiVersion: kubectl-infer.io/v1alpha1
kind: InferencePolicy
metadata: {{ name: {name} }}
spec: {{ namespaceSelector: {{ matchLabels: {{ kubernetes.io/metadata.name: {} }} }}, {spec} }}
",
            self.namespace.name()
        ))
    }

    fn get(&self, kind: &str, name: &str) -> Result<Value> {
        get(&self.namespace, kind, name)
    }

    /// Standard output of kubectl in the namespace.
    fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        kubectl(&self.namespace, arguments)
    }
}

/// Creates an object. `query` is of its URL.
fn create(namespace: &TestNamespace<'_>, object: &Value, query: &str) -> Result<Answer> {
    let kind = object["kind"].as_str().context("no kind")?;
    let path = format!("{}?fieldValidation=Strict&{query}", api::collection(kind, namespace.name())?);
    send(namespace.control_plane(), Method::POST, &path, "application/json", object)
}

fn get(namespace: &TestNamespace<'_>, kind: &str, name: &str) -> Result<Value> {
    let path = format!("{}/{name}", api::collection(kind, namespace.name())?);
    let answer = send(namespace.control_plane(), Method::GET, &path, "application/json", &Value::Null)?;
    ensure!(answer.status == 200, "{kind} {name}: {}", answer.body);
    Ok(answer.body)
}

fn list(namespace: &TestNamespace<'_>, kind: &str) -> Result<Vec<Value>> {
    let path = api::collection(kind, namespace.name())?;
    let answer = send(namespace.control_plane(), Method::GET, &path, "application/json", &Value::Null)?;
    Ok(answer.body["items"].as_array().cloned().unwrap_or_default())
}

/// A Deployment of vLLM on so many GPUs. With several, it has no room to share memory in, which is put right.
fn server(name: &str, gpus: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": {
                    "nodeSelector": { "cloud.google.com/gke-accelerator": "nvidia-l4" },
                    "containers": [{
                        "name": "server",
                        "image": "vllm/vllm-openai:v0.9.1",
                        "args": [
                            "--model=Qwen/Qwen3-8B",
                            "--max-model-len=8192",
                            format!("--tensor-parallel-size={gpus}"),
                        ],
                        "resources": {
                            "requests": { "memory": "24Gi", "ephemeral-storage": "30Gi" },
                            "limits": { "memory": "24Gi", "nvidia.com/gpu": gpus.to_string() },
                        },
                        "readinessProbe": { "httpGet": { "path": "/health", "port": 8000 } },
                    }],
                },
            },
        },
    })
}

/// The object in another namespace, whose name some admission plugins write into Pods.
fn renamed(object: &Value, from: &str, to: &str) -> Result<Value> {
    Ok(serde_json::from_str(&object.to_string().replace(from, to))?)
}

/// Labels that the API server gives to Jobs and their Pods.
const LABELS_OF_JOBS: [&str; 4] =
    ["batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name"];

/// The object as somebody could have written it: without what is only known once it is created.
fn as_written(object: &Value) -> Value {
    let mut object = object.clone();
    let kind = object["kind"].clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "labels" | "annotations"));
    }
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if kind == "Job" {
        if let Some(spec) = object["spec"].as_object_mut() {
            spec.remove("selector");
        }
        for metadata in ["/metadata", "/spec/template/metadata"] {
            let labels = object.pointer_mut(&format!("{metadata}/labels")).and_then(Value::as_object_mut);
            if let Some(labels) = labels {
                labels.retain(|key, _| !LABELS_OF_JOBS.contains(&key.as_str()));
            }
        }
    }
    object
}

/// What admission decides about: everything but what the API server and controllers write of their own accord.
fn essence(object: &Value) -> Result<Value> {
    let mut labels = object["metadata"]["labels"].clone();
    if let Some(labels) = labels.as_object_mut() {
        // A Job has those of its Pods, or not, as the API server happens to hold both in one map or in two.
        labels.retain(|key, _| !LABELS_OF_JOBS.contains(&key.as_str()));
    }
    let mut annotations = object["metadata"]["annotations"].clone();
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.remove("deployment.kubernetes.io/revision");
    }
    let mut text =
        json!({ "annotations": annotations, "labels": labels, "spec": object["spec"] }).to_string();
    // A Job's selector names it.
    if let Some(uid) = object["metadata"]["uid"].as_str() {
        text = text.replace(uid, "UID");
    }
    Ok(serde_json::from_str(&text)?)
}

/// Fails where `object` is not what was expected, with the difference.
fn becomes(what: &str, object: &Value, expected: &Value) -> Result<()> {
    let (object, expected) = (essence(object)?, essence(expected)?);
    if object == expected {
        return Ok(());
    }
    let operations = serde_json::to_string_pretty(&difference(&expected, &object, String::new()))?;
    bail!("{what}: what the cluster has differs from what was expected:\n{operations}")
}

/// Places where two values differ, with both.
fn difference(expected: &Value, found: &Value, at: String) -> Vec<String> {
    match (expected, found) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            keys.flat_map(|key| difference(&expected[key], &found[key], format!("{at}/{key}"))).collect()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs.flat_map(|(index, (one, other))| difference(one, other, format!("{at}/{index}"))).collect()
        }
        _ if expected == found => Vec::new(),
        _ => vec![format!("{at}: expected {expected}, found {found}")],
    }
}

fn generation(object: &Value) -> Option<i64> {
    object["metadata"]["generation"].as_i64()
}

/// Rules whose fixes were made, as the object itself says.
fn applied(object: &Value) -> &str {
    object["metadata"]["annotations"]["kubectl-infer.io/applied"].as_str().unwrap_or_default()
}

/// Whether a template has the memory that a server on several GPUs shares.
fn has_shared_memory(template: &Value) -> bool {
    let volumes = template["spec"]["volumes"].as_array();
    volumes.is_some_and(|volumes| volumes.iter().any(|volume| volume["emptyDir"]["medium"] == "Memory"))
}
