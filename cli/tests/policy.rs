//! `policy check`, `explain` and `export` as a user meets them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

use std::fs;

use program::infer_in;
use serde_json::Value;

const WORKLOAD: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: qwen
  namespace: serving
  labels: {team: a}
  annotations: {kubectl-infer.io/ignore: 'INF085,INF124', kubectl-infer.io/ignore-reason: a demonstration}
spec:
  replicas: 5
  selector: {matchLabels: {app: qwen}}
  template:
    metadata: {labels: {app: qwen}}
    spec:
      nodeSelector: {cloud.google.com/gke-accelerator: nvidia-l4}
      containers:
      - name: server
        image: vllm/vllm-openai:v0.11.0
        args: [--model=Qwen/Qwen3-8B, --max-model-len=8192]
        resources:
          requests: {memory: 24Gi, ephemeral-storage: 40Gi}
          limits: {memory: 24Gi, nvidia.com/gpu: '1'}
";

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: kubectl-infer.io/v1alpha1\nkind: InferencePolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

/// A folder with a workload, and a folder of policies in it.
fn folder(policies: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    for (name, spec) in policies {
        fs::write(folder.path().join(format!("policies/{name}.yaml")), policy(name, spec)).unwrap();
    }
    fs::write(folder.path().join("qwen.yaml"), WORKLOAD).unwrap();
    folder
}

const BOTH: [&str; 4] = ["-f", "policies", "-f", "qwen.yaml"];

fn with<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["policy", command].into_iter().chain(BOTH).chain(more.iter().copied()).collect()
}

/// Consequence of a rule's finding in the JSON of `policy check`.
fn consequence(document: &Value, rule: &str) -> Option<String> {
    let findings = document["objects"][0]["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["rule"] == rule)?;
    Some(finding["consequence"].as_str().unwrap().to_owned())
}

#[test]
fn people_read_what_becomes_of_each_workload_and_what_they_come_to() {
    let folder = folder(&[
        ("small", "{limits: {replicas: 3}}"),
        ("strict", "{rules: [{rule: life-cycle, action: warn}]}"),
    ]);
    let run = infer_in(folder.path(), &with("check", &[]));
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn programs_read_json_and_yaml_of_the_same() {
    let folder = folder(&[("small", "{limits: {replicas: 3}}")]);
    let json = infer_in(folder.path(), &with("check", &["-o", "json"]));
    let yaml = infer_in(folder.path(), &with("check", &["-o", "yaml"]));
    assert_eq!((json.status, yaml.status), (1, 1));
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document, serde_saphyr::from_str::<Value>(&yaml.stdout).unwrap());
    insta::assert_snapshot!(json.stdout);
}

#[test]
fn the_status_is_1_for_refusals_and_for_nothing_else() {
    let warned =
        folder(&[("warns", "{rules: [{rule: too-many-replicas, action: warn}], limits: {replicas: 3}}")]);
    let run = infer_in(warned.path(), &with("check", &[]));
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let broken = folder(&[("warns", "{rules: [{rule: no-such-rule, action: warn}]}")]);
    let run = infer_in(broken.path(), &with("check", &[]));
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("no-such-rule") && run.stderr.contains("`warns`"), "{}", run.stderr);
    assert!(run.stdout.contains("Deployment serving/qwen"), "{}", run.stdout);
    assert_eq!(infer_in(broken.path(), &["policy", "check"]).status, 2);
    assert_eq!(infer_in(broken.path(), &["policy", "check", "-f", "nowhere"]).status, 2);
}

#[test]
fn a_broken_document_hides_no_other() {
    let folder = folder(&[("small", "{limits: {replicas: 3}}")]);
    let broken = "apiVersion: v1\nkind: Service\nmetadata: [broken\n";
    fs::write(folder.path().join("qwen.yaml"), format!("{broken}---{WORKLOAD}")).unwrap();
    let run = infer_in(folder.path(), &with("check", &["-o", "json"]));
    assert_eq!(run.status, 2);
    assert!(run.stderr.starts_with("error: qwen.yaml:"), "{}", run.stderr);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["problems"].as_array().unwrap().len(), 1);
    assert_eq!(document["objects"][0]["answer"], "refused");
    // What a broken policy may have refused is refused, as at admission.
    fs::write(folder.path().join("qwen.yaml"), WORKLOAD).unwrap();
    let broken = policy("small", "{limits: {replicas: 9}, rules: [{rule: no-such-rule, action: deny}]}");
    fs::write(folder.path().join("policies/small.yaml"), broken).unwrap();
    let run = infer_in(folder.path(), &with("check", &[]));
    assert_eq!(run.status, 2);
    assert!(run.stdout.contains("policy small cannot be read"), "{}", run.stdout);
}

