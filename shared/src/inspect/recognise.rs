//! Whether a container may run a server at all: a look that allocates nothing, since most Pods run none.

use serde_json::Value;

use super::Image;

/// Names without which no command line starts a server that is known, by their first letter.
const NAMES: [&str; 13] = [
    "vllm",
    "sglang",
    "trtllm",
    "triton",
    "text-generation-launcher",
    "tensorrt_llm",
    "huggingfaceserver",
    "ollama",
    "llama",
    "maxengine",
    "jetstream",
    // An option that no other server has, of an image that does not say what it carries.
    "gpu-memory-utilization",
    "gpu_memory_utilization",
];

/// Whether a container of `template` may run a server.
pub(super) fn may_serve(template: &Value) -> bool {
    let Some(spec) = template.get("spec") else { return false };
    let containers = ["containers", "initContainers"].into_iter();
    let containers = containers.filter_map(|field| spec.get(field)?.as_array()).flatten();
    containers.into_iter().any(names_server)
}

fn names_server(container: &Value) -> bool {
    let image = container.get("image").and_then(Value::as_str);
    if image.is_some_and(|image| Image::parse(image).server().is_some()) {
        return true;
    }
    let words =
        ["command", "args"].into_iter().filter_map(|field| container.get(field)?.as_array()).flatten();
    // A shell variable may hold the program's name.
    let variables = container.get("env").and_then(Value::as_array).into_iter().flatten();
    let values = variables.filter_map(|variable| variable.get("value"));
    let has_words = container.get("command").is_some() || container.get("args").is_some();
    words.filter_map(Value::as_str).any(holds_name)
        || (has_words && values.filter_map(Value::as_str).any(|value| value.contains("vllm serve")))
}

/// Whether one of the names begins a word of `text`; one pass over it.
fn holds_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut before = b' ';
    for (index, byte) in bytes.iter().enumerate() {
        let begins = !before.is_ascii_alphanumeric();
        before = *byte;
        if begins && matches!(byte, b'v' | b's' | b't' | b'h' | b'o' | b'l' | b'm' | b'j' | b'g') {
            let rest = &bytes[index..];
            if NAMES.iter().any(|name| rest.starts_with(name.as_bytes())) {
                return true;
            }
        }
    }
    false
}
