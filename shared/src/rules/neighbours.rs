//! The other objects that a rule may look up: the documents of the same file, or what a watch has seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::inspect::{Autoscaler, Identity, Subject, inspect};

/// Which object: namespace, kind, name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Namespace; where a file does not say, it is the one that clients take, `default`.
    pub namespace: String,
    /// `Deployment`.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// The namespace of an object that names none.
const UNTOLD: &str = "default";

/// Inference workloads, their autoscalers, what scrapes their metrics and names of Services, by key. Other objects are
/// dropped when they are inserted, so that a cluster full of other things costs nothing; a copy shares what it has with
/// the original until one of them changes, so that neither does one for each file of a folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Neighbours {
    objects: Arc<BTreeMap<ObjectKey, Arc<Value>>>,
    /// Keys of autoscalers by the key of what they scale.
    autoscalers: Arc<BTreeMap<ObjectKey, BTreeSet<ObjectKey>>>,
    monitors: Arc<BTreeMap<ObjectKey, Arc<Value>>>,
    /// Keys of Services. Only files have them: the webhook watches none.
    services: Arc<BTreeSet<ObjectKey>>,
}

impl ObjectKey {
    /// Key of an object; `None` where it has no name.
    pub fn of(identity: &Identity<'_>) -> Option<Self> {
        Some(Self {
            namespace: identity.namespace.unwrap_or(UNTOLD).to_owned(),
            kind: identity.kind.to_owned(),
            name: identity.name?.to_owned(),
        })
    }

    /// Key of what an autoscaler scales.
    pub fn of_target(autoscaler: &Autoscaler<'_>) -> Self {
        Self {
            namespace: autoscaler.identity.namespace.unwrap_or(UNTOLD).to_owned(),
            kind: autoscaler.target_kind.to_owned(),
            name: autoscaler.target_name.to_owned(),
        }
    }
}

impl Neighbours {
    /// Takes `object` in, in place of an earlier one of the same key. What is neither an inference workload nor an
    /// autoscaler nor a Service nor scrapes metrics is not kept.
    pub fn insert(&mut self, object: Arc<Value>) {
        let Some(key) = Identity::of(&object).as_ref().and_then(ObjectKey::of) else { return };
        self.remove(&key);
        if is_monitor(&key.kind) {
            Arc::make_mut(&mut self.monitors).insert(key, object);
            return;
        }
        if key.kind == "Service" {
            Arc::make_mut(&mut self.services).insert(key);
            return;
        }
        match inspect(&object) {
            Subject::Unrelated => return,
            Subject::Workload(_) => {}
            Subject::Autoscaler(autoscaler) => {
                let target = ObjectKey::of_target(&autoscaler);
                Arc::make_mut(&mut self.autoscalers).entry(target).or_default().insert(key.clone());
            }
        }
        Arc::make_mut(&mut self.objects).insert(key, object);
    }

    /// Forgets an object.
    pub fn remove(&mut self, key: &ObjectKey) {
        if self.monitors.contains_key(key) {
            Arc::make_mut(&mut self.monitors).remove(key);
        }
        if self.services.contains(key) {
            Arc::make_mut(&mut self.services).remove(key);
        }
        if !self.objects.contains_key(key) {
            return;
        }
        let Some(object) = Arc::make_mut(&mut self.objects).remove(key) else { return };
        let Some(autoscaler) = Autoscaler::of(&object) else { return };
        let target = ObjectKey::of_target(&autoscaler);
        let autoscalers = Arc::make_mut(&mut self.autoscalers);
        if let Some(keys) = autoscalers.get_mut(&target) {
            keys.remove(key);
            if keys.is_empty() {
                autoscalers.remove(&target);
            }
        }
    }

    /// The workload or autoscaler with this key.
    pub fn find(&self, key: &ObjectKey) -> Option<&Value> {
        self.objects.get(key).map(Arc::as_ref)
    }

    /// The object that `autoscaler` scales.
    pub fn target_of(&self, autoscaler: &Autoscaler<'_>) -> Option<&Value> {
        self.find(&ObjectKey::of_target(autoscaler))
    }

