//! Which number formats a replica computes in.

use super::{ManifestError, Plan};
use crate::catalog::Precision;

/// Arguments that follow from the formats of weights and chip; `None`: the server's own choice is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Numerics {
    /// Element type of computation.
    pub(super) dtype: Option<&'static str>,
    /// Quantization of the weights at load.
    pub(super) quantization: Option<&'static str>,
}

/// Architectures whose activations overflow FP16; vLLM refuses them in it
/// (`_FLOAT16_NOT_SUPPORTED_MODELS` in `vllm/config`).
const UNSTABLE_IN_HALF: [&str; 4] = ["Gemma2", "Gemma3", "Plamo2", "Glm4"];

/// The arguments, or why the accelerator cannot run these weights.
pub(super) fn numerics(plan: &Plan<'_>) -> Result<Numerics, ManifestError> {
    let served = plan.quantize_at_load.unwrap_or(plan.checkpoint.precision);
    if !plan.accelerator.runs(served) || !plan.accelerator.runs(plan.checkpoint.precision) {
        return Err(ManifestError::Precision {
            accelerator: plan.accelerator.id.clone(),
            precision: served,
            capable: Vec::new(),
            instead: precisions_that_run(plan),
        });
    }
    let quantization = match plan.quantize_at_load {
        Some(Precision::Fp8) => Some("fp8"),
        _ => None,
    };
    Ok(Numerics { dtype: dtype(plan)?, quantization })
}

/// Chips without bfloat16 compute in FP16, which has to be said.
fn dtype(plan: &Plan<'_>) -> Result<Option<&'static str>, ManifestError> {
    if plan.accelerator.has_bf16 {
        return Ok(None);
    }
    let architecture = &plan.model.architecture.name;
    if UNSTABLE_IN_HALF.iter().any(|unstable| architecture.starts_with(unstable)) {
        return Err(ManifestError::UnstableInHalf {
            accelerator: plan.accelerator.id.clone(),
            architecture: architecture.clone(),
        });
    }
    // vLLM and SGLang take both spellings; the others only the long one.
    let short = matches!(plan.server.name.as_str(), "vllm" | "sglang");
    Ok(Some(if short { "half" } else { "float16" }))
}

fn precisions_that_run(plan: &Plan<'_>) -> Vec<Precision> {
    let precisions = plan.model.checkpoint_of_each_precision().map(|checkpoint| checkpoint.precision);
    let mut precisions: Vec<Precision> = precisions.filter(|other| plan.accelerator.runs(*other)).collect();
    precisions.sort_unstable();
    precisions
}
