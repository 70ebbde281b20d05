use serde_json::{Value, json};

use crate::rules::Severity;
use crate::rules::fixtures::{findings_of, merged, server};

const CONTAINER: &str = "/spec/template/spec/containers/0";
const SPEC: &str = "/spec/template/spec";

fn vllm(args: &[&str], accelerator: &str, count: u32) -> Value {
    let container = json!({
        "image": "vllm/vllm-openai:v0.9.0",
        "args": args,
        "resources": {"limits": {"nvidia.com/gpu": count.to_string()}},
    });
    server(container, json!({"nodeSelector": {"cloud.google.com/gke-accelerator": accelerator}}))
}

fn tpu(args: &[&str], accelerator: &str, topology: &str, chips: u32) -> Value {
    let container = json!({
        "image": "vllm/vllm-tpu:v0.12.0",
        "command": ["vllm", "serve"],
        "args": args,
        "resources": {"limits": {"google.com/tpu": chips}},
    });
    let selector = json!({
        "cloud.google.com/gke-tpu-accelerator": accelerator,
        "cloud.google.com/gke-tpu-topology": topology,
    });
    server(container, json!({"nodeSelector": selector}))
}

fn count(id: &str, object: &Value) -> usize {
    findings_of(id, object).len()
}

#[test]
fn ranks_that_multiply_or_lie_elsewhere_are_not_counted() {
    let model = "--model=Qwen/Qwen3-8B";
    let four_on_two = vllm(&[model, "--tensor-parallel-size=4"], "nvidia-l4", 2);
    assert_eq!(count("INF052", &four_on_two), 1);
    let elsewhere = [
        json!({"args": [model, "--tensor-parallel-size=4", "--nnodes=2"]}),
        json!({"args": [model, "--tensor-parallel-size=4", "--distributed-executor-backend=ray"]}),
        json!({"args": [model, "--tensor-parallel-size=$(TP)"]}),
        json!({"args": [model, "--tensor-parallel-size=${TP}"]}),
        json!({"args": ["--config=/etc/vllm.yaml", "--tensor-parallel-size=4"]}),
        json!({"env": [{"name": "CUDA_VISIBLE_DEVICES", "value": "0,1"}]}),
        json!({"command": ["sh", "-c", "ray start --head; vllm serve Qwen/Qwen3-8B --tensor-parallel-size 4"], "args": null}),
        json!({"image": "example.com/team/server-with-vllm:3"}),
        json!({"resources": {"limits": {"nvidia.com/gpu": "{{ gpus }}"}}}),
    ];
    for change in elsewhere {
        let object = merged(four_on_two.clone(), CONTAINER, change.clone());
        assert_eq!(count("INF052", &object) + count("INF053", &object), 0, "{change}");
    }
    // A group of two Pods has the four.
    let mut group = four_on_two.clone();
    group["kind"] = json!("LeaderWorkerSet");
    group["spec"]["leaderWorkerTemplate"] = json!({"size": 2, "workerTemplate": group["spec"]["template"]});
    assert_eq!(count("INF052", &group), 0);
}

#[test]
fn every_form_of_a_command_line_is_counted() {
    let forms = [
        json!({"args": ["--model=Qwen/Qwen3-8B", "--tensor-parallel-size", "4"]}),
        json!({"args": ["--model=Qwen/Qwen3-8B", "-tp", "4"]}),
        json!({"args": ["--model=Qwen/Qwen3-8B", "--tensor_parallel_size=2", "--pipeline-parallel-size=2"]}),
        json!({"args": ["--model=Qwen/Qwen3-8B", "--tensor-parallel-size=2", "--data-parallel-size=2"]}),
        json!({"command": ["vllm", "serve", "Qwen/Qwen3-8B", "--tensor-parallel-size=4"], "args": null}),
        json!({"command": ["python3", "-m", "vllm.entrypoints.openai.api_server"],
            "args": ["--model=Qwen/Qwen3-8B", "--tensor-parallel-size=4"]}),
    ];
    for change in forms {
        let object = merged(vllm(&[], "nvidia-l4", 2), CONTAINER, change.clone());
        assert_eq!(count("INF052", &object), 1, "{change}");
        let object = merged(vllm(&[], "nvidia-l4", 8), CONTAINER, change.clone());
        assert_eq!(count("INF053", &object), 1, "{change}");
        let object = merged(vllm(&[], "nvidia-l4", 4), CONTAINER, change.clone());
        assert_eq!(count("INF052", &object) + count("INF053", &object), 0, "{change}");
    }
}

