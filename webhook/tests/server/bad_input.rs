//! What is not a review, or not a sensible one, has a clear answer.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{Client, Version};
use crate::load::{deployment, review};
use crate::mounted::{Mounted, Pem};
use crate::process::Webhook;

struct Asked {
    client: Client,
    webhook: Webhook,
    _certificates: Mounted,
}

impl Asked {
    async fn start() -> Self {
        let pem = Pem::new();
        let certificates = Mounted::new(&pem);
        let webhook = Webhook::start(&certificates).await;
        Self { client: Client::new(&[&pem.authority], Version::Http2), webhook, _certificates: certificates }
    }

    async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> (StatusCode, String) {
        self.client.post(self.webhook.reviews, path, "application/json", body.into()).await
    }

    /// Both paths refuse `body`, and say why.
    async fn refuses(&self, body: impl Into<Vec<u8>>, why: &str) {
        let body = body.into();
        for path in ["/mutate", "/validate"] {
            let (status, text) = self.post(path, body.clone()).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
            assert!(text.contains(why), "expected `{why}` in `{text}`");
        }
    }

    /// Both paths allow `review`; returns the response of `/mutate`.
    async fn allows(&self, review: &Value) -> Value {
        let mut response = Value::Null;
        for path in ["/validate", "/mutate"] {
            let (status, text) = self.post(path, review.to_string()).await;
            assert_eq!(status, StatusCode::OK, "{text}");
            let mut answer: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
            assert_eq!(answer["response"]["allowed"], json!(true), "{text}");
            response = answer["response"].take();
        }
        response
    }
}

