//! The memory model against figures that are known from elsewhere.

#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use infer_core::catalog::{CacheElement, Catalog, MemoryScope, Model, Precision, model_from_config};
use infer_core::curve::Parallelism;
use infer_core::estimate::memory::{
    DoesNotFit, EngineLimits, MemoryPlan, cache_bytes_per_token, cache_bytes_per_token_in,
    fewest_accelerators, fit,
};

/// vLLM's limits on devices of at least 70 GiB, with the memory fraction of the versions before 0.2x.
const LIMITS: EngineLimits = EngineLimits {
    memory_fraction: 0.9,
    memory_scope: MemoryScope::Everything,
    max_sequences: 1024,
    max_batched_tokens: 8192,
    cache_element: None,
};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

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
            Some((count, plan.cache_bytes_per_token, plan.cache_tokens_at(4096)))
        };
        let held: Vec<(u32, f64, u64)> = [1, 2, 4, 8].into_iter().filter_map(tokens).collect();
        for pair in held.windows(2) {
            let ((fewer, bytes, least), (more, bytes_of_more, tokens)) = (pair[0], pair[1]);
            // Ranks beyond the KV heads hold copies. If they save less of the weights than the 0.4 GiB that the buffers
            // of collectives take from each, there is a little less room: 0.4 of 141 GiB.
            let saved = checkpoint.bytes as f64 * (1.0 / f64::from(fewer) - 1.0 / f64::from(more));
            let costs_more = bytes_of_more == bytes && saved < 0.4 * 1024.0_f64.powi(3);
            let least = if costs_more { least as f64 * 0.995 } else { least as f64 };
            assert!(tokens as f64 >= least, "{}: {held:?}", model.id);
        }
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

/// What a server said of its cache at start.
struct Logged {
    model: &'static str,
    precision: Precision,
    accelerator: &'static str,
    tensor: u32,
    fraction: f64,
    sequences: u32,
    batched_tokens: u32,
    /// GiB of cache on each device.
    cache_gib: f64,
    source: &'static str,
}

/// All of vLLM. Where a source names no limit, it is the default of that version on that device.
fn logged() -> Vec<Logged> {
    const LLM_D: &str = "github.com/llm-d/llm-d-benchmark config_explorer/empirical-vllm-memory-results.md";
    const LM_CACHE: &str = "github.com/LMCache/LMCache docs/source/getting_started/faq.rst";
    let large = |model, precision, accelerator, tensor, cache_gib, source| Logged {
        model,
        precision,
        accelerator,
        tensor,
        fraction: 0.9,
        sequences: 1024,
        batched_tokens: 8192,
        cache_gib,
        source,
    };
    let (h100, h200) = ("nvidia-h100-80gb", "nvidia-h200-141gb");
    vec![
        large("openai/gpt-oss-20b", Precision::Mxfp4, h100, 1, 50.28, LLM_D),
        large("openai/gpt-oss-120b", Precision::Mxfp4, h100, 1, 3.33, LLM_D),
        large("meta-llama/Llama-3.3-70B-Instruct", Precision::Fp8, h100, 2, 32.0, LLM_D),
        large("meta-llama/Llama-3.1-8B-Instruct", Precision::Bf16, h100, 1, 51.38, LLM_D),
        large("Qwen/Qwen3-0.6B", Precision::Bf16, h100, 1, 64.45, LLM_D),
        large("Qwen/Qwen3-32B", Precision::Bf16, h100, 1, 4.45, LLM_D),
        large(
            "Qwen/Qwen3-32B",
            Precision::Bf16,
            h100,
            2,
            34.49,
            "a later edition of the same table, block size 128",
        ),
        large("Qwen/Qwen3-8B", Precision::Bf16, h100, 1, 50.32, LM_CACHE),
        large("Qwen/Qwen3-32B", Precision::Bf16, h100, 2, 33.66, LM_CACHE),
        large("meta-llama/Llama-3.1-70B-Instruct", Precision::Bf16, h100, 4, 32.06, LM_CACHE),
        large("Qwen/Qwen3-Next-80B-A3B-Instruct", Precision::Bf16, h200, 2, 44.59, "a log of vLLM 0.10.2"),
        Logged {
            sequences: 256,
            batched_tokens: 8192,
            ..large(
                "meta-llama/Meta-Llama-3-8B",
                Precision::Bf16,
                h100,
                1,
                53.29,
                "github.com/vllm-project/vllm/pull/10511: the V0 engine",
            )
        },
        Logged {
            fraction: 0.92,
            sequences: 256,
            batched_tokens: 2048,
            ..large(
                "meta-llama/Llama-3.1-8B-Instruct",
                Precision::Bf16,
                "nvidia-a100-80gb",
                1,
                56.21,
                "a log of vLLM 0.31.0, which says 460,496 tokens",
            )
        },
        Logged {
            batched_tokens: 2048,
            ..large(
                "meta-llama/Llama-3.1-8B-Instruct",
                Precision::Bf16,
                "nvidia-l40s",
                1,
                158_656.0 * 131_072.0 / GIB,
                "github.com/vllm-project/vllm/pull/17122: 158,656 tokens, vLLM 0.8 with 1,024 sequences everywhere",
            )
        },
        Logged {
            fraction: 0.8,
            sequences: 256,
            batched_tokens: 2048,
            ..large(
                "Qwen/Qwen3-8B",
                Precision::Fp8,
                "nvidia-geforce-rtx-4090",
                1,
                9_232_221_491.0 / GIB,
                "a log of vLLM 0.10.2",
            )
        },
    ]
}

