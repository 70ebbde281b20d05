//! Replicas that share a compilation cache start on a warm one, whatever interrupts the rollout.

use anyhow::{Context, Result, ensure};
use infer_tests::{ControlPlane, NodeShape, TestNamespace, binaries};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

/// A TPU server whose replicas write one cache, and an autoscaler that would start several at once.
const MANIFEST: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: llama}
spec:
  replicas: REPLICAS
  selector: {matchLabels: {app: llama}}
  template:
    metadata: {labels: {app: llama, queue: serving}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: server
        image: vllm/vllm-tpu:v0.27.0
        args: [--model=Qwen/Qwen3-8B]
        env: [{name: VLLM_XLA_CACHE_PATH, value: /cache}]
        resources: {limits: {google.com/tpu: 4}}
        volumeMounts: [{name: cache, mountPath: /cache}]
      volumes: [{name: cache, persistentVolumeClaim: {claimName: cache}}]
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: NAMESPACE-cache}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteMany]
  storageClassName: ''
  hostPath: {path: /cache}
  claimRef: {namespace: NAMESPACE, name: cache}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: cache}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: ''
  volumeName: NAMESPACE-cache
  resources: {requests: {storage: 1Gi}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: llama}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: llama}
  minReplicas: 2
  maxReplicas: 6
  metrics:
  - type: Pods
    pods: {metric: {name: running}, target: {type: AverageValue, averageValue: 8}}
";

fn set_up<'a>(test: &str, replicas: u32, machines: u32) -> Result<TestNamespace<'a>> {
    let namespace = ControlPlane::shared()?.namespace(test)?;
    add_machines(&namespace, 0..machines)?;
    let manifest = MANIFEST.replace("REPLICAS", &replicas.to_string()).replace("NAMESPACE", namespace.name());
    let mut documents = manifest.split("\n---\n");
    // The persistent volume has no namespace, which strict application refuses to a namespace's test.
    let volume =
        documents.clone().find(|text| text.contains("kind: PersistentVolume\n")).context("no volume")?;
    namespace.control_plane().kubectl_with_input(&["apply", "--server-side", "--filename=-"], volume)?;
    documents.try_for_each(|text| if text == volume { Ok(()) } else { namespace.apply(text) })?;
    Ok(namespace)
}

fn add_machines(namespace: &TestNamespace<'_>, numbers: std::ops::Range<u32>) -> Result<()> {
    for number in numbers {
        let shape = NodeShape::new(&format!("ct5lp-hightpu-4t-{number}"))
            .resource("cpu", "111")
            .resource("memory", "180Gi");
        namespace.add_node(&shape.resource("google.com/tpu", "4"))?;
    }
    Ok(())
}

fn rollout(namespace: &TestNamespace<'_>, arguments: &str) -> Result<Command> {
    let mut command = Command::new(binaries::kubectl_infer()?);
    command.args(["rollout", "deployment/llama", "--namespace", namespace.name(), "--kubeconfig"]);
    command.arg(namespace.control_plane().kubeconfig()).args(arguments.split_whitespace());
    Ok(command)
}

fn succeeds(mut command: Command) -> Result<Output> {
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(output)
}

fn get(namespace: &TestNamespace<'_>, what: &str) -> Result<Value> {
    let mut command = namespace.kubectl()?;
    command.args(["get", "--output=json"]).args(what.split_whitespace());
    Ok(serde_json::from_slice(&succeeds(command)?.stdout)?)
}

/// Changes of replicas in the order in which the Deployment controller made them.
fn scalings(namespace: &TestNamespace<'_>, deployment: &str) -> Result<Vec<String>> {
    let selector =
        format!("events --field-selector=involvedObject.name={deployment},reason=ScalingReplicaSet");
    let events = get(namespace, &selector)?;
    let mut said: Vec<(String, String)> = Vec::new();
    for event in events["items"].as_array().into_iter().flatten() {
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        said.push((text("firstTimestamp"), text("message")));
    }
    said.sort();
    Ok(said.into_iter().map(|(_, message)| message).collect())
}

/// Nothing is left of a rollout: the autoscaler is as its author wrote it, no copy, no record.
fn is_tidy(namespace: &TestNamespace<'_>, replicas: u32) -> Result<()> {
    let deployments = get(namespace, "deployments")?;
    let items = deployments["items"].as_array().context("no list")?;
    ensure!(items.len() == 1, "a copy is left: {items:#?}");
    ensure!(items[0]["status"]["readyReplicas"] == replicas, "{:#}", items[0]["status"]);
    let autoscaler = get(namespace, "horizontalpodautoscaler llama")?;
    ensure!(
        autoscaler["spec"]["minReplicas"] == 2 && autoscaler["spec"]["maxReplicas"] == 6,
        "{autoscaler:#}"
    );
    for object in [&items[0], &autoscaler] {
        let text = object["metadata"]["annotations"].to_string();
        ensure!(!text.contains("kubectl-infer.io/"), "left behind: {text}");
    }
    Ok(())
}

