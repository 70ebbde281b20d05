//! While the webhook is down: what needs no judgement goes on.

use super::kinds::{KINDS, turned_into};
use super::{Admission, has_shared_memory, kubectl, list, server, until};
use anyhow::{Result, ensure};
use infer_tests::NodeShape;
use serde_json::{Value, json};

#[test]
fn what_runs_goes_on_and_can_be_deleted() -> Result<()> {
    let admission = Admission::start("down")?;
    let namespace = &admission.namespace;
    let shape = NodeShape::new("l4")
        .label("cloud.google.com/gke-accelerator", "nvidia-l4")
        .resource("cpu", "90")
        .resource("memory", "900Gi")
        .resource("ephemeral-storage", "900Gi")
        .resource("nvidia.com/gpu", "32");
    namespace.add_node(&shape)?;
    admission.accepts(&server("server", 2))?;
    kubectl(namespace, &["rollout", "status", "deployment/server", "--timeout=60s"])?;
    for kind in KINDS {
        let mut object = turned_into(kind, &server("other", 2))?;
        object["metadata"]["name"] = json!(kind.to_lowercase());
        object["metadata"]["finalizers"] = json!(["infer-tests/hold"]);
        admission.accepts(&object)?;
    }

    admission.webhook.kill()?;
    admission.webhook.wait()?;
    let refused = admission.dry_run(&server("new", 2))?;
    ensure!(refused.status >= 400, "what serves a model is judged where the namespace asked for it");

    // Its Pods are replaced.
    let before = pods(&admission)?;
    ensure!(!before.is_empty(), "no Pods");
    kubectl(namespace, &["delete", "pods", "--selector=app=server"])?;
    kubectl(namespace, &["rollout", "status", "deployment/server", "--timeout=60s"])?;
    until("other Pods run", || {
        let now = pods(&admission)?;
        Ok((!now.is_empty() && now.iter().all(|name| !before.contains(name))).then_some(()))
    })?;

    // Any number of replicas can be had, of an inference workload too.
    kubectl(namespace, &["scale", "deployment/server", "--replicas=2"])?;
    kubectl(namespace, &["rollout", "status", "deployment/server", "--timeout=60s"])?;
    kubectl(namespace, &["scale", "deployment/server", "--replicas=0"])?;
    kubectl(namespace, &["scale", "statefulset/statefulset", "--replicas=0"])?;

    // What is held goes.
    let free = r#"{"metadata":{"finalizers":null}}"#;
    for kind in KINDS {
        let name = kind.to_lowercase();
        kubectl(namespace, &["delete", kind, &name, "--wait=false"])?;
        kubectl(namespace, &["patch", kind, &name, "--type=merge", "--patch", free])?;
    }
    kubectl(namespace, &["delete", "deployment", "server"])?;
    until("everything is gone", || {
        for kind in ["Deployment", "ReplicaSet", "StatefulSet", "Job", "JobSet", "Pod"] {
            if !list(namespace, kind)?.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

/// A namespace that opted in has other workloads too, and load does not wait for the webhook: people and the real
/// controller of autoscalers add replicas while nobody judges them.
#[test]
fn workloads_grow() -> Result<()> {
    let admission = Admission::start("grows")?;
    let web = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 0,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "web", "image": "nginx:1.29" }] },
            },
        },
    });
    admission.accepts(&web)?;
    admission.accepts(&server("server", 2))?;
    let mut stopped = server("autoscaled", 2);
    stopped["spec"]["replicas"] = json!(0);
    admission.accepts(&stopped)?;
    // An autoscaler leaves alone what has no replicas.
    for target in ["web", "autoscaled"] {
        admission.accepts(&json!({
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": { "name": target },
            "spec": {
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": target },
                "minReplicas": 3,
                "maxReplicas": 4,
            },
        }))?;
    }
    // What is refused while the webhook is up.
    admission.enforce("no-growth", "limits: { replicas: 1 }", &server_of_replicas(2))?;
    until("more replicas are refused", || {
        let arguments = ["scale", "deployment/server", "--replicas=2", "--dry-run=server"];
        let output = admission.namespace.kubectl()?.args(arguments).output()?;
        Ok((!output.status.success()).then_some(()))
    })?;

    admission.webhook.kill()?;
    admission.webhook.wait()?;
    for name in ["web", "autoscaled"] {
        admission.kubectl(&["scale", &format!("deployment/{name}"), "--replicas=1"])?;
        until("the autoscaler has added replicas", || {
            Ok((admission.get("Deployment", name)?["spec"]["replicas"] == 3).then_some(()))
        })?;
    }
    admission.kubectl(&["scale", "deployment/server", "--replicas=2"])?;
    let refused = admission.dry_run(&server("new", 2))?;
    ensure!(refused.status >= 400, "a new server is judged all the same");
    Ok(())
}

fn server_of_replicas(replicas: u32) -> Value {
    let mut object = server("many", 2);
    object["spec"]["replicas"] = json!(replicas);
    object
}

fn pods(admission: &Admission<'_>) -> Result<Vec<Value>> {
    let pods = list(&admission.namespace, "Pod")?;
    let of_server = pods.iter().filter(|pod| pod["metadata"]["labels"]["app"] == "server");
    let lasting = of_server.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    Ok(lasting.map(|pod| pod["metadata"]["name"].clone()).collect())
}

/// Half of the webhook is out of reach: objects get in unchanged, and their authors hear what is left undone.
#[test]
fn what_could_not_be_changed_is_let_in_with_a_warning() -> Result<()> {
    let admission = Admission::start("unchanged")?;
    let nowhere =
        r#"[{"op":"replace","path":"/webhooks/0/clientConfig/url","value":"https://127.0.0.1:9/mutate"}]"#;
    let name = admission.registration.mutating();
    let kind = "mutatingwebhookconfiguration";
    admission.kubectl(&["patch", kind, name, "--type=json", "--patch", nowhere])?;
    let answer = until("nothing is changed any more", || {
        let answer = admission.dry_run(&server("probe", 2))?;
        let annotations = &answer.body["metadata"]["annotations"];
        Ok(annotations["kubectl-infer.io/applied"].is_null().then_some(answer))
    })?;
    assert_eq!(answer.status, 201);
    ensure!(!has_shared_memory(&answer.body["spec"]["template"]), "{}", answer.body);
    ensure!(answer.warnings.iter().any(|warning| warning.starts_with("INF005 ")), "{:?}", answer.warnings);
    for kind in KINDS {
        let mut object = turned_into(kind, &server("other", 2))?;
        object["metadata"]["name"] = json!(kind.to_lowercase());
        admission.accepts(&object)?;
    }
    Ok(())
}
