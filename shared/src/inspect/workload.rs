//! An object that runs a model server.

use serde_json::Value;

use super::{Identity, ServingPod, pod_templates};

/// An object with at least one Pod template in which a container serves a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload<'a> {
    /// The whole object.
    pub object: &'a Value,
    /// Which object it is.
    pub identity: Identity<'a>,
    /// `spec.replicas`; `None` where it is not written (the API server then fills in 1) or the kind has none.
    pub replicas: Option<u32>,
    /// Its serving Pods, never empty; more than one for a leader with workers.
    pub pods: Vec<ServingPod<'a>>,
}

impl<'a> Workload<'a> {
    /// The workload in `object`; `None` where no container of it serves a model.
    pub fn of(object: &'a Value) -> Option<Self> {
        let identity = Identity::of(object)?;
        let templates = pod_templates(object);
        let pods: Vec<_> =
            templates.into_iter().filter_map(|template| ServingPod::of(object, template)).collect();
        if pods.is_empty() {
            return None;
        }
        let replicas = object.pointer("/spec/replicas").and_then(Value::as_u64);
        Some(Self { object, identity, replicas: replicas.and_then(|count| u32::try_from(count).ok()), pods })
    }

    /// An annotation of the workload's own metadata, else of its first serving template.
    pub fn annotation(&self, key: &str) -> Option<&'a str> {
        let own = annotation(self.object, key);
        own.or_else(|| self.pods.iter().find_map(|pod| annotation(pod.template, key)))
    }
}

fn annotation<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get("metadata")?.get("annotations")?.get(key)?.as_str()
}