#[test]
fn one_rank_on_two_accelerators_leaves_one_idle_but_some_servers_take_all() {
    assert_eq!(count("INF053", &vllm(&["--model=Qwen/Qwen3-8B"], "nvidia-l4", 2)), 1);
    let tgi = json!({"image": "ghcr.io/huggingface/text-generation-inference:3.3.7", "args": ["--model-id=Qwen/Qwen3-8B"]});
    let object = merged(vllm(&[], "nvidia-l4", 2), CONTAINER, tgi);
    assert_eq!(count("INF053", &object), 0);
}

#[test]
fn a_tpu7x_chip_is_two_devices() {
    let eight = tpu(&["--model=Qwen/Qwen3-32B", "--tensor-parallel-size=8"], "tpu7x", "2x2x1", 4);
    assert_eq!(count("INF052", &eight), 0);
    let sixteen = tpu(&["--model=Qwen/Qwen3-32B", "--tensor-parallel-size=16"], "tpu7x", "2x2x1", 4);
    assert_eq!(count("INF052", &sixteen), 1);
}

#[test]
fn weights_are_judged_only_as_they_are_published() {
    let large = vllm(&["--model=Qwen/Qwen2.5-72B-Instruct"], "nvidia-h100-80gb", 1);
    assert_eq!(count("INF050", &large), 1);
    for more in [
        "--quantization=fp8",
        "--quantization=bitsandbytes",
        "--load-format=bitsandbytes",
        "--cpu-offload-gb=100",
        "--tensor-parallel-size=$(TP)",
        "--pipeline-parallel-size=2",
    ] {
        let object = vllm(&["--model=Qwen/Qwen2.5-72B-Instruct", more], "nvidia-h100-80gb", 2);
        assert_eq!(count("INF050", &object), 0, "{more}");
    }
    let shared = json!({"nodeSelector": {"cloud.google.com/gke-gpu-partition-size": "1g.10gb"}});
    assert_eq!(count("INF050", &merged(large, SPEC, shared)), 0);
    let unknown = vllm(&["--model=some-team/some-model-of-70b"], "nvidia-l4", 1);
    assert_eq!(count("INF050", &unknown), 0);
}

#[test]
fn the_cache_must_miss_by_more_than_the_activations() {
    let asked = |tokens: &str, more: &[&str]| {
        let length = format!("--max-model-len={tokens}");
        let args: Vec<&str> =
            ["--model=Qwen/Qwen3-8B", &length].into_iter().chain(more.iter().copied()).collect();
        count("INF051", &vllm(&args, "nvidia-l4", 1))
    };
    assert_eq!(asked("40960", &[]), 1);
    assert_eq!(asked("28672", &[]), 0);
    assert_eq!(asked("40960", &["--kv-cache-dtype=fp8"]), 0);
    assert_eq!(asked("40960", &["--gpu-memory-utilization=0.98"]), 0);
    assert_eq!(asked("16384", &["--gpu-memory-utilization=0.75"]), 1);
    assert_eq!(asked("auto", &[]), 0);
    assert_eq!(asked("40960", &["--cpu-offload-gb=10"]), 0);
}

