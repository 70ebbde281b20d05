//! What holds for any bytes and any object.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod check;

use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON, with the words that inspection and rules look for.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("--model=google/gemma-3-27b-it"),
        Just("--tensor-parallel-size"),
        Just("vllm/vllm-openai:v0.11.0"),
        Just("gs://bucket/model"),
        Just("nvidia.com/gpu"),
        Just("Memory"),
        Just("100Gi"),
        Just("true"),
        Just("a,b\nc;d"),
        Just(""),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("name".to_owned()),
        Just("value".to_owned()),
        Just("mountPath".to_owned()),
        Just("emptyDir".to_owned()),
        Just("kubectl-infer.io/model-bucket-uri".to_owned()),
        "[a-z~/]{0,6}",
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Places in a Deployment that inspection reads.
const PLACES: [&str; 20] = [
    "/metadata",
    "/metadata/annotations",
    "/spec/replicas",
    "/spec/template/metadata",
    "/spec/template/metadata/annotations",
    "/spec/template/spec/nodeSelector",
    "/spec/template/spec/volumes",
    "/spec/template/spec/volumes/0",
    "/spec/template/spec/initContainers",
    "/spec/template/spec/serviceAccountName",
    "/spec/template/spec/terminationGracePeriodSeconds",
    "/spec/template/spec/containers",
    "/spec/template/spec/containers/0/image",
    "/spec/template/spec/containers/0/command",
    "/spec/template/spec/containers/0/args",
    "/spec/template/spec/containers/0/env",
    "/spec/template/spec/containers/0/resources",
    "/spec/template/spec/containers/0/volumeMounts",
    "/spec/template/spec/containers/0/readinessProbe",
    "/spec/template/spec/containers/0/lifecycle",
];

/// A Deployment of a server in which some places hold anything.
fn odd_deployment() -> impl Strategy<Value = Value> {
    let changes = prop::collection::vec((prop::sample::select(&PLACES[..]), any_json()), 0..4);
    changes.prop_map(|changes| {
        let mut deployment = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": "server", "annotations": {}, "unknown": { "kept": [1, 2] } },
            "spec": {
                "replicas": 2,
                "template": {
                    "metadata": { "annotations": {} },
                    "spec": {
                        "nodeSelector": { "cloud.google.com/gke-accelerator": "nvidia-l4" },
                        "volumes": [{ "name": "cache", "emptyDir": {} }],
                        "initContainers": [],
                        "serviceAccountName": "server",
                        "terminationGracePeriodSeconds": 30,
                        "containers": [{
                            "name": "server",
                            "image": "vllm/vllm-openai:v0.11.0",
                            "command": null,
                            "args": ["--model=google/gemma-3-27b-it", "--tensor-parallel-size=2"],
                            "env": [{ "name": "HF_HOME", "value": "/cache" }],
                            "resources": { "limits": { "nvidia.com/gpu": "2", "memory": "100Gi" } },
                            "volumeMounts": [{ "name": "cache", "mountPath": "/cache" }],
                            "readinessProbe": null,
                            "lifecycle": null,
                            "unknown": "kept",
                        }],
                    },
                },
            },
        });
        for (place, value) in changes {
            if let Some(there) = deployment.pointer_mut(place) {
                *there = value;
            }
        }
        deployment
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_review_or_refused(body in prop::collection::vec(any::<u8>(), 0..256)) {
        check::bytes(&body);
    }

    #[test]
    fn any_json_is_a_review_or_refused(body in any_json()) {
        check::bytes(body.to_string().as_bytes());
    }

    #[test]
    fn any_object_in_a_review_is_answered(object in any_json(), kind in "Pod|Deployment|ScaledObject|Job") {
        let mut object = object;
        if let Some(object) = object.as_object_mut() {
            object.insert("kind".to_owned(), json!(kind));
            object.insert("apiVersion".to_owned(), json!("v1"));
        }
        check::object(&object);
    }

    #[test]
    fn any_deployment_is_answered_and_a_second_admission_changes_nothing(object in odd_deployment()) {
        check::object(&object);
    }
}
