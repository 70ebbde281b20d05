//! GLM-4 dense and GLM-4.5 to 4.7; those with latent attention have the shape of DeepSeek.

use super::super::ConfigError;
use super::super::config::Config;
use super::super::shape::{Layer, Shape};
use super::Family;
use super::deepseek::mixture_after_dense;

pub(super) const FAMILY: Family = Family {
    classes: &[
        "Glm4MoeForCausalLM",
        "Glm4ForCausalLM",
        "GlmForCausalLM",
        "Glm4vForConditionalGeneration",
        "Glm4vMoeForConditionalGeneration",
    ],
    model_types: &["glm4_moe", "glm4", "glm", "glm4v", "glm4v_moe", "glm4v_text", "glm4v_moe_text"],
    read,
};

fn read(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let attention = config.full()?;
    let mixed = config.text.has("n_routed_experts");
    config.shape(false, |index| {
        let feed_forward = if mixed { mixture_after_dense(config, index)? } else { config.gated()? };
        Ok(Layer::of(attention.clone(), feed_forward))
    })
}
