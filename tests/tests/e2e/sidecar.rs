//! The second mutating webhook of the tests does what GKE's does.

use anyhow::{Context, Result};
use infer_tests::{ControlPlane, Injection, SidecarInjector};
use serde_json::Value;

const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata:
  name: server
  annotations: { gke-gcsfuse/volumes: "true" }
spec:
  initContainers:
  - { name: warm-up, image: busybox:1.37 }
  containers:
  - { name: server, image: "vllm/vllm-openai:v0.11.0" }
"#;

#[test]
fn the_sidecar_is_the_first_init_container() -> Result<()> {
    for injection in [Injection::First, Injection::Last] {
        let namespace = ControlPlane::shared()?.namespace("sidecar")?;
        let _injector = SidecarInjector::start(&namespace, injection)?;
        namespace.apply(POD)?;

        let output = namespace.kubectl()?.args(["get", "pod", "server", "--output=json"]).output()?;
        let pod: Value = serde_json::from_slice(&output.stdout)?;
        let names: Vec<&str> = pod["spec"]["initContainers"]
            .as_array()
            .context("no init containers")?
            .iter()
            .filter_map(|container| container["name"].as_str())
            .collect();
        assert_eq!(names, ["gke-gcsfuse-sidecar", "warm-up"], "{injection:?}");
    }
    Ok(())
}
