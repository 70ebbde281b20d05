//! INF029: a model path that is no path in the container.

use super::weights::runs_script;
use crate::inspect::{Container, ModelSource, Mount, VolumeSource};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF029.
pub(crate) static RULE: Rule = Rule {
    id: "INF029",
    name: "model-path-without-volume",
    group: Group::Storage,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The model is a path that no volume provides, beside a volume that is mounted elsewhere",
    needs: "a server's own image, which has no model in it, and a bucket or claim mounted at another path",
    rationale: "The server does not find the path, takes it for an id on the Hub and crash-loops with \
                `HFValidationError`.",
    fix: None,
    source: "cloud.google.com/kubernetes-engine/docs/how-to/machine-learning/inference/inference-quickstart, \
             troubleshooting",
    check: Check::Workload(check),
    examples: examples!("INF029"),
};

/// Images of the servers' makers.
const BARE_IMAGES: [&str; 5] = [
    "vllm/vllm-openai",
    "vllm/vllm-tpu",
    "lmsysorg/sglang",
    "ghcr.io/huggingface/text-generation-inference",
    "nvcr.io/nvidia/tensorrt-llm/release",
];

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let pod = facts.pod;
    let ModelSource::Path(path) = &pod.model else { return Vec::new() };
    let container = pod.serving();
    let repository = pod.image.repository;
    let bare = BARE_IMAGES.contains(&repository.strip_prefix("docker.io/").unwrap_or(repository));
    // KServe mounts `/mnt/models` itself.
    let injected = path.starts_with("/mnt/models");
    if !bare || injected || !path.starts_with('/') || runs_script(container) || is_provided(container, path) {
        return Vec::new();
    }
    let holds_files = |mount: &&Mount<'_>| {
        let volume = pod.volumes.iter().find(|volume| volume.name == mount.volume);
        let source = volume.map(|volume| volume.source);
        matches!(source, Some(VolumeSource::Fuse { .. } | VolumeSource::Claim { .. }))
            && !mount.path.contains("cache")
    };
    let Some(mount) = container.mounts.iter().find(holds_files) else { return Vec::new() };
    let at =
        pod.arguments.option(&["model", "model-path", "model-id"]).map(|option| option.at.pointer().clone());
    let at = at.unwrap_or_else(|| container.pointer(["args"]));
    let what = format!(
        "the model is `{path}`, and no volume is mounted there; `{}` is at `{}`",
        mount.volume, mount.path
    );
    vec![Found::new(
        at,
        what,
        format!("name a directory below `{}`, or mount the volume at `{path}`", mount.path),
    )]
}

/// Whether a mount is at `path`, above it or below it, or the image's own file system has it.
fn is_provided(container: &Container<'_>, path: &str) -> bool {
    let below = |mount: &Mount<'_>| mount.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    container.mount_of(path).is_some() || container.mounts.iter().any(below)
}
