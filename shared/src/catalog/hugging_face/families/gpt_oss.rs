//! gpt-oss: windows in every other layer, experts in every layer.

use super::super::ConfigError;
use super::super::config::Config;
use super::super::shape::{Layer, Shape};
use super::Family;

pub(super) const FAMILY: Family = Family { classes: &["GptOssForCausalLM"], model_types: &["gpt_oss"], read };

fn read(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let experts = config.experts(
        &["num_local_experts", "num_experts"],
        &["num_experts_per_tok", "experts_per_token"],
        "intermediate_size",
        0,
    )?;
    let types = config.layer_texts("layer_types")?;
    config.shape(false, |index| {
        let windowed = match types.as_ref().and_then(|types| types.get(index as usize)) {
            Some(&"sliding_attention") => true,
            Some(&"full_attention") => false,
            Some(_) => {
                return Err(config.text.refused("layer_types", "`sliding_attention` and `full_attention`"));
            }
            None => index.is_multiple_of(2),
        };
        let attention = if windowed { config.windowed("sliding_window")? } else { config.full()? };
        Ok(Layer::of(attention, experts.clone()))
    })
}
