//! From a request to Kubernetes objects, the comments that go with them, and YAML.
//!
//! A [`ManifestRequest`] is what a user asks; a [`Plan`] has everything decided; [`objects`] writes it down.
//! One file for each kind of object, one for each way that weights take, one folder for what is GKE's own.

mod arguments;
mod deployment;
mod error;
mod gke;
pub mod labels;
mod names;
mod plan;
mod precision;
mod probes;
mod request;
mod resources;
mod service;
mod set;
mod storage;
mod yaml;

pub use error::ManifestError;
use gke::Gke;
pub use gke::{ComputeClass, ComputeClassSpec, PodMonitoring, PodMonitoringSpec};
pub use names::{label_value, service_name, transfer_name, workload_name};
pub use plan::{Plan, is_writable};
pub use request::{HubCache, ManifestRequest, Storage};
pub use set::{Object, to_yaml};
pub use storage::BucketUri;
use storage::{StoragePlan, WeightCache};

/// The objects of a plan, in the order in which to apply them.
pub fn objects(plan: &Plan<'_>) -> Result<Vec<Object>, ManifestError> {
    plan.check()?;
    let storage = StoragePlan::of(plan)?;
    let annotations = labels::of_deployment(plan)?;
    let mut objects = Vec::new();
    if let (WeightCache::ComputeClass, Some(gib)) = (storage.cache, storage.boot_disk_gib) {
        objects.push(Object::ComputeClass(Box::new(Gke::compute_class(plan, gib))));
    }
    let deployment = deployment::deployment(plan, &storage, annotations, Some(1))?;
    objects.push(Object::Deployment(Box::new(deployment)));
    objects.push(Object::Service(Box::new(service::service(plan))));
    objects.push(Object::PodMonitoring(Box::new(Gke::pod_monitoring(plan))));
    Ok(objects)
}