    /// The autoscalers whose target is the object of `identity`.
    pub fn autoscalers_of(&self, identity: &Identity<'_>) -> Vec<Autoscaler<'_>> {
        let keys = ObjectKey::of(identity).and_then(|key| self.autoscalers.get(&key));
        let objects = keys.into_iter().flatten().filter_map(|key| self.objects.get(key));
        objects.filter_map(|object| Autoscaler::of(object)).collect()
    }

    /// Whether `namespace` is known to have a Service of this name.
    pub fn has_service(&self, namespace: Option<&str>, name: &str) -> bool {
        let namespace = namespace.unwrap_or(UNTOLD).to_owned();
        self.services.contains(&ObjectKey { namespace, kind: "Service".to_owned(), name: name.to_owned() })
    }

    /// What scrapes Pods of `template` in `namespace` by a selector of theirs: PodMonitorings and PodMonitors.
    pub fn monitors_of(&self, namespace: Option<&str>, template: &Value) -> Vec<&Value> {
        let namespace = namespace.unwrap_or(UNTOLD);
        let scrapes = |(key, monitor): &(&ObjectKey, &Arc<Value>)| {
            let elsewhere =
                monitor.pointer("/spec/namespaceSelector").is_some() || key.kind == "ClusterPodMonitoring";
            key.kind != "ServiceMonitor"
                && (elsewhere || key.namespace == namespace)
                && selects(monitor, template)
        };
        self.monitors.iter().filter(scrapes).map(|(_, monitor)| monitor.as_ref()).collect()
    }

    /// Whether something scrapes Pods of `template` in `namespace`, as far as selectors tell.
    pub fn scrapes(&self, namespace: Option<&str>, template: &Value) -> bool {
        let namespace = namespace.unwrap_or(UNTOLD);
        self.monitors.iter().any(|(key, monitor)| {
            let elsewhere =
                monitor.pointer("/spec/namespaceSelector").is_some() || key.kind == "ClusterPodMonitoring";
            // A ServiceMonitor selects Services, whose selectors are not here.
            (elsewhere || key.namespace == namespace)
                && (key.kind == "ServiceMonitor" || selects(monitor, template))
        })
    }
}

/// Kinds that say what Prometheus scrapes.
fn is_monitor(kind: &str) -> bool {
    matches!(kind, "PodMonitoring" | "ClusterPodMonitoring" | "PodMonitor" | "ServiceMonitor")
}

/// Whether the selector of `monitor` takes the labels of `template`; expressions are taken to hold.
fn selects(monitor: &Value, template: &Value) -> bool {
    let wanted = monitor.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let labels = template.pointer("/metadata/labels");
    wanted.into_iter().flatten().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn autoscaler(name: &str, target: &str) -> Arc<Value> {
        Arc::new(json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name, "namespace": "llm"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": target}, "maxReplicas": 3},
        }))
    }

    fn names(neighbours: &Neighbours, target: &str) -> Vec<String> {
        let identity = Identity {
            api_version: "apps/v1",
            kind: "Deployment",
            name: Some(target),
            namespace: Some("llm"),
        };
        let found = neighbours.autoscalers_of(&identity);
        found.iter().map(|found| found.identity.name.unwrap().to_owned()).collect()
    }

    #[test]
    fn an_autoscaler_is_found_by_its_present_target_only() {
        let mut neighbours = Neighbours::default();
        neighbours.insert(autoscaler("a", "gemma"));
        neighbours.insert(autoscaler("b", "gemma"));
        assert_eq!(names(&neighbours, "gemma"), ["a", "b"]);
        neighbours.insert(autoscaler("a", "llama"));
        assert_eq!(
            (names(&neighbours, "gemma"), names(&neighbours, "llama")),
            (vec!["b".into()], vec!["a".into()])
        );
        let identity = autoscaler("a", "llama");
        neighbours.remove(&Identity::of(&identity).as_ref().and_then(ObjectKey::of).unwrap());
        assert_eq!(names(&neighbours, "llama"), Vec::<String>::new());
    }

    #[test]
    fn pods_are_scraped_by_whom_their_labels_please() {
        let monitoring = |labels: Value| {
            let mut neighbours = Neighbours::default();
            neighbours.insert(Arc::new(json!({
                "apiVersion": "monitoring.googleapis.com/v1", "kind": "PodMonitoring",
                "metadata": {"name": "m"}, "spec": {"selector": {"matchLabels": labels}},
            })));
            neighbours
        };
        let template = json!({"metadata": {"labels": {"app": "gemma", "tier": "x"}}});
        assert!(monitoring(json!({"app": "gemma"})).scrapes(None, &template));
        assert!(!monitoring(json!({"app": "llama"})).scrapes(None, &template));
        assert!(!monitoring(json!({"app": "gemma"})).scrapes(Some("other"), &template));
    }
}
