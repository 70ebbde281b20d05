//! What a HorizontalPodAutoscaler's controller read of each metric when it last looked.

use serde_json::Value;

use super::objects::cause;
use super::{MetricExplanation, Statement};
use crate::inspect::parse_quantity;

/// Adds to each metric what the controller read of it, or that it could not.
///
/// The status has one entry for each metric of the spec, in their order, once the controller looked; one that could not
/// be read has an empty type (`computeReplicasForMetrics` of Kubernetes' `pkg/controller/podautoscaler`).
pub(super) fn add(object: &Value, metrics: &mut [MetricExplanation]) {
    let status = object.pointer("/status/currentMetrics").and_then(Value::as_array);
    let Some(status) = status.filter(|status| status.len() == metrics.len()) else { return };
    for (metric, status) in metrics.iter_mut().zip(status) {
        let is_read = status.get("type").and_then(Value::as_str).is_some_and(|kind| !kind.is_empty());
        if !is_read {
            metric.statements.push(Statement::bad("the controller cannot read it", advice(object, metric)));
        } else if let Some(value) = value(status) {
            metric.statements.push(Statement::good(format!("the controller reads {value}")));
        }
    }
}

/// What to do: the condition tells of the first metric that could not be read.
fn advice(object: &Value, metric: &MetricExplanation) -> String {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let messages = conditions.into_iter().flatten().filter_map(|condition| {
        let is_inactive = condition.get("type")? == "ScalingActive" && condition.get("status")? == "False";
        condition.get("message").filter(|_| is_inactive)?.as_str()
    });
    let mut of_metric = messages.filter(|message| message.contains(&metric.metric));
    cause(of_metric.next().unwrap_or_default())
}

/// `49.5 a replica`.
fn value(status: &Value) -> Option<String> {
    // The one field beside `type` is named after it.
    let current = status.as_object()?.values().find_map(|of_type| of_type.get("current"))?;
    let quantity = |name: &str| parse_quantity(current.get(name)?.as_str()?);
    if let Some(percent) = current.get("averageUtilization").and_then(Value::as_i64) {
        return Some(format!("{percent} % of the request"));
    }
    let average = quantity("averageValue").map(|value| format!("{value} a replica"));
    average.or_else(|| Some(format!("{} in all", quantity("value")?)))
}
