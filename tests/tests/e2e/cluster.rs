//! What tests do to the cluster in the same way: ask kubectl, wait, define policies.

use anyhow::{Context, Result, bail, ensure};
use infer_tests::{ControlPlane, TestNamespace};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long something that must happen is waited for: the machine may be busy with builds.
const PATIENCE: Duration = Duration::from_secs(60);

const INTERVAL: Duration = Duration::from_millis(50);

/// Standard output of kubectl in a namespace. A failure is what kubectl says.
pub(crate) fn kubectl(namespace: &TestNamespace<'_>, arguments: &[&str]) -> Result<String> {
    succeeds(namespace.kubectl()?.args(arguments))
}

/// Standard output of a program that must succeed.
pub(crate) fn succeeds(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// What a program makes of `input`.
pub(crate) fn fed(command: &mut Command, input: &str) -> Result<Output> {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn()?;
    child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?)
}

/// Has the cluster know policies.
pub(crate) fn define_policies(control_plane: &ControlPlane) -> Result<()> {
    let definition =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds/inferencepolicies.kubectl-infer.io.yaml");
    succeeds(control_plane.kubectl()?.args(["apply", "--server-side", "--filename"]).arg(definition))?;
    let wait = ["wait", "--for=condition=established", "crd/inferencepolicies.kubectl-infer.io"];
    succeeds(control_plane.kubectl()?.args(wait))?;
    Ok(())
}

/// Asks until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        thread::sleep(INTERVAL);
    }
    bail!("waited for: {what}")
}
