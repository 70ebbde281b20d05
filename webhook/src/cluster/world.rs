//! What the watches have seen, and its way into force.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use infer_core::catalog::Catalog;
use infer_core::policy::{PolicyReport, PolicySet, Snapshot};
use infer_core::rules::{Neighbours, ObjectKey};
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::metrics::Metrics;
use crate::readiness::Readiness;
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
    policies: BTreeMap<String, Arc<Value>>,
    /// What is compiled of `policies`; `None` where they have changed since.
    compiled: Option<Arc<PolicySet>>,
    /// The last set that was compiled, whose versions broken policies keep.
    previous: Arc<PolicySet>,
    /// Watches whose first list is complete but not in force yet.
    synced: Vec<&'static str>,
}

impl World {
    /// Knows the catalog and nothing else yet.
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        let state = State {
            catalog,
            namespaces: BTreeMap::new(),
            objects: BTreeMap::new(),
            neighbours: Neighbours::default(),
            policies: BTreeMap::new(),
            compiled: None,
            previous: Arc::default(),
            synced: Vec::new(),
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

    /// Changes the policies; `change` returns whether it made a difference.
    pub(super) fn change_policies(&self, change: impl FnOnce(&mut BTreeMap<String, Arc<Value>>) -> bool) {
        self.change(|state| {
            let changed = change(&mut state.policies);
            if changed {
                state.compiled = None;
            }
            changed
        });
    }

    /// Notes that the list of `resource` is complete: a condition of readiness that is met once it is in force.
    pub(super) fn synced(&self, resource: &'static str) {
        self.change(|state| {
            state.synced.push(resource);
            true
        });
    }

    /// Puts each state in force, for ever, and sends on what became of the policies.
    pub(crate) async fn publish(
        self: Arc<Self>,
        store: Arc<Store>,
        metrics: Arc<Metrics>,
        readiness: Readiness,
        reports: watch::Sender<Vec<PolicyReport>>,
    ) {
        loop {
            self.changed.notified().await;
            sleep(DEBOUNCE).await;
            let (snapshot, synced) = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.count(&metrics);
                (state.snapshot(), std::mem::take(&mut state.synced))
            };
            let current = snapshot.policies.reports().to_vec();
            store.replace(snapshot);
            metrics.snapshots.inc();
            synced.into_iter().for_each(|resource| readiness.met(resource));
            reports.send_if_modified(|last| {
                let changed = *last != current;
                if changed {
                    note(last, &current, &metrics);
                    *last = current;
                }
                changed
            });
        }
    }
}

/// Tells metrics and log what became of the policies.
fn note(last: &[PolicyReport], current: &[PolicyReport], metrics: &Metrics) {
    for gone in last.iter().filter(|old| !current.iter().any(|new| new.name == old.name)) {
        metrics.policy_gone(&gone.name);
    }
    for report in current {
        metrics.policy(&report.name, report.in_force.unwrap_or_default(), !report.errors.is_empty());
        if last.contains(report) {
            continue;
        }
        let (policy, generation, in_force) = (&report.name, report.generation, report.in_force);
        if report.errors.is_empty() {
            tracing::info!(policy, generation, "policy in force");
        } else {
            let errors: Vec<_> = report.errors.iter().map(ToString::to_string).collect();
            tracing::error!(policy, generation, in_force, error = errors.join("; "), "policy is broken");
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

    fn snapshot(&mut self) -> Snapshot {
        Snapshot {
            catalog: Arc::clone(&self.catalog),
            namespaces: self.namespaces.clone(),
            neighbours: self.neighbours.clone(),
            policies: self.policies(),
        }
    }

    /// The policies, compiled once per change.
    fn policies(&mut self) -> Arc<PolicySet> {
        if let Some(compiled) = &self.compiled {
            return Arc::clone(compiled);
        }
        let objects = self.policies.values().map(Arc::as_ref);
        let compiled = Arc::new(PolicySet::compile(objects, &self.previous));
        self.previous = Arc::clone(&compiled);
        self.compiled = Some(Arc::clone(&compiled));
        compiled
    }

    fn count(&self, metrics: &Metrics) {
        metrics.watching("namespaces", self.namespaces.len());
        metrics.watching("inferencepolicies", self.policies.len());
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for key in self.objects.keys() {
            *kinds.entry(&key.kind).or_default() += 1;
        }
        for kind in &super::neighbours::KINDS {
            metrics.watching(kind.plural, kinds.get(kind.kind).copied().unwrap_or_default());
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

    #[test]
    fn a_broken_policy_keeps_its_last_version_over_further_changes() {
        let world = World::new(Arc::new(Catalog::embedded()));
        let policy = |generation: u32, rule: &str| {
            let policy = json!({
                "apiVersion": "kubectl-infer.io/v1alpha1",
                "kind": "InferencePolicy",
                "metadata": { "name": "team", "generation": generation },
                "spec": { "rules": [{ "rule": rule, "action": "deny" }] },
            });
            BTreeMap::from([("team".to_owned(), Arc::new(policy))])
        };
        for (generation, rule) in [(1, "cache"), (2, "no-such-rule"), (3, "nor-this-one")] {
            world.change_policies(|policies| {
                *policies = policy(generation, rule);
                true
            });
            let policies = world.state.lock().unwrap().snapshot().policies;
            let report = &policies.reports()[0];
            assert_eq!((report.generation, report.in_force), (Some(generation.into()), Some(1)));
            assert_eq!(report.errors.is_empty(), generation == 1);
        }
    }
}
