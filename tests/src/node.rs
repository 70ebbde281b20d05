//! Simulated machines.

use crate::control_plane::ControlPlane;
use crate::namespace::{NODE_LABEL, TestNamespace};
use crate::wait;
use anyhow::{Context, Result, anyhow};
use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

/// What a machine looks like to the scheduler. Quantities are Kubernetes' own (`3920m`, `13Gi`, `1`).
#[derive(Clone, Debug, Default)]
pub struct NodeShape {
    /// First part of the node's name; the cluster's name for it is longer, see [`TestNamespace::add_node`].
    pub name: String,
    /// Labels, in addition to the host name, operating system and architecture.
    pub labels: BTreeMap<String, String>,
    /// Taints in kubectl's notation, `key=value:Effect`.
    pub taints: Vec<String>,
    /// What the machine has. Resources that are missing here are taken from `allocatable`.
    pub capacity: BTreeMap<String, String>,
    /// What Pods can have of it. `pods` is 110 if it is missing.
    pub allocatable: BTreeMap<String, String>,
}

impl NodeShape {
    /// A machine without labels, taints or resources.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Adds a label.
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds a taint, such as `nvidia.com/gpu=present:NoSchedule`.
    pub fn taint(mut self, taint: &str) -> Self {
        self.taints.push(taint.to_owned());
        self
    }

    /// Adds something that the machine has and Pods can have.
    pub fn resource(mut self, name: &str, quantity: &str) -> Self {
        self.allocatable.insert(name.to_owned(), quantity.to_owned());
        self
    }

    fn object(&self, name: &str, namespace: &str) -> Result<Node> {
        let mut labels = self.labels.clone();
        labels.insert(NODE_LABEL.to_owned(), namespace.to_owned());
        for (key, value) in [("hostname", name), ("os", "linux"), ("arch", "amd64")] {
            labels.insert(format!("kubernetes.io/{key}"), value.to_owned());
        }
        let mut allocatable = self.allocatable.clone();
        allocatable.entry("pods".to_owned()).or_insert_with(|| "110".to_owned());
        let mut capacity = allocatable.clone();
        capacity.extend(self.capacity.clone());
        Ok(serde_json::from_value(json!({
            "metadata": { "name": name, "labels": labels },
            "spec": { "taints": self.parsed_taints()? },
            "status": { "capacity": capacity, "allocatable": allocatable },
        }))?)
    }

    fn parsed_taints(&self) -> Result<Vec<Taint>> {
        let parse = |text: &str| {
            let (key, effect) = text.rsplit_once(':')?;
            let (key, value) = key.split_once('=').map_or((key, None), |(key, value)| (key, Some(value)));
            let (key, value, effect) = (key.to_owned(), value.map(str::to_owned), effect.to_owned());
            Some(Taint { key, value, effect, ..Taint::default() })
        };
        self.taints
            .iter()
            .map(|text| parse(text).ok_or_else(|| anyhow!("the taint `{text}` is not key=value:Effect")))
            .collect()
    }
}

/// Adds the node, and waits until the scheduler knows it.
pub(crate) async fn add(namespace: &TestNamespace<'_>, shape: &NodeShape) -> Result<String> {
    let control_plane = namespace.control_plane();
    let name = format!("{}-{}", namespace.name(), shape.name);
    let nodes: Api<Node> = Api::all(control_plane.client());
    let node = shape.object(&name, namespace.name())?;
    nodes.create(&PostParams::default(), &node).await.with_context(|| format!("node {name}"))?;
    wait::until(&format!("node {name}"), DEADLINE, async || {
        control_plane.check()?;
        Ok(readiness(&nodes.get(&name).await?))
    })
    .await?;
    wait_for_scheduler(control_plane, &name, shape.parsed_taints()?).await?;
    Ok(name)
}

/// Removes the node.
pub(crate) async fn remove(control_plane: &ControlPlane, name: &str) -> Result<()> {
    let nodes: Api<Node> = Api::all(control_plane.client());
    nodes.delete(name, &DeleteParams::default()).await.with_context(|| format!("node {name}"))?;
    Ok(())
}

/// A node is tainted as not ready when it is made; the controller manager takes the taint off.
fn readiness(node: &Node) -> ControlFlow<(), String> {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    match taints.iter().find(|taint| taint.key.starts_with("node.kubernetes.io/")) {
        Some(taint) => ControlFlow::Continue(format!("tainted {}", taint.key)),
        None if ready => ControlFlow::Break(()),
        None => ControlFlow::Continue("not ready".to_owned()),
    }
}

/// The scheduler has a picture of its own, which may be older than what the API server says. A Pod that is made
/// before the scheduler knows of the node is first refused, and a test that expects a refusal would take that
/// for the answer. So a Pod that asks for nothing but this node goes first.
async fn wait_for_scheduler(control_plane: &ControlPlane, node: &str, taints: Vec<Taint>) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(control_plane.client(), "default");
    let name = format!("probe-{node}");
    pods.create(&PostParams::default(), &probe(&name, node, taints)?).await?;
    wait::until(&format!("scheduling on node {node}"), DEADLINE, async || {
        control_plane.check()?;
        let placed = pods.get(&name).await?.spec.and_then(|spec| spec.node_name).is_some();
        Ok(if placed { ControlFlow::Break(()) } else { ControlFlow::Continue("not placed".to_owned()) })
    })
    .await?;
    pods.delete(&name, &DeleteParams::default().grace_period(0)).await?;
    Ok(())
}

/// Tolerates the node's own taints only, so that it waits for the scheduler to see the others go.
fn probe(name: &str, node: &str, taints: Vec<Taint>) -> Result<Pod> {
    let tolerations: Vec<Toleration> = taints
        .into_iter()
        .map(|taint| Toleration {
            key: Some(taint.key),
            operator: Some("Exists".to_owned()),
            effect: Some(taint.effect),
            ..Toleration::default()
        })
        .collect();
    Ok(serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "nodeSelector": { "kubernetes.io/hostname": node },
            "tolerations": tolerations,
            "containers": [{ "name": "probe", "image": "probe" }],
        }
    }))?)
}

#[cfg(test)]
mod tests {
    use super::NodeShape;

    #[test]
    fn taints_are_read_as_kubectl_writes_them() {
        let taints = NodeShape::new("n").taint("nvidia.com/gpu=present:NoSchedule").taint("a:NoExecute");
        let taints = taints.parsed_taints().unwrap();
        assert_eq!(
            (taints[0].key.as_str(), taints[0].value.as_deref(), taints[0].effect.as_str()),
            ("nvidia.com/gpu", Some("present"), "NoSchedule")
        );
        assert_eq!((taints[1].value.as_deref(), taints[1].effect.as_str()), (None, "NoExecute"));
        assert!(NodeShape::new("n").taint("gpu").parsed_taints().is_err());
    }
}
