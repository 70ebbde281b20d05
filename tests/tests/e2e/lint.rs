//! `lint --live`: what is deployed is told what its file is told, and a policy's refusals are known beforehand.

use anyhow::{Context, Result, ensure};
use infer_tests::{ControlPlane, binaries};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Output};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/samples");

fn sample(name: &str) -> Result<String> {
    std::fs::read_to_string(format!("{SAMPLES}/{name}")).context(name.to_owned())
}

fn lint() -> Result<Command> {
    let mut command = Command::new(binaries::kubectl_infer()?);
    command.env_remove("KUBECONFIG").arg("lint");
    Ok(command)
}

fn report(output: &Output) -> Result<Value> {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).with_context(|| format!("{}: {said}", output.status))
}

/// Rules that spoke about objects of a kind, without those that only files are asked.
fn found(report: &Value, kind: &str) -> BTreeSet<String> {
    let findings = report["findings"].as_array().into_iter().flatten();
    let of_kind = findings.filter(|finding| finding["object"]["kind"] == kind);
    of_kind.filter_map(|finding| Some(finding["rule"].as_str()?.to_owned())).collect()
}

#[test]
fn what_runs_is_told_what_its_file_is_told() -> Result<()> {
    let control_plane = ControlPlane::shared()?;
    let namespace = control_plane.namespace("lint-live")?;
    for file in ["clean.yaml", "large-model.yaml", "over-budget.yaml"] {
        namespace.apply(&sample(file)?)?;
    }
    let live = || -> Result<Command> {
        let mut command = lint()?;
        let kubeconfig = control_plane.kubeconfig();
        command
            .args(["--live", "--namespace", namespace.name(), "--output=json", "--kubeconfig"])
            .arg(kubeconfig);
        Ok(command)
    };
    let output = live()?.output()?;
    let now = report(&output)?;
    let mut files = lint()?;
    for file in ["clean.yaml", "large-model.yaml", "over-budget.yaml"] {
        files.arg("--filename").arg(format!("{SAMPLES}/{file}"));
    }
    let before = report(&files.arg("--output=json").output()?)?;
    let (deployed, written) = (found(&now, "Deployment"), found(&before, "Deployment"));
    let only_files: BTreeSet<_> = infer_core::rules::rules()
        .filter(|rule| rule.scope == infer_core::rules::Scope::LintOnly)
        .map(|rule| rule.id.to_owned())
        .collect();
    ensure!(deployed.contains("INF001"), "{now:#}");
    ensure!(written.difference(&only_files).all(|rule| deployed.contains(rule)), "{written:?}: {now:#}");
    // Three Deployments, not the ReplicaSets and Pods that controllers made of them.
    ensure!(now["summary"]["inferenceObjects"] == 3, "{now:#}");
    ensure!(output.status.code() == Some(1), "{}", output.status);

    let policy = format!("{SAMPLES}/budget.yaml");
    let preview = report(&live()?.args(["--policy", &policy]).output()?)?;
    let findings = preview["findings"].as_array().context("no findings")?;
    let refused: Vec<_> = findings.iter().filter(|finding| finding["refused"] == true).collect();
    ensure!(!refused.is_empty(), "{preview:#}");
    ensure!(refused.iter().all(|finding| finding["policy"] == "budget"), "{preview:#}");
    Ok(())
}

#[test]
fn a_cluster_that_cannot_be_asked_is_said_and_is_no_finding() -> Result<()> {
    let control_plane = ControlPlane::shared()?;
    let namespace = control_plane.namespace("lint-refused")?;
    let kubeconfig = control_plane.kubeconfig();
    let mut command = lint()?;
    command
        .args(["--live", "--namespace", namespace.name(), "--as", "nobody", "--kubeconfig"])
        .arg(kubeconfig);
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(2), "{}: {said}", output.status);
    ensure!(said.contains("forbidden") && said.contains("nobody"), "{said}");
    let mut command = lint()?;
    let output = command.args(["--live", "--kubeconfig", "/nonexistent"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(2) && said.contains("/nonexistent"), "{said}");
    Ok(())
}
