//! INF050: weights larger than the accelerators' memory.

use super::split::Split;
use crate::catalog::{Accelerator, Checkpoint, GIB};
use crate::inspect::{ServerKind, Told};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// Share of the weight files that a server may leave out: layers for speculative decoding (2 % of DeepSeek-V3's), and
/// what a source rounds. Activations and cache come on top and are not counted here at all.
const NOT_LOADED: f64 = 0.05;

/// INF050.
pub(crate) static RULE: Rule = Rule {
    id: "INF050",
    name: "weights-exceed-memory",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The weights do not fit the accelerators' memory",
    needs: "a model and an accelerator of the catalog, a replica of one Pod, every parallel size, and weights that \
            load as they are published (no quantization at load, no offload)",
    rationale: "The server runs out of device memory while it loads, or finds none left for the KV cache, and exits.",
    fix: None,
    source: "sizes of the published weights; device memory as drivers report it; shared/src/estimate/memory",
    check: Check::Workload(check),
    examples: examples!("INF050"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some((split, accelerator, checkpoint)) = loaded_as_published(facts) else { return Vec::new() };
    let budget = budget_bytes(facts, accelerator) / GIB;
    // With pipeline stages and data-parallel ranks alike, a chip cannot hold less than an even share of the weights
    // over all of them.
    let chips = split.ranks() as f64 / f64::from(split.devices_per_chip);
    let share = checkpoint.bytes as f64 / chips / GIB;
    if chips < 1.0 || share * (1.0 - NOT_LOADED) <= budget {
        return Vec::new();
    }
    let Some(request) = &facts.pod.accelerator else { return Vec::new() };
    let least = (checkpoint.bytes as f64 / GIB / budget).ceil();
    let what = format!(
        "`{}` has {:.0} GiB of weights, {share:.1} GiB for each of {chips:.0} {}, of which the server may take {budget:.1} GiB",
        checkpoint.id,
        checkpoint.bytes as f64 / GIB,
        accelerator.id
    );
    let remedy = format!("split over at least {least:.0} accelerators, take larger ones or smaller weights");
    vec![Found::new(request.at.clone(), what, remedy)]
}

/// The split, the accelerator and the weights, where these load at their published size.
pub(super) fn loaded_as_published<'a>(facts: &Facts<'a>) -> Option<(Split, &'a Accelerator, &'a Checkpoint)> {
    const CHANGES: [&str; 9] = [
        "cpu-offload-gb",
        "offload-backend",
        "offload-group-size",
        "hf-overrides",
        "json-model-override-args",
        "torchao-config",
        "override-neuron-config",
        "cpu-offload-params",
        "gguf-file",
    ];
    let pod = facts.pod;
    let split = Split::of(facts)?;
    let accelerator = facts.accelerator?;
    let (_, checkpoint) = facts.model?;
    let changed = pod.arguments.option(&CHANGES).is_some();
    let dtype = matches!(
        pod.dtype.known().map(String::as_str),
        None | Some("auto" | "half" | "float16" | "bfloat16")
    );
    let format = match pod.arguments.text(&["load-format"]) {
        Told::Unset => true,
        Told::Is(format) => ["auto", "safetensors", "runai_streamer"].contains(&format.as_str()),
        Told::Unknown => false,
    };
    let as_published = match pod.quantization.known().map(String::as_str) {
        None => !matches!(pod.quantization, Told::Unknown),
        // Weights that are quantized already are named so; others are quantized while they load.
        Some(_) => checkpoint.precision.is_quantized(),
    };
    (dtype && format && as_published && !changed).then_some((split, accelerator, checkpoint))
}

/// What the server may take of a device: its share where that is told or known, else all of it.
fn budget_bytes(facts: &Facts<'_>, accelerator: &Accelerator) -> f64 {
    let device = accelerator.usable_memory_bytes();
    match facts.pod.server {
        ServerKind::Vllm => memory_fraction(facts).map_or(device, |fraction| device * fraction),
        _ => device,
    }
}

/// Share of a device that vLLM takes; `None` where that cannot be told.
pub(super) fn memory_fraction(facts: &Facts<'_>) -> Option<f64> {
    /// Of the newest version: the largest default of any.
    const LARGEST: f64 = 0.92;
    let default = facts.version.map_or(LARGEST, |version| version.memory_fraction);
    facts.pod.memory_fraction.or_default(default).filter(|fraction| *fraction > 0.0 && *fraction <= 1.0)
}
