//! Llama 4: three of four layers attend within chunks, experts in every layer or every second.

use super::super::super::AttentionKind;
use super::super::ConfigError;
use super::super::config::{Config, full, gated, sliding};
use super::super::shape::{Layer, Shape};
use super::Family;

pub(super) const FAMILY: Family = Family {
    classes: &["Llama4ForConditionalGeneration", "Llama4ForCausalLM"],
    model_types: &["llama4", "llama4_text"],
    read,
};

/// `no_rope_layer_interval` of the published models: every fourth layer attends to everything.
const GLOBAL_EVERY: u32 = 4;

fn read(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let step = config.text.count_or("interleave_moe_layer_step", 1_000, 1)?;
    // One expert of the same width is shared.
    let shared = config.width("intermediate_size")?;
    let experts =
        config.experts(&["num_local_experts"], &["num_experts_per_tok"], "intermediate_size", shared)?;
    let dense = gated(config.width("intermediate_size_mlp")?);
    config.shape(false, |index| {
        let has_experts = (index + 1).is_multiple_of(step);
        let feed_forward = if has_experts { experts.clone() } else { dense.clone() };
        Ok(Layer::of(attention(config, index)?, feed_forward))
    })
}

fn attention(config: &Config<'_>, index: u32) -> Result<AttentionKind, ConfigError> {
    let (heads, kv_heads, head_dim) = (config.heads()?, config.kv_heads()?, config.head_dim()?);
    let chunk = config.maybe_tokens("attention_chunk_size")?;
    Ok(match chunk {
        // A chunk bounds what is kept as a window does.
        Some(chunk) if !(index + 1).is_multiple_of(GLOBAL_EVERY) => sliding(chunk, heads, kv_heads, head_dim),
        _ => full(heads, kv_heads, head_dim),
    })
}
