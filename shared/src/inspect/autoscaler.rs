//! Objects that decide on the replicas of another.

use serde_json::Value;

use super::{Identity, Metric};

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
    /// The scaling behaviour: `spec.behavior`, KEDA's `spec.advanced.horizontalPodAutoscalerConfig.behavior`.
    pub behavior: Option<&'a Value>,
    /// KEDA's `idleReplicaCount`.
    pub idle_replicas: Option<u32>,
    /// KEDA's `cooldownPeriod` in seconds, before it goes to its least; 300 by default.
    pub cooldown_seconds: Option<u32>,
}

impl<'a> Autoscaler<'a> {
    pub(super) fn of(object: &'a Value) -> Option<Self> {
        let kind = match object.get("kind")?.as_str()? {
            "HorizontalPodAutoscaler" => AutoscalerKind::Horizontal,
            "ScaledObject" => AutoscalerKind::Keda,
            _ => return None,
        };
        let identity = Identity::of(object)?;
        let spec = object.get("spec")?;
        let target = spec.get("scaleTargetRef")?;
        let count = |name: &str| u32::try_from(spec.get(name)?.as_u64()?).ok();
        let (least, most, behavior) = match kind {
            AutoscalerKind::Horizontal => ("minReplicas", "maxReplicas", "/behavior"),
            AutoscalerKind::Keda => {
                ("minReplicaCount", "maxReplicaCount", "/advanced/horizontalPodAutoscalerConfig/behavior")
            }
        };
        let written = |value: &&Value| value.as_object().is_some_and(|fields| !fields.is_empty());
        let behavior = spec.pointer(behavior).filter(written);
        Some(Self {
            object,
            identity,
            kind,
            target_kind: target.get("kind").and_then(Value::as_str).unwrap_or("Deployment"),
            target_name: target.get("name").and_then(Value::as_str)?,
            min_replicas: count(least),
            max_replicas: count(most),
            metrics: Metric::all(kind, spec),
            has_behavior: behavior.is_some(),
            behavior,
            idle_replicas: count("idleReplicaCount"),
            cooldown_seconds: count("cooldownPeriod"),
        })
    }
}
