//! From a request to Kubernetes objects, the comments that go with them, and YAML.
//!
//! A [`ManifestRequest`] is what a user asks; a [`Plan`] has everything decided; [`manifests`] writes it down.
//! One file for each kind of object, one for each way that weights take, one folder for what is GKE's own.

mod arguments;
pub(crate) mod autoscaler;
mod comments;
mod deployment;
mod diff;
mod error;
mod explain;
mod gke;
pub mod labels;
mod names;
mod plan;
mod precision;
mod probes;
mod request;
mod resolve;
mod resources;
mod service;
mod set;
mod storage;
#[cfg(test)]
mod tests;
pub(crate) mod threshold;
mod transfer;
mod yaml;

pub use comments::{Comment, Surroundings, TESTED_KUBERNETES};
pub use diff::{ComparedObject, Comparison, DiffError, Difference, diff};
pub use error::ManifestError;
use gke::Gke;
pub use gke::{ComputeClass, ComputeClassSpec, PodMonitoring, PodMonitoringSpec};
pub use names::{label_value, service_name, transfer_name, workload_name};
pub use plan::{Plan, is_writable};
pub use request::{HubCache, ManifestRequest, Storage};
pub use resolve::plan;
pub(crate) use resources::collectives_gib;
pub use set::{ManifestSet, Object, Part, to_yaml};
pub use storage::BucketUri;
use storage::StoragePlan;
pub(crate) use storage::{RAM_CACHE, SidecarNeeds, WeightCache, bucket, download_gib};
use threshold::Threshold;
pub use transfer::{TransferRequest, transfer};

use crate::catalog::Catalog;
use crate::recommend::CurveSource;

/// Answers a request: [`plan`], then [`manifests`].
///
/// # Errors
/// Those of the two.
pub fn generate(
    catalog: &Catalog,
    source: &dyn CurveSource,
    request: &ManifestRequest,
    surroundings: &Surroundings,
) -> Result<ManifestSet, ManifestError> {
    manifests(&plan(catalog, source, request)?, surroundings)
}

/// Objects and comments of a plan.
///
/// # Errors
/// What the server, the machine or the bucket cannot do; nothing is ever written by half.
pub fn manifests(plan: &Plan<'_>, surroundings: &Surroundings) -> Result<ManifestSet, ManifestError> {
    surroundings.check()?;
    plan.check()?;
    let storage = StoragePlan::of(plan)?;
    let autoscales = !plan.request.targets().is_empty();
    let threshold = autoscales.then(|| Threshold::of(plan)).transpose()?;
    Ok(ManifestSet {
        header: comments::header(plan, surroundings),
        comments: comments::comments(plan, &storage, threshold.as_ref(), surroundings),
        objects: objects(plan, &storage, threshold.as_ref())?,
    })
}

fn objects(
    plan: &Plan<'_>,
    storage: &StoragePlan,
    threshold: Option<&Threshold>,
) -> Result<Vec<Object>, ManifestError> {
    let mut objects = Vec::new();
    if let (WeightCache::ComputeClass, Some(gib)) = (storage.cache, storage.boot_disk_gib) {
        objects.push(Object::ComputeClass(Box::new(Gke::compute_class(plan, gib))));
    }
    // An autoscaler owns the number of replicas: written here as well, every apply would reset it.
    let replicas = threshold.is_none().then(|| threshold::replicas(plan));
    let deployment = deployment::deployment(plan, storage, labels::of_deployment(plan)?, replicas)?;
    objects.push(Object::Deployment(Box::new(deployment)));
    objects.push(Object::Service(Box::new(service::service(plan))));
    objects.push(Object::PodMonitoring(Box::new(Gke::pod_monitoring(plan))));
    if let Some(threshold) = threshold {
        let autoscaler = autoscaler::autoscaler(plan, threshold)?;
        objects.push(Object::HorizontalPodAutoscaler(Box::new(autoscaler)));
    }
    Ok(objects)
}
