//! What holds for any bytes and any object.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod check;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use infer_webhook::ReviewRequest;
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

/// Reviews of the manifests of the corpus, as they come over the wire.
static REVIEWS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tests/corpus");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let documents = files
        .iter()
        .flat_map(|file| serde_saphyr::from_multiple::<Value>(&fs::read_to_string(file).unwrap()).unwrap());
    let review = |object: Value| {
        json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": { "uid": "u", "operation": "CREATE", "namespace": "team", "object": object },
        })
    };
    documents.map(|object| review(object).to_string().into_bytes()).collect()
});

#[test]
fn every_review_of_the_corpus_is_answered() {
    assert!(REVIEWS.len() >= 60);
    for review in REVIEWS.iter() {
        assert!(ReviewRequest::read(review).unwrap().object.is_some());
        check::bytes(review);
    }
}

proptest! {
    /// A review that is cut off, or in which some bytes are others.
    #[test]
    fn any_damage_to_a_review_is_answered_or_refused(
        review in any::<prop::sample::Index>(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = review.get(REVIEWS.as_slice()).clone();
        for (place, byte) in hits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(end) = end {
            bytes.truncate(end.index(bytes.len()));
        }
        check::bytes(&bytes);
    }

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
