//! Llama 1 to 3, and what has its shape: full attention with shared key and value heads, a gated MLP.

use super::super::super::FeedForwardKind;
use super::super::ConfigError;
use super::super::config::Config;
use super::super::shape::{Layer, Shape};
use super::Family;

pub(super) const FAMILY: Family = Family {
    classes: &["LlamaForCausalLM"],
    model_types: &["llama"],
    read: |config| {
        let layer = Layer::of(config.full()?, config.gated()?);
        config.shape(false, |_| Ok(layer.clone()))
    },
};

/// Nemotron 3 and 4 and Minitron: as Llama, with an MLP that squares instead of gating.
pub(super) const WITHOUT_GATE: Family =
    Family { classes: &["NemotronForCausalLM"], model_types: &["nemotron"], read: without_gate };

fn without_gate(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let intermediate = config.width("intermediate_size")?;
    let layer = Layer::of(config.full()?, FeedForwardKind::Dense { intermediate, matrices: 2 });
    config.shape(false, |_| Ok(layer.clone()))
}
