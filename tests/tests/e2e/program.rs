//! The program as users run it, into the real kubectl.

use anyhow::{Context, Result, ensure};
use infer_tests::{ControlPlane, TestNamespace, binaries};
use serde_json::Value;
use std::process::Command;

/// Standard output of `kubectl infer` with these arguments.
fn infer(arguments: &str) -> Result<String> {
    let output = Command::new(binaries::kubectl_infer()?).args(arguments.split_whitespace()).output()?;
    ensure!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn get(namespace: &TestNamespace<'_>, kind: &str) -> Result<Value> {
    let output = namespace.kubectl()?.args(["get", kind, "--output=json"]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut list: Value = serde_json::from_slice(&output.stdout)?;
    let items = list["items"].as_array_mut().with_context(|| format!("no list of {kind}"))?;
    ensure!(items.len() == 1, "{} objects of kind {kind}", items.len());
    Ok(items.remove(0))
}

/// The whole text, comments included, is what `kubectl apply -f -` takes.
#[test]
fn what_the_program_prints_can_be_piped_into_kubectl_apply() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("pipe")?;
    let text = infer(
        "manifests create --model google/gemma-2-27b-it --model-server vllm --model-server-version v0.7.2 \
         --accelerator-type nvidia-l4 --target-ntpot-milliseconds 200",
    )?;

    namespace.apply(&text)?;

    let autoscaler = get(&namespace, "horizontalpodautoscalers")?;
    let deployment = get(&namespace, "deployments")?;
    assert_eq!(autoscaler["spec"]["scaleTargetRef"]["name"], deployment["metadata"]["name"]);
    let metric = &autoscaler["spec"]["metrics"][0]["pods"]["metric"]["name"];
    assert_eq!(metric, "prometheus.googleapis.com|vllm:num_requests_running|gauge");
    let service = get(&namespace, "services")?;
    assert_eq!(service["metadata"]["name"], "gemma-2-27b-it-vllm-service");
    assert_eq!(service["spec"]["ports"][0]["port"], 8000);
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    for (key, value) in service["spec"]["selector"].as_object().context("no selector")? {
        assert_eq!(&labels[key], value, "the Service selects no Pod of the Deployment");
    }
    Ok(())
}

/// What the API server filled in, and how it wrote quantities, is no difference to the catalog.
#[test]
fn what_was_applied_compares_equal_to_what_would_be_written() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("diff")?;
    let folder = tempfile::tempdir()?;
    for arguments in [
        "--model google/gemma-2-27b-it --accelerator-type nvidia-l4 --target-ntpot-milliseconds 200",
        "--model Qwen/Qwen3-32B --accelerator-type nvidia-h100-80gb --model-bucket-uri gs://models/qwen",
        "--model deepseek-ai/DeepSeek-R1 --accelerator-type h200",
        "--model meta-llama/Llama-3.3-70B-Instruct --accelerator-type tpu-v6e-slice",
    ] {
        namespace.apply(&infer(&format!("manifests create {arguments}"))?)?;
    }
    let kinds = "deployments,services,podmonitorings,horizontalpodautoscalers";
    let live = namespace.kubectl()?.args(["get", kinds, "--output=yaml"]).output()?;
    ensure!(live.status.success(), "{}", String::from_utf8_lossy(&live.stderr));
    let file = folder.path().join("live.yaml");
    std::fs::write(&file, &live.stdout)?;

    let compared =
        Command::new(binaries::kubectl_infer()?).args(["manifests", "diff", "-f"]).arg(&file).output()?;

    let (out, err) = (String::from_utf8_lossy(&compared.stdout), String::from_utf8_lossy(&compared.stderr));
    ensure!(compared.status.code() == Some(0), "{:?}\n{out}{err}", compared.status);
    Ok(())
}

/// Applied twice, nothing changes: no field is one that the API server rewrites.
#[test]
fn applying_twice_changes_nothing() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("twice")?;
    let text =
        infer("manifests create --model meta-llama/Llama-3.3-70B-Instruct --accelerator-type tpu-v6e-slice")?;
    namespace.apply(&text)?;
    let before = get(&namespace, "deployments")?["metadata"]["generation"].clone();

    namespace.apply(&text)?;

    assert_eq!(get(&namespace, "deployments")?["metadata"]["generation"], before);
    Ok(())
}

#[test]
fn the_upload_of_a_model_is_accepted() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("upload")?;
    let text = infer("transfer create --model google/gemma-2-27b-it --model-bucket-uri gs://models/gemma")?;

    namespace.apply(&text)?;

    let job = get(&namespace, "jobs")?;
    assert!(job["spec"]["template"]["spec"]["containers"][0]["image"].is_string());
    Ok(())
}
