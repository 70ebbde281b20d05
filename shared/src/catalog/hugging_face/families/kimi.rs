//! Kimi Linear: a delta rule with a gate for each channel in most layers, latent attention in the others. Kimi K2 and
//! K2.5 have the shape of DeepSeek-V3.

use super::super::super::AttentionKind;
use super::super::ConfigError;
use super::super::config::Config;
use super::super::shape::{Layer, Shape};
use super::Family;
use super::deepseek::{latent, mixture_after_dense};

pub(super) const LINEAR: Family =
    Family { classes: &["KimiLinearForCausalLM"], model_types: &["kimi_linear"], read };

fn read(config: &Config<'_>) -> Result<Shape, ConfigError> {
    const NAME: &str = "linear_attn_config";
    let linear = config.text.object(NAME)?.ok_or_else(|| config.text.missing(NAME, "an object"))?;
    // Counted from 1.
    let full = linear
        .numbers("full_attn_layers", u32::MAX)?
        .ok_or_else(|| linear.missing("full_attn_layers", "a list of layers, counted from 1,"))?;
    let (heads, width) = (linear.count("num_heads", 8_192)?, linear.count("head_dim", 65_536)?);
    let mixer = AttentionKind::Recurrent {
        key_heads: heads,
        key_head_dim: width,
        value_heads: heads,
        value_head_dim: width,
        conv_kernel: linear.count("short_conv_kernel_size", 1_000)?,
    };
    let attention = latent(config, false)?;
    config.shape(false, |index| {
        let kind = if full.contains(&(index + 1)) { &attention } else { &mixer };
        Ok(Layer::of(kind.clone(), mixture_after_dense(config, index)?))
    })
}
