//! INF051: a longest sequence that the KV cache does not hold.

use super::weights_exceed_memory::{loaded_as_published, memory_fraction};
use crate::catalog::{CacheElement, GIB, MemoryScope};
use crate::curve::Parallelism;
use crate::estimate::memory::{EngineLimits, MemoryPlan, fit};
use crate::inspect::{ServerKind, Told};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF051.
pub(crate) static RULE: Rule = Rule {
    id: "INF051",
    name: "context-exceeds-cache",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The longest sequence does not fit the KV cache",
    needs: "vLLM on GPUs, a model and an accelerator of the catalog, a replica of one Pod split by tensor parallelism \
            alone, `--max-model-len` or the model's own longest sequence",
    rationale: "vLLM measures the memory left for its cache at start and exits when one sequence of the longest length \
                does not fit.",
    fix: None,
    source: "vllm/v1/core/kv_cache_utils.py: `is larger than the available KV cache memory`; \
             shared/src/estimate/memory",
    check: Check::Workload(check),
    examples: examples!("INF051"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(request) = &facts.pod.accelerator else { return Vec::new() };
    let Some(plan) = generous_plan(facts) else { return Vec::new() };
    let Some((model, _)) = facts.model else { return Vec::new() };
    let Some(asked) = facts.pod.max_context_tokens.or_default(model.max_context_tokens) else {
        return Vec::new();
    };
    let needed = plan.sequence_bytes(asked);
    if asked == 0 || needed <= plan.cache_bytes {
        return Vec::new();
    }
    let holds = longest(&plan, asked);
    let at = facts.pod.arguments.option(&["max-model-len"]).map(|option| option.at.pointer().clone());
    let whose = if at.is_some() { "`--max-model-len`" } else { "the model's longest sequence" };
    let what = format!(
        "{whose} is {asked} tokens, whose KV cache takes {:.1} GiB an accelerator; {:.1} GiB are left beside the \
         weights, enough for {holds} at most",
        needed / GIB,
        plan.cache_bytes / GIB
    );
    // Activations take their part of what is left: a quarter less is what will start.
    let safe = holds / 4 * 3 / 1024 * 1024;
    let remedy = match safe {
        0 => "split over more accelerators, or take larger ones".to_owned(),
        _ => format!("set `--max-model-len` to {safe} or less, or split over more accelerators"),
    };
    vec![Found::new(at.unwrap_or_else(|| request.at.clone()), what, remedy)]
}

/// The memory of a device at its most generous: the runtime's context is counted, but no activations and no graphs, which take 1 GiB and more. What does not fit this does not fit.
fn generous_plan(facts: &Facts<'_>) -> Option<MemoryPlan> {
    const CHANGES: [&str; 5] = [
        "kv-cache-memory-bytes",
        "num-gpu-blocks-override",
        "decode-context-parallel-size",
        "kv-transfer-config",
        "kv-offloading-size",
    ];
    let pod = facts.pod;
    let (split, accelerator, checkpoint) = loaded_as_published(facts)?;
    let (model, _) = facts.model?;
    let plain = split.pipeline == 1 && split.data == 1 && split.devices_per_chip == 1;
    if pod.server != ServerKind::Vllm || facts.is_tpu() || !plain || pod.arguments.option(&CHANGES).is_some()
    {
        return None;
    }
    let cache_element = match &pod.cache_dtype {
        Told::Unset => None,
        Told::Is(dtype) if dtype == "auto" => None,
        Told::Is(dtype) if dtype.starts_with("fp8") => Some(CacheElement::Fp8),
        Told::Is(_) | Told::Unknown => return None,
    };
    let limits = EngineLimits {
        memory_fraction: memory_fraction(facts)?,
        memory_scope: MemoryScope::Everything,
        max_sequences: 1,
        max_batched_tokens: 1,
        cache_element,
    };
    fit(model, checkpoint, accelerator, Parallelism::tensor(split.tensor), limits, 1).ok()
}

fn longest(plan: &MemoryPlan, asked: u64) -> u64 {
    let fits = |tokens: u64| plan.sequence_bytes(tokens) <= plan.cache_bytes;
    let (mut holds, mut exceeds) = (0, asked);
    while exceeds - holds > 1 {
        let middle = holds + (exceeds - holds) / 2;
        if fits(middle) {
            holds = middle;
        } else {
            exceeds = middle;
        }
    }
    holds
}