/// Qwen3-Next is not in the catalog: its dimensions, as its configuration has them.
fn qwen3_next() -> Model {
    let config = r#"{"architectures": ["Qwen3NextForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 48,
        "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256, "num_experts": 512,
        "num_experts_per_tok": 10, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
        "vocab_size": 151936, "max_position_embeddings": 262144, "linear_num_key_heads": 16,
        "linear_num_value_heads": 32, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4}"#;
    model_from_config("Qwen/Qwen3-Next-80B-A3B-Instruct", config, None).expect("a sound configuration")
}

fn planned(catalog: &Catalog, logged: &Logged) -> Result<MemoryPlan, DoesNotFit> {
    let own = qwen3_next();
    let found = catalog.known_model(logged.model).expect("the models can be read");
    let model = found.map_or(&own, |found| found.model);
    let mut checkpoint = model.checkpoint_of(logged.precision).cloned();
    if checkpoint.is_none() {
        // FP8 of the stock weights: one byte for each but embedding and head.
        let embeddings = model.architecture.embedding_parameters() + model.architecture.head_parameters();
        let mut fp8 = model.stock_checkpoint().cloned().expect("stock weights");
        (fp8.precision, fp8.bytes) = (Precision::Fp8, model.parameters + embeddings);
        checkpoint = Some(fp8);
    }
    let limits = EngineLimits {
        memory_fraction: logged.fraction,
        max_sequences: logged.sequences,
        max_batched_tokens: logged.batched_tokens,
        cache_element: Some(CacheElement::Bf16),
        ..LIMITS
    };
    let accelerator = catalog.find_accelerator(logged.accelerator).expect(logged.accelerator);
    fit(model, &checkpoint.expect("weights"), accelerator, Parallelism::tensor(logged.tensor), limits, 1)
}

