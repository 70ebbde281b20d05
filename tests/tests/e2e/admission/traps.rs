//! What has made controllers start Pods without end, or locked objects, where other webhooks change Pod templates.

use super::kinds::{KINDS, turned_into};
use super::{Admission, CALM, applied, generation, get, has_shared_memory, kubectl, list, server, until};
use anyhow::{Context, Result, ensure};
use infer_tests::{ControlPlane, NodeShape, TestNamespace};
use serde_json::{Value, json};
use std::fs;
use std::thread;
use std::time::Duration;

const LLAMA: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/models/meta-llama--Llama-3.3-70B-Instruct.yaml");

/// Room for a few servers.
fn add_machine(namespace: &TestNamespace<'_>) -> Result<()> {
    let shape = NodeShape::new("l4")
        .label("cloud.google.com/gke-accelerator", "nvidia-l4")
        .taint("nvidia.com/gpu=present:NoSchedule")
        .resource("cpu", "90")
        .resource("memory", "900Gi")
        .resource("ephemeral-storage", "900Gi")
        .resource("nvidia.com/gpu", "32");
    namespace.add_node(&shape)?;
    Ok(())
}

/// Waits until the Deployment runs as it should, and nothing is left to do.
fn rolled_out(namespace: &TestNamespace<'_>, name: &str) -> Result<()> {
    kubectl(namespace, &["rollout", "status", &format!("deployment/{name}"), "--timeout=60s"])?;
    Ok(())
}

/// What controllers made of an object: nothing of it may change without a reason.
#[derive(Debug, PartialEq)]
struct State {
    generation: Option<i64>,
    replica_sets: Vec<String>,
    pods: Vec<String>,
}

fn state(namespace: &TestNamespace<'_>, name: &str) -> Result<State> {
    let names = |kind| -> Result<Vec<String>> {
        let objects = list(namespace, kind)?;
        let names = objects.iter().filter(|object| object["metadata"]["deletionTimestamp"].is_null());
        let mut names: Vec<_> =
            names.filter_map(|object| object["metadata"]["name"].as_str().map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    };
    let generation = generation(&get(namespace, "Deployment", name)?);
    Ok(State { generation, replica_sets: names("ReplicaSet")?, pods: names("Pod")? })
}

/// Fails if anything moves within the time in which it would.
fn stays(namespace: &TestNamespace<'_>, name: &str, before: &State) -> Result<()> {
    thread::sleep(CALM);
    assert_eq!(&state(namespace, name)?, before);
    Ok(())
}

#[test]
fn a_deployment_from_before_the_webhook_is_not_rolled_out_by_it() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("before")?;
    add_machine(&namespace)?;
    let old = server("old", 2);
    super::create(&namespace, &old, "")?;
    rolled_out(&namespace, "old")?;
    let before = state(&namespace, "old")?;

    let admission = Admission::begin(namespace, &[])?;
    stays(&admission.namespace, "old", &before)?;

    // Its ReplicaSet and Pods are made anew, as the template says, and no others beside them.
    admission.kubectl(&["delete", "pods", "--all"])?;
    rolled_out(&admission.namespace, "old")?;
    let stored = admission.get("Deployment", "old")?;
    ensure!(!has_shared_memory(&stored["spec"]["template"]), "a template that nobody changed was changed");
    let after = state(&admission.namespace, "old")?;
    assert_eq!((&after.generation, &after.replica_sets), (&before.generation, &before.replica_sets));

    admission.kubectl(&["scale", "deployment/old", "--replicas=3"])?;
    rolled_out(&admission.namespace, "old")?;
    let scaled = state(&admission.namespace, "old")?;
    assert_eq!((scaled.replica_sets.len(), scaled.pods.len()), (1, 3), "{scaled:?}");

    // The next change of the template is the one roll-out that brings the fix.
    admission.kubectl(&["set", "image", "deployment/old", "server=vllm/vllm-openai:v0.9.2"])?;
    rolled_out(&admission.namespace, "old")?;
    let changed = admission.get("Deployment", "old")?;
    ensure!(
        has_shared_memory(&changed["spec"]["template"]) && applied(&changed).contains("INF005"),
        "{changed}"
    );
    let changed = state(&admission.namespace, "old")?;
    assert_eq!((changed.generation, changed.replica_sets.len()), (Some(3), 2), "{changed:?}");
    stays(&admission.namespace, "old", &changed)
}

