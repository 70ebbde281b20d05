//! Policies and the real API server: the generated definition and what it refuses, and the exported part.

use crate::cluster::{define_policies, kubectl, until};
use anyhow::{Context, Result, bail, ensure};
use infer_tests::{ControlPlane, TestNamespace, binaries};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

/// A namespace, in a cluster that knows policies.
fn prepare(test: &str) -> Result<TestNamespace<'static>> {
    define_policies(ControlPlane::shared()?)?;
    ControlPlane::shared()?.namespace(test)
}

/// A policy that holds in no namespace but that of the test, since all tests share a cluster.
fn policy(namespace: &TestNamespace<'_>, spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(fields) = spec.as_object_mut() {
        let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace.name()}});
        fields.entry("namespaceSelector").or_insert(selector);
    }
    json!({
        "apiVersion": "kubectl-infer.io/v1alpha1",
        "kind": "InferencePolicy",
        "metadata": {"name": namespace.name()},
        "spec": spec
    })
}

fn accepts(namespace: &TestNamespace<'_>, object: &Value) -> Result<()> {
    namespace.apply(&object.to_string()).with_context(|| format!("{object}"))
}

#[track_caller]
fn refuses(namespace: &TestNamespace<'_>, object: &Value, text: &str) -> Result<()> {
    match namespace.apply(&object.to_string()) {
        Ok(()) => bail!("accepted: {object}"),
        Err(error) => {
            let said = format!("{error:#}");
            ensure!(said.contains(text), "expected `{text}`: {said}");
            Ok(())
        }
    }
}

#[test]
fn a_policy_with_every_field_is_taken_and_shown_in_columns() -> Result<()> {
    let namespace = prepare("policy-fields")?;
    let every_field = json!({
        "workloadSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]},
        "rules": [
            {"rule": "INF001", "action": "mutate", "overwrite": true},
            {"rule": "over-budget", "action": "deny", "allowIgnore": true},
            {"rule": "fit", "action": "off"}
        ],
        "limits": {"accelerators": ["nvidia-l4"], "usdPerHour": 10.5, "replicas": 4, "regions": ["us-east5"]},
        "defaults": {
            "tokenSecret": {"name": "hf", "key": "token"}, "cacheMedium": "Memory", "sharedXlaCache": "remove",
            "metricsApi": "Stackdriver", "gkeVersion": "1.33.2-gke.1111000", "pricingModel": "3-years-cud",
            "region": "us-east5"
        },
        "exemptions": [
            {"namespace": "research", "name": "llama", "rules": ["INF001"], "until": "2027-01-31T00:00:00Z",
             "reason": "a demonstration"}
        ]
    });
    accepts(&namespace, &policy(&namespace, &every_field))?;
    let status = json!({"status": {"accepted": true, "observedGeneration": 1, "conditions": [
        {"type": "Accepted", "status": "True", "reason": "Valid", "message": "it is in force",
         "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "Conflicting", "status": "False", "reason": "None", "message": "no other policy says otherwise",
         "lastTransitionTime": "2026-01-01T00:00:00Z"}
    ]}});
    let (name, status) = (namespace.name(), status.to_string());
    kubectl(
        &namespace,
        &["patch", "ipol", name, "--subresource=status", "--type=merge", "--patch", &status],
    )?;
    let table = kubectl(&namespace, &["get", "ipol", name])?;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    ensure!(
        rows.first().is_some_and(|row| row == &["NAME", "ACCEPTED", "SEEN", "CONFLICTING", "AGE"]),
        "{table}"
    );
    ensure!(rows.get(1).and_then(|row| row.get(..4)) == Some(&[name, "True", "1", "False"]), "{table}");
    let wide = kubectl(&namespace, &["get", "ipol", name, "--output=wide"])?;
    ensure!(wide.contains("GENERATION") && wide.contains("it is in force"), "{wide}");
    kubectl(&namespace, &["delete", "ipol", name])?;
    Ok(())
}

