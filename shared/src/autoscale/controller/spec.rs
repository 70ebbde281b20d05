//! What an autoscaler says, with everything filled in that the API server fills in.

use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::{
    HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler, HorizontalPodAutoscalerBehavior,
    HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;

use super::spec_error::found;
use super::{Milli, SpecError};
use crate::inspect::parse_quantity;

/// What an autoscaler says.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Fewest replicas, at least 1.
    pub min_replicas: u32,
    /// Most replicas, at least the fewest.
    pub max_replicas: u32,
    /// What it scales by, at least one.
    pub metrics: Vec<Metric>,
    /// How fast it may scale. Without one: up to double or 4 at once, down after the controller's own window.
    pub behavior: Option<Behavior>,
}

/// A metric and what it is held at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Its name; a resource's for resource metrics.
    pub name: String,
    /// Whom it is about.
    pub source: Source,
    /// What it is held at.
    pub target: Target,
}

/// Whom a metric is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Each Pod, from `custom.metrics.k8s.io`.
    Pods,
    /// One object, from `custom.metrics.k8s.io`.
    Object,
    /// Something outside of the cluster, from `external.metrics.k8s.io`.
    External,
    /// CPU or memory of each Pod or of one container in it, from `metrics.k8s.io`.
    Resource,
}

/// What a metric is held at; above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Mean over the replicas.
    AverageValue(Milli),
    /// The value itself.
    Value(Milli),
    /// Percent of what the Pods request.
    Utilization(u32),
}

/// How fast an autoscaler may scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    /// When more replicas are asked for.
    pub scale_up: Rules,
    /// When fewer are.
    pub scale_down: Rules,
}

/// How fast it may scale in one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How long a change must have been asked for; `None` is the controller's own window for scale-down.
    pub window: Option<Duration>,
    /// Which policy holds of several.
    pub select: SelectPolicy,
    /// At least one.
    pub policies: Vec<Policy>,
    /// How far the ratio of a metric to its target may be off 1; `None` is the controller's own tolerance.
    pub tolerance: Option<f64>,
}

/// Which policy holds of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The one that lets the most replicas change.
    Max,
    /// The one that lets the fewest change.
    Min,
    /// None: replicas do not change in this direction.
    Disabled,
}

/// So many replicas may change in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What the number counts.
    pub kind: PolicyKind,
    /// Above 0.
    pub value: u32,
    /// From 1 s to 30 min.
    pub period: Duration,
}

/// What a policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// Replicas.
    Pods,
    /// Percent of the replicas at the start of the period.
    Percent,
}

impl Behavior {
    /// What the API server fills in where a behaviour is written at all (`pkg/apis/autoscaling/v2/defaults.go`):
    /// double or 4 more in 15 s, whichever is more; down to any number in 15 s.
    pub fn api_default() -> Self {
        let policy = |kind, value| Policy { kind, value, period: Duration::from_secs(15) };
        Self {
            scale_up: Rules {
                window: Some(Duration::ZERO),
                select: SelectPolicy::Max,
                policies: vec![policy(PolicyKind::Pods, 4), policy(PolicyKind::Percent, 100)],
                tolerance: None,
            },
            scale_down: Rules {
                window: None,
                select: SelectPolicy::Max,
                policies: vec![policy(PolicyKind::Percent, 100)],
                tolerance: None,
            },
        }
    }
}

impl Spec {
    /// The autoscaler that an object of `autoscaling/v2` is.
    ///
    /// # Errors
    ///
    /// [`SpecError`] for another kind or version, and for what the API server would refuse.
    pub fn of(object: &Value) -> Result<Self, SpecError> {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (version, kind) = (text("apiVersion"), text("kind"));
        if kind != "HorizontalPodAutoscaler" {
            return Err(SpecError::OtherKind { kind });
        }
        if version != "autoscaling/v2" {
            return Err(SpecError::OtherVersion { version });
        }
        let object: HorizontalPodAutoscaler = serde_json::from_value(object.clone())
            .map_err(|error| SpecError::Malformed(error.to_string()))?;
        Self::of_typed(&object.spec.ok_or_else(|| SpecError::Malformed("it has no `spec`".to_owned()))?)
    }

