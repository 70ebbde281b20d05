//! Where rules of autoscalers have to be silent, and what their fixes come to.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::rules::{Background, Finding, MetricsApi, Neighbours, Settings, check};

const RUNNING: &str = "prometheus.googleapis.com|vllm:num_requests_running|gauge";

fn server(image: &str, arguments: &[&str], resources: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "qwen"},
        "spec": {"template": {"metadata": {"labels": {"app": "qwen"}}, "spec": {
            "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
            "containers": [{"name": "server", "image": image, "args": arguments, "resources": {"limits": resources}}],
        }}},
    })
}

fn vllm(arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["--model=Qwen/Qwen3-8B"].iter().chain(arguments).copied().collect();
    server("vllm/vllm-openai:v0.32.0", &arguments, json!({"nvidia.com/gpu": "1"}))
}

fn horizontal(metrics: Value) -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "qwen"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "qwen"},
            "maxReplicas": 4, "metrics": metrics,
        },
    })
}

fn pods(name: &str, target: &str) -> Value {
    horizontal(json!([{
        "type": "Pods",
        "pods": {"metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": target}},
    }]))
}

fn cpu() -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}})
}

fn scaled(spec: Value, triggers: Value) -> Value {
    let mut object = json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "qwen"},
        "spec": {"scaleTargetRef": {"name": "qwen"}, "triggers": triggers},
    });
    json_patch::merge(&mut object["spec"], &spec);
    object
}

fn prometheus(query: &str, metric_type: Option<&str>) -> Value {
    let mut trigger = json!({"type": "prometheus", "metadata": {"query": query, "threshold": "300"}});
    if let Some(metric_type) = metric_type {
        trigger["metricType"] = metric_type.into();
    }
    trigger
}

fn findings(target: &Value, autoscaler: &Value, settings: &Settings) -> Vec<Finding> {
    let catalog = Catalog::embedded();
    let mut neighbours = Neighbours::default();
    neighbours.insert(Arc::new(target.clone()));
    let background = Background { catalog: &catalog, settings, neighbours: &neighbours };
    check(autoscaler, &background).unwrap()
}

fn finds(id: &str, target: &Value, autoscaler: &Value) -> bool {
    findings(target, autoscaler, &Settings::default()).iter().any(|finding| finding.rule.id == id)
}

#[test]
fn processors_are_a_signal_where_they_do_the_work_or_help_another() {
    assert!(finds("INF100", &vllm(&[]), &horizontal(json!([cpu()]))));
    let without_accelerator =
        server("vllm/vllm-openai:v0.32.0", &["--model=Qwen/Qwen3-8B"], json!({"cpu": "8"}));
    assert!(!finds("INF100", &without_accelerator, &horizontal(json!([cpu()]))));
    let mut with_own = pods(RUNNING, "100");
    with_own["spec"]["metrics"].as_array_mut().unwrap().push(cpu());
    assert!(!finds("INF100", &vllm(&[]), &with_own));
    let first_version = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "qwen"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "qwen"}, "maxReplicas": 4,
            "targetCPUUtilizationPercentage": 70},
    });
    assert!(finds("INF100", &vllm(&[]), &first_version));
}

#[test]
fn no_metrics_in_a_file_and_what_admission_sees_of_it_are_found_and_fixed_alike() {
    let settings = Settings { metrics_api: Some(MetricsApi::Stackdriver), ..Settings::default() };
    let mut unwritten = horizontal(json!([]));
    unwritten["spec"].as_object_mut().unwrap().remove("metrics");
    let of = |autoscaler: &Value| {
        let found = findings(&vllm(&[]), autoscaler, &settings);
        found.into_iter().find(|finding| finding.rule.id == "INF100").unwrap()
    };
    let (file, admission) = (of(&unwritten), of(&horizontal(json!([cpu()]))));
    assert_eq!(file, admission);
    assert!(file.fix.is_some());
    let without_api = findings(&vllm(&[]), &unwritten, &Settings::default());
    assert!(without_api.iter().all(|finding| finding.rule.id != "INF100" || finding.fix.is_none()));
}

#[test]
fn names_that_an_adapter_may_have_made_are_not_judged() {
    let renamed = |name: &str| finds("INF102", &vllm(&[]), &pods(name, "1"));
    assert!(renamed("prometheus.googleapis.com|vllm:gpu_cache_usage_perc|gauge"));
    assert!(renamed("prometheus.googleapis.com|sglang:num_running_reqs|gauge"));
    assert!(renamed("prometheus.googleapis.com|vllm:num_requests_running|counter"));
    for name in
        ["vllm:gpu_cache_usage_perc", "gpu_cache", RUNNING, "prometheus.googleapis.com|team:queue|gauge"]
    {
        assert!(!renamed(name), "{name}");
    }
    let other_version =
        server("vllm/vllm-openai:latest", &["--model=Qwen/Qwen3-8B"], json!({"nvidia.com/gpu": "1"}));
    let old_name = pods("prometheus.googleapis.com|vllm:gpu_cache_usage_perc|gauge", "1");
    assert!(!finds("INF102", &other_version, &old_name));
}

