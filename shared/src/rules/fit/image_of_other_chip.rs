//! INF062: an image that is built for another vendor's accelerators.

use crate::inspect::Image;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF062.
pub(crate) static RULE: Rule = Rule {
    id: "INF062",
    name: "image-of-other-chip",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The image is built for other accelerators than the Pod asks for",
    needs: "vLLM's own images, AMD's of vLLM, and whole accelerators of a vendor",
    rationale: "The image carries the libraries of one vendor. On another's accelerator the server finds no device and \
                exits.",
    fix: None,
    source: "docs.vllm.ai, installation: CUDA `vllm/vllm-openai`, ROCm `rocm/vllm` and `vllm/vllm-openai-rocm`, TPU \
             `vllm/vllm-tpu`",
    check: Check::Workload(check),
    examples: examples!("INF062"),
};

/// Images, and the resource of the accelerators that they run on.
const IMAGES: [(&str, &str); 4] = [
    ("vllm/vllm-openai", "nvidia.com/gpu"),
    ("vllm/vllm-openai-rocm", "amd.com/gpu"),
    ("rocm/vllm", "amd.com/gpu"),
    ("vllm/vllm-tpu", "google.com/tpu"),
];

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(request) = &facts.pod.accelerator else { return Vec::new() };
    let Some(built_for) = accelerator_of(&facts.pod.image) else { return Vec::new() };
    let own = IMAGES.iter().find(|(_, resource)| *resource == request.resource);
    let Some((image, resource)) = own.filter(|(_, resource)| *resource != built_for) else {
        return Vec::new();
    };
    let repository = facts.pod.image.repository;
    let what = format!("`{repository}` is built for `{built_for}`, and the Pod asks for `{resource}`");
    let remedy = format!("take an image for `{resource}`, such as `{image}`");
    vec![Found::new(facts.pod.serving().pointer(["image"]), what, remedy)]
}

/// The resource that an image is built for, whatever registry mirrors it.
fn accelerator_of(image: &Image<'_>) -> Option<&'static str> {
    let repository = image.repository;
    let is =
        |name: &str| repository.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    // Builds for others carry them in the tag.
    let tag = image.tag.unwrap_or_default();
    let is_special = ["rocm", "tpu", "xpu", "cpu", "gaudi", "hpu"].iter().any(|build| tag.contains(build));
    IMAGES.iter().find(|(name, _)| is(name) && !is_special).map(|(_, resource)| *resource)
}
