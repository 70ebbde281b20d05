//! `webhook status`.

use std::fmt::Write as _;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, Client};
use serde_json::json;

use super::checks::{self, Check, State};
use super::{NAME, namespace};
use crate::arguments::{ClusterOptions, DocumentFormat, WebhookStatus};
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::output::{self, Outcome};

/// Says whether admission works.
pub(crate) fn status(cluster: &ClusterOptions, options: &WebhookStatus) -> Result<Outcome, Failure> {
    let connection = Cluster::connect(cluster, &options.connection)?;
    let probe = options.probe_namespace.as_deref();
    let checks = connection.block_on(all(&connection.client(), namespace(cluster), probe));
    let works = !checks.iter().any(|check| check.state == State::Bad);
    let conclusion = conclusion(&checks);
    let text = match options.output {
        None => table(&checks, &conclusion),
        Some(format) => {
            let document = json!({ "works": works, "conclusion": conclusion, "checks": checks });
            match format {
                DocumentFormat::Json => output::json(&document)?,
                DocumentFormat::Yaml => output::yaml(&document)?,
            }
        }
    };
    let mut outcome = Outcome::print(text);
    outcome.status = u8::from(!works);
    Ok(outcome)
}

async fn all(client: &Client, namespace: &str, probe: Option<&str>) -> Vec<Check> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let deployment = deployments.get_opt(NAME).await;
    let mut checks = vec![checks::replicas(&deployment, namespace)];
    let (check, registered) = checks::configurations(client, namespace).await;
    checks.push(check);
    if let Ok(Some(deployment)) = &deployment {
        checks.extend(checks::certificate(client, namespace, deployment, &registered).await);
    }
    checks.push(checks::policies(client).await);
    let (check, opted_in) = checks::opted_in(client).await;
    checks.push(check);
    if let Some(namespace) = probe.or(opted_in.as_deref()) {
        checks.push(checks::probe(client, namespace).await);
    }
    checks
}

fn conclusion(checks: &[Check]) -> String {
    if let Some(bad) = checks.iter().find(|check| check.state == State::Bad) {
        return format!("Admission does not work as it should: {}: {}.", bad.about, bad.says);
    }
    match checks.iter().find(|check| check.about == "probe") {
        Some(probe) if probe.state == State::Good => "Admission works from end to end.".to_owned(),
        Some(_) => {
            "Nothing is wrong as far as it could be looked at; the probe did not get through.".to_owned()
        }
        None => "Admission is in force; without a namespace that opted in nothing was sent.".to_owned(),
    }
}

fn table(checks: &[Check], conclusion: &str) -> String {
    let mut text = String::new();
    for check in checks {
        let state = match check.state {
            State::Good => "ok",
            State::Bad => "wrong",
            State::Unknown => "?",
        };
        let _ = writeln!(text, "{state:<6} {:<15} {}", check.about, check.says);
        if let Some(advice) = &check.advice {
            let _ = writeln!(text, "{:<22} {advice}", "");
        }
    }
    let _ = writeln!(text, "\n{conclusion}");
    text
}