#[test]
fn servers_that_export_nothing_are_told() {
    assert!(finds("INF102", &vllm(&["--disable-log-stats"]), &pods(RUNNING, "10")));
    let sglang = |arguments: &[&str]| {
        server("lmsysorg/sglang:v0.5.9-cu130", arguments, json!({"nvidia.com/gpu": "1"}))
    };
    let signal = pods("prometheus.googleapis.com|sglang:num_running_reqs|gauge", "10");
    assert!(finds("INF102", &sglang(&["--model-path=Qwen/Qwen3-8B"]), &signal));
    assert!(!finds("INF102", &sglang(&["--model-path=Qwen/Qwen3-8B", "--enable-metrics"]), &signal));
}

#[test]
fn a_threshold_is_out_of_reach_only_where_the_query_is_read_as_it_is() {
    // An L4 runs 256 sequences at once unless told otherwise.
    assert!(finds("INF103", &vllm(&[]), &pods(RUNNING, "240")));
    assert!(!finds("INF103", &vllm(&[]), &pods(RUNNING, "230")));
    assert!(!finds("INF103", &vllm(&["--max-num-seqs=512"]), &pods(RUNNING, "240")));
    assert!(!finds("INF103", &vllm(&["--max-num-seqs=$(SEATS)"]), &pods(RUNNING, "240")));
    let share = "prometheus.googleapis.com|vllm:kv_cache_usage_perc|gauge";
    assert!(finds("INF103", &vllm(&[]), &pods(share, "40")));
    assert!(!finds("INF103", &vllm(&[]), &pods(share, "800m")));
    // A colon says that an adapter has passed the series on; under another name it may have scaled it.
    assert!(finds("INF103", &vllm(&[]), &pods("vllm:kv_cache_usage_perc", "70")));
    assert!(!finds("INF103", &vllm(&[]), &pods("vllm_kv_cache_usage_perc", "70")));
    let trigger = |query: &str, metric_type| {
        let object = scaled(json!({"minReplicaCount": 1}), json!([prometheus(query, metric_type)]));
        finds("INF103", &vllm(&[]), &object)
    };
    assert!(trigger("sum(vllm:num_requests_running)", None));
    assert!(trigger("avg(vllm:num_requests_running{a=\"b\"})", Some("Value")));
    assert!(trigger("avg(vllm:kv_cache_usage_perc)", Some("Value")));
    assert!(!trigger("sum(vllm:num_requests_running)", Some("Value")));
    // A target of 250 for what is between 0 and 100, and between 0 and 1000.
    assert!(trigger("avg(vllm:kv_cache_usage_perc) * 100", Some("Value")));
    assert!(trigger("avg(vllm:kv_cache_usage_perc * 100)", Some("Value")));
    assert!(!trigger("1000 * avg(vllm:kv_cache_usage_perc)", Some("Value")));
    assert!(!trigger("avg(vllm:kv_cache_usage_perc) * avg(x)", Some("Value")));
    assert!(!trigger("sum(vllm:num_requests_running) + sum(vllm:num_requests_waiting)", None));
}

#[test]
fn whoever_has_another_way_to_wake_sleeps_well() {
    let sleeper = |spec: Value, query: &str| {
        let object = scaled(spec, json!([prometheus(query, None)]));
        finds("INF104", &vllm(&[]), &object)
    };
    let own = "sum(vllm:num_requests_waiting)";
    assert!(sleeper(json!({}), own));
    assert!(sleeper(json!({"minReplicaCount": 2, "idleReplicaCount": 0}), own));
    assert!(!sleeper(json!({"minReplicaCount": 1}), own));
    assert!(!sleeper(json!({"fallback": {"failureThreshold": 3, "replicas": 1}}), own));
    assert!(!sleeper(json!({}), "sum(vllm:num_requests_waiting) or sum(rate(envoy_requests_total[1m]))"));
    assert!(!sleeper(json!({}), "sum(rate(istio_requests_total{destination=\"qwen\"}[1m]))"));
}

#[test]
fn a_mean_is_divided_again_only_as_average_value() {
    let averaged = |query: &str, metric_type| {
        let object = scaled(json!({"minReplicaCount": 1}), json!([prometheus(query, metric_type)]));
        finds("INF106", &vllm(&[]), &object)
    };
    assert!(averaged("avg(vllm:num_requests_running)", None));
    assert!(averaged("avg(vllm:num_requests_running)", Some("AverageValue")));
    assert!(!averaged("avg(vllm:num_requests_running)", Some("Value")));
    assert!(!averaged("sum(vllm:num_requests_running)", None));
    assert!(averaged("avg(vllm:kv_cache_usage_perc) * 100", None));
    assert!(averaged("avg by (namespace) (vllm:num_requests_running)", None));
    assert!(!averaged("avg(a) * count(b)", None));
    assert!(!averaged("avg(a) / avg(b) * 100", None));
}

#[test]
fn autoscalers_of_anything_else_are_left_alone() {
    let web = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "qwen"},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:1.29"}]}}},
    });
    for autoscaler in [horizontal(json!([cpu()])), scaled(json!({}), json!([prometheus("avg(x)", None)]))] {
        assert_eq!(findings(&web, &autoscaler, &Settings::default()), []);
    }
}
