//! Inference workloads that can be scaled, and what scales them.

use std::collections::BTreeMap;
use std::sync::Arc;

use infer_core::inspect::{Identity, Subject, inspect};
use infer_core::rules::ObjectKey;
use kube::Api;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher;
use serde_json::Value;

use super::World;
use super::watch::{Sink, Watches, config};

/// A kind that is watched.
pub(super) struct Kind {
    group: &'static str,
    version: &'static str,
    /// `Deployment`.
    pub(super) kind: &'static str,
    /// Its resource, which is also its name in metrics: `deployments`.
    pub(super) plural: &'static str,
    /// Not part of Kubernetes itself: watched where it is installed.
    optional: bool,
}

/// Every kind that is watched.
pub(super) const KINDS: [Kind; 5] = [
    Kind { group: "apps", version: "v1", kind: "Deployment", plural: "deployments", optional: false },
    Kind { group: "apps", version: "v1", kind: "StatefulSet", plural: "statefulsets", optional: false },
    Kind {
        group: "autoscaling",
        version: "v2",
        kind: "HorizontalPodAutoscaler",
        plural: "horizontalpodautoscalers",
        optional: false,
    },
    Kind {
        group: "keda.sh",
        version: "v1alpha1",
        kind: "ScaledObject",
        plural: "scaledobjects",
        optional: true,
    },
    Kind {
        group: "leaderworkerset.x-k8s.io",
        version: "v1",
        kind: "LeaderWorkerSet",
        plural: "leaderworkersets",
        optional: true,
    },
];

/// Starts the watches.
pub(super) fn follow(watches: &Watches) {
    for kind in &KINDS {
        watches.readiness.require(kind.plural);
        tokio::spawn(follow_kind(kind, watches.clone()));
    }
}

async fn follow_kind(kind: &'static Kind, watches: Watches) {
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
    let world = Arc::clone(&watches.world);
    let mut objects =
        Objects { kind, api_version: resource.api_version.clone(), world, listed: BTreeMap::new() };
    loop {
        if kind.optional {
            let absent = || watches.world.synced(kind.plural);
            watches.installed(&resource.api_version, kind.plural, absent).await;
        }
        let api: Api<DynamicObject> = Api::all_with(watches.client.clone(), &resource);
        watches.run(kind.plural, watcher(api, config()), &mut objects).await;
        // Without its API there are no objects of it.
        objects.begin();
        objects.complete();
    }
}

struct Objects {
    kind: &'static Kind,
    api_version: String,
    world: Arc<World>,
    listed: BTreeMap<ObjectKey, Arc<Value>>,
}

impl Objects {
    /// What is kept of an object; `None` where no rule ever looks at it.
    fn related(&self, object: DynamicObject) -> Option<(ObjectKey, Arc<Value>)> {
        let value = stripped(object, &self.api_version, self.kind.kind)?;
        let key = ObjectKey::of(&Identity::of(&value)?)?;
        let unrelated = matches!(inspect(&value), Subject::Unrelated);
        (!unrelated).then(|| (key, Arc::new(value)))
    }

    fn key(&self, object: &DynamicObject) -> Option<ObjectKey> {
        Some(ObjectKey {
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            kind: self.kind.kind.to_owned(),
            name: object.metadata.name.clone()?,
        })
    }
}

impl Sink for Objects {
    type Object = DynamicObject;

    fn apply(&mut self, object: DynamicObject, listing: bool) {
        let Some(key) = self.key(&object) else { return };
        let related = self.related(object);
        if listing {
            self.listed.extend(related);
            return;
        }
        self.world.change(|state| match related {
            Some((key, value)) => state.insert(key, value),
            None => state.remove(&key),
        });
    }

    fn delete(&mut self, object: DynamicObject) {
        let Some(key) = self.key(&object) else { return };
        self.world.change(|state| state.remove(&key));
    }

    fn begin(&mut self) {
        self.listed.clear();
    }

    fn complete(&mut self) -> usize {
        let listed = std::mem::take(&mut self.listed);
        let kept = listed.len();
        self.world.change(|state| state.replace_kind(self.kind.kind, listed));
        kept
    }
}

/// An object without what no rule reads and what changes all the time.
pub(super) fn stripped(mut object: DynamicObject, api_version: &str, kind: &str) -> Option<Value> {
    object.metadata.managed_fields = None;
    object.metadata.resource_version = None;
    if let Some(annotations) = &mut object.metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    if let Value::Object(data) = &mut object.data {
        data.remove("status");
    }
    // Items of a list do not say what they are.
    object.types = Some(kube::api::TypeMeta { api_version: api_version.to_owned(), kind: kind.to_owned() });
    serde_json::to_value(object).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_kept_without_status_and_bookkeeping() {
        let object = json!({
            "metadata": {
                "name": "server",
                "namespace": "team",
                "resourceVersion": "17",
                "managedFields": [{ "manager": "kubectl" }],
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                    "kubectl-infer.io/target-ttft-ms": "500",
                },
            },
            "spec": { "replicas": 2 },
            "status": { "readyReplicas": 1 },
        });
        let object = serde_json::from_value(object).unwrap();
        let expected = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "server",
                "namespace": "team",
                "annotations": { "kubectl-infer.io/target-ttft-ms": "500" },
            },
            "spec": { "replicas": 2 },
        });
        assert_eq!(stripped(object, "apps/v1", "Deployment").unwrap(), expected);
    }
}
