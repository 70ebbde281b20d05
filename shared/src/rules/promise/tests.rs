//! What counts, and where rules of targets and prices have to be silent.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::rules::{Background, Finding, Limits, Neighbours, Settings, check};

/// Gemma 2 27B on four L4, which somebody measured.
fn gemma(annotations: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "gemma", "annotations": annotations},
        "spec": {"replicas": 2, "template": {"spec": {
            "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
            "containers": [{
                "name": "server", "image": "vllm/vllm-openai:v0.7.2",
                "args": ["--model=google/gemma-2-27b-it", "--tensor-parallel-size=4"],
                "resources": {"limits": {"nvidia.com/gpu": "4"}},
            }],
        }}},
    })
}

fn autoscaler(most: u32) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "gemma"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "gemma"}, "maxReplicas": most},
    })
}

fn budget(usd_per_hour: f64) -> Settings {
    let limits = Limits { usd_per_hour: Some(usd_per_hour), ..Limits::default() };
    Settings { limits, region: Some("us-central1".to_owned()), ..Settings::default() }
}

/// What the rule `id` says of the first of `objects`, which has the others beside it.
fn find(id: &str, objects: &[Value], settings: &Settings) -> Vec<Finding> {
    let catalog = Catalog::embedded();
    let mut neighbours = Neighbours::default();
    for object in objects {
        neighbours.insert(Arc::new(object.clone()));
    }
    let background = Background { catalog: &catalog, settings, neighbours: &neighbours };
    let found = check(&objects[0], &background).unwrap();
    found.into_iter().filter(|finding| finding.rule.id == id).collect()
}

#[test]
fn targets_that_cannot_be_read_are_said_where_they_stand() {
    let found = |annotations: Value| find("INF120", &[gemma(annotations)], &Settings::default());
    for value in [json!("0"), json!("-5"), json!("inf"), json!("500ms"), json!("\n--model x"), json!(500)] {
        let found = found(json!({"kubectl-infer.io/target-ttft-ms": value}));
        assert_eq!(found.len(), 1, "{value}");
        assert_eq!(found[0].at.as_str(), "/metadata/annotations/kubectl-infer.io~1target-ttft-ms");
    }
    assert_eq!(found(json!({"kubectl-infer.io/target-ttft": "500"})).len(), 1);
    assert_eq!(found(json!({"kubectl-infer.io/target-ttft-ms": " 500 ", "other/target-x": "?"})), []);
}

#[test]
fn a_target_is_judged_by_measurements_of_just_this_configuration() {
    let target = |limit: &str| json!({"kubectl-infer.io/target-ntpot-ms": limit});
    let found = find("INF121", &[gemma(target("60"))], &Settings::default());
    assert_eq!(found.len(), 1);
    assert!(found[0].what.contains("NTPOT of 60 ms is out of reach, the nearest is"), "{}", found[0].what);
    assert!(found[0].remedy.contains("nvidia-h100-80gb"), "{}", found[0].remedy);
    assert_eq!(find("INF121", &[gemma(target("5000"))], &Settings::default()), []);
    // Two of them were never measured, nor were quantized weights.
    let change = |pointer: &str, value: Value| {
        let mut changed = gemma(target("60"));
        *changed.pointer_mut(pointer).unwrap() = value;
        find("INF121", &[changed], &Settings::default())
    };
    let container = "/spec/template/spec/containers/0";
    assert_eq!(change(&format!("{container}/resources/limits/nvidia.com~1gpu"), json!("2")), []);
    let arguments =
        json!(["--model=google/gemma-2-27b-it", "--tensor-parallel-size=4", "--quantization=fp8"]);
    assert_eq!(change(&format!("{container}/args"), arguments), []);
    // A latency that nobody measured is no reason to say anything.
    assert_eq!(
        find("INF121", &[gemma(json!({"kubectl-infer.io/target-ttft-ms": "1"}))], &Settings::default()),
        []
    );
}

#[test]
fn the_autoscalers_maximum_counts_from_both_sides() {
    let workload = gemma(json!({}));
    assert_eq!(find("INF122", std::slice::from_ref(&workload), &budget(10.0)), []);
    let objects = [workload.clone(), autoscaler(9)];
    let of_workload = find("INF122", &objects, &budget(10.0));
    let of_autoscaler = find("INF122", &[autoscaler(9), workload], &budget(10.0));
    assert_eq!((of_workload.len(), of_autoscaler.len()), (1, 1));
    assert_eq!(of_workload[0].what, of_autoscaler[0].what);
    assert_eq!(of_autoscaler[0].at.as_str(), "/spec/maxReplicas");
    assert!(of_workload[0].what.starts_with("9 replicas at $"), "{}", of_workload[0].what);
}

#[test]
fn spot_is_cheaper_where_the_pod_selects_it() {
    let mut spot = gemma(json!({}));
    spot["spec"]["template"]["spec"]["nodeSelector"]["cloud.google.com/gke-spot"] = "true".into();
    let what = |object: &Value| find("INF122", std::slice::from_ref(object), &budget(0.01))[0].what.clone();
    assert!(what(&spot).contains("spot"), "{}", what(&spot));
    assert!(what(&gemma(json!({}))).contains("on-demand"));
}

#[test]
fn names_of_accelerators_may_be_aliases_and_zones_lie_in_regions() {
    let limits = |accelerators: &[&str], regions: &[&str]| {
        let set = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let limits = Limits { accelerators: set(accelerators), regions: set(regions), ..Limits::default() };
        Settings { limits, ..Settings::default() }
    };
    let mut workload = gemma(json!({}));
    let zone = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [
        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-central1-a", "europe-west4-b"]},
    ]}]}});
    workload["spec"]["template"]["spec"]["affinity"] = json!({"nodeAffinity": zone});
    let objects = [workload];
    assert_eq!(find("INF123", &objects, &limits(&["l4"], &[])), []);
    assert_eq!(find("INF123", &objects, &limits(&["h100"], &[])).len(), 1);
    assert_eq!(find("INF125", &objects, &limits(&[], &["us-central1", "europe-west4"])), []);
    assert!(find("INF125", &objects, &limits(&[], &["us-central1"]))[0].what.contains("europe-west4"));
}
