//! `autoscaling create`, `setup` and `explain` as a user meets them, without a cluster.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

use program::{infer, infer_in};
use serde_json::Value;

const GEMMA: &[&str] = &[
    "manifests",
    "create",
    "--model=google/gemma-2-27b-it",
    "--model-server-version=v0.7.2",
    "--accelerator-type=nvidia-l4",
    "--target-ntpot-milliseconds=200",
];

/// What `explain -o json` says of manifests with `change` made to their text.
fn explained(flags: &[&str], change: impl Fn(String) -> String) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let text = infer(&[GEMMA, flags].concat()).succeeded();
    std::fs::write(folder.path().join("m.yaml"), change(text)).unwrap();
    let run = infer_in(folder.path(), &["autoscaling", "explain", "-f", "m.yaml", "-o", "json"]);
    (run.status, serde_json::from_str(&run.stdout).unwrap())
}

#[test]
fn what_is_written_explains_itself_without_anything_wrong() {
    for kind in ["stackdriver", "prometheus-adapter", "keda"] {
        let (status, said) = explained(&["--autoscaler", kind], |text| text);
        assert_eq!(status, 0, "{kind}: {said}");
        let at = &said["autoscalers"][0]["metrics"][0]["scalesAt"];
        assert!(at["ntpotP50Milliseconds"].as_f64().unwrap() < 200.0, "{kind}: {said}");
        assert!(at["requestsPerSecond"].as_f64().unwrap() > 1.0, "{kind}: {said}");
    }
}

#[test]
fn something_wrong_is_status_1_with_what_to_do() {
    let (status, said) =
        explained(&[], |text| text.replace("num_requests_running", "num_requests_in_progress"));
    assert_eq!(status, 0, "a metric that nobody knows may be somebody's own: {said}");
    let (status, said) = explained(&[], |text| text.replace("averageValue: \"49\"", "averageValue: \"490\""));
    assert_eq!(status, 1, "{said}");
    assert!(said.to_string().contains("it never scales"), "{said}");
    let (status, said) =
        explained(&[], |text| text.replace("port: http\n    interval", "port: web\n    interval"));
    assert_eq!(status, 1, "{said}");
    assert!(said.to_string().contains("scrapes port web"), "{said}");
}

#[test]
fn autoscalers_that_no_api_server_takes_are_explained_all_the_same() {
    type Change = fn(String) -> String;
    let rows: [(Change, &str); 5] = [
        (|text| text.replace("averageValue: \"49\"", "averageValue: \"0\""), "it is held at 0"),
        (|text| text.replace("averageValue: \"49\"", "averageValue: \"-49\""), "it is held at -49"),
        (|text| text.replace("minReplicas: 1", "minReplicas: 9"), "at least 9 replicas, and at most 4"),
        (|text| text.replace("autoscaling/v2", "autoscaling/v2beta2"), "is gone since Kubernetes 1.26"),
        (|text| text.replace("autoscaling/v2", "autoscaling/v2beta1"), "is gone since Kubernetes 1.25"),
    ];
    for (change, says) in rows {
        let (status, said) = explained(&[], change);
        assert!(status == 1 && said.to_string().contains(says), "{says}: {said}");
    }
    let (_, said) = explained(&[], |text| text.replace("autoscaling/v2", "autoscaling/v1"));
    assert!(said.to_string().contains("knows one metric, the processors"), "{said}");
}

#[test]
fn nothing_to_explain_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.yaml"), "a: b\n").unwrap();
    let run = infer_in(folder.path(), &["autoscaling", "explain", "-f", "m.yaml"]);
    assert_eq!((run.status, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("no HorizontalPodAutoscaler and no ScaledObject"), "{}", run.stderr);
}

#[test]
fn an_autoscaler_for_a_deployment_of_ours_is_the_one_that_we_write() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = infer(&[GEMMA, &["--autoscaler=none", "--output=manifest"]].concat()).succeeded();
    std::fs::write(folder.path().join("d.yaml"), &deployment).unwrap();
    assert!(deployment.contains("replicas: 1") && !deployment.contains("HorizontalPodAutoscaler"));
    let arguments =
        ["autoscaling", "create", "-f", "d.yaml", "--target-ntpot-milliseconds=200", "-o", "json"];
    let created: Value = serde_json::from_str(&infer_in(folder.path(), &arguments).succeeded()).unwrap();
    // It is scraped already.
    let objects = created["items"].as_array().unwrap();
    assert_eq!(objects.len(), 1, "{created}");
    let ours: Value =
        serde_json::from_str(&infer(&[GEMMA, &["--output=json"]].concat()).succeeded()).unwrap();
    let ours = ours["items"].as_array().unwrap();
    let ours = ours.iter().find(|object| object["kind"] == "HorizontalPodAutoscaler").unwrap();
    assert_eq!(objects[0]["spec"]["metrics"], ours["spec"]["metrics"]);
    assert_eq!(objects[0]["spec"]["behavior"], ours["spec"]["behavior"]);
}

#[test]
fn what_a_cluster_needs_is_the_same_bytes_each_time() {
    for kind in ["stackdriver", "prometheus-adapter", "keda", "none"] {
        let setup = || infer(&["autoscaling", "setup", "--autoscaler", kind, "--project", "p"]).succeeded();
        assert_eq!(setup(), setup());
    }
    let values = ["autoscaling", "setup", "--autoscaler=prometheus-adapter", "--output=values"];
    let values: Value = serde_saphyr::from_str(&infer(&values).succeeded()).unwrap();
    let rules = values["rules"]["external"].as_array().unwrap();
    let queries: Vec<&str> = rules.iter().map(|rule| rule["metricsQuery"].as_str().unwrap()).collect();
    assert!(
        queries.iter().all(|query| query.contains("<<.LabelMatchers>>,cluster=\"inference\"")),
        "{queries:?}"
    );
    // Names of metrics stand in full, and no name is served twice.
    let mut names: Vec<&str> = rules.iter().map(|rule| rule["name"]["as"].as_str().unwrap()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for name in ["vllm_requests_in_flight", "jetstream_prefill_backlog_size", "memory_used_share"] {
        assert!(names.contains(&name), "{names:?}");
    }
}
