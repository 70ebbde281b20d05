//! Pods land on the machines they are for, and nowhere else.

use anyhow::Result;
use infer_tests::{ControlPlane, NodeShape};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

/// As GKE makes a g2-standard-4.
fn l4_machine() -> NodeShape {
    NodeShape::new("g2-standard-4")
        .label("cloud.google.com/gke-accelerator", "nvidia-l4")
        .taint("nvidia.com/gpu=present:NoSchedule")
        .resource("cpu", "3920m")
        .resource("memory", "13Gi")
        .resource("ephemeral-storage", "44Gi")
        .resource("nvidia.com/gpu", "1")
}

/// As GKE makes a ct5lp-hightpu-4t.
fn tpu_machine() -> NodeShape {
    NodeShape::new("ct5lp-hightpu-4t")
        .label("cloud.google.com/gke-tpu-accelerator", "tpu-v5-lite-podslice")
        .label("cloud.google.com/gke-tpu-topology", "2x2")
        .taint("google.com/tpu=present:NoSchedule")
        .resource("cpu", "111")
        .resource("memory", "180Gi")
        .resource("google.com/tpu", "4")
}

/// A Deployment of one server that asks for an accelerator and, as generated manifests, does not tolerate
/// anything.
fn deployment(node_selector: &str, resource: &str, amount: u32) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: server
spec:
  selector:
    matchLabels: {{app: server}}
  template:
    metadata:
      labels: {{app: server}}
    spec:
      nodeSelector: {{{node_selector}}}
      containers:
      - name: server
        image: server
        resources:
          limits: {{{resource}: {amount}}}
"
    )
}

#[test]
fn api_server_reports_its_real_version() -> Result<()> {
    let control_plane = ControlPlane::shared()?;
    let version = control_plane.block_on(control_plane.client().apiserver_version())?;
    assert_eq!(version.git_version, "v1.36.3");
    Ok(())
}

#[test]
fn a_server_for_one_gpu_runs_on_an_l4_machine() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("one-gpu")?;
    let node = namespace.add_node(&l4_machine())?;

    namespace.apply(&deployment("cloud.google.com/gke-accelerator: nvidia-l4", "nvidia.com/gpu", 1))?;

    let pods = namespace.wait_until_running("app=server", 1, DEADLINE)?;
    assert_eq!(pods[0].spec.as_ref().and_then(|spec| spec.node_name.as_deref()), Some(node.as_str()));
    Ok(())
}

#[test]
fn a_server_for_two_gpus_does_not_fit_on_an_l4_machine() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("two-gpus")?;
    namespace.add_node(&l4_machine())?;

    namespace.apply(&deployment("cloud.google.com/gke-accelerator: nvidia-l4", "nvidia.com/gpu", 2))?;

    let reason = namespace.stays_pending("app=server")?;
    assert!(reason.contains("1 Insufficient nvidia.com/gpu"), "{reason}");
    Ok(())
}

#[test]
fn a_server_for_another_gpu_does_not_fit_on_an_l4_machine() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("other-gpu")?;
    namespace.add_node(&l4_machine())?;

    namespace.apply(&deployment("cloud.google.com/gke-accelerator: nvidia-b200", "nvidia.com/gpu", 1))?;

    let reason = namespace.stays_pending("app=server")?;
    assert!(reason.contains("didn't match Pod's node affinity/selector"), "{reason}");
    Ok(())
}

#[test]
fn a_server_for_four_chips_runs_on_a_tpu_machine() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("four-chips")?;
    namespace.add_node(&tpu_machine())?;

    let selector =
        "cloud.google.com/gke-tpu-accelerator: tpu-v5-lite-podslice, cloud.google.com/gke-tpu-topology: 2x2";
    namespace.apply(&deployment(selector, "google.com/tpu", 4))?;

    namespace.wait_until_running("app=server", 1, DEADLINE)?;
    Ok(())
}

#[test]
fn a_server_waits_for_a_machine_and_takes_it_when_it_comes() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("late-machine")?;
    let selector = "cloud.google.com/gke-accelerator: nvidia-l4";
    let first = namespace.add_node(&l4_machine())?;
    namespace.remove_node(&first)?;

    namespace.apply(&deployment(selector, "nvidia.com/gpu", 1))?;
    namespace.stays_pending("app=server")?;

    namespace.add_node(&l4_machine())?;
    namespace.wait_until_running("app=server", 1, DEADLINE)?;
    Ok(())
}

#[test]
fn a_gpu_machine_of_another_test_is_out_of_reach() -> Result<()> {
    let owner = ControlPlane::shared()?.namespace("owner")?;
    let stranger = ControlPlane::shared()?.namespace("stranger")?;
    owner.add_node(&l4_machine())?;

    stranger.apply(&deployment("cloud.google.com/gke-accelerator: nvidia-l4", "nvidia.com/gpu", 1))?;

    stranger.stays_pending("app=server")?;
    Ok(())
}
