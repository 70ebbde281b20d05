//! MiniMax M2: full attention and experts in every layer.

use super::super::shape::Layer;
use super::Family;

pub(super) const FAMILY: Family = Family {
    classes: &["MiniMaxM2ForCausalLM"],
    model_types: &["minimax_m2"],
    read: |config| {
        let shared = config.maybe_width("shared_intermediate_size")?;
        let experts =
            config.experts(&["num_local_experts"], &["num_experts_per_tok"], "intermediate_size", shared)?;
        let layer = Layer::of(config.full()?, experts);
        config.shape(false, |_| Ok(layer.clone()))
    },
};