#[test]
fn a_new_workload_starts_one_replica_before_the_others() -> Result<()> {
    let namespace = set_up("rollout-new", 0, 4)?;

    let output = succeeds(rollout(&namespace, "--replicas 4")?)?;

    assert_eq!(String::from_utf8_lossy(&output.stdout), "deployment/llama has 4 replicas\n");
    let scalings = scalings(&namespace, "llama")?;
    let sizes: Vec<_> =
        scalings.iter().filter_map(|text| text.split(" to ").nth(1)?.chars().next()).collect();
    assert_eq!(sizes, ['1', '4'], "{scalings:#?}");
    is_tidy(&namespace, 4)
}

#[test]
fn a_serving_workload_loses_no_replica_while_a_copy_compiles() -> Result<()> {
    let namespace = set_up("rollout-serving", 2, 4)?;
    namespace.wait_until_running("app=llama", 2, std::time::Duration::from_secs(60))?;

    let plan = succeeds(rollout(&namespace, "--replicas 4 --dry-run")?)?;
    let output = succeeds(rollout(&namespace, "--replicas 4")?)?;

    let plan = String::from_utf8(plan.stdout)?;
    let said = String::from_utf8(output.stderr)?;
    for line in plan.lines().filter(|line| !line.starts_with("waiting")) {
        ensure!(said.contains(line), "the plan says {line:?}, the rollout:\n{said}");
    }
    assert!(said.contains("make the temporary copy"), "{said}");
    let own = scalings(&namespace, "llama")?;
    assert!(own.iter().all(|text| text.starts_with("Scaled up")), "{own:#?}");
    assert_eq!(scalings(&namespace, "llama-warm")?.len(), 1, "the copy had one replica");
    is_tidy(&namespace, 4)
}

/// Killed after each line that it says, over and over, and then run to the end.
#[test]
fn whatever_is_interrupted_is_completed_by_running_it_again() -> Result<()> {
    for (test, replicas, arguments) in
        [("rollout-kill-new", 0, "--replicas 3"), ("rollout-kill-serving", 2, "--replicas 4")]
    {
        let namespace = set_up(test, replicas, 5)?;
        if replicas > 0 {
            namespace.wait_until_running("app=llama", 2, std::time::Duration::from_secs(60))?;
        }
        for lines in [1, 1, 2, 2, 3] {
            let mut child =
                rollout(&namespace, arguments)?.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?;
            let said = BufReader::new(child.stderr.take().context("no standard error")?);
            let said: Vec<_> = said.lines().take(lines).collect();
            child.kill()?;
            child.wait()?;
            // A run that had less to say was complete.
            if said.len() < lines {
                break;
            }
        }

        succeeds(rollout(&namespace, arguments)?)?;

        is_tidy(&namespace, arguments.rsplit(' ').next().context("no number")?.parse()?)?;
    }
    Ok(())
}

#[test]
fn without_room_for_a_copy_it_says_so_and_goes_on_later() -> Result<()> {
    let namespace = set_up("rollout-room", 2, 2)?;
    namespace.wait_until_running("app=llama", 2, std::time::Duration::from_secs(60))?;

    let output = rollout(&namespace, "--replicas 3 --timeout 4s")?.output()?;

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Insufficient google.com/tpu"), "{said}");
    assert!(said.contains("run the same command again"), "{said}");
    let serving = get(&namespace, "deployment llama")?;
    assert_eq!(serving["status"]["readyReplicas"], 2);
    add_machines(&namespace, 2..3)?;
    succeeds(rollout(&namespace, "--replicas 3")?)?;
    is_tidy(&namespace, 3)
}

#[test]
fn more_replicas_than_the_autoscaler_allows_are_refused_before_anything_happens() -> Result<()> {
    let namespace = set_up("rollout-range", 0, 1)?;

    let output = rollout(&namespace, "--replicas 9")?.output()?;

    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("9 replicas are outside of what the autoscaler `llama` allows: 2 to 6"), "{said}");
    assert_eq!(get(&namespace, "deployment llama")?["spec"]["replicas"], 0);
    Ok(())
}
