//! Everything that a decision rests on, at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::in_force::Asked;
use super::{InForce, PolicySet, Request};
use crate::catalog::Catalog;
use crate::inspect::Subject;
use crate::rules::{Background, Neighbours};

/// Everything that a decision rests on, at one moment. It is never changed, only replaced by another, so that one
/// decision never sees half of a change.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// Labels of each namespace.
    pub namespaces: BTreeMap<String, Arc<BTreeMap<String, String>>>,
    /// Inference workloads and autoscalers of the cluster, or of the file.
    pub neighbours: Neighbours,
    /// The policies.
    pub policies: Arc<PolicySet>,
}

static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();

impl Snapshot {
    /// What holds for `subject`, which is `object` inspected.
    pub fn in_force(&self, request: &Request<'_>, object: &Value, subject: &Subject<'_>) -> InForce<'_> {
        let namespace = request.namespace.unwrap_or_default();
        let target = match subject {
            Subject::Autoscaler(autoscaler) => self.neighbours.target_of(autoscaler),
            Subject::Workload(_) | Subject::Unrelated => None,
        };
        let asked = Asked {
            namespace,
            namespace_labels: self.namespaces.get(namespace).map_or(&NO_LABELS, AsRef::as_ref),
            object,
            target,
            now_unix_seconds: request.now_unix_seconds,
        };
        self.policies.in_force(&asked, subject)
    }

    /// What the rules may look at beside the object.
    pub(super) fn background<'a>(&'a self, in_force: &'a InForce<'_>) -> Background<'a> {
        Background { catalog: &self.catalog, settings: in_force.settings(), neighbours: &self.neighbours }
    }
}
