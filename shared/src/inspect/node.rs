//! What a template says of the node that it may run on.

use serde_json::Value;

use super::{Told, is_placeholder};

/// What a template says of the node it may run on, by node selector or required affinity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeConstraints {
    /// Accelerator label values that it accepts; empty where it names none.
    pub accelerators: Vec<String>,
    /// `cloud.google.com/gke-tpu-topology`.
    pub topology: Told<String>,
    /// `node.kubernetes.io/instance-type` values that it accepts.
    pub machines: Vec<String>,
    /// `cloud.google.com/compute-class`.
    pub compute_class: Option<String>,
    /// Whether it asks for spot machines.
    pub spot: bool,
    /// Whether it constrains its node by any other label, affinity, node name or a scheduler of its own, or by a value
    /// that cannot be read.
    pub constrained_otherwise: bool,
}

const ACCELERATOR: [&str; 2] = ["cloud.google.com/gke-accelerator", "cloud.google.com/gke-tpu-accelerator"];
const TOPOLOGY: &str = "cloud.google.com/gke-tpu-topology";
const MACHINE: [&str; 2] = ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"];
const COMPUTE_CLASS: &str = "cloud.google.com/compute-class";
const SPOT: [(&str, &str); 3] = [
    ("cloud.google.com/gke-spot", "true"),
    ("cloud.google.com/gke-provisioning", "spot"),
    ("karpenter.sh/capacity-type", "spot"),
];

impl NodeConstraints {
    pub(super) fn of(template: &Value) -> Self {
        let mut node = Self::default();
        let Some(spec) = template.get("spec") else { return node };
        let labels = spec.get("nodeSelector").and_then(Value::as_object);
        for (label, value) in labels.into_iter().flatten() {
            node.require(label, value.as_str().into_iter());
        }
        node.read_affinity(spec);
        let elsewhere = ["nodeName", "schedulerName"].iter().filter_map(|name| spec.get(*name)?.as_str());
        node.constrained_otherwise |= elsewhere.into_iter().any(|name| name != "default-scheduler");
        node
    }

    /// The values that every term accepts; one of several terms alone must hold, so what differs between them is not
    /// told.
    fn read_affinity(&mut self, spec: &Value) {
        let path = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        let Some(terms) = spec.pointer(path).and_then(Value::as_array) else { return };
        let [term] = terms.as_slice() else {
            self.constrained_otherwise |= !terms.is_empty();
            self.read_alternatives(terms);
            return;
        };
        let expressions = term.get("matchExpressions").and_then(Value::as_array);
        for expression in expressions.into_iter().flatten() {
            let Some(key) = expression.get("key").and_then(Value::as_str) else { continue };
            if expression.get("operator").and_then(Value::as_str) == Some("In") {
                let values = expression.get("values").and_then(Value::as_array);
                self.require(key, values.into_iter().flatten().filter_map(Value::as_str));
            } else {
                self.constrained_otherwise = true;
            }
        }
        self.constrained_otherwise |= term.get("matchFields").is_some();
    }

    /// Accelerators of several terms, where each of them names some.
    fn read_alternatives(&mut self, terms: &[Value]) {
        let mut accepted = Vec::new();
        for term in terms {
            let expressions = term.get("matchExpressions").and_then(Value::as_array);
            let named = expressions.into_iter().flatten().find(|expression| {
                let key = expression.get("key").and_then(Value::as_str).unwrap_or_default();
                ACCELERATOR.contains(&key) && expression.get("operator").and_then(Value::as_str) == Some("In")
            });
            let Some(values) = named.and_then(|named| named.get("values")?.as_array()) else { return };
            accepted.extend(values.iter().filter_map(Value::as_str));
        }
        if self.accelerators.is_empty() {
            self.require(ACCELERATOR[0], accepted.into_iter());
        }
    }

    fn require<'v>(&mut self, label: &str, values: impl Iterator<Item = &'v str>) {
        let mut readable: Vec<&str> = Vec::new();
        for value in values {
            if is_placeholder(value) {
                self.constrained_otherwise = true;
                return;
            }
            if !readable.contains(&value) && readable.len() < 64 {
                readable.push(value);
            }
        }
        match label {
            _ if ACCELERATOR.contains(&label) => narrow(&mut self.accelerators, &readable),
            _ if MACHINE.contains(&label) => narrow(&mut self.machines, &readable),
            TOPOLOGY => {
                self.topology = match readable.as_slice() {
                    [one] => Told::Is((*one).to_owned()),
                    _ => Told::Unknown,
                }
            }
            COMPUTE_CLASS => self.compute_class = readable.first().map(|class| (*class).to_owned()),
            _ if SPOT.iter().any(|(name, value)| *name == label && readable == [*value]) => self.spot = true,
            // Every Linux node has these.
            "kubernetes.io/os"
            | "kubernetes.io/arch"
            | "beta.kubernetes.io/os"
            | "beta.kubernetes.io/arch" => {}
            _ => self.constrained_otherwise = true,
        }
    }
}

/// Selector and affinity hold both.
fn narrow(accepted: &mut Vec<String>, values: &[&str]) {
    if accepted.is_empty() {
        accepted.extend(values.iter().map(|value| (*value).to_owned()));
    } else {
        accepted.retain(|value| values.contains(&value.as_str()));
    }
}
