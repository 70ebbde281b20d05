//! What the watches have seen, and its way into force.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use infer_core::catalog::Catalog;
use infer_core::policy::Snapshot;
use infer_core::rules::{Neighbours, ObjectKey};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::metrics::Metrics;
use crate::store::Store;

/// How long further changes are waited for: lists and roll-outs change many objects at once.
const DEBOUNCE: Duration = Duration::from_millis(10);

/// What the watches have seen. Each changes its part; [`World::publish`] puts the whole in force.
pub(crate) struct World {
    state: Mutex<State>,
    changed: Notify,
}

/// The parts.
pub(super) struct State {
    catalog: Arc<Catalog>,
    /// Labels of each namespace.
    pub(super) namespaces: BTreeMap<String, Arc<BTreeMap<String, String>>>,
    objects: BTreeMap<ObjectKey, Arc<Value>>,
    neighbours: Neighbours,
}

impl World {
    /// Knows the catalog and nothing else yet.
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        let state = State {
            catalog,
            namespaces: BTreeMap::new(),
            objects: BTreeMap::new(),
            neighbours: Neighbours::default(),
        };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// Changes the state; `change` returns whether it made a difference.
    pub(super) fn change(&self, change: impl FnOnce(&mut State) -> bool) {
        let different = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        if different {
            self.changed.notify_one();
        }
    }

    /// Puts each state in force, for ever.
    pub(crate) async fn publish(self: Arc<Self>, store: Arc<Store>, metrics: Arc<Metrics>) {
        loop {
            self.changed.notified().await;
            sleep(DEBOUNCE).await;
            let snapshot = self.state.lock().unwrap_or_else(PoisonError::into_inner).snapshot();
            store.replace(snapshot);
            metrics.snapshots.inc();
        }
    }
}

impl State {
    /// Takes an inference workload or an autoscaler in; returns whether that changes anything.
    pub(super) fn insert(&mut self, key: ObjectKey, object: Arc<Value>) -> bool {
        if self.objects.get(&key) == Some(&object) {
            return false;
        }
        self.neighbours.insert(Arc::clone(&object));
        self.objects.insert(key, object);
        true
    }

    /// Forgets an object; returns whether it was known.
    pub(super) fn remove(&mut self, key: &ObjectKey) -> bool {
        self.neighbours.remove(key);
        self.objects.remove(key).is_some()
    }

    /// Puts all objects of one kind in place of those that were known.
    pub(super) fn replace_kind(&mut self, kind: &str, objects: BTreeMap<ObjectKey, Arc<Value>>) -> bool {
        let known = self.objects.keys().filter(|key| key.kind == kind);
        let gone: Vec<_> = known.filter(|key| !objects.contains_key(*key)).cloned().collect();
        let mut changed = !gone.is_empty();
        for key in gone {
            self.remove(&key);
        }
        for (key, object) in objects {
            changed |= self.insert(key, object);
        }
        changed
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            catalog: Arc::clone(&self.catalog),
            namespaces: self.namespaces.clone(),
            neighbours: self.neighbours.clone(),
            policies: Arc::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(name: &str, image: &str) -> (ObjectKey, Arc<Value>) {
        let object = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": name, "namespace": "team" },
            "spec": { "template": { "spec": { "containers": [{ "name": "server", "image": image }] } } },
        });
        let key = ObjectKey { namespace: "team".into(), kind: "Deployment".into(), name: name.into() };
        (key, Arc::new(object))
    }

    #[test]
    fn a_new_list_replaces_what_was_known_of_its_kind_only() {
        let world = World::new(Arc::new(Catalog::embedded()));
        let mut state = world.state.lock().unwrap();
        let image = "vllm/vllm-openai:v0.10.0";
        let first = BTreeMap::from([deployment("gone", image), deployment("stays", image)]);
        assert!(state.replace_kind("Deployment", first.clone()));
        assert!(!state.replace_kind("StatefulSet", BTreeMap::new()), "other kinds are not touched");
        assert!(!state.replace_kind("Deployment", first), "the same list again changes nothing");

        assert!(state.replace_kind("Deployment", BTreeMap::from([deployment("stays", image)])));
        let names: Vec<_> = state.objects.keys().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["stays"]);
    }
}
