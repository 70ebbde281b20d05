//! Gemma 1 to 4: windows in most layers, tied embeddings.

use super::super::super::{AttentionKind, FeedForwardKind};
use super::super::ConfigError;
use super::super::config::{Config, full, gated, sliding};
use super::super::shape::{Layer, Shape};
use super::Family;

pub(super) const FAMILY: Family = Family {
    classes: &[
        "GemmaForCausalLM",
        "Gemma2ForCausalLM",
        "Gemma3ForCausalLM",
        "Gemma3ForConditionalGeneration",
    ],
    model_types: &["gemma", "gemma2", "gemma3_text", "gemma3"],
    read: until_third,
};

pub(super) const FOURTH: Family = Family {
    classes: &["Gemma4ForConditionalGeneration", "Gemma4ForCausalLM"],
    model_types: &["gemma4", "gemma4_text"],
    read: fourth,
};

/// What Gemma 3's configurations leave out: the defaults of `Gemma3TextConfig` in transformers.
mod third {
    pub(super) const HEADS: u32 = 8;
    pub(super) const KV_HEADS: u32 = 4;
    pub(super) const HEAD_DIM: u32 = 256;
    pub(super) const VOCABULARY: u32 = 262_208;
    pub(super) const CONTEXT: u32 = 131_072;
    pub(super) const WINDOWS_UNTIL_GLOBAL: u32 = 6;
}

fn until_third(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let kind = config.text.text("model_type")?.unwrap_or_default();
    let is_third = kind.starts_with("gemma3");
    let text = &config.text;
    let or = |name: &str, most: u32, default: u32| {
        if is_third { text.count_or(name, most, default) } else { text.count(name, most) }
    };
    let heads = or("num_attention_heads", 8_192, third::HEADS)?;
    let kv_heads = or("num_key_value_heads", heads, third::KV_HEADS.min(heads))?;
    let head_dim = or("head_dim", 65_536, third::HEAD_DIM)?;
    let window = text.maybe_count("sliding_window", 1_000_000_000)?;
    // The second generation has windows in every other layer, the first of them; the third in five of six.
    let pattern = if is_third { third::WINDOWS_UNTIL_GLOBAL } else { 2 };
    let pattern = text.count_or("sliding_window_pattern", 1_000, pattern)?;
    let types = config.layer_texts("layer_types")?;
    let feed_forward = config.gated()?;
    let layers = (0..config.depth()?).map(|index| {
        let windowed = match named_window(config, types.as_deref(), index)? {
            Some(windowed) => windowed,
            None => !(index + 1).is_multiple_of(pattern),
        };
        let attention = match window {
            Some(window) if windowed && kind != "gemma" => sliding(window, heads, kv_heads, head_dim),
            _ => full(heads, kv_heads, head_dim),
        };
        Ok(Layer::of(attention, feed_forward.clone()))
    });
    Ok(Shape {
        hidden: config.hidden()?,
        vocabulary: or("vocab_size", 50_000_000, third::VOCABULARY)?,
        tied_embeddings: config.tied(true)?,
        max_context_tokens: or("max_position_embeddings", 1_000_000_000, third::CONTEXT)?,
        layers: layers.collect::<Result<_, _>>()?,
        per_layer_embedding: None,
    })
}

/// What `layer_types` says of a layer, where it is there.
fn named_window(
    config: &Config<'_>,
    types: Option<&[&str]>,
    index: u32,
) -> Result<Option<bool>, ConfigError> {
    match types.and_then(|types| types.get(index as usize)) {
        None => Ok(None),
        Some(&"sliding_attention") => Ok(Some(true)),
        Some(&"full_attention") => Ok(Some(false)),
        Some(_) => Err(config.text.refused("layer_types", "`sliding_attention` and `full_attention`")),
    }
}

/// Global layers have heads of their own width and number and take values from keys; small models give each layer
/// an embedding of its own and let the last layers share the cache of earlier ones.
fn fourth(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let text = &config.text;
    let depth = config.depth()?;
    let heads = config.heads()?;
    let values_are_keys = text.flag("attention_k_eq_v", false)?;
    let global_kv_heads = match config.maybe_heads_in("num_global_key_value_heads")? {
        Some(global) if values_are_keys => global,
        _ => config.kv_heads()?,
    };
    let global_width = config.maybe_head_width("global_head_dim")?.map_or_else(|| config.head_dim(), Ok)?;
    let window = config.tokens("sliding_window")?;
    let shared_from = depth.saturating_sub(text.count_or_none("num_kv_shared_layers", depth)?);
    let types = config
        .layer_texts("layer_types")?
        .ok_or_else(|| text.missing("layer_types", "a list of `sliding_attention` and `full_attention`"))?;
    let double = text.flag("use_double_wide_mlp", false)?;
    let mut shape = config.shape(true, |index| {
        let shares_cache = index >= shared_from;
        let attention = if named_window(config, Some(&types), index)? == Some(true) {
            AttentionKind::Sliding {
                window,
                heads,
                kv_heads: config.kv_heads()?,
                head_dim: config.head_dim()?,
                output_gate: false,
                values_are_keys: false,
                shares_cache,
            }
        } else {
            AttentionKind::Full {
                heads,
                kv_heads: global_kv_heads,
                head_dim: global_width,
                output_gate: false,
                values_are_keys,
                shares_cache,
            }
        };
        Ok(Layer::of(attention, fourth_mlp(config, double && shares_cache)?))
    })?;
    let per_layer = text.count_or_none("hidden_size_per_layer_input", 1_000_000)?;
    shape.per_layer_embedding = Some(per_layer.saturating_mul(depth)).filter(|width| *width > 0);
    Ok(shape)
}

/// An MLP in every layer, beside which a mixture may stand: the MLP is what every token passes through.
fn fourth_mlp(config: &Config<'_>, double: bool) -> Result<FeedForwardKind, ConfigError> {
    let intermediate = config.width("intermediate_size")?;
    if !config.text.flag("enable_moe_block", false)? {
        return Ok(gated(if double { intermediate.saturating_mul(2) } else { intermediate }));
    }
    config.experts(&["num_experts"], &["top_k_experts"], "moe_intermediate_size", intermediate)
}
