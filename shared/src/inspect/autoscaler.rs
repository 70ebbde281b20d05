//! Objects that decide on the replicas of another.

use serde_json::Value;

use super::{Identity, Metric, PointerBuf};

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
    /// The autoscaler that `object` is; `None` for any other kind, and without a target.
    pub fn of(object: &'a Value) -> Option<Self> {
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

    /// Where the metrics stand, or would stand.
    pub fn metrics_at(&self) -> PointerBuf {
        let field = match self.kind {
            AutoscalerKind::Horizontal if self.is_first_version() => "targetCPUUtilizationPercentage",
            AutoscalerKind::Horizontal => "metrics",
            AutoscalerKind::Keda => "triggers",
        };
        PointerBuf::from_tokens(["spec", field])
    }

    /// Where the scaling behaviour stands, or would stand.
    pub fn behavior_at(&self) -> PointerBuf {
        match self.kind {
            AutoscalerKind::Horizontal => PointerBuf::from_tokens(["spec", "behavior"]),
            AutoscalerKind::Keda => {
                PointerBuf::from_tokens(["spec", "advanced", "horizontalPodAutoscalerConfig", "behavior"])
            }
        }
    }

    /// Whether it is of `autoscaling/v1`, which has one metric, the processors, and no behaviour.
    pub fn is_first_version(&self) -> bool {
        self.identity.api_version == "autoscaling/v1"
    }

    /// Most replicas that it runs: a ScaledObject that does not say takes 100
    /// (keda.sh/docs/latest/reference/scaledobject-spec).
    pub fn most_replicas(&self) -> Option<u32> {
        const KEDA_DEFAULT: u32 = 100;
        match self.kind {
            AutoscalerKind::Horizontal => self.max_replicas,
            AutoscalerKind::Keda => Some(self.max_replicas.unwrap_or(KEDA_DEFAULT)),
        }
    }

    /// Where the most replicas stand, or would stand.
    pub fn most_replicas_at(&self) -> PointerBuf {
        let field = match self.kind {
            AutoscalerKind::Horizontal => "maxReplicas",
            AutoscalerKind::Keda => "maxReplicaCount",
        };
        PointerBuf::from_tokens(["spec", field])
    }

    /// Whether it takes the last replica away when there is nothing to do. HPAs do not: they refuse
    /// `minReplicas: 0` unless an alpha feature is on.
    pub fn sleeps(&self) -> bool {
        let least = self.idle_replicas.or(self.min_replicas);
        self.kind == AutoscalerKind::Keda && least.unwrap_or_default() == 0
    }
}
