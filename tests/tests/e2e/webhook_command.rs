//! `kubectl infer webhook install`, `status` and `uninstall`, against the real API server.

use crate::chart::{kustomize, objects, restricted};
use crate::cluster::kubectl;
use crate::installation::{KINDS, eventually, get, launch};
use anyhow::{Context, Result, ensure};
use infer_tests::{CONFIGURATIONS, ControlPlane, NodeShape, TestNamespace, binaries, exclusive_registration};
use serde_json::Value;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// `kubectl infer webhook …` in a namespace.
fn webhook(namespace: &TestNamespace<'_>, arguments: &[&str]) -> Result<Output> {
    Ok(command(namespace, arguments)?.output()?)
}

fn command(namespace: &TestNamespace<'_>, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binaries::kubectl_infer()?);
    namespace.control_plane().configure(&mut command);
    command.arg("webhook").args(arguments).args(["--namespace", namespace.name()]);
    Ok(command)
}

fn succeeded(output: &Output) -> Result<String> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// How a check ended, and what it says.
fn check<'a>(status: &'a Value, about: &str) -> Result<(&'a str, &'a str)> {
    let checks = status["checks"].as_array().context("no checks")?;
    let check = checks.iter().find(|check| check["about"] == about);
    let check = check.with_context(|| format!("nothing about {about}: {status}"))?;
    Ok((check["state"].as_str().unwrap_or_default(), check["says"].as_str().unwrap_or_default()))
}

/// One source of truth: what the program carries is what kustomize renders, and so what the chart does.
#[test]
fn what_it_would_apply_is_the_kustomize_base() -> Result<()> {
    let output =
        Command::new(binaries::kubectl_infer()?).args(["webhook", "install", "-o", "yaml"]).output()?;
    assert_eq!(objects(&succeeded(&output)?)?, objects(&kustomize(&[])?)?);
    Ok(())
}

#[test]
fn installed_looked_at_and_removed() -> Result<()> {
    let _exclusive = exclusive_registration();
    let namespace = restricted("webhook-command")?;
    namespace
        .add_node(&NodeShape::new("e2-standard-4").resource("cpu", "3920m").resource("memory", "13Gi"))?;

    let dry = succeeded(&webhook(&namespace, &["install", "--dry-run=server"])?)?;
    ensure!(dry.contains("deployment/infer-webhook created (server dry run)"), "{dry}");
    ensure!(get(&namespace, "deployments", "infer-webhook")?.is_none(), "a dry run installed it");

    let installed = succeeded(&webhook(&namespace, &["install", "--timeout=0"])?)?;
    ensure!(installed.contains("deployment/infer-webhook created"), "{installed}");
    let again = succeeded(&webhook(&namespace, &["install", "--timeout=0"])?)?;
    ensure!(!again.contains("created") && again.contains("service/infer-webhook unchanged"), "{again}");
    namespace.wait_until_running("app.kubernetes.io/name=infer-webhook", 2, Duration::from_secs(60))?;

    // The replicas are simulated, so nobody has registered anything yet.
    let output = webhook(&namespace, &["status", "-o", "json"])?;
    assert_eq!(output.status.code(), Some(1));
    let status: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(check(&status, "replicas")?.0, "good", "{status}");
    assert_eq!(check(&status, "configurations")?.0, "bad", "{status}");

    works_with_the_real_program(&namespace)?;
    removed(&namespace)
}

/// With the rights that were installed, while the simulated replicas stand for its Pods.
fn works_with_the_real_program(namespace: &TestNamespace<'_>) -> Result<()> {
    let control_plane = ControlPlane::shared()?;
    let yaml = succeeded(&webhook(namespace, &["install", "-o", "yaml"])?)?;
    // Whoever installs it waits until admission is in force.
    let mut installs = command(namespace, &["install"])?;
    let installs = installs.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let program = launch(namespace, "infer-webhook", &yaml)?;
    program.wait_until_ready(control_plane)?;
    for (kind, name) in KINDS.into_iter().zip(CONFIGURATIONS) {
        eventually(&program, kind, || get(namespace, kind, name))?;
    }
    let installed = installs.wait_with_output()?;
    let said = succeeded(&installed)?;
    ensure!(said.contains("deployment/infer-webhook unchanged"), "{said}");
    ensure!(said.contains("Admission is in force."), "{said}");
    let waited = String::from_utf8_lossy(&installed.stderr);
    assert_eq!(waited, "waiting: the program has not registered its configurations\n");
    let serving = control_plane.namespace("webhook-probe")?;
    kubectl(&serving, &["label", "namespace", serving.name(), "kubectl-infer.io/admission=enabled"])?;

    let arguments = ["status", "--probe-namespace", serving.name(), "-o", "json"];
    let status = eventually(&program, "status", || {
        let output = webhook(namespace, &arguments)?;
        let status: Value = serde_json::from_slice(&output.stdout)?;
        Ok((check(&status, "probe")?.0 == "good").then_some(status))
    })?;
    for about in ["replicas", "configurations", "certificate", "trust", "policies", "namespaces"] {
        assert_eq!(check(&status, about)?.0, "good", "{about}: {status}");
    }
    assert_eq!(status["conclusion"], "Admission works from end to end.");
    ensure!(get(&serving, "deployments", "kubectl-infer-probe")?.is_none(), "the probe was stored");

    program.kill()?;
    program.wait()?;
    // Nobody answers now, and the namespace has asked for every workload to be judged.
    let output = webhook(namespace, &arguments)?;
    assert_eq!(output.status.code(), Some(1));
    let status: Value = serde_json::from_slice(&output.stdout)?;
    let (state, says) = check(&status, "probe")?;
    ensure!(state == "bad" && says.contains("failed calling webhook"), "{status}");
    Ok(())
}

fn removed(namespace: &TestNamespace<'_>) -> Result<()> {
    let text = succeeded(&webhook(namespace, &["uninstall"])?)?;
    ensure!(text.contains("deployment/infer-webhook deleted"), "{text}");
    ensure!(text.contains(&format!("namespace/{} kept", namespace.name())), "{text}");
    ensure!(text.contains("inferencepolicies.kubectl-infer.io kept"), "{text}");
    for (kind, name) in KINDS.into_iter().zip(CONFIGURATIONS) {
        ensure!(get(namespace, kind, name)?.is_none(), "{kind} {name} is left");
    }
    let again = succeeded(&webhook(namespace, &["uninstall"])?)?;
    ensure!(again.contains("clusterrole/infer-webhook not found"), "{again}");
    Ok(())
}
