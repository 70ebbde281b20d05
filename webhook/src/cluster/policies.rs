//! InferencePolicies.

use std::collections::BTreeMap;
use std::sync::Arc;

use infer_core::policy::InferencePolicy;
use kube::Api;
use kube::api::DynamicObject;
use kube::core::ApiResource;
use kube::runtime::watcher;
use serde_json::Value;

use super::World;
use super::neighbours::stripped;
use super::watch::{Sink, Watches, config};

/// Starts the watch.
pub(super) fn follow(watches: &Watches) {
    let resource = ApiResource::erase::<InferencePolicy>(&());
    watches.readiness.require("inferencepolicies");
    let watches = watches.clone();
    tokio::spawn(async move {
        let mut policies = Policies {
            resource: resource.clone(),
            world: Arc::clone(&watches.world),
            listed: BTreeMap::new(),
        };
        loop {
            // Without its definition there is no policy, and so none that is passed over.
            let absent = || {
                tracing::warn!("InferencePolicy is not defined in this cluster; only the defaults hold");
                watches.world.synced("inferencepolicies");
            };
            watches.installed(&resource.api_version, &resource.plural, absent).await;
            let api: Api<DynamicObject> = Api::all_with(watches.client.clone(), &resource);
            // What was known stays in force when the definition goes: nobody deleted the policies one by one.
            watches.run("inferencepolicies", watcher(api, config()), &mut policies).await;
        }
    });
}

struct Policies {
    resource: ApiResource,
    world: Arc<World>,
    listed: BTreeMap<String, Arc<Value>>,
}

impl Sink for Policies {
    type Object = DynamicObject;

    fn apply(&mut self, object: DynamicObject, listing: bool) {
        let Some(name) = object.metadata.name.clone() else { return };
        let Some(value) = stripped(object, &self.resource.api_version, &self.resource.kind) else { return };
        let value = Arc::new(value);
        if listing {
            self.listed.insert(name, value);
        } else {
            self.world.change_policies(|policies| {
                let old = policies.insert(name, Arc::clone(&value));
                old.as_ref() != Some(&value)
            });
        }
    }

    fn delete(&mut self, object: DynamicObject) {
        let Some(name) = object.metadata.name else { return };
        self.world.change_policies(|policies| policies.remove(&name).is_some());
    }

    fn begin(&mut self) {
        self.listed.clear();
    }

    fn complete(&mut self) -> usize {
        let listed = std::mem::take(&mut self.listed);
        let kept = listed.len();
        self.world.change_policies(|policies| {
            let changed = *policies != listed;
            *policies = listed;
            changed
        });
        kept
    }
}
