//! Labels and annotations: GKE Inference Quickstart's own, and `kubectl-infer.io/…`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{ManifestError, Plan, explain, names};

/// Annotation that holds the request a Deployment was made from, as compact JSON.
pub const REQUEST: &str = "kubectl-infer.io/request";
/// Annotation: version of the catalog that made the object.
pub const CATALOG_VERSION: &str = "kubectl-infer.io/catalog-version";
/// GKE Inference Quickstart's name of the same.
pub const RECOMMENDER_VERSION: &str = "recommender.ai.gke.io/version";
/// Annotation: machine type that a replica is sized for.
pub const MACHINE: &str = "kubectl-infer.io/machine-type";
/// Annotation: where the figures behind the choice come from.
pub const PROVENANCE: &str = "kubectl-infer.io/provenance";
/// Annotation: the targets that were asked.
pub const TARGETS: &str = "kubectl-infer.io/targets";
/// Annotation of an autoscaler: why its threshold is what it is.
pub const THRESHOLD_REASON: &str = "kubectl-infer.io/threshold-reason";

/// Labels by which Service, monitoring and autoscaler find the Pods.
pub(super) fn selector(plan: &Plan<'_>) -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), plan.workload())])
}

/// Labels of every object of the plan, and of its Pods.
pub(super) fn all(plan: &Plan<'_>) -> BTreeMap<String, String> {
    let mut labels = selector(plan);
    let model = names::label_value(names::short_model(&plan.checkpoint.id));
    labels.insert("ai.gke.io/model".to_owned(), model);
    labels.insert("ai.gke.io/inference-server".to_owned(), names::label_value(&plan.server.name));
    labels.insert("recommender.ai.gke.io/generated".to_owned(), "true".to_owned());
    labels
}

/// Metadata of an object of the plan.
pub(super) fn metadata(plan: &Plan<'_>, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: plan.request.namespace.clone(),
        labels: Some(all(plan)),
        annotations: Some(versions(&plan.catalog_version)),
        ..ObjectMeta::default()
    }
}

/// What every object says of where it comes from.
pub(super) fn versions(catalog_version: &str) -> BTreeMap<String, String> {
    let version = catalog_version.to_owned();
    BTreeMap::from([(RECOMMENDER_VERSION.to_owned(), version.clone()), (CATALOG_VERSION.to_owned(), version)])
}

/// What the Deployment says beyond that: everything that it takes to make it again.
pub(super) fn of_deployment(plan: &Plan<'_>) -> Result<BTreeMap<String, String>, ManifestError> {
    let request =
        serde_json::to_string(plan.request).map_err(|error| ManifestError::Render(error.to_string()))?;
    let mut annotations = versions(&plan.catalog_version);
    annotations.insert(REQUEST.to_owned(), request);
    annotations.insert(MACHINE.to_owned(), plan.machine.name.clone());
    annotations.extend(explain::targets(plan).map(|targets| (TARGETS.to_owned(), targets)));
    if let Some(recommendation) = &plan.recommendation {
        annotations.insert(PROVENANCE.to_owned(), explain::provenance(recommendation));
    }
    Ok(annotations)
}
