//! Explanations of manifests that people write, good and bad.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::manifest::{self, ManifestRequest, Surroundings};
use crate::recommend::Measured;
use crate::rules::{Neighbours, Settings};

/// The explanation of the autoscaler among `objects`.
fn explained(objects: &[Value]) -> Explanation {
    let catalog = Catalog::embedded();
    let settings = Settings::default();
    let mut neighbours = Neighbours::default();
    for object in objects {
        neighbours.insert(Arc::new(object.clone()));
    }
    let background = Background { catalog: &catalog, settings: &settings, neighbours: &neighbours };
    let calibration = Calibration::embedded().unwrap();
    let found = objects.iter().find_map(|object| explain(object, &background, &calibration).unwrap());
    found.unwrap()
}

use crate::catalog::Catalog;

/// The seeds' own example, as it is generated.
fn gemma() -> Vec<Value> {
    let catalog = Catalog::embedded();
    let request = ManifestRequest {
        model_server_version: Some("v0.7.2".to_owned()),
        target_ntpot_milliseconds: Some(200.0),
        ..ManifestRequest::new("google/gemma-2-27b-it", "vllm", "nvidia-l4")
    };
    let set =
        manifest::generate(&catalog, &Measured::new(&catalog), &request, &Surroundings::default()).unwrap();
    set.objects.iter().map(|object| object.to_json().unwrap()).collect()
}

/// The same with other metrics in the autoscaler.
fn with_metrics(metrics: Value) -> Vec<Value> {
    let mut objects = gemma();
    for object in &mut objects {
        if object["kind"] == "HorizontalPodAutoscaler" {
            object["spec"]["metrics"] = metrics.clone();
        }
    }
    objects
}

fn gauge(name: &str, value: &str) -> Value {
    let name = format!("prometheus.googleapis.com|{name}|gauge");
    json!({"type": "Pods", "pods": {
        "metric": {"name": name}, "target": {"type": "AverageValue", "averageValue": value},
    }})
}

fn bad(explanation: &Explanation) -> Vec<String> {
    let of_metrics = explanation.metrics.iter().flat_map(|metric| &metric.statements);
    let all = explanation.statements.iter().chain(of_metrics);
    all.filter(|statement| statement.verdict == Verdict::Bad)
        .map(|statement| statement.says.clone())
        .collect()
}

#[test]
fn what_we_generate_has_nothing_wrong_and_scales_below_its_target() {
    let explanation = explained(&gemma());
    assert_eq!(bad(&explanation), Vec::<String>::new());
    assert_eq!(
        explanation.serves.as_deref(),
        Some("google/gemma-2-27b-it with vLLM v0.7.2 on 4 x nvidia-l4")
    );
    let at = explanation.metrics[0].scales_at.as_ref().unwrap();
    // 49 running requests and the tolerance: 53.9, below the 77.7 in flight at 1.99 requests/s and 200 ms.
    assert!((at.signal - 53.9).abs() < 1e-9, "{at:?}");
    assert!(at.requests_per_second > 1.5 && at.requests_per_second < 1.75, "{at:?}");
    assert!(at.ntpot_p50_milliseconds.unwrap() < 200.0, "{at:?}");
    assert!(at.ntpot_p90_milliseconds.unwrap() > at.ntpot_p50_milliseconds.unwrap(), "{at:?}");
    let cost = explanation.cost.unwrap();
    assert!((cost.usd_per_hour_max.unwrap() - 4.0 * cost.usd_per_hour).abs() < 1e-9, "{cost:?}");
}

