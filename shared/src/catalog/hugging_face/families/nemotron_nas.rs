//! Nemotron found by architecture search (Llama-3.3-Nemotron-Super, Ultra): each block has its own attention and MLP,
//! or lacks one.

use super::super::super::{AttentionKind, FeedForwardKind};
use super::super::ConfigError;
use super::super::config::{Config, full, gated, sliding};
use super::super::fields::Fields;
use super::super::shape::{Layer, Shape};
use super::Family;

pub(super) const FAMILY: Family =
    Family { classes: &["DeciLMForCausalLM"], model_types: &["nemotron-nas"], read };

/// Widths of MLPs are rounded up to a multiple of this (`_ffn_mult_to_intermediate_size` of the published code).
const WIDTH_MULTIPLE: u32 = 256;

fn read(config: &Config<'_>) -> Result<Shape, ConfigError> {
    const NAME: &str = "block_configs";
    let blocks = config.text.objects(NAME)?.ok_or_else(|| config.text.missing(NAME, "a list of blocks"))?;
    let depth = config.depth()?;
    if blocks.len() != depth as usize {
        return Err(config.text.refused(NAME, &format!("as many blocks as `num_hidden_layers` ({depth})")));
    }
    let layers = blocks.iter().map(|block| {
        let part = |name: &str| block.object(name)?.ok_or_else(|| block.missing(name, "an object"));
        let (attention, mlp) = (part("attention")?, part("ffn")?);
        Ok(Layer { attention: of_block(config, &attention)?, feed_forward: mlp_of_block(config, &mlp)? })
    });
    let layers = layers.collect::<Result<_, _>>()?;
    config.shape_of(false, layers)
}

fn of_block(config: &Config<'_>, block: &Fields<'_>) -> Result<Option<AttentionKind>, ConfigError> {
    if block.flag("no_op", false)? {
        return Ok(None);
    }
    replaceable(block)?;
    let (heads, head_dim) = (config.heads()?, config.head_dim()?);
    let kv_heads = heads / block.count("n_heads_in_group", heads)?;
    Ok(Some(match block.maybe_count("window_length", 1_000_000_000)? {
        Some(window) => sliding(window, heads, kv_heads, head_dim),
        None => full(heads, kv_heads, head_dim),
    }))
}

fn mlp_of_block(config: &Config<'_>, block: &Fields<'_>) -> Result<Option<FeedForwardKind>, ConfigError> {
    if block.flag("no_op", false)? {
        return Ok(None);
    }
    replaceable(block)?;
    if let Some(intermediate) = block.maybe_count("intermediate_size", 10_000_000)? {
        return Ok(Some(gated(intermediate)));
    }
    // Two thirds of the multiple, as gated MLPs have three matrices where others have two.
    let width = (2.0 * block.factor("ffn_mult", 1_000.0)? * f64::from(config.hidden()?) / 3.0).floor();
    // Bounded by the limits of both factors, so that the cast is exact.
    let intermediate = (width.max(1.0) as u32).div_ceil(WIDTH_MULTIPLE) * WIDTH_MULTIPLE;
    Ok(Some(gated(intermediate)))
}

/// Blocks that are one matrix were searched for and never published.
fn replaceable(block: &Fields<'_>) -> Result<(), ConfigError> {
    if block.flag("replace_with_linear", false)? {
        return Err(block.refused("replace_with_linear", "`false`"));
    }
    Ok(())
}
