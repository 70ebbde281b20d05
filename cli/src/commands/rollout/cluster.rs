//! What a rollout reads and writes in the cluster.

use infer_core::rollout::{
    Observed, Step, WARMS, Waiting, copy_name, copy_of, hold_patch, record_patch, release_patch, scale_patch,
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::{Api, Client};
use serde_json::Value;

use crate::cluster::{Cluster, failure};
use crate::failure::Failure;

/// The Deployment of a rollout, and its surroundings.
pub(super) struct Target {
    name: String,
    deployments: Api<DynamicObject>,
    services: Api<DynamicObject>,
    horizontal: Api<DynamicObject>,
    keda: Api<DynamicObject>,
    pods: Api<Pod>,
}

/// One look at the cluster.
pub(super) struct Scene {
    deployment: Value,
    autoscalers: Vec<Value>,
    pub(super) observed: Observed,
}

impl Target {
    pub(super) fn new(cluster: &Cluster, name: &str) -> Self {
        let (client, namespace) = (cluster.client(), cluster.namespace());
        Self {
            name: name.to_owned(),
            deployments: api(&client, namespace, "apps", "v1", "Deployment"),
            services: api(&client, namespace, "", "v1", "Service"),
            horizontal: api(&client, namespace, "autoscaling", "v2", "HorizontalPodAutoscaler"),
            keda: api(&client, namespace, "keda.sh", "v1alpha1", "ScaledObject"),
            pods: Api::namespaced(client, namespace),
        }
    }

    /// Reads everything that decides on the next step.
    pub(super) async fn look(&self) -> Result<Scene, Failure> {
        let deployment = self.deployments.get(&self.name).await.map_err(failure)?;
        let deployment = value(&deployment)?;
        let copy = self.deployments.get_opt(&copy_name(&self.name)).await.map_err(failure)?;
        let copy = copy.as_ref().map(value).transpose()?;
        let mut autoscalers = Vec::new();
        for (api, gvk) in [
            (&self.horizontal, ("autoscaling/v2", "HorizontalPodAutoscaler")),
            (&self.keda, ("keda.sh/v1alpha1", "ScaledObject")),
        ] {
            autoscalers.extend(list(api, gvk).await?);
        }
        let observed = Observed::read(&deployment, &autoscalers, copy.as_ref()).map_err(Failure::user)?;
        Ok(Scene { deployment, autoscalers, observed })
    }

    /// Makes one step's change.
    pub(super) async fn take(&self, scene: &Scene, step: &Step) -> kube::Result<()> {
        match step {
            Step::Remember(record) => {
                self.patch_deployment(&record_patch(&scene.deployment, Some(record))).await
            }
            Step::Forget => self.patch_deployment(&record_patch(&scene.deployment, None)).await,
            Step::Scale(replicas) => self.patch_deployment(&scale_patch(&scene.deployment, *replicas)).await,
            Step::MakeCopy => self.make_copy(scene).await,
            Step::DeleteCopy => {
                let deleted =
                    self.deployments.delete(&copy_name(&self.name), &DeleteParams::background()).await;
                deleted.map(drop).or_else(|error| if is_missing(&error) { Ok(()) } else { Err(error) })
            }
            Step::Hold { autoscaler, at } => {
                self.patch_autoscaler(scene, *autoscaler, |object| {
                    let observed = scene.observed.autoscalers.get(*autoscaler);
                    observed.map(|observed| hold_patch(object, observed, *at))
                })
                .await
            }
            Step::Release { autoscaler } => {
                self.patch_autoscaler(scene, *autoscaler, |object| {
                    Some(release_patch(object, &scene.observed, *autoscaler))
                })
                .await
            }
            Step::Wait(_) | Step::Done => Ok(()),
        }
    }

    async fn patch_deployment(&self, patch: &Value) -> kube::Result<()> {
        let changed = self.deployments.patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await;
        changed.map(drop)
    }

    async fn make_copy(&self, scene: &Scene) -> kube::Result<()> {
        let services = self.services.list(&ListParams::default()).await?;
        let services: Vec<Value> = services.items.into_iter().map(|service| service.data).collect();
        let copy = serde_json::from_value(copy_of(&scene.deployment, &services));
        let copy: DynamicObject = copy.map_err(kube::Error::SerdeError)?;
        self.deployments.create(&PostParams::default(), &copy).await.map(drop)
    }

    async fn patch_autoscaler(
        &self,
        scene: &Scene,
        index: usize,
        patch: impl Fn(&Value) -> Option<Value>,
    ) -> kube::Result<()> {
        let Some(autoscaler) = scene.observed.autoscalers.get(index) else { return Ok(()) };
        let is_it = |object: &&Value| {
            let inspected = infer_core::inspect::inspect(object);
            let infer_core::inspect::Subject::Autoscaler(found) = inspected else { return false };
            found.kind == autoscaler.kind && found.identity.name == Some(autoscaler.name.as_str())
        };
        let Some(patch) = scene.autoscalers.iter().find(is_it).and_then(patch) else { return Ok(()) };
        let api = match autoscaler.kind {
            infer_core::inspect::AutoscalerKind::Horizontal => &self.horizontal,
            infer_core::inspect::AutoscalerKind::Keda => &self.keda,
        };
        api.patch(&autoscaler.name, &PatchParams::default(), &Patch::Merge(&patch)).await.map(drop)
    }

    /// What holds the awaited Pods up, in a few words; nothing where that cannot be read.
    pub(super) async fn pods(&self, scene: &Scene, waiting: Waiting) -> Option<String> {
        let text = |path: &str| scene.deployment.pointer(path);
        let selector = match waiting {
            Waiting::Copy => format!("{WARMS}={}", text("/metadata/uid")?.as_str()?),
            _ => {
                let labels = text("/spec/selector/matchLabels")?.as_object()?;
                let pairs =
                    labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
                pairs.collect::<Vec<_>>().join(",")
            }
        };
        let pods = self.pods.list(&ListParams::default().labels(&selector)).await.ok()?;
        pods.items.iter().find_map(super::progress::trouble)
    }
}

fn api(client: &Client, namespace: &str, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(client.clone(), namespace, &resource)
}

/// Objects of a kind; none where the cluster does not have the kind. A list's items do not say what they are.
async fn list(api: &Api<DynamicObject>, (version, kind): (&str, &str)) -> Result<Vec<Value>, Failure> {
    let items = match api.list(&ListParams::default()).await {
        Ok(list) => list.items,
        Err(error) if is_missing(&error) => Vec::new(),
        Err(error) => return Err(failure(error)),
    };
    let values = items.iter().map(|object| {
        let mut object = value(object)?;
        object["apiVersion"] = version.into();
        object["kind"] = kind.into();
        Ok(object)
    });
    values.collect()
}

fn value(object: &DynamicObject) -> Result<Value, Failure> {
    serde_json::to_value(object).map_err(Failure::unexpected)
}

fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found())
}
