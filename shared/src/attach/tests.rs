//! Autoscalers for workloads that others wrote.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::rules::{Neighbours, Settings};
use crate::workload::Ntpot;

/// JetStream as the GKE tutorial deploys it.
fn jetstream() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "maxengine-server"},
        "spec": {
            "selector": {"matchLabels": {"app": "maxengine-server"}},
            "template": {
                "metadata": {"labels": {"app": "maxengine-server"}},
                "spec": {
                    "nodeSelector": {
                        "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
                        "cloud.google.com/gke-tpu-topology": "2x4",
                    },
                    "containers": [
                        {
                            "name": "maxengine-server",
                            "image": "us-docker.pkg.dev/cloud-tpu-images/inference/maxengine-server:v0.2.2",
                            "args": ["model_name=gemma-7b", "prometheus_port=9100"],
                            "ports": [{"containerPort": 9000}, {"containerPort": 9100, "name": "metrics"}],
                            "resources": {"limits": {"google.com/tpu": "8"}},
                        },
                        {
                            "name": "jetstream-http",
                            "image": "us-docker.pkg.dev/cloud-tpu-images/inference/jetstream-http:v0.2.2",
                            "ports": [{"containerPort": 8000}],
                        },
                    ],
                },
            },
        },
    })
}

/// vLLM as people write it, on the accelerators of a measured curve.
fn vllm(arguments: &[&str]) -> Value {
    let mut arguments: Vec<&str> = arguments.to_vec();
    arguments.splice(0..0, ["--model", "google/gemma-2-27b-it", "--tensor-parallel-size=4"]);
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "gemma", "namespace": "llm"},
        "spec": {
            "selector": {"matchLabels": {"app": "gemma"}},
            "template": {
                "metadata": {"labels": {"app": "gemma"}},
                "spec": {
                    "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
                    "containers": [{
                        "name": "server", "image": "vllm/vllm-openai:v0.7.2", "args": arguments,
                        "ports": [{"containerPort": 8000}],
                        "resources": {"limits": {"nvidia.com/gpu": "4"}},
                    }],
                },
            },
        },
    })
}

fn attached_beside(
    object: &Value,
    request: &AttachRequest,
    beside: &[Value],
) -> Result<Attached, AttachError> {
    let catalog = Catalog::embedded();
    let settings = Settings::default();
    let mut neighbours = Neighbours::default();
    for object in beside {
        neighbours.insert(Arc::new(object.clone()));
    }
    let background = Background { catalog: &catalog, settings: &settings, neighbours: &neighbours };
    attach(object, request, &background, &Calibration::embedded().unwrap())
}

fn attached(object: &Value, request: &AttachRequest) -> Result<Attached, AttachError> {
    attached_beside(object, request, &[])
}

fn by(signals: &[&str]) -> AttachRequest {
    AttachRequest {
        signals: signals.iter().map(|signal| signal.parse().unwrap()).collect(),
        ..AttachRequest::default()
    }
}

fn object<'o>(attached: &'o Attached, kind: &str) -> &'o Value {
    attached.objects.iter().find(|object| object["kind"] == kind).unwrap()
}

fn metrics(attached: &Attached) -> Vec<Value> {
    object(attached, "HorizontalPodAutoscaler")["spec"]["metrics"].as_array().unwrap().clone()
}

