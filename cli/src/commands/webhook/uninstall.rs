//! `webhook uninstall`.

use std::fmt::Write as _;

use kube::Client;
use serde_json::{Value, json};

use super::objects::{is_ours, objects};
use super::{MUTATING, NAME, VALIDATING, namespace};
use crate::arguments::{ClusterOptions, UninstallWebhook};
use crate::cluster::Cluster;
use crate::cluster::objects::{delete, get, label};
use crate::failure::Failure;
use crate::output::Outcome;

/// Deletes what is there. What is not, or is not ours, is said.
pub(crate) fn uninstall(cluster: &ClusterOptions, options: &UninstallWebhook) -> Result<Outcome, Failure> {
    let mut objects = objects(namespace(cluster))?;
    objects.push(secret(namespace(cluster)));
    let connection = Cluster::connect(cluster, &options.connection)?;
    connection.block_on(delete_all(&connection.client(), objects, options.delete_policies))
}

/// The program made it, so nothing else would delete it in a namespace that stays.
fn secret(namespace: &str) -> Value {
    let metadata = json!({ "name": format!("{NAME}-certificate"), "namespace": namespace });
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata })
}

fn configuration(kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": { "name": name },
    })
}

/// First the rights, so that the program cannot register again; then what it registered, so that nothing is refused
/// while its replicas end; then the rest, the namespace last.
fn rank(object: &Value) -> u8 {
    match object["kind"].as_str() {
        Some("ClusterRoleBinding" | "ClusterRole") => 0,
        Some("MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration") => 1,
        Some("Namespace") => 4,
        Some("CustomResourceDefinition") => 3,
        _ => 2,
    }
}

async fn delete_all(
    client: &Client,
    mut objects: Vec<Value>,
    delete_policies: bool,
) -> Result<Outcome, Failure> {
    objects.push(configuration("MutatingWebhookConfiguration", MUTATING));
    objects.push(configuration("ValidatingWebhookConfiguration", VALIDATING));
    objects.sort_by_key(rank);
    let mut text = String::new();
    for object in &objects {
        let change = match object["kind"].as_str() {
            Some("CustomResourceDefinition") if !delete_policies => "kept, with all policies",
            Some("Namespace") => match get(client, object).await? {
                Some(existing) if !is_ours(&existing) => "kept: it was there before",
                _ => delete(client, object).await?,
            },
            _ => delete(client, object).await?,
        };
        let _ = writeln!(text, "{} {change}", label(object));
    }
    Ok(Outcome::print(text))
}
