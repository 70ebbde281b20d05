//! Which container serves, and what only looks like a server.

use super::*;
use crate::inspect::ServerKind;

fn server(container: &str) -> Option<ServerKind> {
    match inspect(&deployment(container)) {
        Subject::Workload(workload) => Some(workload.pods[0].server),
        _ => None,
    }
}

#[test]
fn servers_by_their_command() {
    for (command, expected) in [
        ("[vllm, serve, a/b]", ServerKind::Vllm),
        ("[python3, -m, sglang.launch_server, --model-path, a/b]", ServerKind::Sglang),
        ("[trtllm-serve, a/b, --tp_size, '2']", ServerKind::TensorrtLlm),
        ("[trtllm-llmapi-launch, trtllm-serve, serve, a/b]", ServerKind::TensorrtLlm),
        ("[text-generation-launcher, --model-id, a/b]", ServerKind::Tgi),
        ("[tritonserver, --model-repository=gs://bucket/models]", ServerKind::Triton),
        ("[python, -m, huggingfaceserver, --model_id=a/b]", ServerKind::KserveHuggingFace),
        ("[ollama, serve]", ServerKind::LlamaCpp),
        ("[/app/llama-server, -hf, a/b]", ServerKind::LlamaCpp),
        ("[tini, --, vllm, serve, a/b]", ServerKind::Vllm),
        ("[env, A=b, vllm, serve, a/b]", ServerKind::Vllm),
        ("[bash, -c, 'bash -c \"vllm serve a/b\"']", ServerKind::Vllm),
    ] {
        assert_eq!(server(&format!("image: x/own:1\ncommand: {command}")), Some(expected), "{command}");
    }
}

#[test]
fn servers_by_their_image() {
    for (image, expected) in [
        ("vllm/vllm-openai:v0.9.0", ServerKind::Vllm),
        ("vllm/vllm-tpu:v0.27.0", ServerKind::Vllm),
        ("lmsysorg/sglang:v0.4.6", ServerKind::Sglang),
        ("ghcr.io/huggingface/text-generation-inference:3.0.1", ServerKind::Tgi),
        (
            "us-docker.pkg.dev/deeplearning-platform-release/gcr.io/huggingface-text-generation-inference-cu124.2-3.ubuntu2204.py311",
            ServerKind::Tgi,
        ),
        ("nvcr.io/nim/meta/llama-3.1-8b-instruct:1.3.3", ServerKind::Nim),
        ("us-docker.pkg.dev/cloud-tpu-images/inference/maxengine-server:v0.2.2", ServerKind::Jetstream),
        ("kserve/huggingfaceserver:v0.15.0", ServerKind::KserveHuggingFace),
        ("ollama/ollama:0.9.0", ServerKind::LlamaCpp),
    ] {
        assert_eq!(server(&format!("image: {image}\nargs: [--port=80]")), Some(expected), "{image}");
    }
}

#[test]
fn a_server_by_an_option_that_it_alone_has() {
    for container in [
        "image: registry.example.com/llm:1\nargs: [--model, a/b, --gpu-memory-utilization, '0.9']",
        "image: IMAGE_NAME\nargs: [--model=a/b, --gpu_memory_utilization=0.9]",
    ] {
        assert_eq!(server(container), Some(ServerKind::Vllm), "{container}");
    }
    serving(&deployment("image: x:0.9.1\nargs: [--gpu-memory-utilization=0.9]"), |pod| {
        assert_eq!(pod.version, Told::Unknown);
    });
}

#[test]
fn things_that_only_look_like_servers() {
    for container in [
        "image: x/vllm-benchmark:1\nargs: [--model, a/b, --gpu-memory-utilization, '0.9']",
        "image: x:1\ncommand: [python3, offline.py]\nargs: [--gpu-memory-utilization=0.9]\nports: [{containerPort: 80}]",
        "image: vllm/vllm-openai:v0.20.0\ncommand: [vllm, launch, render, a/b]\nports: [{containerPort: 8000}]",
        "image: vllm/vllm-openai:v0.20.0\ncommand: [vllm, bench, serve, --model, a/b]",
        "image: vllm/vllm-openai:v0.20.0\ncommand: [sleep, infinity]\nports: [{containerPort: 8000}]",
        "image: vllm/vllm-openai:v0.9.0\ncommand: [python3, convert_checkpoint.py, --model, a/b]",
        "image: vllm/vllm-openai:v0.9.0\ncommand: [bash, -c, 'hf download a/b && python3 quantize.py']",
        "image: lmsysorg/sglang:v0.5.0\ncommand: [python3, -m, sglang_router.launch_router, --port=80]\nports: [{containerPort: 80}]",
        "image: lmcache/lmstack-router:v1\nargs: [--port=8000]",
        "image: ghcr.io/llm-d/llm-d-inference-sim:v0.3.0\nargs: [--model, a/b, --port, '8000']",
        "image: nginx:1.27\nargs: [vllm]",
        "image: python:3.12\ncommand: [bash, -c, 'pip install vllm openai && python client.py']",
        "image: busybox\ncommand: [sh, -c, 'echo vllm serve a/b']",
        "args: [--tensor-parallel-size=2]",
        "image: replaced-by-kustomize\nargs: [--model=a/b]",
    ] {
        assert_eq!(server(container), None, "{container}");
    }
}

#[test]
fn a_server_as_a_native_sidecar() {
    let object = yaml(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {
            initContainers: [
              {name: fetch, image: vllm/vllm-openai:v0.9.0, command: [hf, download, a/b]},
              {name: vllm, image: vllm/vllm-openai:v0.9.0, restartPolicy: Always, args: [--model=a/b]}],
            containers: [{name: proxy, image: envoy:1}]}}",
    );
    serving(&object, |pod| {
        assert_eq!(pod.serving().name, "vllm");
        assert_eq!(pod.serving().at.as_str(), "/spec/initContainers/1");
    });
}

#[test]
fn an_init_container_that_runs_once_is_no_server() {
    let object = yaml(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {
            initContainers: [{name: vllm, image: vllm/vllm-openai:v0.9.0, args: [--model=a/b]}],
            containers: [{name: app, image: app:1}]}}",
    );
    assert_eq!(inspect(&object), Subject::Unrelated);
}

#[test]
fn a_first_container_that_only_prefetches() {
    let object = yaml(
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [
            {name: prefetch, image: vllm/vllm-openai:v0.9.0, command: [sh, -c, 'hf download a/b; sleep infinity']},
            {name: router, image: vllm/vllm-openai:v0.9.0, command: [python3, -m, vllm.entrypoints.disagg_proxy], ports: [{containerPort: 80}]},
            {name: server, image: own:1, command: [vllm, serve, a/b]}]}}",
    );
    serving(&object, |pod| assert_eq!(pod.serving().name, "server"));
}

#[test]
fn a_script_of_the_authors_own_in_a_servers_image() {
    let opaque = "image: vllm/vllm-openai:v0.9.0\ncommand: [/bin/bash, /scripts/start.sh]";
    assert_eq!(server(opaque), None);
    let answers = format!("{opaque}\nports: [{{containerPort: 8000}}]");
    assert_eq!(server(&answers), Some(ServerKind::Vllm));
    serving(&deployment(&answers), |pod| assert!(!pod.arguments.complete));
}
