//! Mistral and Mixtral.

use super::super::shape::Layer;
use super::Family;

/// Mistral, Mistral Small and Ministral: the first release attends to a window.
pub(super) const FAMILY: Family = Family {
    classes: &[
        "MistralForCausalLM",
        "Mistral3ForConditionalGeneration",
        "Mistral3ForCausalLM",
        "MinistralForCausalLM",
        "Ministral3ForCausalLM",
    ],
    model_types: &["mistral", "mistral3", "ministral", "ministral3"],
    read: |config| {
        let layer = Layer::of(config.windowed("sliding_window")?, config.gated()?);
        config.shape(false, |_| Ok(layer.clone()))
    },
};

/// Mixtral: every MLP is a mixture.
pub(super) const EXPERTS: Family = Family {
    classes: &["MixtralForCausalLM"],
    model_types: &["mixtral"],
    read: |config| {
        let experts =
            config.experts(&["num_local_experts"], &["num_experts_per_tok"], "intermediate_size", 0)?;
        let layer = Layer::of(config.windowed("sliding_window")?, experts);
        config.shape(false, |_| Ok(layer.clone()))
    },
};
