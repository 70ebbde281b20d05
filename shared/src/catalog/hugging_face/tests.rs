//! Every family by a small configuration of our own, models of known size, and texts that try to break the reader.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{AttentionKind, CacheElement, Model, Precision};
use super::{ConfigError, MAX_CONFIG_BYTES, model_from_config};

fn read(config: &Value) -> Model {
    model_from_config("me/tiny", &config.to_string(), None)
        .unwrap_or_else(|error| panic!("{config}: {error}"))
}

fn refusal(config: &Value) -> String {
    match model_from_config("me/tiny", &config.to_string(), None) {
        Ok(model) => panic!("taken: {model:?}"),
        Err(error) => error.to_string(),
    }
}

/// `fields` over a small model of the class `class`.
fn config(class: &str, fields: &Value) -> Value {
    let mut config = json!({
        "architectures": [class],
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 128,
        "vocab_size": 1000,
        "max_position_embeddings": 4096,
        "torch_dtype": "bfloat16",
    });
    let object = config.as_object_mut().expect("an object");
    for (name, value) in fields.as_object().expect("an object") {
        object.insert(name.clone(), value.clone());
    }
    config
}

const EMBEDDING: u64 = 1000 * 64;
/// Queries and outputs of 4 heads of 16, keys and values of 2.
const ATTENTION: u64 = 2 * 64 * 64 + 2 * 64 * 32;
const MLP: u64 = 3 * 64 * 128;

fn latent() -> Value {
    json!({
        "q_lora_rank": 24, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16,
        "n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 1, "moe_intermediate_size": 32,
        "first_k_dense_replace": 1,
    })
}

/// Low-rank queries, compressed keys and values and their two ways up, outputs.
const LATENT: u64 = 24 * (64 + 4 * 24) + 64 * 40 + 32 * 4 * 32 + 4 * 16 * 64;
/// One expert, shared or routed.
const EXPERT: u64 = 3 * 64 * 32;
const ROUTER_OF_8: u64 = 64 * 8;

fn merged(mut base: Value, fields: &Value) -> Value {
    let object = base.as_object_mut().expect("an object");
    for (name, value) in fields.as_object().expect("an object") {
        object.insert(name.clone(), value.clone());
    }
    base
}

