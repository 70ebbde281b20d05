//! The command line as the server will read it.

use serde_json::Value;

use super::Rule;
use crate::inspect::{Container, PointerBuf, ServingPod};

mod command_in_one_element;
mod deprecated_flag;
mod duplicate_variable;
mod missing_dashes;
mod options_as_command;
mod positional_model;
mod serve_repeated;
mod service_named_vllm;
mod space_in_argument;
#[cfg(test)]
mod tests;
mod unexpanded_reference;
mod unknown_flag;
mod value_not_taken;
mod value_of_switch;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] = &[
    &unknown_flag::RULE,
    &deprecated_flag::RULE,
    &space_in_argument::RULE,
    &command_in_one_element::RULE,
    &serve_repeated::RULE,
    &positional_model::RULE,
    &unexpanded_reference::RULE,
    &duplicate_variable::RULE,
    &value_not_taken::RULE,
    &missing_dashes::RULE,
    &options_as_command::RULE,
    &value_of_switch::RULE,
    &service_named_vllm::RULE,
];

/// An element of `command` or `args`, as written.
#[derive(Debug, Clone)]
pub(super) struct Element<'a> {
    /// Its text.
    pub(super) text: &'a str,
    /// Where it stands.
    pub(super) at: PointerBuf,
}

/// Elements of a container's `command` or `args`.
pub(super) fn elements<'a>(container: &Container<'a>, field: &'static str) -> Vec<Element<'a>> {
    let list = container.value.get(field).and_then(Value::as_array).into_iter().flatten().enumerate();
    let texts = list.filter_map(|(index, element)| {
        let at = container.pointer([field, &index.to_string()]);
        element.as_str().map(|text| Element { text, at })
    });
    texts.collect()
}

/// Texts of a container's `command` or `args`, where nothing is to be pointed at.
pub(super) fn texts<'a>(container: &Container<'a>, field: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let list = container.value.get(field).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// Whether a shell reads the command line, so that spaces separate and `${X}` is expanded.
pub(super) fn has_shell(container: &Container<'_>) -> bool {
    const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "zsh", "busybox"];
    let words = texts(container, "command").chain(texts(container, "args"));
    let mut words = words.flat_map(|text| text.split_whitespace().take(3));
    words.any(|word| SHELLS.contains(&word.rsplit('/').next().unwrap_or(word)))
}

/// Whether the words of `args` reach the server's own parser: a command of the server, or none over an image whose
/// entrypoint is the server.
pub(super) fn reaches_server(pod: &ServingPod<'_>) -> bool {
    const SERVERS: [&str; 4] =
        ["serve", "vllm.entrypoints.openai.api_server", "sglang.launch_server", "text-generation-launcher"];
    let container = pod.serving();
    if has_shell(container) {
        return pod.arguments.program.iter().any(|word| SERVERS.contains(&word.as_str()));
    }
    let mut command = texts(container, "command").peekable();
    match command.peek() {
        None => has_own_image(pod),
        Some(_) => command.chain(texts(container, "args").take(3)).any(|word| SERVERS.contains(&word)),
    }
}

/// Whether the image is the server's own, or a mirror of it, whose tag is the server's version and whose entrypoint
/// is the server.
pub(super) fn has_own_image(pod: &ServingPod<'_>) -> bool {
    let name = pod.image.repository.rsplit('/').next().unwrap_or_default();
    name == "vllm-openai"
        || name == "text-generation-inference"
        || pod.image.repository.ends_with("lmsysorg/sglang")
}

/// Version of the server that the image's tag names, without the build that it is of: `0.8.5.post1` of
/// `v0.8.5.post1-cu124`; `None` where the image is somebody's own, whose tags mean something else.
pub(super) fn version_of<'p>(pod: &'p ServingPod<'_>) -> Option<&'p str> {
    const BUILDS: [&str; 6] = ["cu", "x86", "aarch64", "arm64", "amd64", "ubuntu"];
    if !has_own_image(pod) || pod.image.digest.is_some_and(|_| pod.image.tag.is_none()) {
        return None;
    }
    let version = pod.version.known()?.trim_start_matches('v');
    match version.split_once('-') {
        None => Some(version),
        Some((release, build)) => BUILDS.iter().any(|known| build.starts_with(known)).then_some(release),
    }
}

/// The first `count` numbers of that version; `None` where one of them is no number, as in `0.9.0rc1`.
pub(super) fn version_numbers(pod: &ServingPod<'_>, count: usize) -> Option<Vec<u32>> {
    version_of(pod)?.split('.').take(count).map(|part| part.parse().ok()).collect()
}
