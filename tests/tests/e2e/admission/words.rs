//! What people read: warnings and refusals as kubectl prints them.

use super::{Admission, applied, server};
use crate::cluster::fed;
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::process::Output;

fn kubectl_apply(admission: &Admission<'_>, object: &Value) -> Result<Output> {
    fed(admission.namespace.kubectl()?.args(["apply", "--filename=-"]), &object.to_string())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Eight GPUs are asked for, and two are used.
fn wasteful(name: &str) -> Value {
    let mut object = server(name, 2);
    object["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] = json!("8");
    object["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = json!("100Gi");
    object
}

#[test]
fn a_warning() -> Result<()> {
    let admission = Admission::start("warning")?;
    let output = kubectl_apply(&admission, &wasteful("server"))?;
    ensure!(output.status.success(), "{}", said(&output));
    assert_eq!(
        said(&output),
        "Warning: INF053 idle-accelerators (default policy): tensor parallel 2 uses 2 of 8 accelerators; raise the tensor \
         parallel size, or ask for 6 fewer, at /spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu\n",
    );
    Ok(())
}

#[test]
fn a_refusal() -> Result<()> {
    let admission = Admission::start("refusal")?;
    let object = wasteful("server");
    admission.enforce("no-waste", "rules: [{ rule: idle-accelerators, action: deny }]", &object)?;
    let output = kubectl_apply(&admission, &object)?;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        said(&output),
        "Error from server (Forbidden): error when creating \"STDIN\": admission webhook \"validate.kubectl-infer.io\" \
         denied the request: INF053 idle-accelerators (policy no-waste), at \
         /spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu: tensor parallel 2 uses 2 of 8 accelerators. \
         What to do: raise the tensor parallel size, or ask for 6 fewer.\n",
    );
    admission.denies(&object)?;
    Ok(())
}

#[test]
fn what_an_author_ignores() -> Result<()> {
    let admission = Admission::start("ignored")?;
    let mut object = wasteful("server");
    object["metadata"]["annotations"] =
        json!({ "kubectl-infer.io/ignore": "INF053, no-shared-memory, INF999" });
    let output = kubectl_apply(&admission, &object)?;
    ensure!(output.status.success(), "{}", said(&output));
    assert_eq!(
        said(&output),
        "Warning: kubectl-infer.io/ignore names no rule in `INF999`; `kubectl infer rules list` prints those there are\n",
    );
    let stored = admission.get("Deployment", "server")?;
    assert_eq!(applied(&stored), "none");
    let not_applied = &stored["metadata"]["annotations"]["kubectl-infer.io/not-applied"];
    assert_eq!(not_applied, "INF005 ignored");

    // Against a refusal it counts only where the policy says so.
    object["metadata"]["name"] = json!("refused");
    admission.enforce("no-waste-at-all", "rules: [{ rule: INF053, action: deny }]", &object)?;
    let allowing = "rules: [{ rule: INF053, action: deny, allowIgnore: true }]";
    admission.apply_policy("no-waste-at-all", allowing)?;
    super::until("the word of the author counts", || {
        Ok((admission.dry_run(&object)?.status == 201).then_some(()))
    })?;
    admission.denies(&wasteful("other"))?;
    Ok(())
}
