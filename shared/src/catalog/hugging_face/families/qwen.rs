//! Qwen 2, 2.5 and 3, dense and mixed, and the language parts of Qwen-VL.

use super::super::ConfigError;
use super::super::config::{Config, gated};
use super::super::shape::{Layer, Shape};
use super::Family;

pub(super) const FAMILY: Family = Family {
    classes: &[
        "Qwen2ForCausalLM",
        "Qwen3ForCausalLM",
        "Qwen2VLForConditionalGeneration",
        "Qwen2_5_VLForConditionalGeneration",
        "Qwen3VLForConditionalGeneration",
    ],
    model_types: &["qwen2", "qwen3", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_text"],
    read: dense,
};

pub(super) const EXPERTS: Family = Family {
    classes: &["Qwen3MoeForCausalLM", "Qwen2MoeForCausalLM", "Qwen3VLMoeForConditionalGeneration"],
    model_types: &["qwen3_moe", "qwen2_moe", "qwen3_vl_moe", "qwen3_vl_moe_text"],
    read: mixed,
};

fn dense(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let windows = config.text.flag("use_sliding_window", false)?;
    let first_windowed =
        if windows { config.text.count_or_none("max_window_layers", u32::MAX)? } else { u32::MAX };
    let (full, windowed) = (config.full()?, config.windowed("sliding_window")?);
    let feed_forward = config.gated()?;
    config.shape(false, |index| {
        let attention = if index < first_windowed { full.clone() } else { windowed.clone() };
        Ok(Layer::of(attention, feed_forward.clone()))
    })
}

fn mixed(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let attention = config.full()?;
    let shared = config.maybe_width("shared_expert_intermediate_size")?;
    let experts =
        config.experts(&["num_experts"], &["num_experts_per_tok"], "moe_intermediate_size", shared)?;
    let step = config.text.count_or("decoder_sparse_step", 1_000, 1)?;
    let dense = config.text.numbers("mlp_only_layers", u32::MAX)?.unwrap_or_default();
    config.shape(false, |index| {
        let has_experts = !dense.contains(&index) && (index + 1).is_multiple_of(step);
        let feed_forward =
            if has_experts { experts.clone() } else { gated(config.width("intermediate_size")?) };
        Ok(Layer::of(attention.clone(), feed_forward))
    })
}
