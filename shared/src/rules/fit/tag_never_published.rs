//! INF061: a tag that the image's publisher never wrote.

use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// Repositories on Docker Hub whose releases are all tagged `v0.…`.
const WITH_V: [&str; 3] = ["vllm/vllm-openai", "vllm/vllm-tpu", "lmsysorg/sglang"];

/// INF061.
pub(crate) static RULE: Rule = Rule {
    id: "INF061",
    name: "tag-never-published",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The image's tag names a release without the `v` that every tag of its publisher has",
    needs: "vLLM's or SGLang's own image on Docker Hub",
    rationale: "The registry has no such tag: the Pod stays in `ErrImagePull`.",
    fix: None,
    source: "hub.docker.com/r/vllm/vllm-openai/tags; hub.docker.com/r/lmsysorg/sglang/tags",
    check: Check::Workload(check),
    examples: examples!("INF061"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let image = &facts.pod.image;
    let repository = image.repository.strip_prefix("docker.io/").unwrap_or(image.repository);
    let tag = image.tag.filter(|tag| image.digest.is_none() && is_release(tag));
    let Some(tag) = tag.filter(|_| WITH_V.contains(&repository)) else { return Vec::new() };
    let what = format!("`{}` has no tag `{tag}`", image.repository);
    let at = facts.pod.serving().pointer(["image"]);
    vec![Found::new(at, what, format!("write `{}:v{tag}`", image.repository))]
}

/// `0.10.1.1`, `0.8.5.post1`, `0.5.9-cu129`: numbers and dots first.
fn is_release(tag: &str) -> bool {
    let numbers = tag.split(['-', 'p', 'r']).next().unwrap_or_default().trim_end_matches('.');
    let parts: Vec<&str> = numbers.split('.').collect();
    parts.len() >= 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
}
