//! The memory model against figures that are known from elsewhere.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use infer_core::catalog::{Catalog, Precision};
use infer_core::curve::Parallelism;
use infer_core::estimate::memory::{
    DoesNotFit, EngineLimits, MemoryPlan, cache_bytes_per_token, fewest_accelerators, fit,
};

/// vLLM's limits on devices of at least 70 GiB, with the memory fraction of the versions before 0.2x.
const LIMITS: EngineLimits =
    EngineLimits { memory_fraction: 0.9, max_sequences: 1024, max_batched_tokens: 8192 };

fn plan(
    model: &str,
    precision: Precision,
    accelerator: &str,
    count: u32,
    context: u64,
) -> Result<MemoryPlan, DoesNotFit> {
    let catalog = Catalog::embedded();
    let model = catalog.find_model(model).expect("the model is in the catalog").model;
    let checkpoint = model.checkpoint_of(precision).expect("the catalog has weights of this precision");
    let accelerator = catalog.find_accelerator(accelerator).expect("the accelerator is in the catalog");
    fit(model, checkpoint, accelerator, Parallelism::tensor(count), LIMITS, context)
}

/// `2 · layers · kv heads · head width · 2 bytes`, from the models' own configuration files; for latent attention
/// `layers · (kv rank + rotary width) · 2 bytes`; sliding layers do not grow with the sequence.
#[test]
fn cache_of_a_token_is_that_of_the_models_dimensions() {
    let catalog = Catalog::embedded();
    let known = [
        ("meta-llama/Llama-3.2-1B-Instruct", 2 * 16 * 8 * 64 * 2),
        ("meta-llama/Llama-3.1-8B-Instruct", 131_072),
        ("meta-llama/Llama-3.1-70B-Instruct", 327_680),
        ("meta-llama/Llama-3.1-405B-Instruct", 516_096),
        ("Qwen/Qwen2.5-7B-Instruct", 57_344),
        ("Qwen/Qwen3-32B", 262_144),
        ("Qwen/Qwen3-30B-A3B", 98_304),
        ("Qwen/Qwen3-235B-A22B", 192_512),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 131_072),
        ("mistralai/Mistral-Small-24B-Instruct-2501", 163_840),
        ("microsoft/phi-4", 204_800),
        ("MiniMaxAI/MiniMax-M2.5", 253_952),
        ("deepseek-ai/DeepSeek-V3", 61 * (512 + 64) * 2),
        // Half of the layers look back a window only.
        ("openai/gpt-oss-120b", 2 * 18 * 8 * 64 * 2),
        ("google/gemma-2-27b-it", 2 * 23 * 16 * 128 * 2),
    ];
    for (id, bytes) in known {
        let model = catalog.find_model(id).expect(id).model;
        assert_eq!(cache_bytes_per_token(model), f64::from(bytes), "{id}");
    }
}

/// The published facts: gpt-oss-120b was made for one 80 GB device, the service runs gemma-2-27b on four L4, one
/// H100 or two A100 of 40 GB, DeepSeek-R1 in FP8 needs eight H200 where eight H100 do not hold it, Llama-3.1-405B
/// needs FP8 to run on eight H100.
#[test]
fn models_fit_where_they_are_known_to_fit() {
    use Precision::{Bf16, Fp8, Mxfp4};
    let known = [
        ("openai/gpt-oss-120b", Mxfp4, "nvidia-h100-80gb", 1),
        ("openai/gpt-oss-20b", Mxfp4, "nvidia-l4", 1),
        ("google/gemma-2-27b-it", Bf16, "nvidia-l4", 4),
        ("google/gemma-2-27b-it", Bf16, "nvidia-h100-80gb", 1),
        ("google/gemma-2-27b-it", Bf16, "nvidia-tesla-a100", 2),
        ("meta-llama/Llama-3.1-8B-Instruct", Bf16, "nvidia-l4", 1),
        ("meta-llama/Llama-3.3-70B-Instruct", Bf16, "nvidia-h100-80gb", 2),
        ("meta-llama/Llama-3.3-70B-Instruct", Bf16, "nvidia-b200", 1),
        ("deepseek-ai/DeepSeek-R1", Fp8, "nvidia-h200-141gb", 8),
        ("meta-llama/Llama-3.1-405B-Instruct", Fp8, "nvidia-h100-80gb", 8),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", Bf16, "nvidia-a100-80gb", 2),
        ("Qwen/Qwen3-32B", Bf16, "nvidia-h100-80gb", 1),
    ];
    let catalog = Catalog::embedded();
    for (id, precision, accelerator, fewest) in known {
        let model = catalog.find_model(id).expect(id).model;
        let checkpoint = model.checkpoint_of(precision).expect(id);
        let accelerator = catalog.find_accelerator(accelerator).expect(accelerator);
        // A small device has vLLM's smaller limits, as the catalog's version table says.
        let vllm = catalog.find_server("vllm").expect("vllm").find_version("v0.32.0").expect("v0.32.0");
        let limits = EngineLimits::of(vllm, accelerator);
        let found = fewest_accelerators(model, checkpoint, accelerator, &[1, 2, 4, 8], limits, 4096);
        let count = found.map(|(count, _)| count).map_err(|error| error.to_string());
        assert_eq!(count, Ok(fewest), "{id} ({precision}) on {}", accelerator.id);
    }
}