#[test]
fn a_roll_back_is_one_roll_out() -> Result<()> {
    let admission = Admission::start("rollback")?;
    add_machine(&admission.namespace)?;
    admission.accepts(&server("server", 2))?;
    rolled_out(&admission.namespace, "server")?;
    let first = admission.get("Deployment", "server")?["spec"]["template"].clone();
    for (round, image) in ["v0.9.2", "v0.9.0"].into_iter().enumerate() {
        admission.kubectl(&[
            "set",
            "image",
            "deployment/server",
            &format!("server=vllm/vllm-openai:{image}"),
        ])?;
        rolled_out(&admission.namespace, "server")?;
        assert_eq!(state(&admission.namespace, "server")?.replica_sets.len(), round + 2);
    }

    admission.kubectl(&["rollout", "undo", "deployment/server", "--to-revision=1"])?;
    rolled_out(&admission.namespace, "server")?;
    // The ReplicaSet of the first revision serves again: its template needed no other fix.
    let after = state(&admission.namespace, "server")?;
    assert_eq!((after.generation, after.replica_sets.len()), (Some(4), 3), "{after:?}");
    assert_eq!(admission.get("Deployment", "server")?["spec"]["template"], first);
    stays(&admission.namespace, "server", &after)
}

#[test]
fn back_to_a_template_from_before_the_webhook_is_one_roll_out_too() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("far-back")?;
    add_machine(&namespace)?;
    super::create(&namespace, &server("old", 2), "")?;
    rolled_out(&namespace, "old")?;
    let admission = Admission::begin(namespace, &[])?;
    admission.kubectl(&["set", "image", "deployment/old", "server=vllm/vllm-openai:v0.9.2"])?;
    rolled_out(&admission.namespace, "old")?;

    admission.kubectl(&["rollout", "undo", "deployment/old"])?;
    rolled_out(&admission.namespace, "old")?;
    let stored = admission.get("Deployment", "old")?;
    ensure!(has_shared_memory(&stored["spec"]["template"]), "{stored}");
    let after = state(&admission.namespace, "old")?;
    assert_eq!((after.generation, after.replica_sets.len()), (Some(3), 3), "{after:?}");
    stays(&admission.namespace, "old", &after)
}

/// A Deployment whose fix holds a size that the catalog says.
fn sized(name: &str) -> Result<Value> {
    let rule = infer_core::rules::find("INF001").context("no INF001")?;
    let mut object: Value = serde_saphyr::from_str(rule.examples.trips)?;
    object["metadata"]["name"] = json!(name);
    if let Some(spec) = object["spec"]["template"]["spec"].as_object_mut() {
        spec.remove("volumes");
    }
    if let Some(container) = object["spec"]["template"]["spec"]["containers"][0].as_object_mut() {
        container.remove("volumeMounts");
    }
    Ok(object)
}

#[test]
fn a_new_catalog_and_an_annotation_on_everything_roll_nothing_out() -> Result<()> {
    let admission = Admission::start("catalog")?;
    let kinds: Vec<_> = KINDS.into_iter().chain(["Deployment"]).collect();
    let mut stored = Vec::new();
    for kind in &kinds {
        let object = sized(&kind.to_lowercase())?;
        let object = if *kind == "Deployment" { object } else { turned_into(kind, &object)? };
        stored.push(admission.accepts(&object)?.body);
    }
    let first = admission.dry_run(&sized("probe")?)?.body;
    let namespace = admission.end();

    // The same model is larger by 10 GB: what would be written today is not what was written.
    let dir = tempfile::tempdir()?;
    let overlay = dir.path().join("catalog.yaml");
    let text = fs::read_to_string(LLAMA)?;
    ensure!(text.contains("bytes: 141107412992"), "the model's size is written otherwise now");
    fs::write(&overlay, text.replace("bytes: 141107412992", "bytes: 151107412992"))?;
    let admission = Admission::begin(namespace, &["--catalog", &overlay.to_string_lossy()])?;
    let second = admission.dry_run(&sized("probe")?)?.body;
    ensure!(first["spec"] != second["spec"], "the catalog makes no difference");

    // Objects of an older release of the catalog, as far as their annotations tell.
    let older = "kubectl-infer.io/catalog=2020.01.0";
    for note in ["team=search", older, "kubectl.kubernetes.io/restartedBy=nobody"] {
        for (kind, object) in kinds.iter().zip(&stored) {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            admission.kubectl(&["annotate", "--overwrite", kind, name, note])?;
        }
    }
    for (kind, object) in kinds.iter().zip(&stored) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let now = admission.get(kind, name)?;
        // Of these two, annotations count into the generation.
        if !matches!(*kind, "Deployment" | "DaemonSet") {
            assert_eq!(generation(&now), generation(object), "{kind}");
        }
        assert_eq!(now["spec"], object["spec"], "{kind}");
        assert_eq!(now["metadata"]["annotations"]["kubectl-infer.io/catalog"], "2020.01.0", "{kind}");
    }
    let replica_sets = list(&admission.namespace, "ReplicaSet")?;
    // One of the Deployment, and the one that was made by itself.
    assert_eq!(replica_sets.len(), 2, "{replica_sets:?}");
    Ok(())
}

