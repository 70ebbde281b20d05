//! `webhook install`.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::objects::{adjust, is_ours, objects};
use super::{NAME, VALIDATING, namespace};
use crate::arguments::{ClusterOptions, DocumentFormat, DryRun, InstallWebhook};
use crate::cluster::objects::{Mode, apply, get, label};
use crate::cluster::{self, Cluster};
use crate::failure::Failure;
use crate::output::{self, Outcome};

/// How often it is looked whether replicas are ready.
const INTERVAL: Duration = Duration::from_millis(500);

/// Applies the objects, and waits until admission is in force.
pub(crate) fn install(cluster: &ClusterOptions, options: &InstallWebhook) -> Result<Outcome, Failure> {
    let namespace = namespace(cluster);
    let mut objects = objects(namespace)?;
    adjust(&mut objects, options.image.as_deref(), options.replicas);
    let format = options.output.or((options.dry_run == DryRun::Client).then_some(DocumentFormat::Yaml));
    if let Some(format) = format {
        return print(&objects, format);
    }
    let connection = Cluster::connect(cluster, &options.connection)?;
    connection.block_on(apply_all(&connection.client(), &objects, options, namespace))
}

fn print(objects: &[Value], format: DocumentFormat) -> Result<Outcome, Failure> {
    let text = match format {
        DocumentFormat::Json => {
            output::json(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }))?
        }
        DocumentFormat::Yaml => {
            let mut text = String::new();
            for object in objects {
                text.push_str("---\n");
                text.push_str(&output::yaml(object)?);
            }
            text
        }
    };
    Ok(Outcome::print(text))
}

async fn apply_all(
    client: &Client,
    objects: &[Value],
    options: &InstallWebhook,
    namespace: &str,
) -> Result<Outcome, Failure> {
    let mode = Mode { dry_run: options.dry_run == DryRun::Server, force: options.force_conflicts };
    let mut text = String::new();
    let mut is_missing = false;
    for object in objects {
        let change = if object["kind"] == "Namespace" {
            let existing = get(client, object).await?;
            is_missing = existing.is_none() && mode.dry_run;
            match existing {
                // Somebody else's: its labels are not ours to set, and it is not ours to delete later.
                Some(existing) if !is_ours(&existing) => "exists, left as it is",
                _ => apply(client, object, mode).await?,
            }
        } else if is_missing && object.pointer("/metadata/namespace").is_some() {
            "not asked: its namespace does not exist yet"
        } else {
            apply(client, object, mode).await?
        };
        let remark = if mode.dry_run { " (server dry run)" } else { "" };
        let _ = writeln!(text, "{} {change}{remark}", label(object));
    }
    if !mode.dry_run && !options.timeout.is_zero() {
        wait(client, namespace, options.timeout).await?;
        text.push_str(
            "Admission is in force. A namespace opts in with \
             `kubectl label namespace NAMESPACE kubectl-infer.io/admission=enabled`.\n",
        );
    }
    Ok(Outcome::print(text))
}

/// Until all replicas serve and the program has registered itself. Says on standard error what is missing.
async fn wait(client: &Client, namespace: &str, timeout: Duration) -> Result<(), Failure> {
    let start = Instant::now();
    let mut said = String::new();
    while let Some(missing) = missing(client, namespace).await? {
        if start.elapsed() > timeout {
            let why = reason(client, namespace).await;
            let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
            return Err(Failure::user(anyhow!(
                "installed, but not in force after {} s: {missing}{why}",
                timeout.as_secs()
            ))
            .hint(format!("`kubectl -n {namespace} logs deployment/{NAME}` shows what it says")));
        }
        if missing != said {
            // A reader of standard error who left is told nothing; the installation goes on.
            let _ = writeln!(io::stderr(), "waiting: {missing}");
            said = missing;
        }
        sleep(INTERVAL).await;
    }
    Ok(())
}

async fn missing(client: &Client, namespace: &str) -> Result<Option<String>, Failure> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let Some(deployment) = deployments.get_opt(NAME).await.map_err(cluster::failure)? else {
        return Ok(Some("there is no Deployment".to_owned()));
    };
    let wanted = deployment.spec.and_then(|spec| spec.replicas).unwrap_or(1);
    let status = deployment.status.unwrap_or_default();
    if status.observed_generation != deployment.metadata.generation {
        return Ok(Some("the Deployment has not been looked at".to_owned()));
    }
    let ready = status.updated_replicas.unwrap_or(0).min(status.available_replicas.unwrap_or(0));
    if ready < wanted {
        return Ok(Some(format!("{ready} of {wanted} replicas are ready")));
    }
    // Written after the other one.
    let configurations: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let registered = configurations.get_opt(VALIDATING).await.map_err(cluster::failure)?.is_some();
    Ok((!registered).then(|| "the program has not registered its configurations".to_owned()))
}

/// Why a replica does not run, where its Pod says so.
async fn reason(client: &Client, namespace: &str) -> Option<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let selector = ListParams::default().labels(&format!("app.kubernetes.io/name={NAME}"));
    let pods = pods.list(&selector).await.ok()?;
    let statuses = pods.items.into_iter().filter_map(|pod| pod.status);
    statuses
        .flat_map(|status| {
            let waiting = status
                .container_statuses
                .unwrap_or_default()
                .into_iter()
                .filter_map(|container| container.state?.waiting?.reason);
            let unscheduled = status
                .conditions
                .unwrap_or_default()
                .into_iter()
                .filter(|condition| condition.type_ == "PodScheduled" && condition.status == "False")
                .filter_map(|condition| condition.message);
            waiting.chain(unscheduled).collect::<Vec<_>>()
        })
        .next()
}