#[test]
fn models_do_not_fit_where_they_are_known_not_to() {
    let r1 = plan("deepseek-ai/DeepSeek-R1", Precision::Fp8, "nvidia-h100-80gb", 8, 1);
    assert!(matches!(r1, Err(DoesNotFit::Weights { .. })), "{r1:?}");
    let llama = plan("meta-llama/Llama-3.1-405B-Instruct", Precision::Bf16, "nvidia-h100-80gb", 8, 1);
    assert!(matches!(llama, Err(DoesNotFit::Weights { .. })), "{llama:?}");
    // 28 query heads do not split over 8.
    let qwen = plan("Qwen/Qwen2.5-7B-Instruct", Precision::Bf16, "nvidia-l4", 8, 1);
    assert_eq!(qwen.err(), Some(DoesNotFit::Heads { heads: 28, tensor: 8 }));
}

/// vLLM's own log for Qwen3-235B-A22B-FP8 on four H100: 8.11 GiB of cache hold 178,880 tokens
/// (github.com/vllm-project/vllm/issues/21348).
#[test]
fn a_servers_log_agrees_on_tokens_in_a_given_cache() {
    let plan = plan("Qwen/Qwen3-235B-A22B", Precision::Fp8, "nvidia-h100-80gb", 4, 4096).expect("it fits");
    let tokens = 8.11 * 1024.0_f64.powi(3) / plan.cache_bytes_per_token;
    assert!((tokens / 178_880.0 - 1.0).abs() < 0.02, "{tokens}");
}

/// A sequence past the window of half of the layers grows by the other half only.
#[test]
fn a_window_bounds_the_cache_of_its_layers() {
    let plan = plan("google/gemma-2-27b-it", Precision::Bf16, "nvidia-h100-80gb", 1, 4096).expect("it fits");
    let growth = |tokens| plan.sequence_bytes(tokens + 1) - plan.sequence_bytes(tokens);
    assert_eq!(growth(1000), 2.0 * growth(5000));
}

#[test]
fn more_accelerators_never_hold_less() {
    let catalog = Catalog::embedded();
    let h200 = catalog.find_accelerator("nvidia-h200-141gb").expect("h200");
    for model in catalog.models().expect("models") {
        let checkpoint = model.stock_checkpoint().expect("stock weights");
        let tokens = |count| {
            let plan = fit(model, checkpoint, h200, Parallelism::tensor(count), LIMITS, 1).ok()?;
            Some(plan.cache_tokens_at(4096))
        };
        let held: Vec<u64> = [1, 2, 4, 8].into_iter().filter_map(tokens).collect();
        assert!(held.is_sorted(), "{}: {held:?}", model.id);
    }
}

#[test]
fn a_context_that_the_cache_does_not_hold_is_refused_with_the_one_it_holds() {
    let longest = plan("meta-llama/Llama-3.3-70B-Instruct", Precision::Bf16, "nvidia-h100-80gb", 2, 1)
        .expect("it fits");
    let holds = longest.max_context_tokens;
    assert!(holds < 131_072, "the cache of two devices holds less than the model's context");
    let refused = plan("meta-llama/Llama-3.3-70B-Instruct", Precision::Bf16, "nvidia-h100-80gb", 2, 131_072);
    assert_eq!(refused.err(), Some(DoesNotFit::Context { asked: 131_072, holds }));
}
