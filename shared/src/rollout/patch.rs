//! A step as a JSON merge patch of the object that it changes.
//!
//! Each patch carries the `resourceVersion` that was observed: what changed meanwhile makes the API server refuse it,
//! and the rollout looks again.

use serde_json::{Value, json};

use super::{HELD, KEDA_PAUSED, Observed, ObservedAutoscaler, RECORD, Record};
use crate::inspect::AutoscalerKind;

/// Writes the record of a rollout into the Deployment's annotations, or removes it.
pub fn record_patch(deployment: &Value, record: Option<&Record>) -> Value {
    let record = record.map(|record| json!(record).to_string());
    annotations_patch(deployment, [(RECORD, record)])
}

/// Sets the Deployment's replicas.
pub fn scale_patch(deployment: &Value, replicas: u32) -> Value {
    with_spec(annotations_patch(deployment, []), json!({ "replicas": replicas }))
}

/// Holds an autoscaler at a number of replicas, and writes down what it said before.
pub fn hold_patch(object: &Value, autoscaler: &ObservedAutoscaler, at: u32) -> Value {
    let held = autoscaler.hold(object, at);
    let memory = (HELD, Some(json!(held).to_string()));
    match autoscaler.kind {
        AutoscalerKind::Horizontal => {
            with_spec(annotations_patch(object, [memory]), json!({ "minReplicas": at, "maxReplicas": at }))
        }
        AutoscalerKind::Keda => annotations_patch(object, [memory, (KEDA_PAUSED, Some(at.to_string()))]),
    }
}

/// Lets an autoscaler say again what it said before it was held.
pub fn release_patch(object: &Value, observed: &Observed, autoscaler: usize) -> Value {
    let autoscaler = observed.autoscalers.get(autoscaler);
    let Some((autoscaler, held)) = autoscaler.and_then(|found| Some((found, found.held.clone()?))) else {
        return annotations_patch(object, []);
    };
    match autoscaler.kind {
        AutoscalerKind::Horizontal => {
            let spec = json!({ "minReplicas": held.min_replicas, "maxReplicas": held.max_replicas });
            with_spec(annotations_patch(object, [(HELD, None)]), spec)
        }
        AutoscalerKind::Keda => annotations_patch(object, [(HELD, None), (KEDA_PAUSED, held.paused)]),
    }
}

fn annotations_patch<const N: usize>(object: &Value, annotations: [(&str, Option<String>); N]) -> Value {
    let annotations: serde_json::Map<_, _> =
        annotations.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    let version = object.pointer("/metadata/resourceVersion");
    json!({ "metadata": { "resourceVersion": version, "annotations": annotations } })
}

fn with_spec(mut patch: Value, spec: Value) -> Value {
    patch["spec"] = spec;
    patch
}