#[test]
fn finalizers_can_always_be_removed() -> Result<()> {
    let admission = Admission::start("finalizers")?;
    let mut made = Vec::new();
    for kind in KINDS.into_iter().chain(["Deployment"]) {
        let object = server("server", 2);
        let mut object = if kind == "Deployment" { object } else { turned_into(kind, &object)? };
        object["metadata"]["name"] = json!(kind.to_lowercase());
        object["metadata"]["finalizers"] = json!(["infer-tests/hold"]);
        admission.accepts(&object)?;
        made.push(kind);
    }
    admission.enforce("finalizers", "limits: { accelerators: [nvidia-h100-80gb] }", &server("new", 2))?;

    let free = r#"{"metadata":{"finalizers":null}}"#;
    for (index, kind) in made.iter().enumerate() {
        let name = kind.to_lowercase();
        // Half of them while they live, the others on their way out.
        if index % 2 == 0 {
            admission.kubectl(&["patch", kind, &name, "--type=merge", "--patch", free])?;
        }
        admission.kubectl(&["delete", kind, &name, "--wait=false"])?;
        if index % 2 == 1 {
            let there = admission.get(kind, &name)?;
            ensure!(there["metadata"]["deletionTimestamp"].is_string(), "{kind} was not held");
            admission.kubectl(&["patch", kind, &name, "--type=merge", "--patch", free])?;
        }
    }
    for kind in made {
        until("it is gone", || {
            Ok(list(&admission.namespace, kind)?
                .iter()
                .all(|object| object["metadata"]["name"] != kind.to_lowercase().as_str())
                .then_some(()))
        })?;
    }
    Ok(())
}

/// A policy that comes later does not stand in the way of what is smaller, or of what changes nothing that matters.
#[test]
fn what_was_there_before_a_policy_can_still_be_run() -> Result<()> {
    let admission = Admission::start("later-policy")?;
    add_machine(&admission.namespace)?;
    let mut object = server("server", 2);
    object["spec"]["replicas"] = json!(3);
    admission.accepts(&object)?;
    rolled_out(&admission.namespace, "server")?;
    admission.enforce("later", "limits: { replicas: 1 }", &object)?;

    admission.kubectl(&["label", "deployment/server", "team=search"])?;
    admission.kubectl(&["scale", "deployment/server", "--replicas=2"])?;
    admission.kubectl(&["set", "image", "deployment/server", "server=vllm/vllm-openai:v0.9.2"])?;
    admission.kubectl(&["delete", "pods", "--all"])?;
    rolled_out(&admission.namespace, "server")?;
    admission.kubectl(&["rollout", "undo", "deployment/server"])?;
    rolled_out(&admission.namespace, "server")
}

/// The real controller of autoscalers raises a Deployment to its minimum without any metric.
#[test]
fn an_autoscaler_scales_without_a_roll_out() -> Result<()> {
    let admission = Admission::start("scaled")?;
    add_machine(&admission.namespace)?;
    let stored = admission.accepts(&server("server", 2))?.body;
    rolled_out(&admission.namespace, "server")?;
    let autoscaler = admission.accepts(&json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "server" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "server" },
            "minReplicas": 3,
            "maxReplicas": 4,
        },
    }))?;
    ensure!(
        autoscaler.warnings.iter().any(|warning| warning.contains("INF100")),
        "the API server fills in CPU as signal: {:?}",
        autoscaler.warnings
    );
    until("the autoscaler has scaled", || {
        Ok((admission.get("Deployment", "server")?["spec"]["replicas"] == 3).then_some(()))
    })?;
    admission.namespace.wait_until_running("app=server", 3, Duration::from_secs(60))?;
    let now = admission.get("Deployment", "server")?;
    assert_eq!(now["spec"]["template"], stored["spec"]["template"]);
    assert_eq!(state(&admission.namespace, "server")?.replica_sets.len(), 1);
    Ok(())
}
