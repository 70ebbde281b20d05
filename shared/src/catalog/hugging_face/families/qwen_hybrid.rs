//! Qwen3-Next, 3.5 and 3.6: a gated delta rule in most layers, gated attention in every fourth.

use super::super::super::AttentionKind;
use super::super::ConfigError;
use super::super::config::{Config, gated};
use super::super::shape::{Layer, Shape};
use super::Family;

pub(super) const FAMILY: Family = Family {
    classes: &[
        "Qwen3_5ForConditionalGeneration",
        "Qwen3_5MoeForConditionalGeneration",
        "Qwen3_5ForCausalLM",
        "Qwen3_5MoeForCausalLM",
        "Qwen3NextForCausalLM",
    ],
    model_types: &["qwen3_5", "qwen3_5_moe", "qwen3_5_text", "qwen3_5_moe_text", "qwen3_next"],
    read,
};

fn read(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let attention = AttentionKind::Full {
        heads: config.heads()?,
        kv_heads: config.kv_heads()?,
        head_dim: config.head_dim()?,
        // Qwen3-Next has the gate without a field that says so.
        output_gate: config.text.flag("attn_output_gate", true)?,
        values_are_keys: false,
        shares_cache: false,
    };
    let mixer = AttentionKind::Recurrent {
        key_heads: config.heads_in("linear_num_key_heads")?,
        key_head_dim: config.head_width("linear_key_head_dim")?,
        value_heads: config.heads_in("linear_num_value_heads")?,
        value_head_dim: config.head_width("linear_value_head_dim")?,
        conv_kernel: config.text.count("linear_conv_kernel_dim", 1_000)?,
    };
    let feed_forward = if config.text.has("num_experts") {
        let shared = config.maybe_width("shared_expert_intermediate_size")?;
        config.experts(&["num_experts"], &["num_experts_per_tok"], "moe_intermediate_size", shared)?
    } else {
        gated(config.width("intermediate_size")?)
    };
    let types = config.layer_texts("layer_types")?;
    let interval = config.text.count_or("full_attention_interval", 1_000, 4)?;
    config.shape(false, |index| {
        let kind = match types.as_ref().and_then(|types| types.get(index as usize)) {
            Some(&"full_attention") => &attention,
            Some(&"linear_attention") => &mixer,
            Some(_) => {
                return Err(config.text.refused("layer_types", "`full_attention` and `linear_attention`"));
            }
            None if (index + 1).is_multiple_of(interval) => &attention,
            None => &mixer,
        };
        Ok(Layer::of(kind.clone(), feed_forward.clone()))
    })
}
