//! Signals that autoscalers scale by.

use serde_json::Value;

use super::{AutoscalerKind, PointerBuf, parse_quantity};

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
    /// KEDA's `activationThreshold`: the value above which it leaves its least number of replicas.
    pub activation: Option<f64>,
    /// `selector` of the metric, where it has one.
    pub selector: Option<&'a Value>,
    /// The metric or trigger itself.
    pub value: &'a Value,
    /// Where it stands in the object.
    pub at: PointerBuf,
    /// Where the number that it is held at stands.
    pub target_at: Option<PointerBuf>,
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

impl MetricTarget {
    /// The number.
    pub const fn number(self) -> f64 {
        match self {
            Self::Utilization(number) | Self::AverageValue(number) | Self::Value(number) => number,
        }
    }
}

/// Where a number stands below a metric, and what it means.
type TargetField = (&'static [&'static str], fn(f64) -> MetricTarget);

impl<'a> Metric<'a> {
    pub(super) fn all(kind: AutoscalerKind, spec: &'a Value) -> Vec<Self> {
        let list = |name: &'static str| {
            let list = spec.get(name).and_then(Value::as_array).into_iter().flatten().enumerate();
            list.map(move |(index, value)| {
                (value, PointerBuf::from_tokens(["spec", name, &index.to_string()]))
            })
        };
        match kind {
            AutoscalerKind::Horizontal => {
                let metrics = list("metrics").filter_map(|(value, at)| Self::of_horizontal(value, at));
                metrics.chain(Self::of_first_version(spec)).collect()
            }
            AutoscalerKind::Keda => {
                list("triggers").filter_map(|(value, at)| Self::of_keda(value, at)).collect()
            }
        }
    }

    /// `targetCPUUtilizationPercentage` of autoscaling/v1.
    fn of_first_version(spec: &'a Value) -> Option<Self> {
        let value = spec.get("targetCPUUtilizationPercentage")?;
        let at = PointerBuf::from_tokens(["spec", "targetCPUUtilizationPercentage"]);
        Some(Self {
            kind: "Resource",
            name: Some("cpu"),
            query: None,
            target: number(value).map(MetricTarget::Utilization),
            activation: None,
            selector: None,
            value,
            target_at: Some(at.clone()),
            at,
        })
    }

    /// autoscaling/v2 and v2beta2 (`metric.name`, `target`), and v2beta1 (`metricName`, `targetAverageValue`).
    fn of_horizontal(value: &'a Value, at: PointerBuf) -> Option<Self> {
        const FIELDS: [TargetField; 7] = [
            (&["target", "averageUtilization"], MetricTarget::Utilization),
            (&["target", "averageValue"], MetricTarget::AverageValue),
            (&["target", "value"], MetricTarget::Value),
            (&["targetAverageUtilization"], MetricTarget::Utilization),
            (&["targetAverageValue"], MetricTarget::AverageValue),
            (&["targetValue"], MetricTarget::Value),
            (&["averageValue"], MetricTarget::AverageValue),
        ];
        let kind = value.get("type").and_then(Value::as_str)?;
        let field = match kind {
            "Resource" => "resource",
            "ContainerResource" => "containerResource",
            "Pods" => "pods",
            "External" => "external",
            "Object" => "object",
            _ => return None,
        };
        let source = value.get(field)?;
        let metric = source.get("metric");
        let text = |value: &'a Value, name: &str| value.get(name).and_then(Value::as_str);
        let name = metric.and_then(|metric| text(metric, "name"));
        let target = FIELDS.iter().find_map(|(path, meaning)| {
            let found = path
                .iter()
                .try_fold(source, |value, name| value.get(name))
                .filter(|value| !value.is_null())?;
            let place = PointerBuf::from_tokens(std::iter::once(field).chain(path.iter().copied()));
            Some((number(found).map(meaning), at.concat(&place)))
        });
        let (target, target_at) = target.map_or((None, None), |(target, at)| (target, Some(at)));
        Some(Self {
            kind,
            name: name.or_else(|| text(source, "name")).or_else(|| text(source, "metricName")),
            query: None,
            target,
            activation: None,
            selector: metric
                .and_then(|metric| metric.get("selector"))
                .or_else(|| source.get("metricSelector")),
            value,
            at,
            target_at,
        })
    }

    /// A trigger of KEDA, whose numbers are texts.
    fn of_keda(value: &'a Value, at: PointerBuf) -> Option<Self> {
        let kind = value.get("type").and_then(Value::as_str)?;
        let metadata = value.get("metadata").unwrap_or(&Value::Null);
        let text = |name: &str| metadata.get(name).and_then(Value::as_str);
        let is_resource = matches!(kind, "cpu" | "memory");
        let field = ["threshold", "value", "targetValue", "targetQueueSize"]
            .into_iter()
            .find(|name| metadata.get(*name).is_some());
        let default = if is_resource { "Utilization" } else { "AverageValue" };
        let meaning =
            value.get("metricType").and_then(Value::as_str).or_else(|| text("type")).unwrap_or(default);
        let target = field.and_then(|field| number(metadata.get(field)?)).map(|number| match meaning {
            "Utilization" => MetricTarget::Utilization(number),
            "Value" => MetricTarget::Value(number),
            _ => MetricTarget::AverageValue(number),
        });
        let activation = ["activationThreshold", "activationValue", "activationTargetValue"];
        Some(Self {
            kind,
            name: if is_resource { Some(kind) } else { text("metricName") },
            query: text("query"),
            target,
            activation: activation.iter().find_map(|name| number(metadata.get(*name)?)),
            selector: None,
            value,
            target_at: field.map(|field| at.concat(&PointerBuf::from_tokens(["metadata", field]))),
            at,
        })
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| parse_quantity(value.as_str()?.trim()))
}