#[test]
fn the_tutorial_in_one_command() {
    let catalog = Catalog::embedded();
    let request = AttachRequest { max_replicas: Some(2), ..by(&["waiting=10", "memory-used=100000000000"]) };
    let text = attached(&jetstream(), &request).unwrap().to_yaml(&catalog).unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn the_port_of_the_metrics_is_the_one_that_the_arguments_tell() {
    let monitoring = attached(&jetstream(), &AttachRequest::default()).unwrap();
    let endpoint = &object(&monitoring, "PodMonitoring")["spec"]["endpoints"][0];
    assert_eq!((&endpoint["port"], &endpoint["path"]), (&json!("metrics"), &json!("/")));
    let request = AttachRequest { metrics_port: Some("9000".to_owned()), ..AttachRequest::default() };
    let endpoint = attached(&jetstream(), &request).unwrap();
    assert_eq!(object(&endpoint, "PodMonitoring")["spec"]["endpoints"][0]["port"], json!(9000));
    for port in ["7777", "0", "web"] {
        let request = AttachRequest { metrics_port: Some(port.to_owned()), ..AttachRequest::default() };
        let error = attached(&jetstream(), &request).unwrap_err();
        assert!(error.to_string().contains("metrics 9100"), "{error}");
    }
}

#[test]
fn what_scrapes_the_pods_already_is_not_written_twice() {
    let own = attached(&jetstream(), &AttachRequest::default()).unwrap();
    let monitoring = object(&own, "PodMonitoring").clone();
    let beside = attached_beside(&jetstream(), &AttachRequest::default(), &[monitoring]).unwrap();
    assert!(beside.objects.iter().all(|object| object["kind"] != "PodMonitoring"), "{beside:?}");
}

#[test]
fn a_target_takes_its_threshold_from_the_curve() {
    let target = |milliseconds: f64, start: f64| {
        let options = AutoscalingOptions { weights_seconds: Some(start), ..AutoscalingOptions::default() };
        let targets = Targets { ntpot: Some(Ntpot::from_milliseconds(milliseconds)), ..Targets::default() };
        AttachRequest { options, targets, requests_per_second: Some(5.0), ..AttachRequest::default() }
    };
    let threshold = |request: &AttachRequest| {
        let attached = attached(&vllm(&[]), request).unwrap();
        let value = metrics(&attached)[0].pointer("/pods/target/averageValue").unwrap().clone();
        value.as_str().unwrap().parse::<f64>().unwrap()
    };
    let (usual, tighter, slower) = (
        threshold(&target(200.0, 600.0)),
        threshold(&target(150.0, 600.0)),
        threshold(&target(200.0, 3000.0)),
    );
    assert!(usual > 40.0 && tighter < usual && slower < usual, "{usual} {tighter} {slower}");
    let error = attached(&vllm(&[]), &target(5.0, 600.0)).unwrap_err();
    assert!(error.to_string().contains("NTPOT of 118.4 to"), "{error}");
    let error = attached(&jetstream(), &target(200.0, 600.0)).unwrap_err();
    assert!(matches!(error, AttachError::NoCurve(_)), "{error}");
}

#[test]
fn without_a_curve_half_of_what_a_signal_reads_is_the_threshold() {
    let half = attached(&vllm(&["--max-num-seqs=64"]), &by(&["running"])).unwrap();
    assert_eq!(metrics(&half)[0].pointer("/pods/target/averageValue"), Some(&json!("32")));
    let keda = AttachRequest {
        options: AutoscalingOptions { autoscaler: Kind::Keda, ..AutoscalingOptions::default() },
        ..AttachRequest::default()
    };
    let keda = attached(&vllm(&["--max-num-seqs=64"]), &keda).unwrap();
    let query = object(&keda, "ScaledObject").pointer("/spec/triggers/0/metadata/query").unwrap();
    assert!(query.as_str().unwrap().contains("namespace=\"llm\",job=\"gemma\""), "{query}");
}

#[test]
fn a_workload_without_a_namespace_is_scaled_in_the_one_that_is_asked_for() {
    let request = AttachRequest { namespace: Some("prod".to_owned()), ..by(&["memory-used=100000000000"]) };
    let attached = attached(&jetstream(), &request).unwrap();
    assert_eq!(object(&attached, "HorizontalPodAutoscaler")["metadata"]["namespace"], "prod");
    assert_eq!(object(&attached, "PodMonitoring")["metadata"]["namespace"], "prod");
    let metric = &metrics(&attached)[0]["external"]["metric"];
    let labels = &metric["selector"]["matchLabels"];
    assert_eq!(labels["metric.labels.exported_namespace"], "prod", "{metric}");
}

#[test]
fn what_exports_nothing_or_cannot_be_found_is_refused() {
    let refused = |object: &Value| attached(object, &AttachRequest::default()).unwrap_err().to_string();
    let off = refused(&vllm(&["--disable-log-stats"]));
    assert!(off.contains("remove it"), "{off}");
    let mut silent = jetstream();
    silent["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["model_name=gemma-7b"]);
    assert!(refused(&silent).contains("prometheus_port=9100"), "{}", refused(&silent));
    let mut unlabelled = jetstream();
    unlabelled["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    assert!(refused(&unlabelled).contains("`app: maxengine-server`"), "{}", refused(&unlabelled));
    let other = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}});
    assert!(refused(&other).contains("runs no model server"), "{}", refused(&other));
}

#[test]
fn bounds_and_thresholds_that_make_no_sense_are_refused() {
    let bounds = AttachRequest { min_replicas: Some(3), max_replicas: Some(2), ..AttachRequest::default() };
    assert!(matches!(
        attached(&jetstream(), &bounds).unwrap_err(),
        AttachError::Autoscale(AutoscaleError::MinAboveMax { least: 3, most: 2 })
    ));
    assert!(matches!(
        attached(&jetstream(), &by(&["slots-used=0.8"])).unwrap_err(),
        AttachError::Autoscale(AutoscaleError::OutOfReach { .. })
    ));
    let error = attached(&jetstream(), &by(&["running"])).unwrap_err();
    assert!(error.to_string().contains("slots-used"), "{error}");
    for text in ["waiting=0", "waiting=-1", "waiting=NaN", "=3", "a b=1"] {
        assert!(text.parse::<SignalChoice>().is_err(), "{text}");
    }
}
