//! How servers read their command lines: which options are switches, which take a list, which names are short for
//! others.

use super::ServerKind;

/// Whether the option `name` of `server` stands without a value, so that the next word is not its value.
pub(super) fn is_switch(server: ServerKind, name: &str) -> bool {
    const WITH_VALUE: [&str; 5] = [
        "disable-access-log-for-endpoints",
        "disable-log",
        "enable-deepep-buffer-size",
        "disable-cuda-graph-max-bs",
        "enable-cache-report-every",
    ];
    const OTHERS: [&str; 26] = [
        "headless",
        "enforce-eager",
        "trust-remote-code",
        "allow-credentials",
        "allow-deprecated-quantization",
        "async-scheduling",
        "return-tokens-as-token-ids",
        "return-sampling-mask",
        "tokens-only",
        "trust-request-chat-template",
        "skip-tokenizer-init",
        "skip-mm-profiling",
        "use-tqdm-on-load",
        "data-parallel-hybrid-lb",
        "data-parallel-external-lb",
        "fully-sharded-loras",
        "language-model-only",
        "interleave-mm-strings",
        "kv-sharing-fast-prefill",
        "kv-cache-metrics",
        "cudagraph-metrics",
        "log-error-stack",
        "ray-workers-use-nsight",
        "numa-bind",
        "use-v2-block-manager",
        "worker-use-ray",
    ];
    const SGLANG: [&str; 8] = [
        "is-embedding",
        "log-requests",
        "show-time-cost",
        "skip-server-warmup",
        "allow-auto-truncate",
        "triton-attention-reduce-in-fp32",
        "delete-ckpt-after-loading",
        "decrypted-config-file-only",
    ];
    match server {
        ServerKind::Vllm | ServerKind::Sglang | ServerKind::TensorrtLlm | ServerKind::KserveHuggingFace => {
            let by_prefix = ["enable-", "disable-", "no-"].iter().any(|prefix| name.starts_with(prefix));
            (by_prefix && !WITH_VALUE.contains(&name))
                || OTHERS.contains(&name)
                || (server == ServerKind::Sglang && SGLANG.contains(&name))
        }
        ServerKind::Tgi => {
            name.starts_with("disable-")
                || ["trust-remote-code", "sharded", "json-output", "env"].contains(&name)
                || name == "enable-cuda-graphs"
        }
        ServerKind::LlamaCpp => {
            ["mlock", "no-mmap", "jinja", "metrics", "cont-batching", "embedding"].contains(&name)
        }
        ServerKind::Jetstream | ServerKind::Triton | ServerKind::Nim | ServerKind::Ray => false,
    }
}

/// Whether the option `name` of `server` takes every word up to the next option.
pub(super) fn takes_list(server: ServerKind, name: &str) -> bool {
    const LISTS: [&str; 16] = [
        "served-model-name",
        "api-key",
        "lora-modules",
        "allowed-media-domains",
        "logits-processors",
        "ignore-patterns",
        "numa-bind-cpus",
        "numa-bind-nodes",
        "kv-cache-dtype-skip-layers",
        "lora-target-modules",
        "collect-detailed-traces",
        "cudagraph-capture-sizes",
        "prompt-adapters",
        "lora-paths",
        "cuda-graph-bs",
        "device-ids",
    ];
    matches!(server, ServerKind::Vllm | ServerKind::Sglang) && LISTS.contains(&name)
}

/// The full name of `name`, where it is a short form that `server` documents, or the beginning of a name that no
/// other option of it begins with.
pub(super) fn full_name(server: ServerKind, name: &str, dashes: usize) -> Option<&'static str> {
    const VLLM: [(&str, &str); 16] = [
        ("tp", "tensor-parallel-size"),
        ("pp", "pipeline-parallel-size"),
        ("dp", "data-parallel-size"),
        ("dpl", "data-parallel-size-local"),
        ("dpr", "data-parallel-start-rank"),
        ("dpn", "data-parallel-rank"),
        ("dpa", "data-parallel-address"),
        ("dpp", "data-parallel-rpc-port"),
        ("dpb", "data-parallel-backend"),
        ("dph", "data-parallel-hybrid-lb"),
        ("dpe", "data-parallel-external-lb"),
        ("ep", "enable-expert-parallel"),
        ("pcp", "prefill-context-parallel-size"),
        ("dcp", "decode-context-parallel-size"),
        ("q", "quantization"),
        ("n", "nnodes"),
    ];
    const LLAMA: [(&str, &str); 7] = [
        ("m", "model"),
        ("c", "ctx-size"),
        ("ngl", "gpu-layers"),
        ("np", "parallel"),
        ("hf", "hf-repo"),
        ("hfr", "hf-repo"),
        ("fa", "flash-attn"),
    ];
    // The shortest beginning that is nobody else's in any version since 0.6; see the flags of 0.32.0 under tests/data.
    const BEGINNINGS: [(&str, &str); 10] = [
        ("tensor-", "tensor-parallel-size"),
        ("pipeline-", "pipeline-parallel-size"),
        ("max-model", "max-model-len"),
        ("max-num-seq", "max-num-seqs"),
        ("max-num-batched", "max-num-batched-tokens"),
        ("gpu-mem", "gpu-memory-utilization"),
        ("download", "download-dir"),
        ("served-", "served-model-name"),
        ("kv-cache-dt", "kv-cache-dtype"),
        ("num-gpu-blocks", "num-gpu-blocks-override"),
    ];
    let short = |table: &[(&str, &'static str)]| {
        table.iter().find(|(short, _)| *short == name).map(|(_, full)| *full)
    };
    match (server, dashes) {
        (ServerKind::Vllm, 1) => short(&VLLM),
        (ServerKind::LlamaCpp, 1) => short(&LLAMA),
        (ServerKind::Vllm, _) => {
            let begins =
                |(beginning, full): &&(&str, &str)| name.starts_with(beginning) && full.starts_with(name);
            BEGINNINGS.iter().find(begins).map(|(_, full)| *full)
        }
        _ => None,
    }
}