#[tokio::test]
async fn what_is_no_review_is_refused_with_a_reason() {
    let asked = Asked::start().await;
    asked.refuses("", "not a JSON object").await;
    asked.refuses("[]", "not a JSON object").await;
    asked.refuses("null", "not a JSON object").await;
    asked.refuses("{", "EOF while parsing").await;
    asked.refuses("{}", "got kind `` of ``").await;
    asked.refuses(br#"{"apiVersion":"\xff"}"#.to_vec(), "not an AdmissionReview").await;
    asked.refuses(b"{\"apiVersion\":\"\xff\"}".to_vec(), "not UTF-8").await;
    let whole = review("cut", deployment()).to_string();
    asked.refuses(&whole.as_bytes()[..whole.len() / 2], "EOF while parsing").await;
    asked.refuses(format!("{whole}{whole}"), "trailing characters").await;
}

#[tokio::test]
async fn other_versions_and_kinds_are_refused() {
    let asked = Asked::start().await;
    let mut old = review("old", deployment());
    old["apiVersion"] = json!("admission.k8s.io/v1beta1");
    asked.refuses(old.to_string(), "got kind `AdmissionReview` of `admission.k8s.io/v1beta1`").await;
    asked.refuses(deployment().to_string(), "got kind `Deployment` of `apps/v1`").await;
    let empty = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview" });
    asked.refuses(empty.to_string(), "has no `request`").await;
    let mut unknown = review("unknown", deployment());
    unknown["request"]["operation"] = json!("PATCH");
    asked.refuses(unknown.to_string(), "unknown variant `PATCH`").await;
    let mut nameless = review("nameless", deployment());
    nameless["request"].as_object_mut().unwrap().shift_remove("uid");
    asked.refuses(nameless.to_string(), "missing field `uid`").await;
}

#[tokio::test]
async fn a_repeated_key_of_the_review_is_refused_and_one_of_the_object_is_the_last() {
    let asked = Asked::start().await;
    let twice =
        review("twice", deployment()).to_string().replacen("\"uid\":", "\"uid\":\"first\",\"uid\":", 1);
    asked.refuses(twice, "duplicate field `uid`").await;

    let object = deployment().to_string();
    let repeated = object.replacen("\"image\":", "\"image\":\"busybox\",\"image\":", 1);
    assert_ne!(object, repeated);
    let whole = review("last", deployment());
    let (_, expected) = asked.post("/mutate", whole.to_string()).await;
    let (status, answer) = asked.post("/mutate", whole.to_string().replace(&object, &repeated)).await;
    assert_eq!((status, answer), (StatusCode::OK, expected));
}

#[tokio::test]
async fn json_of_absurd_depth_is_refused() {
    let asked = Asked::start().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let whole = review("deep", json!({ "kind": "Deployment", "deep": "HERE" })).to_string();
    asked.refuses(whole.replace("\"HERE\"", &deep), "recursion limit exceeded").await;
    // Where nothing is kept, nothing is nested either.
    asked.refuses(format!("{{\"ignored\":{deep}}}"), "got kind `` of ``").await;
}

#[tokio::test]
async fn odd_objects_are_allowed_without_a_word() {
    let asked = Asked::start().await;
    let odd = [
        json!({}),
        json!({ "kind": "Unheard", "apiVersion": "of/v1" }),
        json!({ "kind": "Deployment" }),
        json!({ "kind": "Deployment", "apiVersion": "apps/v1", "spec": null, "metadata": [] }),
        json!({ "kind": "Pod", "apiVersion": "v1", "spec": { "containers": "none" } }),
        json!({ "kind": "Pod", "apiVersion": "v1", "spec": { "containers": [null, 1, "x", []] } }),
        json!({ "kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "spec": { "metrics": 7 } }),
        json!({ "kind": 7, "apiVersion": {}, "metadata": { "annotations": { "kubectl-infer.io/ignore": [] } } }),
    ];
    for object in odd {
        let response = asked.allows(&review("odd", object)).await;
        assert_eq!(response.get("patch"), None);
        assert_eq!(response.get("warnings"), None);
    }
}

#[tokio::test]
async fn deletes_and_reviews_without_an_object_are_allowed() {
    let asked = Asked::start().await;
    for operation in ["DELETE", "CONNECT", "CREATE", "UPDATE"] {
        let mut gone = review("gone", Value::Null);
        gone["request"]["operation"] = json!(operation);
        gone["request"]["oldObject"] = deployment();
        let response = asked.allows(&gone).await;
        assert_eq!(response.get("patch"), None);
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let asked = Asked::start().await;
    let body = review("path", deployment()).to_string();
    for path in ["/", "/mutate/", "/metrics", "/readyz", "/../mutate"] {
        assert_eq!(asked.post(path, body.clone()).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_dry_run_is_answered_like_any_other() {
    let asked = Asked::start().await;
    let whole = review("dry", deployment());
    let mut dry = whole.clone();
    dry["request"]["dryRun"] = json!(true);
    assert_eq!(asked.allows(&whole).await, asked.allows(&dry).await);
}

/// What an author writes into an annotation, a name or an argument becomes no option, no line of a warning and no
/// header of ours.
#[tokio::test]
async fn what_would_inject_something_is_repeated_harmlessly_or_not_at_all() {
    let asked = Asked::start().await;
    let hostile = [
        "gs://models-eu/gemma,allow_other,uid=0",
        "gs://models-eu/gemma;reboot",
        "gs://models-eu/gemma\n--trust-remote-code",
        "gs://models-eu/gemma\r\nwarning: 299 - forged",
        "gs://models-eu/gemma --trust-remote-code",
        "gs://models-eu/$(HF_TOKEN)",
        "gs://models-eu/\u{202e}gemma",
        "gs://models-eu/../other",
        "s3://models-eu/gemma",
        "hf://google/gemma-3-4b-it",
        "az://container/gemma",
        "https://storage.googleapis.com/models-eu/gemma",
        "/gcs/models-eu/gemma",
        "models-eu/gemma",
    ];
    for uri in hostile {
        let mut object = deployment();
        object["metadata"]["annotations"] = json!({ "kubectl-infer.io/model-bucket-uri": uri });
        let response = asked.allows(&review("hostile", object.clone())).await;
        let patch = response["patch"].as_str().unwrap_or_default();
        let patch = String::from_utf8(decoded(patch)).unwrap();
        assert!(!patch.contains("gcsfuse") && !patch.contains("models-eu"), "{uri:?}: {patch}");

        let (_, text) = asked.post("/validate", review("hostile", object).to_string()).await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        let warnings = answer["response"]["warnings"].as_array().cloned().unwrap_or_default();
        let warnings: Vec<_> = warnings.iter().filter_map(Value::as_str).collect();
        assert!(warnings.iter().any(|warning| warning.starts_with("INF022 ")), "{uri:?}: {warnings:?}");
        let plain = |warning: &&str| warning.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        assert!(warnings.iter().all(plain), "{uri:?}: {warnings:?}");
    }

    for ignore in ["INF005\nINF001", "INF005;INF001", "*", "--all", "INF005,,INF005"] {
        let mut object = deployment();
        object["metadata"]["annotations"] = json!({ "kubectl-infer.io/ignore": ignore });
        let response = asked.allows(&review("ignore", object)).await;
        let patch = String::from_utf8(decoded(response["patch"].as_str().unwrap_or_default())).unwrap();
        assert!(!patch.contains('\n') && patch.contains("kubectl-infer.io~1applied"), "{ignore:?}: {patch}");
    }
}

fn decoded(base64: &str) -> Vec<u8> {
    serde_json::from_value::<k8s_openapi::ByteString>(json!(base64)).unwrap().0
}

/// An update whose old object is none, or of another kind, is judged by what there is.
#[tokio::test]
async fn odd_old_objects_are_allowed() {
    let asked = Asked::start().await;
    let pod = json!({ "kind": "Pod", "apiVersion": "v1", "spec": { "containers": [] } });
    for old in [Value::Null, json!({}), json!([]), json!("text"), json!({ "spec": [] }), pod] {
        let mut update = review("update", deployment());
        update["request"]["operation"] = json!("UPDATE");
        update["request"]["oldObject"] = old.clone();
        let (status, text) = asked.post("/mutate", update.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{old}: {text}");
        asked.allows(&update).await;
    }
}

/// The old object is read when it is needed: to see what changed, and where validation would refuse.
#[tokio::test]
async fn an_old_object_that_cannot_be_read_is_said_where_it_is_needed() {
    let asked = Asked::start().await;
    let mut update = review("update", deployment());
    update["request"]["operation"] = json!("UPDATE");
    update["request"]["oldObject"] = json!("deep");
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let update = update.to_string().replace("\"deep\"", &deep);
    let (status, text) = asked.post("/mutate", update.clone()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
    assert!(text.contains("old object cannot be read: recursion limit"), "{text}");
    let (status, text) = asked.post("/validate", update).await;
    assert_eq!(status, StatusCode::OK, "{text}");
}

/// Every manifest of the corpus, over the wire: a valid review with a patch that applies, after which nothing is left
/// to do.
#[tokio::test]
async fn every_manifest_of_the_corpus_is_answered_with_a_valid_review() {
    let asked = Asked::start().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tests/corpus");
    let (mut answered, mut patched) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for mut object in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
            let response = asked.allows(&review("corpus", object.clone())).await;
            answered += 1;
            let Some(patch) = response["patch"].as_str() else { continue };
            patched += 1;
            assert_eq!(response["patchType"], "JSONPatch");
            let patch: json_patch::Patch = serde_json::from_slice(&decoded(patch)).unwrap();
            json_patch::patch(&mut object, &patch).unwrap();
            let again = asked.allows(&review("corpus", object)).await;
            assert_eq!(again.get("patch"), None, "{}", path.display());
        }
    }
    assert!(answered >= 60 && patched >= 20, "{answered} answered, {patched} of them changed");
}
