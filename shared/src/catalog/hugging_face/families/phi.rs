//! Phi 1 to 4 and Phi-3.5-MoE.

use super::super::super::FeedForwardKind;
use super::super::ConfigError;
use super::super::config::Config;
use super::super::shape::{Layer, Shape};
use super::Family;

pub(super) const FAMILY: Family = Family {
    classes: &[
        "Phi3ForCausalLM",
        "PhiForCausalLM",
        "PhiMoEForCausalLM",
        "PhimoeForCausalLM",
        "Phi4MMForCausalLM",
    ],
    model_types: &["phi3", "phi", "phimoe", "phi4mm"],
    read,
};

fn read(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let attention = config.windowed("sliding_window")?;
    let feed_forward = match config.text.text("model_type")?.unwrap_or("phi3") {
        // The first two generations have no gate.
        "phi" => FeedForwardKind::Dense { intermediate: config.width("intermediate_size")?, matrices: 2 },
        "phimoe" => {
            config.experts(&["num_local_experts"], &["num_experts_per_tok"], "intermediate_size", 0)?
        }
        _ => config.gated()?,
    };
    let layer = Layer::of(attention, feed_forward);
    config.shape(false, |_| Ok(layer.clone()))
}
