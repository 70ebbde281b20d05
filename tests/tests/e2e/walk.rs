//! The way of a new user: the chart is installed, a namespace opts in, and each sample of the documentation is applied
//! with kubectl and comes out as its page says.

use crate::admission::samples::{SAID, SAMPLES, documents};
use crate::chart::{restricted, template};
use crate::cluster::kubectl;
use crate::installation::{KINDS, eventually, get, launch_with};
use anyhow::{Context, Result, ensure};
use infer_tests::{
    CONFIGURATIONS, ControlPlane, InferWebhook, NodeShape, Relay, TestNamespace, binaries,
    exclusive_registration,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// The chart's objects, and as many real programs as it asks for behind a port that stands for its Service.
struct Installed<'a> {
    home: TestNamespace<'a>,
    replicas: Vec<InferWebhook>,
    serving: TestNamespace<'a>,
}

impl Installed<'_> {
    fn by_chart() -> Result<Self> {
        let control_plane = ControlPlane::shared()?;
        let home = restricted("walk-home")?;
        home.add_node(&NodeShape::new("e2-standard-4").resource("cpu", "3920m").resource("memory", "13Gi"))?;
        // As `helm install` does, but for the name: kubectl's status looks for this one.
        let yaml = template("infer-webhook", home.name(), &[])?;
        home.apply(&yaml)?;
        let pods =
            home.wait_until_running("app.kubernetes.io/name=infer-webhook", 2, Duration::from_secs(60))?;

        let service = Relay::start()?;
        let url = format!("--client-url=https://127.0.0.1:{}", service.port());
        let replicas: Vec<_> = pods
            .iter()
            .map(|pod| {
                let name = pod.metadata.name.as_deref().unwrap_or_default();
                launch_with(&home, "infer-webhook", &yaml, &[url.clone(), format!("--replica={name}")])
            })
            .collect::<Result<_>>()?;
        for replica in &replicas {
            replica.wait_until_ready(control_plane)?;
        }
        service.lead_to(&replicas.iter().map(InferWebhook::port).collect::<Vec<_>>());
        for (kind, name) in KINDS.into_iter().zip(CONFIGURATIONS) {
            eventually(&replicas[0], kind, || get(&home, kind, name))?;
        }
        let serving = control_plane.namespace("walk")?;
        Ok(Self { home, replicas, serving })
    }

    fn status(&self) -> Result<Value> {
        let mut command = Command::new(binaries::kubectl_infer()?);
        self.home.control_plane().configure(&mut command);
        command.args(["webhook", "status", "--namespace", self.home.name(), "--output=json"]);
        command.args(["--probe-namespace", self.serving.name()]);
        Ok(serde_json::from_slice(&command.output()?.stdout)?)
    }

    /// `kubectl apply -f FILE`.
    fn apply(&self, file: &Path) -> Result<Output> {
        Ok(self.serving.kubectl()?.args(["apply", "--filename"]).arg(file).output()?)
    }

    /// Applies a sample until each of its objects was judged with the others in sight, and returns what was said. A rule
    /// of `fixes` that is warned about was not in sight of the replica that mutates, but of the one that validates.
    fn applied(&self, sample: &str, fixes: &[&str]) -> Result<(Vec<Value>, String)> {
        let file = Path::new(SAMPLES).join(sample);
        let written = documents(&file)?;
        let (attempts, said) = self.eventually("the sample is applied", || {
            let output = self.apply(&file)?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(output.status.success(), "{sample}: {said}");
            // An autoscaler is known for one of a model server once the server is.
            let warned = warned(&said);
            let missed = written.len() > 1
                && (!warned.iter().any(|id| id.starts_with("INF1"))
                    || fixes.iter().any(|id| warned.contains(id)));
            if missed {
                self.delete(&file)?;
            }
            Ok((!missed).then_some(said))
        })?;
        eprintln!("{sample} was applied {attempts} times");
        let stored = written.iter().map(|object| {
            let [kind, name] = [&object["kind"], &object["metadata"]["name"]].map(Value::as_str);
            let (kind, name) = (kind.context("no kind")?, name.context("no name")?);
            get(&self.serving, kind, name)?.with_context(|| format!("{kind} {name} is not there"))
        });
        Ok((stored.collect::<Result<_>>()?, said))
    }

    fn delete(&self, file: &Path) -> Result<()> {
        let file = file.to_str().context("a path that is not UTF-8")?;
        kubectl(&self.serving, &["delete", "--filename", file])?;
        Ok(())
    }

    /// Asks until there is an answer, and says how often.
    fn eventually<T>(&self, what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<(usize, T)> {
        let mut attempts = 0;
        let answer = eventually(&self.replicas[0], what, || {
            attempts += 1;
            ask()
        })?;
        Ok((attempts, answer))
    }
}

