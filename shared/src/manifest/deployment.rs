//! The Deployment of the model server.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile,
    SecurityContext,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::arguments::{ModelSource, arguments};
use super::probes::{self, API_PORT, Drain};
use super::storage::{StoragePlan, WeightCache, empty_dir, mount, variable};
use super::{Gke, ManifestError, Plan, labels, resources};

/// Name of the server's container, as in the seeds.
pub(super) const CONTAINER: &str = "inference-server";

/// Name of the port of metrics, where it is not the API's.
pub(super) const METRICS_PORT: &str = "metrics";

const SHM_VOLUME: &str = "dshm";

/// Seconds that a rollout may take beyond a start: scheduling, a new node, the image.
const NODE_SECONDS: i32 = 1200;

/// The Deployment. `replicas` is absent where an autoscaler owns it.
pub(super) fn deployment(
    plan: &Plan<'_>,
    storage: &StoragePlan,
    annotations: BTreeMap<String, String>,
    replicas: Option<i32>,
) -> Result<Deployment, ManifestError> {
    let metadata = ObjectMeta { annotations: Some(annotations), ..labels::metadata(plan, plan.workload()) };
    let spec = DeploymentSpec {
        replicas,
        selector: LabelSelector { match_labels: Some(labels::selector(plan)), match_expressions: None },
        strategy: Some(strategy()),
        progress_deadline_seconds: Some(probes::startup_seconds(plan).saturating_add(NODE_SECONDS)),
        template: template(plan, storage)?,
        ..DeploymentSpec::default()
    };
    Ok(Deployment { metadata, spec: Some(spec), status: None })
}

/// One replica at a time, the new one first: no update takes away capacity that is serving. Where no spare
/// accelerator can be had, the update waits and nothing breaks; the comments say how to let it go on.
fn strategy() -> DeploymentStrategy {
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(1)),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}

fn template(plan: &Plan<'_>, storage: &StoragePlan) -> Result<PodTemplateSpec, ManifestError> {
    let annotations = &storage.template_annotations;
    let metadata = ObjectMeta {
        labels: Some(labels::all(plan)),
        annotations: (!annotations.is_empty()).then(|| annotations.clone()),
        ..ObjectMeta::default()
    };
    let mut volumes = vec![empty_dir(SHM_VOLUME, resources::shm_gib(plan, storage), true)];
    volumes.extend(storage.volumes.iter().cloned());
    let spec = PodSpec {
        service_account_name: storage.service_account.clone(),
        automount_service_account_token: Some(false),
        // A Service named `vllm` in the namespace would set VLLM_PORT, which the server reads as its own.
        enable_service_links: Some(false),
        node_selector: Some(Gke::node_selector(plan, storage.cache == WeightCache::ComputeClass)),
        tolerations: Gke::tolerations(plan),
        termination_grace_period_seconds: Some(Drain::of(plan.request.spot).grace_seconds),
        security_context: Some(PodSecurityContext {
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        containers: vec![container(plan, storage)?],
        volumes: Some(volumes),
        ..PodSpec::default()
    };
    Ok(PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) })
}

fn container(plan: &Plan<'_>, storage: &StoragePlan) -> Result<Container, ManifestError> {
    let image = plan.image()?;
    let source = ModelSource {
        location: storage.path.unwrap_or(&plan.checkpoint.id),
        served_name: storage.path.map(|_| plan.checkpoint.id.as_str()),
    };
    let of_image = image.environment.iter().map(|(name, value)| variable(name, value));
    let env: Vec<EnvVar> = of_image.chain(storage.env.iter().cloned()).collect();
    let mut mounts = vec![mount(SHM_VOLUME, "/dev/shm")];
    mounts.extend(storage.mounts.iter().cloned());
    Ok(Container {
        name: CONTAINER.to_owned(),
        image: Some(image.image.clone()),
        command: (!image.command.is_empty()).then(|| image.command.clone()),
        args: Some(arguments(plan, source)?),
        env: (!env.is_empty()).then_some(env),
        ports: Some(ports(plan)),
        resources: Some(resources::requirements(plan, storage)?),
        volume_mounts: Some(mounts),
        startup_probe: Some(probes::startup(plan)),
        readiness_probe: Some(probes::readiness(plan)),
        liveness_probe: Some(probes::liveness(plan)),
        lifecycle: Some(probes::lifecycle(Drain::of(plan.request.spot))),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            ..SecurityContext::default()
        }),
        ..Container::default()
    })
}

fn ports(plan: &Plan<'_>) -> Vec<ContainerPort> {
    let port = |name: &str, number: u16| ContainerPort {
        name: Some(name.to_owned()),
        container_port: i32::from(number),
        ..ContainerPort::default()
    };
    let metrics = plan.server.metrics_port.filter(|metrics| *metrics != plan.server.port);
    let api = port(API_PORT, plan.server.port);
    std::iter::once(api).chain(metrics.map(|number| port(METRICS_PORT, number))).collect()
}
