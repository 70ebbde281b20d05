//! Labels of namespaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;

use super::World;
use super::watch::{Sink, Watches, config};

const RESOURCE: &str = "namespaces";

type Labels = BTreeMap<String, Arc<BTreeMap<String, String>>>;

/// Starts the watch.
pub(super) fn follow(watches: &Watches) {
    watches.readiness.require(RESOURCE);
    let watches = watches.clone();
    tokio::spawn(async move {
        let mut labels = Namespaces { world: Arc::clone(&watches.world), listed: Labels::new() };
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(watches.client.clone());
        watches.run(RESOURCE, watcher(api, config()), &mut labels).await;
    });
}

struct Namespaces {
    world: Arc<World>,
    listed: Labels,
}

impl Sink for Namespaces {
    type Object = PartialObjectMeta<Namespace>;

    fn apply(&mut self, object: Self::Object, listing: bool) {
        let Some(name) = object.metadata.name else { return };
        let labels = Arc::new(object.metadata.labels.unwrap_or_default());
        if listing {
            self.listed.insert(name, labels);
        } else {
            self.world.change(|state| {
                let old = state.namespaces.insert(name, Arc::clone(&labels));
                old.as_ref() != Some(&labels)
            });
        }
    }

    fn delete(&mut self, object: Self::Object) {
        let Some(name) = object.metadata.name else { return };
        self.world.change(|state| state.namespaces.remove(&name).is_some());
    }

    fn begin(&mut self) {
        self.listed.clear();
    }

    fn complete(&mut self) -> usize {
        let listed = std::mem::take(&mut self.listed);
        let kept = listed.len();
        self.world.change(|state| {
            let changed = state.namespaces != listed;
            state.namespaces = listed;
            changed
        });
        kept
    }
}
