//! Beside a webhook that adds a sidecar, as GKE's does for Cloud Storage FUSE, called before ours or after it.

use super::kinds::turned_into;
use super::{Admission, applied, becomes};
use anyhow::{Context, Result, ensure};
use infer_core::rules;
use infer_tests::{Injection, SidecarInjector};
use serde_json::{Value, json};

const SIDECAR: &str = "gke-gcsfuse-sidecar";

fn pod_of(rule: &str) -> Result<Value> {
    let rule = rules::find(rule).context("no such rule")?;
    let deployment: Value = serde_saphyr::from_str(rule.examples.trips)?;
    let mut pod = turned_into("Pod", &deployment)?;
    pod["spec"]["initContainers"] = json!([{ "name": "warm-up", "image": "busybox:1.37" }]);
    Ok(pod)
}

fn init_containers(pod: &Value) -> Vec<&str> {
    let containers = pod["spec"]["initContainers"].as_array().into_iter().flatten();
    containers.filter_map(|container| container["name"].as_str()).collect()
}

/// The Pod without the sidecar and its volumes.
fn without_sidecar(pod: &Value) -> Value {
    let mut pod = pod.clone();
    for (list, names) in
        [("initContainers", &[SIDECAR][..]), ("volumes", &["gke-gcsfuse-tmp", "gke-gcsfuse-buffer"])]
    {
        if let Some(entries) = pod["spec"][list].as_array_mut() {
            entries.retain(|entry| !names.iter().any(|name| entry["name"] == *name));
        }
    }
    pod
}

#[test]
fn fixes_and_sidecar_are_both_there_in_either_order() -> Result<()> {
    for (injection, test) in [(Injection::First, "injected-first"), (Injection::Last, "injected-last")] {
        let admission = Admission::start(test)?;
        let _injector = SidecarInjector::start(&admission.namespace, injection)?;
        for rule in ["INF024", "INF025", "INF027"] {
            let mut pod = pod_of(rule)?;
            pod["metadata"]["name"] = json!(rule.to_lowercase());
            let rehearsal = admission.rehearse(&pod, &[])?;
            let stored = super::until("the sidecar is injected", || {
                let stored = admission.dry_run(&pod)?.body;
                Ok(init_containers(&stored).contains(&SIDECAR).then_some(stored))
            })?;
            assert_eq!(init_containers(&stored), [SIDECAR, "warm-up"], "{rule}, {injection:?}");
            ensure!(applied(&stored).contains(rule), "{rule}, {injection:?}: {stored}");
            becomes(&format!("{rule}, {injection:?}"), &without_sidecar(&stored), &rehearsal.object)?;
        }
    }
    Ok(())
}

/// Why the name of ours begins with `00-`: what it writes into a Pod is what GKE's looks for.
#[test]
fn a_pod_that_names_a_bucket_gets_the_sidecar_when_ours_is_first() -> Result<()> {
    let pod = pod_of("INF020")?;
    let admission = Admission::start("bucket")?;
    let _injector = SidecarInjector::start(&admission.namespace, Injection::Last)?;
    let stored = super::until("the sidecar is injected", || {
        let stored = admission.dry_run(&pod)?.body;
        Ok(init_containers(&stored).contains(&SIDECAR).then_some(stored))
    })?;
    assert_eq!(stored["metadata"]["annotations"]["gke-gcsfuse/volumes"], "true");
    let rehearsal = admission.rehearse(&pod, &[])?;
    becomes("a Pod with a bucket", &without_sidecar(&stored), &rehearsal.object)
}