#[test]
fn explanations_read_as_people_speak() {
    let text = serde_json::to_string_pretty(&explained(&gemma())).unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn a_metric_of_another_version_or_server_is_named_with_its_replacement() {
    let wrong = explained(&with_metrics(json!([gauge("vllm:kv_cache_usage_perc", "500m")])));
    assert!(
        bad(&wrong).iter().any(|says| says.contains("does not export `vllm:kv_cache_usage_perc`")),
        "{wrong:?}"
    );
    let other = explained(&with_metrics(json!([gauge("jetstream_prefill_backlog_size", "10")])));
    assert!(bad(&other).iter().any(|says| says.contains("it is a metric of jetstream")), "{other:?}");
    let unknown = explained(&with_metrics(json!([gauge("vllm:nothing", "10")])));
    assert!(unknown.metrics[0].statements.iter().any(|said| said.verdict == Verdict::Unknown), "{unknown:?}");
}

#[test]
fn thresholds_that_nothing_passes_are_refused_and_high_ones_are_noted() {
    let never = explained(&with_metrics(json!([gauge("vllm:num_requests_running", "300")])));
    assert!(bad(&never).iter().any(|says| says.starts_with("it never scales")), "{never:?}");
    let high = explained(&with_metrics(json!([gauge("vllm:num_requests_running", "100")])));
    assert!(bad(&high).is_empty(), "{high:?}");
    assert!(high.metrics[0].statements.iter().any(|said| said.says.contains("1.35 times")), "{high:?}");
    for value in ["0", "-5"] {
        let none = explained(&with_metrics(json!([gauge("vllm:num_requests_running", value)])));
        assert!(bad(&none).iter().any(|says| says.contains("is held at")), "{none:?}");
    }
}

#[test]
fn a_port_that_no_container_has_is_named() {
    let mut objects = gemma();
    let monitoring = objects.iter_mut().find(|object| object["kind"] == "PodMonitoring").unwrap();
    monitoring["spec"]["endpoints"][0]["port"] = json!(9090);
    let explanation = explained(&objects);
    assert!(bad(&explanation).iter().any(|says| says.contains("scrapes port 9090")), "{explanation:?}");
}

#[test]
fn old_versions_are_read_and_called_old() {
    for (version, metric) in [
        (
            "autoscaling/v2beta1",
            json!({"type": "Pods", "pods": {
                "metricName": "prometheus.googleapis.com|vllm:num_requests_running|gauge", "targetAverageValue": "50",
            }}),
        ),
        ("autoscaling/v2beta2", gauge("vllm:num_requests_running", "50")),
    ] {
        let mut objects = with_metrics(json!([metric]));
        for object in &mut objects {
            if object["kind"] == "HorizontalPodAutoscaler" {
                object["apiVersion"] = json!(version);
            }
        }
        let explanation = explained(&objects);
        assert!(bad(&explanation).iter().any(|says| says.contains("is gone since")), "{explanation:?}");
        assert!(explanation.metrics[0].scales_at.is_some(), "{explanation:?}");
    }
    let mut objects = gemma();
    for object in &mut objects {
        if object["kind"] == "HorizontalPodAutoscaler" {
            object["apiVersion"] = json!("autoscaling/v1");
            object["spec"] = json!({
                "scaleTargetRef": object["spec"]["scaleTargetRef"], "minReplicas": 5, "maxReplicas": 2,
                "targetCPUUtilizationPercentage": 80,
            });
        }
    }
    let explanation = explained(&objects);
    let bad = bad(&explanation);
    assert!(bad.iter().any(|says| says.contains("INF100")), "{bad:?}");
    assert!(bad.iter().any(|says| says.contains("at least 5 replicas, and at most 2")), "{bad:?}");
}

/// The seeds' `avg` with `AverageValue`: four replicas at 15 and a target of 10 become two.
#[test]
fn a_mean_that_is_divided_once_more_is_found() {
    let mut objects = gemma();
    objects.retain(|object| object["kind"] != "HorizontalPodAutoscaler");
    let trigger = |function: &str| {
        json!({
            "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "gemma"},
            "spec": {
                "scaleTargetRef": {"name": "gemma-2-27b-it-vllm"}, "minReplicaCount": 1, "maxReplicaCount": 8,
                "triggers": [{"type": "prometheus", "metadata": {
                    "query": format!("{function}(vllm:num_requests_waiting{{namespace=\"default\"}})"), "threshold": "10",
                }}],
            },
        })
    };
    let with = |function: &str| explained(&[&objects[..], &[trigger(function)]].concat());
    assert!(bad(&with("avg")).iter().any(|says| says.contains("INF106")), "{:?}", with("avg"));
    assert_eq!(bad(&with("sum")), Vec::<String>::new());
}

#[test]
fn names_of_our_own_rules_are_known() {
    let external = |name: &str, value: &str| {
        json!({"type": "External", "external": {
            "metric": {"name": name, "selector": {"matchLabels": {"job": "gemma-2-27b-it-vllm"}}},
            "target": {"type": "AverageValue", "averageValue": value},
        }})
    };
    let explanation = explained(&with_metrics(json!([external("vllm_requests_in_flight", "50")])));
    assert_eq!(explanation.metrics[0].meaning.as_deref(), Some("running and waiting"));
    assert!(explanation.metrics[0].scales_at.is_some(), "{explanation:?}");
}

#[test]
fn what_the_controller_says_is_passed_on_with_its_likely_cause() {
    let mut objects = gemma();
    for object in &mut objects {
        if object["kind"] == "HorizontalPodAutoscaler" {
            object["status"] = json!({"conditions": [{
                "type": "ScalingActive", "status": "False", "reason": "FailedGetPodsMetric",
                "message": "the HPA was unable to compute the replica count: unable to get metric x: no custom metrics API \
                            (custom.metrics.k8s.io) registered",
            }]});
        }
    }
    let explanation = explained(&objects);
    let said = explanation.statements.iter().find(|said| said.says.contains("FailedGetPodsMetric")).unwrap();
    assert!(said.advice.as_deref().unwrap().contains("no adapter serves this API"), "{said:?}");
}

#[test]
fn what_the_controller_read_last_stands_with_each_metric() {
    let mut objects = with_metrics(json!([
        gauge("vllm:num_requests_running", "49"),
        gauge("vllm:num_requests_waiting", "1"),
    ]));
    for object in &mut objects {
        if object["kind"] == "HorizontalPodAutoscaler" {
            object["status"] = json!({
                "currentMetrics": [
                    {"type": "Pods", "pods": {
                        "metric": {"name": "prometheus.googleapis.com|vllm:num_requests_running|gauge"},
                        "current": {"averageValue": "48500m"},
                    }},
                    {"type": ""},
                ],
                "conditions": [{
                    "type": "ScalingActive", "status": "False", "reason": "FailedGetPodsMetric",
                    "message": "the HPA was unable to compute the replica count: unable to get metric \
                                prometheus.googleapis.com|vllm:num_requests_waiting|gauge: no metrics returned from \
                                custom metrics API",
                }],
            });
        }
    }
    let explanation = explained(&objects);
    let [running, waiting] = explanation.metrics.as_slice() else { panic!("{explanation:?}") };
    assert!(
        running.statements.contains(&Statement::good("the controller reads 48.5 a replica")),
        "{running:?}"
    );
    let unread = waiting.statements.iter().find(|said| said.says == "the controller cannot read it").unwrap();
    assert!(unread.advice.as_deref().unwrap().starts_with("the adapter has no value"), "{unread:?}");
    assert!(explanation.is_bad());
}

#[test]
fn a_cluster_says_who_serves_a_metric() {
    let service = |group: &str, name: &str| {
        json!({"spec": {
            "group": group, "service": {"namespace": "x", "name": name},
        }})
    };
    let nobody = explained(&gemma()).with_owners(&[]);
    assert!(
        bad(&nobody).iter().any(|says| says.contains("nobody serves custom.metrics.k8s.io")),
        "{nobody:?}"
    );
    let other = [service("custom.metrics.k8s.io", "prometheus-adapter")];
    let other = explained(&gemma()).with_owners(&other);
    assert!(bad(&other).iter().any(|says| says.contains("does not know this metric")), "{other:?}");
    let right = [service("custom.metrics.k8s.io", "custom-metrics-stackdriver-adapter")];
    assert_eq!(bad(&explained(&gemma()).with_owners(&right)), Vec::<String>::new());
}

#[test]
fn nothing_is_made_up_where_the_target_is_missing() {
    let mut objects = gemma();
    objects.retain(|object| object["kind"] == "HorizontalPodAutoscaler");
    let explanation = explained(&objects);
    assert!(explanation.metrics.iter().all(|metric| metric.scales_at.is_none()), "{explanation:?}");
    assert!(explanation.statements.iter().any(|said| said.verdict == Verdict::Unknown), "{explanation:?}");
    assert_eq!(bad(&explanation), Vec::<String>::new());
}
