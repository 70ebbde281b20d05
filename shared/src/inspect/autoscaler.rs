//! Objects that decide on the replicas of another.

use serde_json::Value;

use super::{Identity, PointerBuf};

/// Which kind of autoscaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoscalerKind {
    /// HorizontalPodAutoscaler.
    Horizontal,
    /// KEDA's ScaledObject.
    Keda,
}

/// An object that decides on the replicas of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaler<'a> {
    /// The whole object.
    pub object: &'a Value,
    /// Which object it is.
    pub identity: Identity<'a>,
    /// Its kind.
    pub kind: AutoscalerKind,
    /// Kind of the target: `Deployment`, KEDA's default.
    pub target_kind: &'a str,
    /// Name of the target.
    pub target_name: &'a str,
    /// Fewest replicas; `None` where not written (1 for an HPA, 0 for a ScaledObject).
    pub min_replicas: Option<u32>,
    /// Most replicas.
    pub max_replicas: Option<u32>,
    /// What it scales by.
    pub metrics: Vec<Metric<'a>>,
    /// Whether a scaling behaviour is written.
    pub has_behavior: bool,
}

/// A signal that an autoscaler scales by.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric<'a> {
    /// `Resource`, `ContainerResource`, `Pods`, `External`, `Object` of an HPA; a trigger's type of KEDA.
    pub kind: &'a str,
    /// Name of the metric or resource: `cpu`, `prometheus.googleapis.com|vllm:num_requests_running|gauge`.
    pub name: Option<&'a str>,
    /// PromQL, where the trigger carries it.
    pub query: Option<&'a str>,
    /// What the signal is held at.
    pub target: Option<MetricTarget>,
    /// Where it stands in the object.
    pub at: PointerBuf,
}

/// What a signal is held at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricTarget {
    /// Share of the request, in percent.
    Utilization(f64),
    /// Mean over the replicas: the sum divided by their number.
    AverageValue(f64),
    /// The value itself, whatever the number of replicas.
    Value(f64),
}

impl<'a> Autoscaler<'a> {
    pub(super) fn of(object: &'a Value) -> Option<Self> {
        let identity = Identity::of(object)?;
        let kind = match identity.kind {
            "HorizontalPodAutoscaler" => AutoscalerKind::Horizontal,
            "ScaledObject" => AutoscalerKind::Keda,
            _ => return None,
        };
        let target = object.pointer("/spec/scaleTargetRef")?;
        let count = |name: &str| {
            let count = object.get("spec")?.get(name)?.as_u64()?;
            u32::try_from(count).ok()
        };
        let (least, most) = match kind {
            AutoscalerKind::Horizontal => ("minReplicas", "maxReplicas"),
            AutoscalerKind::Keda => ("minReplicaCount", "maxReplicaCount"),
        };
        Some(Self {
            object,
            identity,
            kind,
            target_kind: target.get("kind").and_then(Value::as_str).unwrap_or("Deployment"),
            target_name: target.get("name").and_then(Value::as_str)?,
            min_replicas: count(least),
            max_replicas: count(most),
            metrics: Vec::new(),
            has_behavior: object.pointer("/spec/behavior").is_some(),
        })
    }
}
