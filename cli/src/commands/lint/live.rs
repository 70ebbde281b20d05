//! What is deployed, looked at like files.

use std::sync::Arc;

use infer_core::lint::ObjectName;
use infer_core::policy::{Request, Snapshot, judgements};
use infer_core::rules::Scope;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::ApiResource;
use kube::discovery::{self, Scope as ResourceScope};
use serde_json::Value;

use super::policies;
use super::problem::{Problem, Report};
use crate::arguments::{ClusterOptions, LintOptions};
use crate::cluster::{self, Cluster};
use crate::failure::Failure;

/// Groups and kinds that make Pods, scale what does, or decide on it. What a controller made of another object is
/// skipped later.
const KINDS: [(&str, &[&str]); 10] = [
    ("", &["Namespace", "Pod", "ReplicationController"]),
    ("apps", &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]),
    ("batch", &["Job", "CronJob"]),
    ("autoscaling", &["HorizontalPodAutoscaler"]),
    ("jobset.x-k8s.io", &["JobSet"]),
    ("leaderworkerset.x-k8s.io", &["LeaderWorkerSet"]),
    ("keda.sh", &["ScaledObject"]),
    ("ray.io", &["RayService", "RayCluster"]),
    ("monitoring.googleapis.com", &["PodMonitoring"]),
    ("kubectl-infer.io", &["InferencePolicy"]),
];

/// Objects of one answer of the API server.
const PAGE: u32 = 500;

/// What is said of the objects of a namespace, or of all.
pub(super) fn report(
    options: &ClusterOptions,
    lint: &LintOptions,
    mut snapshot: Snapshot,
    now: i64,
) -> Result<Report, Failure> {
    let cluster = Cluster::connect(options, &lint.connection)?;
    let namespace = (!lint.all_namespaces).then(|| cluster.namespace().to_owned());
    let objects = cluster.block_on(objects(&cluster, namespace.as_deref()))?;
    let mut policies = Vec::new();
    for object in &objects {
        match object.get("kind").and_then(Value::as_str) {
            Some("InferencePolicy") => policies.push(object.as_ref()),
            Some("Namespace") => policies::label(object, &mut snapshot),
            _ => snapshot.neighbours.insert(Arc::clone(object)),
        }
    }
    if lint.policy.is_empty() {
        policies::put_in_force(policies, &mut snapshot)?;
    }
    let mut report = Report { objects: objects.len(), ..Report::default() };
    for object in &objects {
        // What the author wrote cannot be told from what the API server filled in.
        let asked = judgements(Scope::Everywhere, &Request::create(object, now), &snapshot);
        let Ok(judgements) = asked.map_err(Failure::user)? else { continue };
        report.inference += 1;
        let name = ObjectName::of(object);
        for judgement in &judgements {
            match Problem::of(&name, judgement) {
                Some(problem) => report.problems.push(problem),
                None => report.ignored += 1,
            }
        }
    }
    Ok(report)
}

/// Everything that could be inference, by kind and name.
async fn objects(cluster: &Cluster, namespace: Option<&str>) -> Result<Vec<Arc<Value>>, Failure> {
    let mut objects = Vec::new();
    for (resource, scope) in resources(cluster).await? {
        let api: Api<DynamicObject> = match (scope, namespace) {
            (ResourceScope::Namespaced, Some(name)) => {
                Api::namespaced_with(cluster.client(), name, &resource)
            }
            _ => Api::all_with(cluster.client(), &resource),
        };
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let list = api.list(&page).await.map_err(cluster::failure)?;
            for object in list.items {
                objects.push(Arc::new(as_written(object, &resource)?));
            }
            match list.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => page = page.continue_token(&next),
                None => break,
            }
        }
    }
    Ok(objects)
}

/// The kinds that this cluster has.
async fn resources(cluster: &Cluster) -> Result<Vec<(ApiResource, ResourceScope)>, Failure> {
    let served = cluster.client().list_api_groups().await.map_err(cluster::failure)?;
    let has = |group: &str| group.is_empty() || served.groups.iter().any(|served| served.name == group);
    let mut resources = Vec::new();
    for (group, kinds) in KINDS.into_iter().filter(|(group, _)| has(group)) {
        let group = discovery::group(&cluster.client(), group).await.map_err(cluster::failure)?;
        let found = kinds.iter().filter_map(|kind| group.recommended_kind(kind));
        resources.extend(found.map(|(resource, capabilities)| (resource, capabilities.scope)));
    }
    Ok(resources)
}

/// The JSON of an object, with the kind that items of lists do not repeat.
fn as_written(mut object: DynamicObject, resource: &ApiResource) -> Result<Value, Failure> {
    object.metadata.managed_fields = None;
    let mut value = serde_json::to_value(object).map_err(Failure::unexpected)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("apiVersion".to_owned(), resource.api_version.clone().into());
        fields.insert("kind".to_owned(), resource.kind.clone().into());
    }
    Ok(value)
}
