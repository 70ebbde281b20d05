//! INF054: attention heads that do not split evenly.

use crate::catalog::AttentionKind;
use crate::inspect::{ServerKind, Told};
use crate::rules::arguments::reaches_server;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF054.
pub(crate) static RULE: Rule = Rule {
    id: "INF054",
    name: "heads-do-not-divide",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The model's attention heads do not split over the tensor parallel size",
    needs: "a model of the catalog, the tensor parallel size, vLLM, SGLang or TGI on GPUs",
    rationale: "Every rank takes the same number of heads; the server exits otherwise.",
    fix: None,
    source: "vllm/config: `Total number of attention heads must be divisible by tensor parallel size`",
    check: Check::Workload(check),
    examples: examples!("INF054"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some((model, _)) = facts.model else { return Vec::new() };
    let Told::Is(tensor) = facts.pod.parallelism.tensor else { return Vec::new() };
    let splits = matches!(facts.pod.server, ServerKind::Vllm | ServerKind::Sglang | ServerKind::Tgi);
    let otherwise = ["enable-dp-attention", "hf-overrides"];
    let otherwise = facts.pod.arguments.option(&otherwise).is_some() || facts.is_tpu();
    if !splits || otherwise || tensor == 0 || !reaches_server(facts.pod) {
        return Vec::new();
    }
    let heads = model.architecture.attention.iter().find_map(|group| match group.kind {
        AttentionKind::Full { heads, .. } | AttentionKind::Sliding { heads, .. } => Some(heads),
        AttentionKind::Latent { heads, .. } | AttentionKind::Compressed { heads, .. } => Some(heads),
        AttentionKind::Recurrent { .. } => None,
    });
    let Some(heads) = heads.filter(|heads| !heads.is_multiple_of(tensor)) else { return Vec::new() };
    let option = facts.pod.arguments.option(&["tensor-parallel-size", "tp-size", "tp", "num-shard"]);
    let Some(option) = option else { return Vec::new() };
    let sizes: Vec<_> =
        (1..=16).filter(|size| heads.is_multiple_of(*size)).map(|size: u32| size.to_string()).collect();
    let what = format!("`{}` has {heads} attention heads, which do not split over {tensor}", model.id);
    vec![Found::new(option.at.pointer().clone(), what, format!("take one of {}", sizes.join(", ")))]
}
