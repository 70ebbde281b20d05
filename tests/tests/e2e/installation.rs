//! Installed by its objects, the program may do what it has to, and leaves nothing behind.

use crate::chart::{objects, restricted, template};
use crate::cluster::{kubectl, until};
use anyhow::{Context, Result, ensure};
use infer_tests::{CONFIGURATIONS, ControlPlane, InferWebhook, Probe, TestNamespace, exclusive_registration};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

pub(crate) const KINDS: [&str; 2] = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"];

const SERVER: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: { name: server }
spec:
  selector: { matchLabels: { app: server } }
  template:
    metadata: { labels: { app: server } }
    spec:
      containers:
      - name: server
        image: "vllm/vllm-openai:v0.11.0"
        args: [--model, Qwen/Qwen3-8B]
        resources: { limits: { nvidia.com/gpu: "1" } }
"#;

pub(crate) fn get(namespace: &TestNamespace<'_>, kind: &str, name: &str) -> Result<Option<Value>> {
    let text = kubectl(namespace, &["get", kind, name, "--ignore-not-found", "--output=json"])?;
    if text.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_str(&text)?)) }
}

/// Asks until there is an answer; says what the program logged when there is none in time.
pub(crate) fn eventually<T>(
    webhook: &InferWebhook,
    what: &str,
    ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    until(what, ask).with_context(|| webhook.log())
}

/// A kubeconfig of nobody but the service account of a release.
fn write_kubeconfig(namespace: &TestNamespace<'_>, release: &str, path: &Path) -> Result<()> {
    let token = kubectl(namespace, &["create", "token", release])?;
    let mut config: Value = serde_json::from_str(&kubectl(
        namespace,
        &["config", "view", "--raw", "--flatten", "--output=json"],
    )?)?;
    config["users"][0]["user"] = json!({ "token": token.trim() });
    Ok(fs::write(path, config.to_string())?)
}

/// Arguments of the container that the chart renders, without the addresses: here the program listens elsewhere.
fn arguments(deployment: &Value, namespace: &str) -> Result<Vec<String>> {
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array();
    let mut arguments: Vec<String> = arguments
        .context("no arguments")?
        .iter()
        .filter_map(|argument| argument.as_str().map(str::to_owned))
        .filter(|argument| !argument.contains("listen="))
        .collect();
    arguments.push(format!("--namespace={namespace}"));
    Ok(arguments)
}

/// Runs the program with the rights of a service account, and with the arguments that its Deployment has.
pub(crate) fn launch(namespace: &TestNamespace<'_>, release: &str, yaml: &str) -> Result<InferWebhook> {
    launch_with(namespace, release, yaml, &[])
}

/// As [`launch`], with arguments of the test beside them.
pub(crate) fn launch_with(
    namespace: &TestNamespace<'_>,
    release: &str,
    yaml: &str,
    more: &[String],
) -> Result<InferWebhook> {
    let dir = tempfile::tempdir()?;
    let kubeconfig = dir.path().join("kubeconfig");
    write_kubeconfig(namespace, release, &kubeconfig)?;
    let objects = objects(yaml)?;
    let deployment = objects.get(&("Deployment".to_owned(), release.to_owned()));
    let mut arguments = arguments(deployment.context("no Deployment")?, namespace.name())?;
    arguments.extend_from_slice(more);
    InferWebhook::launch(namespace.control_plane(), dir, &kubeconfig, &arguments)
}

#[test]
fn the_rights_of_the_chart_suffice_and_the_configurations_go_with_it() -> Result<()> {
    let _exclusive = exclusive_registration();
    let namespace = restricted("installation")?;
    let yaml = template(namespace.name(), namespace.name(), &[])?;
    namespace.apply(&yaml)?;
    let webhook = launch(&namespace, namespace.name(), &yaml)?;
    webhook.wait_until_ready(ControlPlane::shared()?)?;

    for (kind, name) in KINDS.into_iter().zip(CONFIGURATIONS) {
        let configuration = eventually(&webhook, kind, || get(&namespace, kind, name))?;
        assert_eq!(configuration["metadata"]["ownerReferences"][0]["name"], namespace.name());
    }
    let secret = get(&namespace, "secrets", &format!("{}-certificate", namespace.name()))?;
    let secret = secret.context("the program wrote no Secret")?;
    ensure!(secret["data"]["ca.crt"].is_string(), "no authority in the Secret");
    ensure!(!webhook.log().contains("forbidden"), "{}", webhook.log());

    kubectl(&namespace, &["delete", "clusterrole", namespace.name()])?;

    for (kind, name) in KINDS.into_iter().zip(CONFIGURATIONS) {
        eventually(&webhook, "garbage collection", || {
            Ok(get(&namespace, kind, name)?.is_none().then_some(()))
        })?;
    }
    Ok(())
}

/// The helper that other tests rest on: what the program registers, for one namespace.
#[test]
fn the_api_server_calls_what_is_registered_for_a_namespace() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("called")?;
    let (webhook, certificates) = InferWebhook::start(ControlPlane::shared()?)?;
    let _registration = webhook.register(&namespace, &certificates)?;

    namespace.apply(SERVER)?;

    let (_, metrics) = webhook.probe(Probe::Metrics)?;
    for phase in ["mutate", "validate"] {
        let called = metrics.lines().any(|line| {
            line.starts_with("infer_webhook_reviews_total{") && line.contains(phase) && !line.ends_with(" 0")
        });
        ensure!(called, "not called to {phase}: {metrics}");
    }
    Ok(())
}

/// What it has no business with stays closed: a stolen token reads no other Secret and changes no workload.
#[test]
fn the_rights_of_the_chart_are_no_more_than_that() -> Result<()> {
    let namespace = restricted("rights")?;
    let release = namespace.name();
    namespace.apply(&template(release, release, &[])?)?;
    let user = format!("--as=system:serviceaccount:{release}:{release}");
    for (question, expected) in [
        (["get", "secrets/other", "-n", release], "no"),
        (["list", "secrets", "-n", release], "no"),
        (["get", &format!("secrets/{release}-certificate"), "-n", "default"], "no"),
        (["get", &format!("secrets/{release}-certificate"), "-n", release], "yes"),
        (["patch", "deployments", "-n", "default"], "no"),
        (["create", "pods", "-n", release], "no"),
        (["list", "endpointslices.discovery.k8s.io", "-n", release], "yes"),
        (["list", "deployments", "-n", "default"], "yes"),
        (["patch", "mutatingwebhookconfigurations/somebody-elses", "-n", "default"], "no"),
        (["patch", "mutatingwebhookconfigurations/00-infer-webhook", "-n", "default"], "yes"),
        (["delete", "validatingwebhookconfigurations/infer-webhook", "-n", "default"], "no"),
        (["patch", &format!("clusterroles/{release}"), "-n", "default"], "no"),
        (["patch", "inferencepolicies", "-n", "default"], "no"),
    ] {
        let output =
            ControlPlane::shared()?.kubectl()?.args(["auth", "can-i", &user]).args(question).output()?;
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{question:?}");
    }
    Ok(())
}