/// Class, what differs from the small model, all parameters, those of one token.
fn families() -> Vec<(&'static str, Value, u64, u64)> {
    let dense = 2 * EMBEDDING + 2 * (ATTENTION + MLP);
    let tied = dense - EMBEDDING;
    let mixed = 2 * EMBEDDING + 2 * (ATTENTION + 8 * EXPERT + ROUTER_OF_8);
    let mixed_active = mixed - 2 * 6 * EXPERT;
    let deepseek = 2 * EMBEDDING + 2 * LATENT + MLP + 9 * EXPERT + ROUTER_OF_8;
    let deepseek_active = deepseek - 6 * EXPERT;
    let experts = json!({"num_experts": 8, "num_local_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32});
    let narrow = merged(experts.clone(), &json!({"intermediate_size": 32}));
    // One layer of a delta rule: 2 key heads of 8, 4 value heads of 8.
    let mixer = 64 * (2 * 16 + 32 + 32 + 4) + 32 * 64 + (2 * 16 + 32) * 4;
    let linear = json!({
        "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_num_value_heads": 4,
        "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4,
        "layer_types": ["linear_attention", "full_attention"],
    });
    let gated_attention = ATTENTION + 64 * 64;
    let mamba = json!({
        "hybrid_override_pattern": "M*-E", "num_hidden_layers": 4, "n_groups": 2, "ssm_state_size": 8,
        "mamba_num_heads": 4, "mamba_head_dim": 8, "conv_kernel": 4, "n_routed_experts": 8,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32, "n_shared_experts": 1,
        "moe_shared_expert_intermediate_size": 32,
    });
    let squared = 2 * 64 * 32;
    let nemotron_h = 2 * EMBEDDING + mixer + ATTENTION + 2 * 64 * 128 + 9 * squared + ROUTER_OF_8;
    let v4 = merged(
        latent(),
        &json!({
            "head_dim": 16, "o_groups": 2, "o_lora_rank": 24, "sliding_window": 32, "first_k_dense_replace": 0,
            "compress_ratios": [0, 4, 0], "index_topk": 64, "index_head_dim": 8, "index_n_heads": 2,
        }),
    );
    let v4_attention = 24 * (64 + 64) + 64 * 16 + 64 * 24 + 2 * 24 * 64;
    let v4_index = 4 * 64 * 16 + 24 * 16 + 64 * 2 + 4 * 64 * 8;
    let v4_all = 2 * EMBEDDING + 2 * (v4_attention + 9 * EXPERT + ROUTER_OF_8) + v4_index;
    let blocks = json!({"num_key_value_heads": null, "intermediate_size": null, "block_configs": [
        {"attention": {"no_op": false, "n_heads_in_group": 2}, "ffn": {"no_op": false, "ffn_mult": 4.0}},
        {"attention": {"no_op": true}, "ffn": {"no_op": false, "ffn_mult": 1.0}},
    ]});
    let index = 24 * 2 * 8 + 64 * 2 + 64 * 8;
    vec![
        ("LlamaForCausalLM", json!({}), dense, dense),
        ("LlamaForCausalLM", json!({"tie_word_embeddings": true}), tied, tied),
        ("NemotronForCausalLM", json!({}), dense - 2 * 64 * 128, dense - 2 * 64 * 128),
        ("MistralForCausalLM", json!({"sliding_window": 64}), dense, dense),
        ("MixtralForCausalLM", narrow.clone(), mixed, mixed_active),
        ("Qwen2ForCausalLM", json!({}), dense, dense),
        ("Qwen3ForCausalLM", json!({"head_dim": 32}), dense + 2 * ATTENTION, dense + 2 * ATTENTION),
        ("Qwen3MoeForCausalLM", experts.clone(), mixed, mixed_active),
        (
            "Qwen3NextForCausalLM",
            linear,
            2 * EMBEDDING + mixer + gated_attention + 2 * MLP,
            2 * EMBEDDING + mixer + gated_attention + 2 * MLP,
        ),
        ("Gemma2ForCausalLM", json!({"head_dim": 16, "sliding_window": 64}), tied, tied),
        ("Phi3ForCausalLM", json!({}), dense, dense),
        ("PhimoeForCausalLM", merged(narrow.clone(), &json!({"model_type": "phimoe"})), mixed, mixed_active),
        ("DeepseekV3ForCausalLM", latent(), deepseek, deepseek_active),
        (
            "DeepseekV32ForCausalLM",
            merged(latent(), &json!({"index_topk": 64, "index_head_dim": 8, "index_n_heads": 2})),
            deepseek + 2 * index,
            deepseek_active + 2 * index,
        ),
        ("DeepseekV4ForCausalLM", v4, v4_all, v4_all - 2 * 6 * EXPERT),
        (
            "Glm4MoeForCausalLM",
            merged(latent(), &json!({"head_dim": 16})),
            2 * EMBEDDING + 2 * ATTENTION + MLP + 9 * EXPERT + ROUTER_OF_8,
            2 * EMBEDDING + 2 * ATTENTION + MLP + 3 * EXPERT + ROUTER_OF_8,
        ),
        ("GptOssForCausalLM", merged(narrow.clone(), &json!({"sliding_window": 64})), mixed, mixed_active),
        ("MiniMaxM2ForCausalLM", narrow, mixed, mixed_active),
        ("NemotronHForCausalLM", mamba, nemotron_h, nemotron_h - 6 * squared),
        (
            "DeciLMForCausalLM",
            blocks,
            2 * EMBEDDING + ATTENTION + 3 * 64 * 256 * 2,
            2 * EMBEDDING + ATTENTION + 3 * 64 * 256 * 2,
        ),
        (
            "Llama4ForCausalLM",
            json!({"num_local_experts": 8, "num_experts_per_tok": 1, "intermediate_size": 32,
                   "intermediate_size_mlp": 128, "interleave_moe_layer_step": 2, "attention_chunk_size": 64}),
            2 * EMBEDDING + 2 * ATTENTION + MLP + 9 * EXPERT + ROUTER_OF_8,
            2 * EMBEDDING + 2 * ATTENTION + MLP + 2 * EXPERT + ROUTER_OF_8,
        ),
    ]
}

#[test]
fn every_family_is_counted_from_its_dimensions() {
    for (class, fields, all, active) in families() {
        let model = read(&config(class, &fields));
        assert_eq!((model.parameters, model.active_parameters), (all, active), "{class}");
        assert_eq!(model.architecture.name, class);
    }
}

/// Dimensions of published models that the catalog does not have, and the sizes that their makers name.
#[test]
fn models_have_the_size_that_their_names_say() {
    let table = [
        (
            json!({"architectures": ["Qwen3NextForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 48,
                "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256, "num_experts": 512,
                "num_experts_per_tok": 10, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
                "intermediate_size": 5120, "vocab_size": 151936, "max_position_embeddings": 262144,
                "linear_num_key_heads": 16, "linear_num_value_heads": 32, "linear_key_head_dim": 128,
                "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4}),
            80.0,
            3.0,
        ),
        (
            json!({"architectures": ["Glm4MoeForCausalLM"], "hidden_size": 4096, "num_hidden_layers": 46,
                "num_attention_heads": 96, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 10944,
                "moe_intermediate_size": 1408, "n_routed_experts": 128, "num_experts_per_tok": 8,
                "n_shared_experts": 1, "first_k_dense_replace": 1, "vocab_size": 151552,
                "max_position_embeddings": 131072}),
            106.0,
            12.0,
        ),
        (
            json!({"architectures": ["DeepseekV2ForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 27,
                "num_attention_heads": 16, "q_lora_rank": null, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
                "qk_rope_head_dim": 64, "v_head_dim": 128, "intermediate_size": 10944,
                "moe_intermediate_size": 1408, "n_routed_experts": 64, "num_experts_per_tok": 6,
                "n_shared_experts": 2, "first_k_dense_replace": 1, "vocab_size": 102400,
                "max_position_embeddings": 163840}),
            15.7,
            2.4,
        ),
        (
            json!({"architectures": ["PhiMoEForCausalLM"], "model_type": "phimoe", "hidden_size": 4096,
                "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
                "intermediate_size": 6400, "num_local_experts": 16, "num_experts_per_tok": 2,
                "vocab_size": 32064, "max_position_embeddings": 131072}),
            41.9,
            6.6,
        ),
    ];
    for (config, all, active) in table {
        let model = read(&config);
        let billions = model.parameters as f64 / 1e9;
        assert!((billions / all - 1.0).abs() < 0.015, "{}: {billions} for {all}", model.architecture.name);
        // Makers leave embeddings out of what is active, or not.
        let passed = model.active_parameters as f64 / 1e9;
        assert!(passed > 0.9 * active && passed < 1.35 * active, "{passed} for {active}");
    }
}

#[test]
fn the_language_part_of_a_multimodal_model_is_read_and_its_tower_weighed() {
    let text = config("unused", &json!({"architectures": null, "model_type": "qwen3_vl_text"}));
    let whole = json!({
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "text_config": text,
        "tie_word_embeddings": false,
        "vision_config": {"depth": 2, "hidden_size": 32, "intermediate_size": 64},
    });
    let model = read(&whole);
    assert_eq!(model.parameters, 2 * EMBEDDING + 2 * (ATTENTION + MLP));
    let tower = 2 * (4 * 32 * 32 + 2 * 32 * 64);
    assert_eq!(model.checkpoints[0].bytes, 2 * (model.parameters + tower));
    assert_eq!(model.architecture.name, "Qwen3VLForConditionalGeneration");
}

/// Gemma 3 leaves out what its class has as defaults.
#[test]
fn what_gemma_leaves_out_is_known() {
    let four_billion = json!({
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240,
            "num_hidden_layers": 34, "sliding_window": 1024},
    });
    let model = read(&four_billion);
    assert!((model.parameters as f64 / 3.88e9 - 1.0).abs() < 0.01, "{}", model.parameters);
    let windowed =
        |group: &&super::super::AttentionLayers| matches!(group.kind, AttentionKind::Sliding { .. });
    let layers: u32 = model.architecture.attention.iter().filter(windowed).map(|group| group.layers).sum();
    assert_eq!(layers, 29);
}

#[test]
fn a_configuration_without_a_class_is_known_by_its_type() {
    let mut config = config("unused", &json!({"model_type": "qwen3"}));
    config.as_object_mut().expect("an object").remove("architectures");
    assert_eq!(read(&config).architecture.name, "Qwen2ForCausalLM");
}

/// What is changed in a small Llama, and what the message must say.
#[test]
fn a_broken_configuration_is_explained_by_its_field() {
    let table = [
        (json!({"architectures": ["Mamba2ForCausalLM"]}), "names the architecture `Mamba2ForCausalLM`"),
        (json!({"architectures": ["Mamba2ForCausalLM"]}), "Known are LlamaForCausalLM"),
        (
            json!({"architectures": "LlamaForCausalLM"}),
            "field `architectures` is \"LlamaForCausalLM\": a list",
        ),
        (json!({"architectures": null}), "field `architectures` is missing"),
        (json!({"hidden_size": null}), "field `hidden_size` is missing: a whole number from 1 to"),
        (json!({"hidden_size": -64}), "field `hidden_size` is -64: a whole number from 1 to"),
        (json!({"hidden_size": 0}), "field `hidden_size` is 0"),
        (json!({"hidden_size": "64"}), "field `hidden_size` is \"64\""),
        (json!({"hidden_size": 64.5}), "field `hidden_size` is 64.5"),
        (json!({"hidden_size": [64]}), "field `hidden_size` is a list of 1"),
        (
            json!({"num_hidden_layers": 1_000_000_000_000_000_000_u64}),
            "field `num_hidden_layers` is 1000000000000000000",
        ),
        (
            json!({"num_attention_heads": 5}),
            "field `num_attention_heads` is 5: a number that divides `hidden_size`",
        ),
        (json!({"num_key_value_heads": 8}), "field `num_key_value_heads` is 8: a whole number from 1 to 4"),
        (json!({"vocab_size": null}), "field `vocab_size` is missing"),
        (json!({"max_position_embeddings": null}), "field `max_position_embeddings` is missing"),
        (json!({"tie_word_embeddings": "yes"}), "field `tie_word_embeddings` is \"yes\": `true` or `false`"),
        (json!({"torch_dtype": "int3"}), "field `torch_dtype` is \"int3\""),
        (
            json!({"quantization_config": {"quant_method": "magic"}}),
            "field `quantization_config.quant_method`",
        ),
        (
            json!({"quantization_config": {"quant_method": "awq", "bits": 3}}),
            "`quantization_config.bits` is 3: 4 or 8",
        ),
        (json!({"quantization_config": 8}), "field `quantization_config` is 8: an object"),
    ];
    for (fields, expected) in table {
        let message = refusal(&config("LlamaForCausalLM", &fields));
        assert!(message.starts_with("config.json") && message.contains(expected), "{fields}: {message}");
        assert!(message.len() < 1_500, "{fields}: a message of {} bytes", message.len());
    }
    let missing = [
        ("DeepseekV3ForCausalLM", "kv_lora_rank"),
        ("MixtralForCausalLM", "num_local_experts"),
        ("NemotronHForCausalLM", "hybrid_override_pattern"),
        ("DeciLMForCausalLM", "block_configs"),
        ("Qwen3NextForCausalLM", "linear_num_key_heads"),
        ("DeepseekV4ForCausalLM", "compress_ratios"),
        ("Gemma4ForCausalLM", "sliding_window"),
    ];
    for (class, field) in missing {
        let message = refusal(&config(class, &json!({})));
        assert!(message.contains(&format!("field `{field}` is missing")), "{class}: {message}");
    }
    let message = refusal(&config(
        "Qwen3NextForCausalLM",
        &json!({
            "layer_types": ["full_attention"], "linear_num_key_heads": 2, "linear_key_head_dim": 8,
            "linear_num_value_heads": 4, "linear_value_head_dim": 8, "linear_conv_kernel_dim": 4,
        }),
    ));
    assert!(
        message.contains("`layer_types` is a list of 1: as many entries as `num_hidden_layers` (2)"),
        "{message}"
    );
}

#[test]
fn a_text_that_is_no_configuration_is_refused() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_objects = format!("{}1{}", "{\"text_config\":".repeat(100_000), "}".repeat(100_000));
    let long = " ".repeat(MAX_CONFIG_BYTES + 1);
    for text in ["", "{", "[]", "7", "\"a\"", "{\"architectures\": [}", "NaN", &deep, &deep_objects, &long] {
        let error = model_from_config("me/tiny", text, None).expect_err("no configuration");
        assert!(error.to_string().len() < 500, "{error}");
    }
    let error = model_from_config("me/tiny", &long, None).expect_err("too large");
    assert!(matches!(error, ConfigError::TooLarge { bytes, .. } if bytes == long.len()), "{error}");
    let sound = config("LlamaForCausalLM", &json!({})).to_string();
    let error = model_from_config("me/tiny", &sound, Some("{")).expect_err("no quantization");
    assert!(error.to_string().starts_with("hf_quant_config.json: "), "{error}");
    let error = model_from_config("me/tiny", &sound, Some("{\"quant_algo\": \"FP3\"}")).expect_err("no such");
    assert!(error.to_string().starts_with("hf_quant_config.json: field `quant_algo` is \"FP3\""), "{error}");
    let error = model_from_config(" ", &sound, None).expect_err("no id");
    assert!(error.to_string().contains("`id`"), "{error}");
}

#[test]
fn numbers_that_json_lacks_are_read_over() {
    let text = config("LlamaForCausalLM", &json!({"note": "an Infinity \\\" of NaN"})).to_string();
    let text = text.replacen('{', "{\"a\": Infinity, \"b\": [-Infinity, NaN], ", 1);
    let model = model_from_config("me/tiny", &text, None).expect("as Python writes it");
    assert_eq!(model.parameters, 2 * EMBEDDING + 2 * (ATTENTION + MLP));
}

/// What of a small Llama is in which format: the most of it, and all bytes.
#[test]
fn a_checkpoint_has_the_precision_and_bytes_of_its_parts() {
    let linear = (2 * (ATTENTION + MLP)) as f64;
    let rest = (2 * EMBEDDING) as f64 * 2.0;
    let last_layer = (ATTENTION + MLP) as f64;
    let fp8 = json!({"quant_method": "fp8", "weight_block_size": [128, 128]});
    let groups = |kind: &str, bits: u32, group: u32| {
        json!({"quant_method": "compressed-tensors", "ignore": ["lm_head"], "config_groups": {"group_0": {
            "targets": ["Linear"], "weights": {"num_bits": bits, "type": kind, "group_size": group}}}})
    };
    let table = [
        (json!(null), None, Precision::Bf16, linear * 2.0 + rest),
        (fp8, None, Precision::Fp8, linear * (1.0 + 4.0 / 16384.0) + rest),
        (json!({"quant_method": "fbgemm_fp8"}), None, Precision::Fp8, linear + rest),
        (
            json!({"quant_method": "fp8", "modules_to_not_convert": ["model.layers.0", "model.layers.0.*"]}),
            None,
            Precision::Bf16,
            linear + last_layer + rest,
        ),
        (
            json!({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true}),
            None,
            Precision::Bf16,
            linear * (4.0 + 20.0 / 128.0) / 8.0 + rest,
        ),
        (
            json!({"quant_method": "gptq", "bits": 8, "group_size": -1, "sym": true}),
            None,
            Precision::Bf16,
            linear + rest,
        ),
        (groups("int", 4, 32), None, Precision::Bf16, linear * 4.5 / 8.0 + rest),
        (groups("float", 4, 16), None, Precision::Bf16, linear * 4.5 / 8.0 + rest),
        (
            json!(null),
            Some(json!({"quantization": {"quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8",
                "exclude_modules": ["lm_head", "model.layers.1*"]}})),
            Precision::Bf16,
            last_layer * 0.5625 + last_layer * 2.0 + rest,
        ),
        (
            json!(null),
            Some(json!({"quantization": {"quant_algo": "MIXED_PRECISION", "quantized_layers": {
                "model.layers.0.mlp.up_proj": {"quant_algo": "FP8"},
                "model.layers.1.self_attn.o_proj": {"quant_algo": "NVFP4", "group_size": 16}}}})),
            Precision::Bf16,
            (linear - MLP as f64 - 4096.0) * 2.0 + MLP as f64 + 4096.0 * 0.5625 + rest,
        ),
    ];
    for (quantization, beside, precision, bytes) in table {
        let config = config("LlamaForCausalLM", &json!({"quantization_config": quantization}));
        let beside = beside.map(|beside| beside.to_string());
        let model = model_from_config("me/tiny", &config.to_string(), beside.as_deref());
        let model = model.unwrap_or_else(|error| panic!("{quantization}: {error}"));
        let checkpoint = &model.checkpoints[0];
        assert!(
            (checkpoint.bytes as f64 - bytes).abs() <= 1.0,
            "{quantization}: {} for {bytes}",
            checkpoint.bytes
        );
        // Embedding and head are the most of so small a model, but for 8 bits without exceptions.
        let most =
            if precision == Precision::Fp8 && linear > rest / 2.0 { Precision::Fp8 } else { Precision::Bf16 };
        assert_eq!(checkpoint.precision, most, "{quantization}");
        let cache = beside.is_some_and(|text| text.contains("kv_cache"));
        assert_eq!(checkpoint.cache_element, cache.then_some(CacheElement::Fp8), "{quantization}");
    }
}

#[test]
fn experts_in_four_bits_make_a_four_bit_checkpoint() {
    let fields = json!({"num_local_experts": 64, "num_experts_per_tok": 2, "intermediate_size": 64,
        "sliding_window": 64, "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert":
        ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]}});
    let model = read(&config("GptOssForCausalLM", &fields));
    let experts = 2 * 64 * 3 * 64 * 64;
    let rest = model.parameters - experts;
    assert_eq!(model.checkpoints[0].precision, Precision::Mxfp4);
    assert_eq!(model.checkpoints[0].bytes, experts * 17 / 32 + 2 * rest);
}

/// Any JSON, small.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0_u32..2_000).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["full_attention", "linear_attention", "M*-E", "fp8", "awq", "NVFP4"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{1,12}", inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Whatever stands in the fields: a model that makes sense, or an error that fits a screen.
    #[test]
    fn no_field_breaks_the_reader(
        family in 0..families().len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 0..5),
        quantization in prop::option::of(any_json()),
    ) {
        let (class, fields, ..) = families().swap_remove(family);
        let mut config = config(class, &fields);
        let names: Vec<String> = config.as_object().expect("an object").keys().cloned().collect();
        for (index, value) in changes {
            config[index.get(&names).as_str()] = value;
        }
        if let Some(quantization) = quantization {
            config["quantization_config"] = quantization;
        }
        match model_from_config("me/tiny", &config.to_string(), None) {
            Ok(model) => {
                prop_assert!(model.active_parameters <= model.parameters);
                prop_assert!(model.checkpoints[0].bytes > 0);
            }
            Err(error) => prop_assert!(error.to_string().len() < 2_000, "{}", error),
        }
    }

    /// Whatever the text.
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}", cut in 0_usize..400) {
        prop_assert!(model_from_config("me/tiny", &text, Some(&text)).is_err());
        let sound = config("LlamaForCausalLM", &json!({})).to_string();
        let cut = cut.min(sound.len());
        let is_whole = cut == sound.len();
        prop_assert_eq!(model_from_config("me/tiny", &sound[..cut], None).is_ok(), is_whole);
    }
}
