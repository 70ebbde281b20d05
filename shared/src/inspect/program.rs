//! Which program a command line starts.

use super::ServerKind;

/// What a command line starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// A model server, by the first so many words.
    Server(ServerKind, usize),
    /// A program that belongs to a server but serves no model: a router, a renderer, a benchmark, a converter.
    Beside,
    /// Anything else.
    Other,
}

/// Programs that start the one that the words after them name.
const WRAPPERS: [&str; 22] = [
    "exec",
    "nohup",
    "env",
    "time",
    "nice",
    "numactl",
    "tini",
    "dumb-init",
    "timeout",
    "stdbuf",
    "sudo",
    "setsid",
    "nsys",
    "mpirun",
    "mpiexec",
    "uv",
    "uvx",
    "conda",
    "trtllm-llmapi-launch",
    "opentelemetry-instrument",
    "command",
    "catchsegv",
];

/// What `words` start, and the index of its first word.
pub(super) fn program(words: &[&str]) -> (usize, Program) {
    let mut from = 0;
    loop {
        let Some(rest) = words.get(from..).filter(|rest| !rest.is_empty()) else {
            return (0, Program::Other);
        };
        let found = plain_program(rest);
        if found != Program::Other {
            return (from, found);
        }
        let wraps = is_wrapper(rest[0]);
        // What stands between a wrapper and its program: options, their values, `A=b`, `--`.
        if from == 0 && !wraps && !is_assignment(rest[0]) {
            return (0, Program::Other);
        }
        if from >= 24 {
            return (0, Program::Other);
        }
        from += 1;
    }
}

/// Whether `word` names a program that starts another.
pub(super) fn is_wrapper(word: &str) -> bool {
    WRAPPERS.contains(&base_name(word))
}

fn plain_program(words: &[&str]) -> Program {
    let word = |index: usize| words.get(index).copied().unwrap_or_default();
    let server = |kind, count| Program::Server(kind, count);
    match base_name(word(0)) {
        "vllm" => match word(1) {
            "serve" => server(ServerKind::Vllm, 2),
            _ => Program::Beside,
        },
        "sglang" if word(1) == "serve" => server(ServerKind::Sglang, 2),
        "sglang" | "sglang-router" | "vllm-router" | "genai-perf" => Program::Beside,
        "trtllm-serve" => match word(1) {
            "serve" => server(ServerKind::TensorrtLlm, 2),
            "disaggregated" | "mm_embedding_serve" => Program::Beside,
            _ => server(ServerKind::TensorrtLlm, 1),
        },
        "text-generation-launcher" => server(ServerKind::Tgi, 1),
        "tritonserver" => server(ServerKind::Triton, 1),
        "ollama" if word(1) == "serve" => server(ServerKind::LlamaCpp, 2),
        "llama-server" => server(ServerKind::LlamaCpp, 1),
        "ray" if word(1) == "start" => server(ServerKind::Ray, 2),
        // vLLM's own script, which starts Ray and waits or serves.
        "multi-node-serving.sh" => server(ServerKind::Ray, 1),
        "serve" if matches!(word(1), "run" | "deploy" | "start") => server(ServerKind::Ray, 2),
        "start_server.sh" | "start-server.sh" if word(0).starts_with("/opt/nim/") => {
            server(ServerKind::Nim, 1)
        }
        name if name.starts_with("python") || name == "pypy3" => python(words),
        name if name.ends_with(".py") => script(word(0)).map_or(Program::Other, |kind| server(kind, 1)),
        _ => Program::Other,
    }
}

/// `python3 -u -m module`, `python path/to/script.py`.
fn python(words: &[&str]) -> Program {
    let mut index = 1;
    while let Some(word) = words.get(index) {
        match *word {
            "-m" => {
                let module_name = words.get(index + 1).copied().unwrap_or_default();
                return module(module_name, words.get(index + 2).copied(), index + 2);
            }
            "-c" | "-" => return Program::Other,
            "-W" | "-X" => index += 2,
            option if option.starts_with('-') => index += 1,
            path => return script(path).map_or(Program::Other, |kind| Program::Server(kind, index + 1)),
        }
    }
    Program::Other
}

fn module(name: &str, next: Option<&str>, count: usize) -> Program {
    match name {
        "vllm.entrypoints.openai.api_server" | "vllm.entrypoints.api_server" => {
            Program::Server(ServerKind::Vllm, count)
        }
        "vllm.entrypoints.cli.main" | "vllm" if next == Some("serve") => {
            Program::Server(ServerKind::Vllm, count + 1)
        }
        "sglang.launch_server" | "sglang.launch_server_llavavid" => {
            Program::Server(ServerKind::Sglang, count)
        }
        "huggingfaceserver" => Program::Server(ServerKind::KserveHuggingFace, count),
        "tensorrt_llm.commands.serve" => Program::Server(ServerKind::TensorrtLlm, count),
        "llama_cpp.server" => Program::Server(ServerKind::LlamaCpp, count),
        "jetstream_pt.cli" if next == Some("serve") => Program::Server(ServerKind::Jetstream, count + 1),
        "maxengine_server"
        | "MaxText.maxengine_server"
        | "jetstream_pt.run_server"
        | "jetstream.http.server" => Program::Server(ServerKind::Jetstream, count),
        _ if ["vllm", "sglang", "sglang_router", "tensorrt_llm"]
            .contains(&name.split('.').next().unwrap_or_default()) =>
        {
            Program::Beside
        }
        _ => Program::Other,
    }
}

/// A server's own start script.
fn script(path: &str) -> Option<ServerKind> {
    match base_name(path) {
        "api_server.py" if path.contains("vllm") => Some(ServerKind::Vllm),
        "launch_server.py" if path.contains("sglang") => Some(ServerKind::Sglang),
        "maxengine_server.py" => Some(ServerKind::Jetstream),
        "run_server.py" if path.contains("jetstream") => Some(ServerKind::Jetstream),
        "launch_triton_server.py" => Some(ServerKind::Triton),
        _ => None,
    }
}

/// Last part of a path.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}
