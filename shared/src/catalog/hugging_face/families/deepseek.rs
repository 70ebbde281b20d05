//! DeepSeek V2 to V3.2, and what has its shape (Kimi K2, GLM-4.7-Flash, GLM-5): latent attention, sparse where an
//! index is configured, and shared and routed experts after the first layers.

use super::super::super::{AttentionKind, FeedForwardKind};
use super::super::ConfigError;
use super::super::config::{Config, gated};
use super::super::shape::{Layer, Shape};
use super::Family;

pub(super) const FAMILY: Family = Family {
    classes: &[
        "DeepseekV3ForCausalLM",
        "DeepseekV32ForCausalLM",
        "DeepseekV2ForCausalLM",
        "KimiK25ForConditionalGeneration",
        "KimiVLForConditionalGeneration",
        "GlmMoeDsaForCausalLM",
        "Glm4MoeLiteForCausalLM",
    ],
    model_types: &[
        "deepseek_v3",
        "deepseek_v32",
        "deepseek_v2",
        "kimi_k25",
        "kimi_k2",
        "glm_moe_dsa",
        "glm4_moe_lite",
    ],
    read,
};

fn read(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let indexed = config.layer_texts("indexer_types")?;
    config.shape(false, |index| {
        // GLM-5.2: a layer without an index of its own takes the choice of the one before it.
        let own_index = match indexed.as_ref().and_then(|types| types.get(index as usize)) {
            None | Some(&"full") => true,
            Some(&"shared") => false,
            Some(_) => return Err(config.text.refused("indexer_types", "`full` and `shared`")),
        };
        Ok(Layer::of(latent(config, own_index)?, mixture_after_dense(config, index)?))
    })
}

/// Latent attention.
pub(super) fn latent(config: &Config<'_>, own_index: bool) -> Result<AttentionKind, ConfigError> {
    let index_top_k = config.maybe_tokens("index_topk")?;
    let index = index_top_k
        .filter(|_| own_index)
        .map(|_| Ok((config.head_width("index_head_dim")?, config.heads_in("index_n_heads")?)));
    let index = index.transpose()?;
    Ok(AttentionKind::Latent {
        heads: config.heads()?,
        q_lora_rank: config.maybe_head_width("q_lora_rank")?,
        kv_lora_rank: config.head_width("kv_lora_rank")?,
        qk_nope_head_dim: config.head_width("qk_nope_head_dim")?,
        qk_rope_head_dim: config.head_width("qk_rope_head_dim")?,
        v_head_dim: config.head_width("v_head_dim")?,
        index_head_dim: index.map(|(width, _)| width),
        index_heads: index.map(|(_, heads)| heads),
        index_top_k,
    })
}

/// An MLP in the first layers, a mixture in every `moe_layer_freq`th of the rest.
pub(super) fn mixture_after_dense(config: &Config<'_>, index: u32) -> Result<FeedForwardKind, ConfigError> {
    let text = &config.text;
    let dense = match config.layer_texts("mlp_layer_types")?.as_deref() {
        Some(types) => match types.get(index as usize) {
            Some(&"dense") => true,
            Some(&"sparse") => false,
            _ => return Err(text.refused("mlp_layer_types", "`dense` and `sparse`")),
        },
        None => {
            let first = text.count_or_none("first_k_dense_replace", u32::MAX)?;
            let every = text.count_or("moe_layer_freq", 1_000, 1)?;
            index < first || !index.is_multiple_of(every)
        }
    };
    if dense {
        return Ok(gated(config.width("intermediate_size")?));
    }
    let shared = config.shared(&["n_shared_experts", "num_shared_experts"], "moe_intermediate_size")?;
    config.experts(
        &["n_routed_experts", "num_experts"],
        &["num_experts_per_tok", "num_experts_per_token"],
        "moe_intermediate_size",
        shared,
    )
}
