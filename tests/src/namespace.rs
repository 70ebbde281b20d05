//! A test's own part of the shared control plane.

use crate::control_plane::ControlPlane;
use crate::node::{self, NodeShape};
use crate::{pod, wait};
use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Label of the nodes of a namespace.
///
/// Nodes belong to the whole cluster, and tests run at the same time. The admission plugin `PodNodeSelector`
/// adds a selector for this label to every Pod of the namespace, so a manifest under test needs no change to
/// stay away from the nodes of other tests.
pub(crate) const NODE_LABEL: &str = "infer-tests/namespace";

/// Pods of a namespace are refused until the controller manager has made its default service account.
pub(crate) async fn wait_for_service_account(control_plane: &ControlPlane, namespace: &str) -> Result<()> {
    let accounts: Api<ServiceAccount> = Api::namespaced(control_plane.client(), namespace);
    wait::until("default service account", Duration::from_secs(60), async || {
        control_plane.check()?;
        Ok(match accounts.get_opt("default").await? {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue("none".to_owned()),
        })
    })
    .await
}

/// A namespace that only one test uses, with nodes that only its Pods are placed on.
pub struct TestNamespace<'a> {
    control_plane: &'a ControlPlane,
    name: String,
}

impl<'a> TestNamespace<'a> {
    pub(crate) fn create(control_plane: &'a ControlPlane, test_name: &str) -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{}-{number}",
            test_name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
        );
        let namespace = Self { control_plane, name };
        control_plane
            .block_on(namespace.set_up())
            .with_context(|| format!("namespace {}", namespace.name))?;
        Ok(namespace)
    }

    async fn set_up(&self) -> Result<()> {
        let selector = format!("{NODE_LABEL}={}", self.name);
        let object: Namespace = serde_json::from_value(json!({
            "metadata": {
                "name": self.name,
                "annotations": { "scheduler.alpha.kubernetes.io/node-selector": selector },
            }
        }))?;
        Api::all(self.control_plane.client()).create(&PostParams::default(), &object).await?;
        wait_for_service_account(self.control_plane, &self.name).await
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The control plane it is in.
    pub fn control_plane(&self) -> &'a ControlPlane {
        self.control_plane
    }

    /// The real kubectl, with this namespace.
    pub fn kubectl(&self) -> Result<Command> {
        let mut command = self.control_plane.kubectl()?;
        command.args(["--namespace", &self.name]);
        Ok(command)
    }

    /// Applies all documents of a YAML text, as a user would: on the server, with strict validation. A misspelt,
    /// repeated or unknown field is an error, and so is an object of another namespace. The error is the text
    /// of kubectl and the API server.
    pub fn apply(&self, yaml: &str) -> Result<()> {
        // kubectl keeps the last of several equal keys before the API server can complain.
        let _: Vec<serde_json::Value> = serde_saphyr::from_multiple(yaml)?;
        let arguments =
            ["apply", "--server-side", "--validate=strict", "--namespace", &self.name, "--filename=-"];
        self.control_plane.kubectl_with_input(&arguments, yaml)?;
        Ok(())
    }

    /// Adds a machine for the Pods of this namespace, and returns its name in the cluster, which is unique.
    /// When this returns, the scheduler places Pods on it.
    pub fn add_node(&self, shape: &NodeShape) -> Result<String> {
        self.control_plane.block_on(node::add(self, shape))
    }

    /// Removes a machine, by the name that [`TestNamespace::add_node`] returned.
    pub fn remove_node(&self, name: &str) -> Result<()> {
        self.control_plane.block_on(node::remove(self.control_plane, name))
    }

    /// Waits until exactly `count` Pods match the label selector and all of them are running and ready.
    pub fn wait_until_running(&self, selector: &str, count: usize, deadline: Duration) -> Result<Vec<Pod>> {
        self.control_plane.block_on(pod::wait_until_running(self, selector, count, deadline))
    }

    /// Waits until the scheduler has refused all Pods that match the label selector (at least one), and returns
    /// its reason for the first, such as `0/1 nodes are available: 1 Insufficient nvidia.com/gpu. …`.
    /// A Pod that is placed on a node is an error.
    pub fn stays_pending(&self, selector: &str) -> Result<String> {
        self.control_plane.block_on(pod::stays_pending(self, selector))
    }
}
