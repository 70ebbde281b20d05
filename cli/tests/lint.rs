//! `lint` as a user meets it: files in every state, four formats, fixes in place.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

use std::fs;
use std::process::Stdio;

use program::{Run, command, infer_in, repository, run};
use serde_json::Value;

/// A folder with a copy of the samples of the documentation.
fn samples() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(repository("docs/samples")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

fn piped(arguments: &[&str], input: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    fs::write(&path, input).unwrap();
    run(command().args(arguments).stdin(Stdio::from(fs::File::open(path).unwrap())))
}

/// A file in which most things are wrong, one of each.
const MESS: &str = "\
WARNING: something: the chart says
---
# Source: chart/templates/a.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: llama
  namespace: serving
  name: llama
spec:
  selector: {matchLabels: {app: llama}}
  template:
    metadata: {labels: {app: llama}}
    spec:
      containers:
      - name: server
        image: vllm/vllm-openai:v0.9.1
        args: [--model=meta-llama/Llama-3.3-70B-Instruct, --tensor-parallel-size=8]
        env:
        - {name: HF_TOKEN, valueFrom: {secretKeyRef: {name: hf-secret, key: token}}}
        resources: {limits: {nvidia.com/gpu: \"8\", memory: 400Gi}}
        readinessProbe: {httpGet: {path: /health, port: 8000}}
---
apiVersion: v1
kind: Service
metadata: [broken
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}: x
";

#[test]
fn people_read_where_what_why_and_what_to_do() {
    let run = piped(&["lint", "-f", "-"], MESS);
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(run.stdout);
    assert!(!run.stdout.contains('\u{1b}'));
}

#[test]
fn programs_read_json() {
    let run = piped(&["lint", "-f", "-", "-o", "json"], MESS);
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn workflows_read_annotations() {
    let run = piped(&["lint", "-f", "-", "-o", "github"], MESS);
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn code_scanning_reads_sarif() {
    let run = piped(&["lint", "-f", "-", "-o", "sarif"], MESS);
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(rule[text]["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
        }
    }
    for result in run["results"].as_array().unwrap() {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert!(region["startLine"].as_u64().is_some_and(|line| line > 0), "{result}");
        assert!(region["startColumn"].as_u64().is_some_and(|column| column > 0), "{result}");
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&run["results"]).unwrap());
}

#[test]
fn the_status_says_whether_something_has_to_be_done() {
    let samples = samples();
    let status = |arguments: &[&str]| infer_in(samples.path(), arguments).status;
    assert_eq!(status(&["lint", "-f", "clean.yaml"]), 0);
    assert_eq!(status(&["lint", "-f", "large-model.yaml"]), 1);
    assert_eq!(status(&["lint", "-f", "nowhere.yaml"]), 2);
    assert_eq!(status(&["lint"]), 2);
    assert_eq!(status(&["lint", "-f", "clean.yaml", "--fix", "--diff"]), 2);
    assert_eq!(status(&["lint", "-f", "clean.yaml", "-o", "xml"]), 2);
    assert_eq!(status(&["lint", "-f", "clean.yaml", "--policy", "clean.yaml"]), 2);
    assert_eq!(status(&["lint", "-f", "clean.yaml", "--diff"]), 0);
    assert_eq!(status(&["lint", "-f", "large-model.yaml", "--diff"]), 1);
    fs::write(samples.path().join("binary.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    assert_eq!(status(&["lint", "-f", "binary.yaml"]), 2);
    assert_eq!(piped(&["lint", "-f", "-"], "").status, 0);
    assert_eq!(piped(&["lint", "-f", "-"], "replicas: 1\nimage: {{ broken\n").status, 0);
}

#[test]
fn a_file_is_fixed_in_place_and_stays_its_author_s() {
    let samples = samples();
    let path = samples.path().join("large-model.yaml");
    let before = fs::read_to_string(&path).unwrap();
    let diff = infer_in(samples.path(), &["lint", "-f", "large-model.yaml", "--diff"]).stdout;
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    let fixed = infer_in(samples.path(), &["lint", "-f", "large-model.yaml", "--fix"]);
    assert!(fixed.stdout.contains("Fixed "), "{}", fixed.stdout);
    let after = fs::read_to_string(&path).unwrap();
    let added: Vec<_> =
        diff.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++")).collect();
    assert!(added.contains(&"+        - name: HF_HOME"), "{diff}");
    assert!(diff.lines().all(|line| !line.starts_with('-') || line.starts_with("---")), "{diff}");
    let mut lines = after.lines();
    assert!(before.lines().all(|line| lines.any(|other| other == line)), "{after}");
    assert_eq!(after.lines().count(), before.lines().count() + added.len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
    assert_eq!(infer_in(samples.path(), &["lint", "-f", "large-model.yaml", "--diff"]).succeeded(), "");
}

#[test]
fn standard_input_is_fixed_to_standard_output() {
    let text = fs::read_to_string(repository("docs/samples/large-model.yaml")).unwrap();
    let run = piped(&["lint", "-f", "-", "--fix"], &text);
    assert!(run.stdout.contains("- name: HF_HOME\n          value: /dev/shm/hf_cache\n"), "{}", run.stdout);
    assert!(run.stderr.starts_with("Fixed ") || run.stderr.contains("\nFixed "), "{}", run.stderr);
}

#[test]
fn what_cannot_be_placed_is_shown() {
    let text = fs::read_to_string(repository("docs/samples/large-model.yaml")).unwrap();
    let shared = text.replace("        env:\n", "        env: &env\n")
        + "      initContainers:\n      - {name: i, image: busybox, env: *env}\n";
    let run = piped(&["lint", "-f", "-", "--diff"], &shared);
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("not placed in Deployment llama"), "{}", run.stdout);
    assert!(run.stdout.contains("+        - name: HF_HOME"), "{}", run.stdout);
}

#[test]
fn folders_are_entered_as_deep_as_asked() {
    let samples = samples();
    let deep = samples.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    fs::copy(samples.path().join("large-model.yaml"), deep.join("x.yml")).unwrap();
    fs::create_dir_all(samples.path().join(".git")).unwrap();
    fs::copy(samples.path().join("large-model.yaml"), samples.path().join(".git/x.yaml")).unwrap();
    let files = |arguments: &[&str]| {
        let run = infer_in(samples.path(), &[&["lint", "-o", "json"], arguments].concat());
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        report["summary"]["files"].as_u64().unwrap()
    };
    let flat = files(&["-f", "."]);
    assert_eq!(files(&["-f", ".", "-R"]), flat + 1);
    assert_eq!(files(&["-f", ".", "-f", "./clean.yaml", "-f", "a/b"]), flat + 1);
    assert!(infer_in(samples.path(), &["lint", "-f", "a"]).failed(2).contains("-R"));
}

#[test]
fn a_policy_refuses_what_it_would_refuse_in_the_cluster() {
    let samples = samples();
    let line = ["lint", "-f", "over-budget.yaml", "--policy", "budget.yaml"];
    let run = infer_in(samples.path(), &line);
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("policy: `budget` refuses the object for it"), "{}", run.stdout);
    fs::write(samples.path().join("bad.yaml"), "apiVersion: kubectl-infer.io/v1alpha1\nkind: InferencePolicy\nmetadata: {name: bad}\nspec: {rules: [{rule: INF999, action: deny}]}\n").unwrap();
    let said = infer_in(samples.path(), &["lint", "-f", "clean.yaml", "--policy", "bad.yaml"]).failed(2);
    assert!(said.contains("`bad`") && said.contains("INF999"), "{said}");
}

#[test]
fn an_author_s_ignoring_counts() {
    let text = fs::read_to_string(repository("docs/samples/large-model.yaml")).unwrap();
    let ids = |text: &str| -> Vec<String> {
        let report: Value =
            serde_json::from_str(&piped(&["lint", "-f", "-", "-o", "json"], text).stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    };
    let before = ids(&text);
    let ignoring = text.replacen(
        "  name: llama\n",
        "  name: llama\n  annotations: {kubectl-infer.io/ignore: INF001}\n",
        1,
    );
    let expected: Vec<_> = before.iter().filter(|id| *id != "INF001").cloned().collect();
    assert_eq!((ids(&ignoring), before.len()), (expected.clone(), expected.len() + 1));
}

#[test]
fn a_pod_that_is_no_inference_is_left_alone() {
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: nginx}]}\n";
    let said = piped(&["lint", "-f", "-"], pod).succeeded();
    assert_eq!(said, "No problems in 0 inference objects of 1, 1 file.\n");
}