impl Drop for Installed<'_> {
    /// What is registered would be called in other tests.
    fn drop(&mut self) {
        self.replicas.clear();
        for (kind, name) in KINDS.into_iter().zip(CONFIGURATIONS) {
            let _ = kubectl(&self.home, &["delete", kind, name, "--ignore-not-found"]);
        }
        let _ = kubectl(&self.home, &["delete", "inferencepolicy", "budget", "--ignore-not-found"]);
        let _ =
            kubectl(&self.home, &["delete", "clusterrole,clusterrolebinding,priorityclass", "infer-webhook"]);
    }
}

/// Rules that kubectl's warnings name.
fn warned(said: &str) -> BTreeSet<&str> {
    let warnings = said.lines().filter_map(|line| line.strip_prefix("Warning: "));
    warnings.filter_map(|text| text.split(' ').next()).collect()
}

/// Rules whose fixes were made, as the objects say.
fn mended(objects: &[Value]) -> BTreeSet<&str> {
    let applied = objects
        .iter()
        .filter_map(|object| object["metadata"]["annotations"]["kubectl-infer.io/applied"].as_str());
    applied.flat_map(|text| text.split(',')).filter(|id| *id != "none").collect()
}

#[test]
fn every_sample_applied_through_the_chart_is_as_its_page_says() -> Result<()> {
    let _exclusive = exclusive_registration();
    let installed = Installed::by_chart()?;
    let serving = &installed.serving;

    // Before the namespace opts in nothing is said about anything in it.
    for (sample, _, _) in SAID {
        let file = Path::new(SAMPLES).join(sample);
        let output = installed.apply(&file)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && said.is_empty(), "{sample}: {said}");
        installed.delete(&file)?;
    }

    kubectl(serving, &["label", "namespace", serving.name(), "kubectl-infer.io/admission=enabled"])?;
    // The first review comes before the API server knows of the label.
    let mut status = Value::Null;
    let works = installed.eventually("admission works from end to end", || {
        status = installed.status()?;
        Ok((status["conclusion"] == "Admission works from end to end.").then_some(()))
    });
    works.with_context(|| status.to_string())?;

    for (sample, fixes, warnings) in SAID {
        let (stored, said) = installed.applied(sample, fixes)?;
        assert_eq!(warned(&said), warnings.iter().copied().collect(), "{sample}: {said}");
        let mended = mended(&stored);
        ensure!(fixes.iter().all(|rule| mended.contains(rule)), "{sample}: only {mended:?} mended");
        ensure!(!fixes.is_empty() || mended.is_empty(), "{sample}: {mended:?} mended");
        installed.delete(&Path::new(SAMPLES).join(sample))?;
    }
    refused(&installed)?;

    // Uninstalled, everything goes in as it is.
    kubectl(&installed.home, &["delete", "clusterrole", "infer-webhook"])?;
    for (kind, name) in KINDS.into_iter().zip(CONFIGURATIONS) {
        installed.eventually("garbage collection", || {
            Ok(get(&installed.home, kind, name)?.is_none().then_some(()))
        })?;
    }
    let output = installed.apply(&Path::new(SAMPLES).join("large-model.yaml"))?;
    ensure!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    Ok(())
}

fn refused(installed: &Installed<'_>) -> Result<()> {
    // Other tests run in the cluster at the same time: the policy of the sample, for this namespace only.
    let mut policy = documents(&Path::new(SAMPLES).join("budget.yaml"))?.remove(0);
    policy["spec"]["namespaceSelector"] =
        json!({ "matchLabels": { "kubernetes.io/metadata.name": installed.serving.name() } });
    installed.serving.apply(&policy.to_string())?;
    let file = Path::new(SAMPLES).join("over-budget.yaml");
    let (_, said) = installed.eventually("the policy is in force", || {
        let output = installed.serving.kubectl()?.args(["apply", "--filename"]).arg(&file).output()?;
        if output.status.success() {
            installed.delete(&file)?;
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&output.stderr).into_owned()))
    })?;
    ensure!(said.contains("INF122 over-budget (policy budget)") && said.contains("$18.03"), "{said}");
    ensure!(get(&installed.serving, "deployment", "gemma-fleet")?.is_none(), "it was stored");
    let output = installed.apply(&Path::new(SAMPLES).join("clean.yaml"))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
