//! INF056: a number format that the accelerator does not compute in.

use crate::catalog::{AcceleratorKind, Precision};
use crate::inspect::ServerKind;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF056.
pub(crate) static RULE: Rule = Rule {
    id: "INF056",
    name: "format-not-supported",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The accelerator does not run the quantization or element type",
    needs: "vLLM, an accelerator of the catalog, and `--dtype`, `--quantization` or a checkpoint of the catalog",
    rationale: "The server exits at start. FP8 and 4-bit weights need no units of their own: vLLM unpacks them on every \
                GPU since Ampere, FP8 and INT4 since Turing.",
    fix: None,
    source: "docs.vllm.ai, Quantization, supported hardware; FP8 W8A8: `FP8 models will run on compute capability >= 7.5 \
             as weight-only W8A16`; vllm-project/vllm issue 1157",
    check: Check::Workload(check),
    examples: examples!("INF056"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(accelerator) = facts.accelerator.filter(|_| facts.pod.server == ServerKind::Vllm) else {
        return Vec::new();
    };
    let option = |name: &str| facts.pod.arguments.option(&[name]).map(|option| option.at.pointer().clone());
    let is_gpu = accelerator.kind == AcceleratorKind::Gpu;
    let dtype = facts.pod.dtype.known().map(String::as_str);
    if let (Some(at), Some("bfloat16"), true) = (option("dtype"), dtype, is_gpu && !accelerator.has_bf16) {
        let what = format!("{} does not compute in bfloat16", accelerator.id);
        return vec![Found::new(at, what, "set `--dtype=half`")];
    }
    if let (Some(at), Some(method)) = (option("quantization"), facts.pod.quantization.known()) {
        if !runs_method(&accelerator.generation, is_gpu, method) {
            let what = format!("{} has no kernels for `{method}`", accelerator.id);
            return vec![Found::new(at, what, "take other weights, or another accelerator")];
        }
        return Vec::new();
    }
    let Some((_, checkpoint)) = facts.model else { return Vec::new() };
    let Some(request) = &facts.pod.accelerator else { return Vec::new() };
    if runs_weights(&accelerator.generation, checkpoint.precision) {
        return Vec::new();
    }
    let what = format!(
        "{} does not run the {} weights of `{}`",
        accelerator.id, checkpoint.precision, checkpoint.id
    );
    vec![Found::new(request.at.clone(), what, "take weights of another format, or another accelerator")]
}

/// Whether vLLM quantizes or unpacks by `method` on the chip; what is not known counts as run.
fn runs_method(generation: &str, is_gpu: bool, method: &str) -> bool {
    match (generation, method) {
        (_, "bitsandbytes" | "gptq_marlin" | "awq_marlin" | "marlin") if !is_gpu => false,
        ("volta", "fp8" | "awq" | "gptq_marlin" | "awq_marlin" | "marlin" | "mxfp4" | "modelopt_fp4") => {
            false
        }
        ("turing", "mxfp4" | "modelopt_fp4") => false,
        _ => true,
    }
}

fn runs_weights(generation: &str, precision: Precision) -> bool {
    match precision {
        Precision::Fp8 => generation != "volta",
        Precision::Mxfp4 | Precision::Nvfp4 => !["volta", "turing"].contains(&generation),
        Precision::Bf16 | Precision::Fp16 | Precision::Int8 | Precision::Int4 => true,
    }
}
