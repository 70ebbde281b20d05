//! What a Pod asks of its node.

use serde_json::Value;

use super::{Container, PointerBuf, Told, parse_quantity};

/// Accelerators that a container asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceleratorRequest {
    /// Extended resource: `nvidia.com/gpu`, `google.com/tpu`, `amd.com/gpu`.
    pub resource: String,
    /// How many, of this container.
    pub count: Told<u32>,
    /// Where the number stands.
    pub at: PointerBuf,
}

impl AcceleratorRequest {
    pub(super) fn of(container: &Container<'_>) -> Option<Self> {
        const RESOURCES: [&str; 3] = ["nvidia.com/gpu", "google.com/tpu", "amd.com/gpu"];
        ["limits", "requests"].iter().find_map(|part| {
            let amounts = container.value.get("resources")?.get(part)?;
            RESOURCES.iter().find_map(|resource| {
                let amount = amounts.get(*resource)?;
                let text = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
                let count = parse_quantity(&text).filter(|count| count.fract() == 0.0 && *count >= 0.0);
                Some(Self {
                    resource: (*resource).to_owned(),
                    count: count.map_or(Told::Unknown, |count| Told::Is(count as u32)),
                    at: container.pointer(["resources", part, resource]),
                })
            })
        })
    }
}

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
    /// Whether it constrains its node by any other label, affinity, node name or a scheduler of its own.
    pub constrained_otherwise: bool,
}

impl NodeConstraints {
    pub(super) fn of(template: &Value) -> Self {
        let selector = template.pointer("/spec/nodeSelector");
        let label = |name: &str| selector.and_then(|labels| labels.get(name)?.as_str()).map(str::to_owned);
        let accelerator = label("cloud.google.com/gke-accelerator");
        let accelerator = accelerator.or_else(|| label("cloud.google.com/gke-tpu-accelerator"));
        Self {
            accelerators: accelerator.into_iter().collect(),
            topology: label("cloud.google.com/gke-tpu-topology").map_or(Told::Unset, Told::Is),
            machines: label("node.kubernetes.io/instance-type").into_iter().collect(),
            compute_class: label("cloud.google.com/compute-class"),
            spot: label("cloud.google.com/gke-spot").is_some_and(|value| value == "true"),
            constrained_otherwise: false,
        }
    }
}
