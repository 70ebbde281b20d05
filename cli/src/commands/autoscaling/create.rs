//! `autoscaling create`: an autoscaler for a workload that is there already.

use std::sync::Arc;

use anyhow::anyhow;
use infer_core::attach::{AttachError, AttachRequest, attach};
use infer_core::catalog::Catalog;
use infer_core::estimate::Calibration;
use infer_core::inspect::{Subject, inspect};
use infer_core::rules::{Background, Neighbours, Settings};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use crate::arguments::{ClusterOptions, CreateAutoscaling, CreateOutput};
use crate::cluster::{self, Cluster};
use crate::commands::{files, manifests};
use crate::failure::{Failure, unknown};
use crate::output::{self, Destination, Outcome};
use crate::requirements;

/// Writes it.
pub(crate) fn create(
    catalog: &Catalog,
    cluster: &ClusterOptions,
    options: &CreateAutoscaling,
) -> Result<Outcome, Failure> {
    let (workload, objects) = match &options.name {
        Some(name) => (of_cluster(cluster, options, name)?, Vec::new()),
        None => of_files(options)?,
    };
    let mut neighbours = Neighbours::default();
    for object in objects {
        neighbours.insert(object);
    }
    let settings = Settings::default();
    let background = Background { catalog, settings: &settings, neighbours: &neighbours };
    let request = AttachRequest {
        options: options.autoscaler.to_core(),
        targets: requirements::latencies(&options.latency),
        signals: options.signal.clone(),
        requests_per_second: options.request_rate,
        min_replicas: options.min_replicas,
        max_replicas: options.max_replicas,
        metrics_port: options.metrics_port.clone(),
        namespace: cluster.namespace.clone(),
    };
    let calibration = Calibration::embedded().map_err(Failure::unexpected)?;
    let attached = attach(&workload, &request, &background, &calibration).map_err(failure)?;
    let text = match options.output {
        CreateOutput::All => attached.to_yaml(catalog).map_err(Failure::unexpected)?,
        CreateOutput::Json => {
            output::json(&json!({"apiVersion": "v1", "kind": "List", "items": attached.objects}))?
        }
        CreateOutput::Values => {
            let values = attached.values.as_ref().ok_or_else(|| {
                Failure::argument(anyhow!("`--output values` is for `--autoscaler prometheus-adapter`"))
            })?;
            values.to_yaml().map_err(Failure::unexpected)?
        }
    };
    let text = if text.ends_with('\n') { text } else { text + "\n" };
    Ok(Outcome::write(text, Destination::of(options.output_path.as_deref())))
}

fn failure(error: AttachError) -> Failure {
    match error {
        AttachError::Catalog(error) => unknown(error),
        AttachError::Manifest(error) => manifests::failure(error),
        error => Failure::user(error),
    }
}

/// The one workload of the files that serves a model, and what else they hold.
fn of_files(options: &CreateAutoscaling) -> Result<(Value, Vec<Arc<Value>>), Failure> {
    let mut objects = Vec::new();
    for input in files::read(&options.filename, false)? {
        if let (Some(trouble), true) = (input.file.troubles().first(), input.file.objects().is_empty()) {
            return Err(Failure::user(anyhow!("cannot read `{}`: {}", input.name, trouble.what)));
        }
        let found = input.file.objects().iter().map(|object| Arc::new(input.file.value(object).clone()));
        objects.extend(found);
    }
    let serving: Vec<&Arc<Value>> =
        objects.iter().filter(|object| matches!(inspect(object), Subject::Workload(_))).collect();
    match serving.as_slice() {
        [one] => Ok(((**one).as_ref().clone(), objects.clone())),
        [] => Err(Failure::user(anyhow!("the files hold no workload that runs a model server"))),
        several => {
            let message =
                format!("the files hold {} workloads that run a model server: give one", several.len());
            Err(Failure::user(anyhow!(message)))
        }
    }
}

fn of_cluster(cluster: &ClusterOptions, options: &CreateAutoscaling, name: &str) -> Result<Value, Failure> {
    let (kind, name) = name.split_once('/').unwrap_or(("deployment", name));
    let (group, version, kind) = match kind.to_lowercase().as_str() {
        "deployment" | "deployments" | "deploy" => ("apps", "v1", "Deployment"),
        "statefulset" | "statefulsets" | "sts" => ("apps", "v1", "StatefulSet"),
        "leaderworkerset" | "leaderworkersets" | "lws" => {
            ("leaderworkerset.x-k8s.io", "v1", "LeaderWorkerSet")
        }
        other => {
            let message = format!(
                "`{other}` is nothing to scale: `NAME`, `statefulset/NAME` or `leaderworkerset/NAME` is accepted"
            );
            return Err(Failure::argument(anyhow!(message)));
        }
    };
    let connection = Cluster::connect(cluster, &options.connection)?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> =
        Api::namespaced_with(connection.client(), connection.namespace(), &resource);
    let found = connection.block_on(api.get(name)).map_err(cluster::failure)?;
    serde_json::to_value(found).map_err(Failure::unexpected)
}