#[test]
fn contradictions_are_refused_in_words() -> Result<()> {
    let namespace = prepare("policy-contradictions")?;
    let cases = [
        (
            json!({"rules": [{"rule": "cache", "action": "warn", "overwrite": true}]}),
            "`overwrite` needs `action: mutate`",
        ),
        (
            json!({"rules": [{"rule": "cache", "action": "warn", "allowIgnore": true}]}),
            "`allowIgnore` needs `action: deny`: what is not refused can be ignored anyway",
        ),
        (json!({"limits": {"usdPerHour": 0}}), "`usdPerHour` must be more than 0"),
        (
            json!({"limits": {"regions": ["us-east5"]}, "defaults": {"region": "us-central1"}}),
            "`defaults.region` must be one of `limits.regions`",
        ),
        (
            json!({"workloadSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
            "`In` and `NotIn` need values",
        ),
        (json!({"rules": [{"rule": "cache", "action": "refuse"}]}), "supported values"),
        (
            json!({"rules": [{"rule": "cache", "action": "warn"}, {"rule": "cache", "action": "deny"}]}),
            "duplicate",
        ),
        (json!({"limits": {"replicas": 0}}), "spec.limits.replicas"),
        (json!({"limits": {"accelerators": []}}), "spec.limits.accelerators"),
        (json!({"exemptions": [{"namespace": "a"}]}), "spec.exemptions[0].reason"),
        (
            json!({"exemptions": [{"namespace": "a", "reason": "b", "until": "soon"}]}),
            "spec.exemptions[0].until",
        ),
        (json!({"limits": {"dollars": 3}}), "field not declared in schema"),
    ];
    for (spec, text) in cases {
        refuses(&namespace, &policy(&namespace, &spec), text)?;
    }
    // A bare `off`, of which kubectl makes `false`.
    let off = policy(&namespace, &json!({"rules": [{"rule": "cache", "action": "off"}]}));
    accepts(&namespace, &off)?;
    let bare = namespace.apply(&off.to_string().replace("\"off\"", "off"));
    kubectl(&namespace, &["delete", "ipol", namespace.name()])?;
    let said = bare.err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(said.contains("action: expected string"), "{said}");
    Ok(())
}

fn deployment(name: &str, replicas: u32, accelerator: &str) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {
                "nodeSelector": {"cloud.google.com/gke-accelerator": accelerator},
                "containers": [{
                    "name": "server", "image": "vllm/vllm-openai:v0.11.0", "args": ["--model=Qwen/Qwen3-8B"],
                    "resources": {"limits": {"nvidia.com/gpu": "1"}}
                }]
            }
        }}
    })
}

/// What `policy export` prints of objects.
fn export(objects: &[&Value], arguments: &[&str]) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(binaries::kubectl_infer()?);
    command.env_remove("KUBECONFIG").args(["policy", "export", "--filename"]).arg(folder.path());
    for (index, object) in objects.iter().enumerate() {
        fs::write(folder.path().join(format!("{index}.json")), object.to_string())?;
    }
    let output = command.args(arguments).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn the_api_server_itself_holds_workloads_to_exported_limits() -> Result<()> {
    let namespace = prepare("policy-export")?;
    // What was there before the policy.
    accepts(&namespace, &deployment("old", 6, "nvidia-b200"))?;
    let limits = json!({"limits": {"accelerators": ["nvidia-l4"], "replicas": 3}});
    let exported = export(&[&policy(&namespace, &limits)], &[])?;
    namespace.apply(&exported).with_context(|| exported.clone())?;
    let too_many = deployment("many", 4, "nvidia-l4");
    until("the policy comes into force", || {
        if namespace.apply(&too_many.to_string()).is_err() {
            return Ok(Some(()));
        }
        kubectl(&namespace, &["delete", "deployment", "many", "--wait=true"])?;
        Ok(None)
    })?;

    let by = format!("(policy {})", namespace.name());
    refuses(&namespace, &too_many, &format!("INF124 too-many-replicas {by}: at most 3 replicas"))?;
    let forbidden = deployment("forbidden", 1, "nvidia-b200");
    refuses(
        &namespace,
        &forbidden,
        &format!("INF123 accelerator-not-allowed {by}: accelerators allowed: nvidia-l4"),
    )?;
    accepts(&namespace, &deployment("good", 3, "nvidia-l4"))?;
    let mut web = deployment("web", 9, "nvidia-l4");
    web["spec"]["template"]["spec"] = json!({"containers": [{"name": "web", "image": "nginx:1.29"}]});
    accepts(&namespace, &web)?;

    // What was there before may be labelled and scaled down, and not up.
    let mut old = deployment("old", 6, "nvidia-b200");
    old["metadata"]["labels"] = json!({"team": "a"});
    accepts(&namespace, &old)?;
    accepts(&namespace, &deployment("old", 5, "nvidia-b200"))?;
    refuses(&namespace, &deployment("old", 7, "nvidia-b200"), "too-many-replicas")?;
    kubectl(
        &namespace,
        &["delete", "--ignore-not-found", "validatingadmissionpolicies", "--selector"]
            .into_iter()
            .chain([format!("kubectl-infer.io/policy={}", namespace.name()).as_str()])
            .collect::<Vec<_>>(),
    )?;
    Ok(())
}

#[test]
fn a_namespace_is_held_to_the_accelerators_it_has() -> Result<()> {
    let namespace = prepare("policy-quota")?;
    let workload = deployment("good", 3, "nvidia-l4");
    let arguments = ["--resource-quota", "inference", "--namespace", namespace.name()];
    let exported = export(&[&workload], &arguments)?;
    namespace.apply(&exported).with_context(|| exported.clone())?;
    let quota: Value =
        serde_json::from_str(&kubectl(&namespace, &["get", "resourcequota", "inference", "--output=json"])?)?;
    ensure!(quota["spec"]["hard"] == json!({"requests.nvidia.com/gpu": "3"}), "{quota:#}");
    Ok(())
}