#[test]
fn fp8_and_four_bits_run_where_they_are_unpacked() {
    let on = |accelerator: &str, model: &str| count("INF056", &vllm(&[model], accelerator, 1));
    assert_eq!(on("nvidia-a100-80gb", "--quantization=fp8"), 0);
    assert_eq!(on("nvidia-tesla-a100", "--model=openai/gpt-oss-20b"), 0);
    assert_eq!(on("nvidia-tesla-t4", "--model=openai/gpt-oss-20b"), 1);
    assert_eq!(on("nvidia-tesla-t4", "--quantization=awq"), 0);
    assert_eq!(on("nvidia-tesla-v100", "--quantization=fp8"), 1);
    assert_eq!(on("nvidia-l4", "--dtype=bfloat16"), 0);
}

#[test]
fn slices_of_several_pods_are_whole() {
    let args = ["--model=Qwen/Qwen3-32B", "--tensor-parallel-size=16"];
    assert_eq!(count("INF055", &tpu(&args, "tpu-v6e-slice", "2x4", 8)), 0);
    // Replicas of a Deployment are no group; how they find each other is not told.
    assert_eq!(count("INF055", &tpu(&args, "tpu-v6e-slice", "4x4", 4)), 0);
    assert_eq!(count("INF055", &tpu(&args, "tpu-v6e-slice", "2x2", 8)), 1);
    let group = |size: u32| {
        let mut object = tpu(&args, "tpu-v6e-slice", "4x4", 4);
        object["kind"] = json!("LeaderWorkerSet");
        object["spec"]["leaderWorkerTemplate"] =
            json!({"size": size, "workerTemplate": object["spec"]["template"]});
        object
    };
    assert_eq!(count("INF055", &group(4)), 0);
    assert_eq!(count("INF055", &group(8)), 0);
    assert_eq!(count("INF055", &group(3)), 1);
}

#[test]
fn any_word_on_the_node_is_a_selector() {
    let mut object = vllm(&["--model=Qwen/Qwen3-8B"], "nvidia-l4", 1);
    object["spec"]["template"]["spec"].as_object_mut().unwrap().remove("nodeSelector");
    assert_eq!(count("INF057", &object), 0, "not clearly GKE");
    object["spec"]["template"]["metadata"] = json!({"annotations": {"gke-gcsfuse/volumes": "true"}});
    assert_eq!(count("INF057", &object), 1);
    assert_eq!(findings_of("INF057", &object)[0].severity, Severity::Information);
    for spec in [
        json!({"nodeName": "node-1"}),
        json!({"nodeSelector": {"team": "ml"}}),
        json!({"nodeSelector": {"cloud.google.com/compute-class": "gpus"}}),
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "cloud.google.com/gke-accelerator", "operator": "In", "values": ["nvidia-l4"]}]}
        ]}}}}),
    ] {
        assert_eq!(count("INF057", &merged(object.clone(), SPEC, spec.clone())), 0, "{spec}");
    }
}

#[test]
fn a_machine_holds_what_all_containers_ask_for() {
    let requests = |memory: &str| {
        let resources = json!({"resources": {"requests": {"memory": memory}}});
        merged(vllm(&["--model=Qwen/Qwen3-8B"], "nvidia-l4", 1), CONTAINER, resources)
    };
    assert_eq!(count("INF058", &requests("300Gi")), 0);
    assert_eq!(count("INF058", &requests("500Gi")), 1);
    assert_eq!(count("INF058", &vllm(&["--model=Qwen/Qwen3-8B"], "nvidia-l4", 16)), 1);
    // T4 and V100 attach to machines of many sizes.
    let resources = json!({"resources": {"requests": {"memory": "500Gi"}}});
    let object = merged(vllm(&["--model=Qwen/Qwen3-8B"], "nvidia-tesla-t4", 1), CONTAINER, resources);
    assert_eq!(count("INF058", &object), 0);
}