    /// The autoscaler that a typed spec says.
    ///
    /// # Errors
    ///
    /// [`SpecError`] for what the API server would refuse.
    pub fn of_typed(spec: &HorizontalPodAutoscalerSpec) -> Result<Self, SpecError> {
        let min_replicas =
            positive("spec.minReplicas", spec.min_replicas.unwrap_or(1), SpecError::NoReplicas)?;
        let max_replicas = positive("spec.maxReplicas", spec.max_replicas, SpecError::NoReplicas)?;
        if min_replicas > max_replicas {
            return Err(SpecError::MinAboveMax { min: min_replicas, max: max_replicas });
        }
        let metrics = spec.metrics.as_deref().unwrap_or_default().iter().enumerate();
        let mut metrics: Vec<Metric> = metrics
            .map(|(index, metric)| read_metric(&format!("spec.metrics[{index}]"), metric))
            .collect::<Result<_, _>>()?;
        if metrics.is_empty() {
            // What the API server fills in.
            let target = Target::Utilization(80);
            metrics.push(Metric { name: "cpu".to_owned(), source: Source::Resource, target });
        }
        let behavior = spec.behavior.as_ref().map(read_behavior).transpose()?;
        Ok(Self { min_replicas, max_replicas, metrics, behavior })
    }
}

fn positive(at: &str, value: i32, error: fn(String, i64) -> SpecError) -> Result<u32, SpecError> {
    u32::try_from(value).ok().filter(|value| *value > 0).ok_or_else(|| error(at.to_owned(), i64::from(value)))
}

fn read_metric(at: &str, metric: &MetricSpec) -> Result<Metric, SpecError> {
    let (source, name, target) = match metric.type_.as_str() {
        "Pods" => metric.pods.as_ref().map(|of| (Source::Pods, &of.metric.name, &of.target)),
        "Object" => metric.object.as_ref().map(|of| (Source::Object, &of.metric.name, &of.target)),
        "External" => metric.external.as_ref().map(|of| (Source::External, &of.metric.name, &of.target)),
        "Resource" => metric.resource.as_ref().map(|of| (Source::Resource, &of.name, &of.target)),
        "ContainerResource" => {
            metric.container_resource.as_ref().map(|of| (Source::Resource, &of.name, &of.target))
        }
        other => return Err(SpecError::UnknownMetricType { at: at.to_owned(), kind: other.to_owned() }),
    }
    .ok_or_else(|| SpecError::NoSource { at: at.to_owned(), kind: metric.type_.clone() })?;
    let target = read_target(&format!("{at}.target"), source, target)?;
    Ok(Metric { name: name.clone(), source, target })
}

/// The target that the controller reads of those written; which it looks at depends on the source.
fn read_target(at: &str, source: Source, target: &MetricTarget) -> Result<Target, SpecError> {
    let quantity = |of: &Option<Quantity>, field: &str| {
        of.as_ref().map(|quantity| above_zero(&format!("{at}.{field}"), quantity)).transpose()
    };
    let average = quantity(&target.average_value, "averageValue")?.map(Target::AverageValue);
    let value = quantity(&target.value, "value")?.map(Target::Value);
    let utilization = target
        .average_utilization
        .map(|percent| positive(&format!("{at}.averageUtilization"), percent, SpecError::NoThreshold))
        .transpose()?
        .map(Target::Utilization);
    let read = match source {
        Source::Pods => average,
        Source::External => average.or(value),
        Source::Object if target.type_ == "AverageValue" => average,
        Source::Object => value,
        Source::Resource => average.or(utilization),
    };
    read.ok_or_else(|| SpecError::NoTarget {
        at: at.to_owned(),
        accepted: match source {
            Source::Pods => "`averageValue`",
            Source::External | Source::Object => "`averageValue` or `value`",
            Source::Resource => "`averageUtilization` or `averageValue`",
        },
    })
}

