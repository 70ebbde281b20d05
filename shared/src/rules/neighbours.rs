//! The other objects that a rule may look up: the documents of the same file, or what a watch has seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::inspect::{Autoscaler, Identity, Subject, inspect};

/// Which object: namespace, kind, name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Namespace; empty where a file does not say, which then means one and the same namespace for all.
    pub namespace: String,
    /// `Deployment`.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// Inference workloads and their autoscalers, by key. Other objects are dropped when they are inserted, so that a
/// cluster full of other things costs nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Neighbours {
    objects: BTreeMap<ObjectKey, Arc<Value>>,
}

impl ObjectKey {
    /// Key of an object; `None` where it has no name.
    pub fn of(identity: &Identity<'_>) -> Option<Self> {
        Some(Self {
            namespace: identity.namespace.unwrap_or_default().to_owned(),
            kind: identity.kind.to_owned(),
            name: identity.name?.to_owned(),
        })
    }
}

impl Neighbours {
    /// Takes `object` in, in place of an earlier one of the same key. What is neither an inference workload nor an
    /// autoscaler is not kept.
    pub fn insert(&mut self, object: Arc<Value>) {
        let Some(key) = Identity::of(&object).as_ref().and_then(ObjectKey::of) else { return };
        if inspect(&object) == Subject::Unrelated {
            self.objects.remove(&key);
        } else {
            self.objects.insert(key, object);
        }
    }

    /// Forgets an object.
    pub fn remove(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    /// The object with this key.
    pub fn find(&self, key: &ObjectKey) -> Option<&Value> {
        self.objects.get(key).map(Arc::as_ref)
    }

    /// The object that `autoscaler` scales.
    pub fn target_of(&self, autoscaler: &Autoscaler<'_>) -> Option<&Value> {
        let key = ObjectKey {
            namespace: autoscaler.identity.namespace.unwrap_or_default().to_owned(),
            kind: autoscaler.target_kind.to_owned(),
            name: autoscaler.target_name.to_owned(),
        };
        self.find(&key)
    }

    /// The autoscalers whose target is the object of `identity`.
    pub fn autoscalers_of(&self, identity: &Identity<'_>) -> Vec<Autoscaler<'_>> {
        let Some(name) = identity.name else { return Vec::new() };
        let namespace = identity.namespace.unwrap_or_default();
        let same = self.objects.iter().filter(|(key, _)| key.namespace == namespace);
        let autoscalers = same.filter_map(|(_, object)| match inspect(object) {
            Subject::Autoscaler(autoscaler) => Some(autoscaler),
            Subject::Workload(_) | Subject::Unrelated => None,
        });
        autoscalers.filter(|found| found.target_kind == identity.kind && found.target_name == name).collect()
    }
}