/// Within 5 % of the cache, or 1 % of the device.
///
/// Known to be farther off, and left out:
/// * the V0 engine with chunked prompts, which did not run its sampler when it measured: Llama-3.1-8B on an A10 had
///   4.60 GiB (oracle-samples/oci-data-science-ai-samples, ai-quick-actions), 3.6 are expected;
/// * Qwen3-235B-A22B in FP8 on 4 H100 under vLLM 0.9: 8.11 GiB (github.com/vllm-project/vllm/issues/21348), 9.7 are
///   expected; the same under SGLang with a share of 0.93: 16.5 GiB, 17.7 are expected;
/// * vLLM between about 0.21 and 0.26, which subtracted an estimate of its graphs: GLM-5.2 in NVFP4 on 4 GB200 had
///   50.6 GiB, 5.0 of graphs and 3.1 more of weights than the checkpoint's dimensions make; 59 are expected.
#[test]
fn the_cache_is_as_large_as_servers_say() {
    let catalog = Catalog::embedded();
    let mut missed = Vec::new();
    for logged in logged() {
        let plan = planned(&catalog, &logged).expect(logged.model);
        let cache_gib = plan.cache_bytes / GIB;
        let off = cache_gib - logged.cache_gib;
        let of_cache = off / logged.cache_gib * 100.0;
        let of_device = off / (plan.device_bytes / GIB) * 100.0;
        let line = format!(
            "{} ({}) on {} x {}: {cache_gib:.2} GiB for {:.2}: {of_cache:+.1} % of the cache, {of_device:+.1} % of \
             the device [{}]",
            logged.model,
            logged.precision,
            logged.tensor,
            logged.accelerator,
            logged.cache_gib,
            logged.source
        );
        println!("{line}");
        if of_cache.abs() > 5.0 && of_device.abs() > 1.0 {
            missed.push(line);
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Llama-3.3-70B in FP8 leaves no cache on one H100 (llm-d-benchmark: 1.44 GiB too few).
#[test]
fn what_a_server_could_not_start_does_not_fit() {
    let llama = plan("meta-llama/Llama-3.3-70B-Instruct", Precision::Fp8, "nvidia-h100-80gb", 1, 1);
    assert!(matches!(llama, Err(DoesNotFit::Weights { .. })), "{llama:?}");
}

/// Tokens that servers counted in a cache of a known size, in published logs: bytes of one token on one device.
#[test]
fn a_token_takes_what_servers_count() {
    let catalog = Catalog::embedded();
    let known = [
        ("meta-llama/Llama-3.1-8B-Instruct", 1, CacheElement::Bf16, 56.21, 460_496.0),
        ("Qwen/Qwen3-8B", 1, CacheElement::Bf16, 50.32, 366_400.0),
        ("Qwen/Qwen3-32B", 2, CacheElement::Bf16, 33.66, 275_760.0),
        ("meta-llama/Llama-3.1-70B-Instruct", 4, CacheElement::Bf16, 32.06, 420_208.0),
        ("Qwen/Qwen3-1.7B", 1, CacheElement::Bf16, 18.78, 175_856.0),
        ("Qwen/Qwen3-235B-A22B", 4, CacheElement::Bf16, 8.11, 178_880.0),
        ("meta-llama/Llama-3.3-70B-Instruct", 1, CacheElement::Fp8, 5.11, 33_504.0),
    ];
    for (id, tensor, element, gib, tokens) in known {
        let model = catalog.find_model(id).expect(id).model;
        let of_device = cache_bytes_per_token_in(model, element) / f64::from(tensor);
        let error = gib * GIB / tokens / of_device - 1.0;
        assert!(error.abs() < 0.02, "{id}: {error:+.4}");
    }
}

/// Published figures of one token: arXiv 2505.09343, table 1 (DeepSeek-V3, Qwen2.5-72B, Llama-3.1-405B), and vLLM's
/// own formats for sparse attention in FP8: 656 bytes for the vector, 132 for the index key of each layer that has one.
#[test]
fn a_token_takes_what_papers_and_formats_say() {
    let catalog = Catalog::embedded();
    let known = [
        ("deepseek-ai/DeepSeek-V3", CacheElement::Bf16, 70_272),
        ("Qwen/Qwen2.5-72B-Instruct", CacheElement::Bf16, 327_680),
        ("meta-llama/Llama-3.1-405B-Instruct", CacheElement::Bf16, 516_096),
        ("deepseek-ai/DeepSeek-V3.2", CacheElement::Fp8, 61 * (656 + 132)),
        ("zai-org/GLM-5", CacheElement::Fp8, 78 * (656 + 132)),
        ("zai-org/GLM-5.2", CacheElement::Fp8, 78 * 656 + 21 * 132),
        ("deepseek-ai/DeepSeek-V3", CacheElement::Fp8, 35_136),
    ];
    for (id, element, bytes) in known {
        let model = catalog.find_model(id).expect(id).model;
        assert_eq!(cache_bytes_per_token_in(model, element), f64::from(bytes), "{id}");
    }
}

/// Attention data parallelism keeps all of attention on every rank and splits the experts; the cache of one rank is
/// that of one device, where tensor parallelism repeats a latent cache on every one.
#[test]
fn attention_data_parallelism_copies_attention_and_splits_experts_and_cache() {
    let catalog = Catalog::embedded();
    let model = catalog.find_model("deepseek-ai/DeepSeek-V3").expect("V3").model;
    let checkpoint = model.checkpoint_of(Precision::Fp8).expect("FP8");
    let h200 = catalog.find_accelerator("nvidia-h200-141gb").expect("h200");
    let limits = EngineLimits { max_sequences: 256, ..LIMITS };
    let plan = |parallelism| fit(model, checkpoint, h200, parallelism, limits, 4096).expect("it fits");
    let tensor = plan(Parallelism::tensor(8));
    let data = plan(Parallelism { tensor: 1, data: 8, expert: 8 });
    // 17 billion parameters of attention, shared experts, first layers and embeddings, seven eighths of them copies.
    let copies = data.weights_bytes - tensor.weights_bytes;
    assert!((14e9..18e9).contains(&copies), "{copies}");
    let tokens = |plan: &MemoryPlan| plan.cache_tokens_at(8192) as f64;
    assert!(tokens(&data) > 5.0 * tokens(&tensor), "{} and {}", tokens(&data), tokens(&tensor));
}

/// The share of SGLang is for weights and cache, that of TensorRT-LLM is of what they leave.
#[test]
fn servers_mean_different_things_by_their_share() {
    let catalog = Catalog::embedded();
    let model = catalog.find_model("meta-llama/Llama-3.1-8B-Instruct").expect("Llama").model;
    let checkpoint = model.stock_checkpoint().expect("stock weights");
    let h100 = catalog.find_accelerator("h100").expect("h100");
    let plan = |memory_scope| {
        let limits = EngineLimits { memory_scope, ..LIMITS };
        fit(model, checkpoint, h100, Parallelism::tensor(1), limits, 1).expect("it fits")
    };
    let weights_and_cache = plan(MemoryScope::WeightsAndCache);
    let taken = weights_and_cache.weights_bytes + weights_and_cache.cache_bytes;
    let share = taken / weights_and_cache.device_bytes;
    assert!(share < 0.9 && share > 0.895, "{share}");
    let rest = plan(MemoryScope::Rest);
    let left = rest.device_bytes - rest.weights_bytes - rest.reserve_bytes;
    assert!((rest.cache_bytes / left - 0.9).abs() < 1e-9);
    for plan in [plan(MemoryScope::Everything), weights_and_cache, rest] {
        let parts = plan.weights_bytes + plan.reserve_bytes + plan.cache_bytes;
        assert!((parts / plan.budget_bytes - 1.0).abs() < 1e-9 && parts <= plan.device_bytes);
    }
}

/// Eight-bit elements hold twice the tokens, where nothing but the elements is kept.
#[test]
fn a_cache_in_eight_bits_holds_twice_the_tokens() {
    let catalog = Catalog::embedded();
    let model = catalog.find_model("meta-llama/Llama-3.1-8B-Instruct").expect("Llama").model;
    let checkpoint = model.stock_checkpoint().expect("stock weights");
    let l4 = catalog.find_accelerator("l4").expect("l4");
    let tokens = |cache_element| {
        let limits = EngineLimits { max_sequences: 256, max_batched_tokens: 2048, cache_element, ..LIMITS };
        fit(model, checkpoint, l4, Parallelism::tensor(1), limits, 1).expect("it fits").cache_tokens_at(1)
    };
    let (sixteen, eight) = (tokens(None), tokens(Some(CacheElement::Fp8)));
    assert!(eight.abs_diff(2 * sixteen) <= 1, "{sixteen} and {eight}");
}
