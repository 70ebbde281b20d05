//! DeepSeek-V4: most layers keep one vector for several tokens, beside a window of single ones.

use super::super::super::AttentionKind;
use super::super::ConfigError;
use super::super::config::Config;
use super::super::shape::{Layer, Shape};
use super::Family;
use super::deepseek::mixture_after_dense;

pub(super) const FAMILY: Family =
    Family { classes: &["DeepseekV4ForCausalLM"], model_types: &["deepseek_v4"], read };

fn read(config: &Config<'_>) -> Result<Shape, ConfigError> {
    const NAME: &str = "compress_ratios";
    let accepted = "a ratio for each layer, 0 for a window alone,";
    let ratios = config.text.numbers(NAME, 1_000_000)?.ok_or_else(|| config.text.missing(NAME, accepted))?;
    // The list goes on for the layers that predict ahead.
    if ratios.len() < config.depth()? as usize {
        return Err(config.text.refused(NAME, accepted));
    }
    // The configuration names no layers with an index; those of the smallest ratio have one, since only their
    // vectors are too many to read all.
    let finest = ratios.iter().copied().filter(|ratio| *ratio > 0).min();
    config.shape(false, |index| {
        let ratio = ratios.get(index as usize).copied().filter(|ratio| *ratio > 0);
        let has_index = ratio.is_some() && ratio == finest && config.text.has("index_topk");
        Ok(Layer::of(attention(config, ratio, has_index)?, mixture_after_dense(config, index)?))
    })
}

fn attention(config: &Config<'_>, ratio: Option<u32>, has_index: bool) -> Result<AttentionKind, ConfigError> {
    let heads = config.heads()?;
    Ok(AttentionKind::Compressed {
        ratio,
        window: config.tokens("sliding_window")?,
        heads,
        head_dim: config.head_dim()?,
        index_head_dim: if has_index { Some(config.head_width("index_head_dim")?) } else { None },
        index_heads: if has_index { Some(config.heads_in("index_n_heads")?) } else { None },
        index_top_k: if has_index { Some(config.tokens("index_topk")?) } else { None },
        q_lora_rank: config.head_width("q_lora_rank")?,
        o_groups: config.text.count("o_groups", heads)?,
        o_lora_rank: config.head_width("o_lora_rank")?,
    })
}
