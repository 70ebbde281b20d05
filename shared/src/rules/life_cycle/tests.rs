use serde_json::{Value, json};

use crate::rules::fixtures::{findings_of, fixed, merged, server};

const CONTAINER: &str = "/spec/template/spec/containers/0";
const SPEC: &str = "/spec/template/spec";

fn with(fields: Value) -> Value {
    let container = json!({
        "image": "vllm/vllm-openai:v0.9.0",
        "args": ["--model=Qwen/Qwen3-32B", "--max-model-len=4096"],
        "ports": [{"name": "http", "containerPort": 8000}],
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
    });
    let spec = json!({"nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}});
    merged(server(container, spec), CONTAINER, fields)
}

fn liveness(port: Value, delay: u32, failures: u32) -> Value {
    json!({"livenessProbe": {"httpGet": {"path": "/health", "port": port}, "initialDelaySeconds": delay,
        "periodSeconds": 10, "failureThreshold": failures}})
}

fn count(id: &str, object: &Value) -> usize {
    findings_of(id, object).len()
}

#[test]
fn liveness_is_too_tight_only_where_nothing_else_gives_time() {
    // 65 GB: 66 s of download, 16 s of load, 40 s of the rest, at the fastest.
    assert_eq!(count("INF087", &with(liveness(json!(8000), 0, 3))), 1);
    assert_eq!(count("INF087", &with(liveness(json!("http"), 60, 3))), 1);
    assert_eq!(count("INF087", &with(liveness(json!(8000), 240, 3))), 0);
    let held_back = json!({"startupProbe": {"httpGet": {"port": 8000}, "failureThreshold": 60}});
    let object = merged(with(liveness(json!(8000), 0, 3)), CONTAINER, held_back);
    assert_eq!(count("INF087", &object), 0);
    // A model that is there already is read in seconds.
    let mounted = json!({"args": ["--model=/models/qwen"]});
    assert_eq!(count("INF087", &merged(with(liveness(json!(8000), 30, 3)), CONTAINER, mounted)), 0);
}

#[test]
fn a_probe_that_another_container_answers_says_nothing_of_the_server() {
    assert_eq!(count("INF087", &with(liveness(json!(9000), 0, 3))), 0);
    assert_eq!(count("INF087", &with(liveness(json!("other"), 0, 3))), 0);
    let object = with(liveness(json!(8000), 0, 3));
    let server = object.pointer(CONTAINER).unwrap().clone();
    let proxy = json!({"name": "proxy", "image": "example.com/proxy:1", "ports": [{"containerPort": 8000}]});
    let both = merged(object, SPEC, json!({"containers": [server, proxy]}));
    assert_eq!(count("INF087", &both), 0);
    let exec = json!({"livenessProbe": {"exec": {"command": ["true"]}}});
    assert_eq!(count("INF087", &with(exec)), 0);
}

#[test]
fn the_startup_probe_that_is_added_asks_what_the_liveness_probe_asks() {
    let object = fixed("INF087", &with(liveness(json!(8000), 0, 3)));
    let container = object.pointer(CONTAINER).unwrap();
    assert_eq!(container["startupProbe"]["httpGet"], container["livenessProbe"]["httpGet"]);
    let budget = container["startupProbe"]["failureThreshold"].as_u64().unwrap() * 10;
    assert!((1200..3600).contains(&budget), "{budget}");
}

#[test]
fn a_compiled_tpu_start_is_short_and_a_first_one_is_not() {
    let probe =
        json!({"startupProbe": {"httpGet": {"port": 8000}, "periodSeconds": 10, "failureThreshold": 30}});
    let tpu = json!({"image": "vllm/vllm-tpu:v0.12.0", "args": ["--model=Qwen/Qwen3-8B"],
        "resources": {"limits": {"google.com/tpu": 4, "nvidia.com/gpu": null}}});
    let object = merged(with(probe), CONTAINER, tpu);
    assert_eq!(count("INF086", &object), 1);
    let cache = json!({"env": [{"name": "VLLM_XLA_CACHE_PATH", "value": "/cache"}]});
    assert_eq!(count("INF086", &merged(object, CONTAINER, cache)), 0);
}

#[test]
fn what_ends_by_itself_needs_neither_readiness_nor_drain() {
    let mut object = with(json!({}));
    assert_eq!((count("INF085", &object), count("INF088", &object)), (1, 1));
    // Until its startup probe has passed, a container is not ready.
    let started = with(json!({"startupProbe": {"httpGet": {"port": 8000}, "failureThreshold": 200}}));
    assert_eq!(count("INF085", &started), 0);
    object["kind"] = json!("Job");
    assert_eq!((count("INF085", &object), count("INF088", &object)), (0, 0));
    // The API server fills in 30 where nothing is written: it is the same as nothing.
    let filled_in = merged(with(json!({})), SPEC, json!({"terminationGracePeriodSeconds": 30}));
    assert_eq!(count("INF088", &filled_in), 1);
    let longer = merged(with(json!({})), SPEC, json!({"terminationGracePeriodSeconds": 300}));
    assert_eq!(count("INF088", &longer), 0);
}

#[test]
fn what_an_init_container_or_a_claim_keeps_is_not_downloaded() {
    let startup =
        json!({"startupProbe": {"httpGet": {"port": 8000}, "periodSeconds": 10, "failureThreshold": 8}});
    let mounts = json!([{"name": "cache", "mountPath": "/root/.cache/huggingface"}]);
    let object = merged(with(startup), CONTAINER, json!({"volumeMounts": mounts}));
    let on_disk = merged(object.clone(), SPEC, json!({"volumes": [{"name": "cache", "emptyDir": {}}]}));
    assert_eq!(count("INF086", &on_disk), 1);
    let fetch = json!({"name": "fetch", "image": "python:3.12", "volumeMounts": mounts});
    assert_eq!(count("INF086", &merged(on_disk, SPEC, json!({"initContainers": [fetch]}))), 0);
    let claims = json!({"volumeClaimTemplates": [{"metadata": {"name": "cache"}}]});
    let mut stateful = merged(object, "/spec", claims);
    stateful["kind"] = json!("StatefulSet");
    assert_eq!(count("INF086", &stateful), 0);
}