fn above_zero(at: &str, Quantity(text): &Quantity) -> Result<Milli, SpecError> {
    let milli =
        Milli::parse(text).ok_or_else(|| SpecError::NoQuantity { at: at.to_owned(), found: found(text) })?;
    if milli.0 > 0 {
        Ok(milli)
    } else {
        Err(SpecError::NotAboveZero { at: at.to_owned(), found: found(text) })
    }
}

fn read_behavior(behavior: &HorizontalPodAutoscalerBehavior) -> Result<Behavior, SpecError> {
    let default = Behavior::api_default();
    Ok(Behavior {
        scale_up: read_rules("spec.behavior.scaleUp", behavior.scale_up.as_ref(), default.scale_up)?,
        scale_down: read_rules("spec.behavior.scaleDown", behavior.scale_down.as_ref(), default.scale_down)?,
    })
}

fn read_rules(at: &str, written: Option<&HPAScalingRules>, default: Rules) -> Result<Rules, SpecError> {
    let Some(written) = written else { return Ok(default) };
    let window = match written.stabilization_window_seconds {
        Some(seconds) => Some(seconds_within(&format!("{at}.stabilizationWindowSeconds"), seconds, 0, 3600)?),
        None => default.window,
    };
    let select = match written.select_policy.as_deref() {
        None => default.select,
        Some("Max") => SelectPolicy::Max,
        Some("Min") => SelectPolicy::Min,
        Some("Disabled") => SelectPolicy::Disabled,
        Some(other) => {
            return Err(SpecError::UnknownSelectPolicy {
                at: format!("{at}.selectPolicy"),
                found: found(other),
            });
        }
    };
    let policies = match &written.policies {
        None => default.policies,
        Some(policies) if policies.is_empty() => {
            return Err(SpecError::NoPolicy { at: format!("{at}.policies") });
        }
        Some(policies) => {
            let policies = policies.iter().enumerate();
            policies
                .map(|(index, policy)| read_policy(&format!("{at}.policies[{index}]"), policy))
                .collect::<Result<_, _>>()?
        }
    };
    let tolerance = written.tolerance.as_ref().map(|Quantity(text)| {
        let at = || format!("{at}.tolerance");
        let tolerance = parse_quantity(text.trim())
            .ok_or_else(|| SpecError::NoQuantity { at: at(), found: found(text) })?;
        if tolerance >= 0.0 {
            Ok(tolerance)
        } else {
            Err(SpecError::NegativeTolerance { at: at(), found: found(text) })
        }
    });
    Ok(Rules { window, select, policies, tolerance: tolerance.transpose()?.or(default.tolerance) })
}

fn read_policy(at: &str, policy: &HPAScalingPolicy) -> Result<Policy, SpecError> {
    let kind = match policy.type_.as_str() {
        "Pods" => PolicyKind::Pods,
        "Percent" => PolicyKind::Percent,
        other => return Err(SpecError::UnknownPolicy { at: format!("{at}.type"), found: found(other) }),
    };
    let value = positive(&format!("{at}.value"), policy.value, SpecError::NoThreshold)?;
    let period = seconds_within(&format!("{at}.periodSeconds"), policy.period_seconds, 1, 1800)?;
    Ok(Policy { kind, value, period })
}

fn seconds_within(at: &str, seconds: i32, least: i32, most: i32) -> Result<Duration, SpecError> {
    match u64::try_from(seconds) {
        Ok(within) if (least..=most).contains(&seconds) => Ok(Duration::from_secs(within)),
        _ => Err(SpecError::OutsideOf { at: at.to_owned(), found: i64::from(seconds), least, most }),
    }
}
