//! From a request to Kubernetes objects, the comments that go with them, and YAML.
//!
//! A [`ManifestRequest`] is what a user asks; a [`Plan`] has everything decided; [`manifests`] writes it down.
//! One file for each kind of object, one for each way that weights take, one folder for what is GKE's own.

mod arguments;
pub(crate) mod autoscaling;
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
mod setup;
mod storage;
#[cfg(test)]
mod tests;
mod transfer;
mod yaml;

pub(crate) use autoscaling::AutoscalingPlan;
pub use autoscaling::{AdapterValues, Parts, Scaled, ScaledObject, ScaledObjectSpec, adapter_values};
pub(crate) use comments::wrapped_text as wrapped;
pub use comments::{Comment, Surroundings, TESTED_KUBERNETES};
pub use diff::{ComparedObject, Comparison, DiffError, Difference, Sources, diff};
pub use error::ManifestError;
use gke::Gke;
pub use gke::{ComputeClass, ComputeClassSpec, PodMonitoring, PodMonitoringSpec};
pub use names::{label_value, service_name, transfer_name, workload_name};
pub use plan::{Plan, is_writable};
pub use request::{HubCache, ManifestRequest, Storage};
pub use resolve::plan;
pub(crate) use resources::collectives_gib;
pub use set::{ManifestSet, Object, Part, to_yaml};
pub(crate) use setup::tpu_monitoring;
pub use setup::{
    ClusterSetup, MetricsOwner, Ownership, PROJECT_PLACEHOLDER, SetupRequest, metrics_apis, ownership,
};
pub use storage::BucketUri;
use storage::StoragePlan;
pub(crate) use storage::{RAM_CACHE, SidecarNeeds, WeightCache, bucket, download_gib};
pub use transfer::{TransferRequest, transfer};
pub(crate) use yaml::to_yaml_in_order as yaml_of_documents;

use crate::autoscale::{Expression, Kind, needed};
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
    let autoscaling = autoscaling(plan)?;
    Ok(ManifestSet {
        header: comments::header(plan, surroundings),
        comments: comments::comments(plan, &storage, autoscaling.as_ref(), surroundings),
        objects: objects(plan, &storage, autoscaling.as_ref())?,
    })
}

fn objects(
    plan: &Plan<'_>,
    storage: &StoragePlan,
    autoscaling: Option<&AutoscalingPlan<'_>>,
) -> Result<Vec<Object>, ManifestError> {
    let mut objects = Vec::new();
    if let (WeightCache::ComputeClass, Some(gib)) = (storage.cache, storage.boot_disk_gib) {
        objects.push(Object::ComputeClass(Box::new(Gke::compute_class(plan, gib))));
    }
    // An autoscaler owns the number of replicas: written here as well, every apply would reset it.
    let replicas = autoscaling.is_none().then(|| fixed_replicas(plan));
    let deployment = deployment::deployment(plan, storage, labels::of_deployment(plan)?, replicas)?;
    objects.push(Object::Deployment(Box::new(deployment)));
    objects.push(Object::Service(Box::new(service::service(plan))));
    objects.push(Object::PodMonitoring(Box::new(Gke::pod_monitoring(plan))));
    if let Some(autoscaling) = autoscaling {
        objects.extend(autoscaling::object(plan, autoscaling)?);
    }
    Ok(objects)
}

/// What scales the replicas of a plan: with a latency target, unless the request wants no autoscaler.
fn autoscaling<'a>(plan: &Plan<'a>) -> Result<Option<AutoscalingPlan<'a>>, ManifestError> {
    let wanted = !plan.request.targets().is_empty() && plan.request.autoscaling.autoscaler != Kind::None;
    wanted.then(|| AutoscalingPlan::of(plan)).transpose()
}

/// Replicas to start with where nothing scales them.
fn fixed_replicas(plan: &Plan<'_>) -> i32 {
    i32::try_from(autoscaling::first_replicas(plan, wanted_replicas(plan))).unwrap_or(i32::MAX)
}

/// Replicas that the load needs at the operating point where nothing scales them: at least one.
fn wanted_replicas(plan: &Plan<'_>) -> u32 {
    let each = plan.recommendation.as_ref().map(|found| found.operating.point.requests_per_second);
    plan.request.requests_per_second.zip(each).map_or(1, |(load, each)| needed(load, each))
}

/// What the adapter has to serve for the autoscaler of a plan; `None` for other kinds of autoscaler.
///
/// # Errors
/// As [`manifests`].
pub fn values_of(plan: &Plan<'_>) -> Result<Option<AdapterValues>, ManifestError> {
    let options = &plan.request.autoscaling;
    let Some(autoscaling) = autoscaling(plan)?.filter(|plan| plan.kind == Kind::PrometheusAdapter) else {
        return Ok(None);
    };
    let expressions: Vec<Expression<'_>> = autoscaling.held.into_iter().map(|held| held.expression).collect();
    Ok(Some(adapter_values(&expressions, options.cluster_name(), &options.prometheus_url())))
}