#[test]
fn placeholders_and_digests_are_no_moving_images() {
    for (image, found) in [
        ("vllm/vllm-openai", 1),
        ("vllm/vllm-openai:latest", 1),
        ("localhost:5000/vllm-openai", 1),
        ("vllm/vllm-openai@sha256:0000", 0),
        ("vllm/vllm-openai:${VERSION}", 0),
        ("vllm/vllm-openai:v0.9.0", 0),
        // The version is in the name.
        (
            "us-docker.pkg.dev/deeplearning-platform-release/gcr.io/huggingface-text-generation-inference-cu124.3-0.py311",
            0,
        ),
    ] {
        let object = merged(vllm(&[], "nvidia-l4", 1), CONTAINER, json!({"image": image}));
        assert_eq!(count("INF060", &object), found, "{image}");
    }
}

#[test]
fn only_releases_of_their_publisher_lack_their_v() {
    let image = |image: &str| {
        count(
            "INF061",
            &merged(vllm(&["--model=Qwen/Qwen3-8B"], "nvidia-l4", 1), CONTAINER, json!({"image": image})),
        )
    };
    for wrong in
        ["vllm/vllm-openai:0.10.1.1", "docker.io/vllm/vllm-openai:0.8.5.post1", "lmsysorg/sglang:0.5.9-cu129"]
    {
        assert_eq!(image(wrong), 1, "{wrong}");
    }
    for right in [
        "vllm/vllm-openai:v0.10.1.1",
        "vllm/vllm-openai:latest",
        "vllm/vllm-openai:nightly-0.9.1",
        "vllm/vllm-openai",
        "registry.example.com/vllm/vllm-openai:0.10.1",
        "ghcr.io/huggingface/text-generation-inference:3.0.1",
    ] {
        assert_eq!(image(right), 0, "{right}");
    }
}

#[test]
fn an_image_runs_on_its_own_vendors_chips() {
    let on = |image: &str, resource: &str| {
        let mut object = vllm(&["--model=Qwen/Qwen3-8B"], "nvidia-l4", 1);
        object["spec"]["template"]["spec"]["nodeSelector"] = json!({});
        object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        object["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"limits": {resource: 1}});
        count("INF062", &object)
    };
    assert_eq!(on("vllm/vllm-openai:v0.10.2", "amd.com/gpu"), 1);
    assert_eq!(on("mirror.example.com/vllm/vllm-openai:v0.10.2", "google.com/tpu"), 1);
    assert_eq!(on("vllm/vllm-tpu:v0.12.0", "nvidia.com/gpu"), 1);
    assert_eq!(on("rocm/vllm:latest", "nvidia.com/gpu"), 1);
    for (image, resource) in [
        ("vllm/vllm-openai:v0.10.2", "nvidia.com/gpu"),
        // What carries another vendor's build says so, and whose chips an image of somebody's own runs on is not told.
        ("vllm/vllm-openai:v0.14.0-rocm", "amd.com/gpu"),
        ("vllm/vllm-openai-rocm:v0.14.0", "amd.com/gpu"),
        ("example.com/team/vllm-fork:1", "amd.com/gpu"),
        ("vllm/vllm-openai:v0.10.2", "nvidia.com/mig-1g.10gb"),
        ("vllm/vllm-openai:v0.10.2", "habana.ai/gaudi"),
    ] {
        assert_eq!(on(image, resource), 0, "{image} {resource}");
    }
}

#[test]
fn scales_lie_beside_weights_that_were_quantized() {
    let with = |model: &str, method: &str| {
        count(
            "INF063",
            &vllm(&[&format!("--model={model}"), &format!("--quantization={method}")], "nvidia-l4", 1),
        )
    };
    assert_eq!(with("Qwen/Qwen3-8B", "awq"), 1);
    assert_eq!(with("Qwen/Qwen3-8B", "gptq_marlin"), 1);
    // Made while loading, or weights that nobody here knows.
    assert_eq!(with("Qwen/Qwen3-8B", "fp8"), 0);
    assert_eq!(with("Qwen/Qwen3-8B", "bitsandbytes"), 0);
    assert_eq!(with("Qwen/Qwen3-8B-AWQ", "awq"), 0);
    assert_eq!(with("example/own", "awq"), 0);
}