#[test]
fn namespaces_are_known_by_their_names_and_by_their_objects() {
    let by_name =
        "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: serving}}, limits: {replicas: 3}}";
    let by_label = "{namespaceSelector: {matchLabels: {tier: gold}}, limits: {replicas: 3}}";
    let status = |spec: &str, workload: &str, arguments: &[&str]| {
        let folder = folder(&[("small", spec)]);
        fs::write(folder.path().join("qwen.yaml"), workload).unwrap();
        infer_in(folder.path(), &with("check", arguments)).status
    };
    assert_eq!(status(by_name, WORKLOAD, &[]), 1);
    assert_eq!(status(by_label, WORKLOAD, &[]), 0);
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: serving, labels: {tier: gold}}\n";
    assert_eq!(status(by_label, &format!("{namespace}---{WORKLOAD}"), &[]), 1);
    let nowhere = WORKLOAD.replace("  namespace: serving\n", "");
    assert_eq!(status(by_name, &nowhere, &[]), 0);
    assert_eq!(status(by_name, &nowhere, &["--namespace", "serving"]), 1);
}

#[test]
fn people_read_who_decided_what() {
    let folder = folder(&[
        ("a", "{limits: {replicas: 4, accelerators: [nvidia-l4]}, defaults: {region: us-central1}}"),
        (
            "b",
            "{limits: {replicas: 3}, defaults: {region: us-east5}, rules: [{rule: INF085, action: deny, \
             allowIgnore: true}], exemptions: [{namespace: serving, rules: [INF085], reason: until June}]}",
        ),
        ("c", "{rules: [{rule: life-cycle, action: 'off'}, {rule: INF085, action: mutate}]}"),
    ]);
    let run = infer_in(folder.path(), &with("explain", &[]));
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn one_rule_is_explained_even_where_it_finds_nothing() {
    let folder = folder(&[("a", "{rules: [{rule: cache, action: deny}]}")]);
    let said = infer_in(folder.path(), &with("explain", &["--rule", "hub-cache-on-disk"])).succeeded();
    assert!(said.contains("INF001 hub-cache-on-disk\n    found:     nothing\n"), "{said}");
    assert!(said.contains("`deny` by policy a, its entry for the group"), "{said}");
    assert!(!said.contains("INF088"), "{said}");
    assert_eq!(infer_in(folder.path(), &with("explain", &["--rule", "INF999"])).status, 2);
}

#[test]
fn an_ignore_annotation_counts_against_deny_only_where_the_policy_says_so() {
    let consequence_under = |spec: &str, rule: &str| {
        let folder = folder(&[("small", spec)]);
        let run = infer_in(folder.path(), &with("check", &["-o", "json"]));
        consequence(&serde_json::from_str(&run.stdout).unwrap(), rule)
    };
    let denies = |allow: bool| {
        format!("{{limits: {{replicas: 3}}, rules: [{{rule: INF124, action: deny, allowIgnore: {allow}}}]}}")
    };
    assert_eq!(consequence_under(&denies(false), "INF124").as_deref(), Some("denied"));
    assert_eq!(consequence_under(&denies(true), "INF124").as_deref(), Some("ignored"));
    assert_eq!(consequence_under("{rules: [{rule: INF085, action: 'off'}]}", "INF085"), None);
    assert_eq!(consequence_under("{}", "INF085").as_deref(), Some("ignored"));
}

#[test]
fn the_exported_part_is_what_the_api_server_can_judge() {
    let folder = folder(&[(
        "limits",
        "{limits: {replicas: 6, accelerators: [nvidia-l4], usdPerHour: 90}, rules: [{rule: cache, action: deny}]}",
    )]);
    let text = infer_in(folder.path(), &with("export", &["--resource-quota", "inference"])).succeeded();
    insta::assert_snapshot!(text);
    let nowhere = WORKLOAD.replace("  namespace: serving\n", "");
    fs::write(folder.path().join("qwen.yaml"), nowhere).unwrap();
    let said = infer_in(folder.path(), &with("export", &["--resource-quota", "inference"])).failed(2);
    assert!(said.contains("--namespace"), "{said}");
}

#[test]
fn an_export_goes_on_after_a_broken_policy() {
    let folder =
        folder(&[("a", "{rules: [{rule: nothing, action: deny}]}"), ("b", "{limits: {replicas: 3}}")]);
    let run = infer_in(folder.path(), &["policy", "export", "-f", "policies"]);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("policy `a`") && run.stdout.contains("kubectl-infer-b-deny"), "{run:?}");
}
