//! Nemotron-H and Nemotron 3: each layer is a Mamba mixer, attention, an MLP or a mixture.

use super::super::super::{AttentionKind, FeedForwardKind};
use super::super::ConfigError;
use super::super::config::Config;
use super::super::shape::{Layer, Shape};
use super::Family;

pub(super) const FAMILY: Family =
    Family { classes: &["NemotronHForCausalLM"], model_types: &["nemotron_h"], read };

/// What a layer is.
#[derive(Clone, Copy)]
enum Block {
    Mixer,
    Attention,
    Mlp,
    Mixture,
}

fn read(config: &Config<'_>) -> Result<Shape, ConfigError> {
    let layers = blocks(config)?.into_iter().map(|block| {
        Ok(match block {
            Block::Mixer => Layer { attention: Some(mixer(config)?), feed_forward: None },
            Block::Attention => Layer { attention: Some(config.full()?), feed_forward: None },
            Block::Mlp => Layer { attention: None, feed_forward: Some(mlp(config)?) },
            Block::Mixture => Layer { attention: None, feed_forward: Some(mixture(config)?) },
        })
    });
    let layers = layers.collect::<Result<_, _>>()?;
    config.shape_of(false, layers)
}

/// The kinds of the layers, in the two ways in which configurations write them.
fn blocks(config: &Config<'_>) -> Result<Vec<Block>, ConfigError> {
    let text = &config.text;
    if let Some(types) = config.layer_texts("layers_block_type")? {
        let block = |name: &&str| match *name {
            "mamba" => Ok(Block::Mixer),
            "attention" => Ok(Block::Attention),
            "mlp" => Ok(Block::Mlp),
            "moe" => Ok(Block::Mixture),
            _ => Err(text.refused("layers_block_type", "`mamba`, `attention`, `mlp` and `moe`")),
        };
        return types.iter().map(block).collect();
    }
    const NAME: &str = "hybrid_override_pattern";
    const ACCEPTED: &str = "one of `M`, `*`, `-` and `E` for each layer";
    let pattern = text.text(NAME)?.ok_or_else(|| text.missing(NAME, ACCEPTED))?;
    if pattern.chars().count() != config.depth()? as usize {
        return Err(text.refused(NAME, ACCEPTED));
    }
    let block = |letter| match letter {
        'M' => Ok(Block::Mixer),
        '*' => Ok(Block::Attention),
        '-' => Ok(Block::Mlp),
        'E' => Ok(Block::Mixture),
        _ => Err(text.refused(NAME, ACCEPTED)),
    };
    pattern.chars().map(block).collect()
}

fn mixer(config: &Config<'_>) -> Result<AttentionKind, ConfigError> {
    let value_heads = config.heads_in("mamba_num_heads")?;
    Ok(AttentionKind::Recurrent {
        key_heads: config.text.count("n_groups", value_heads)?,
        key_head_dim: config.head_width("ssm_state_size")?,
        value_heads,
        value_head_dim: config.head_width("mamba_head_dim")?,
        conv_kernel: config.text.count("conv_kernel", 1_000)?,
    })
}

/// MLPs and experts square instead of gating.
fn mlp(config: &Config<'_>) -> Result<FeedForwardKind, ConfigError> {
    Ok(FeedForwardKind::Dense { intermediate: config.width("intermediate_size")?, matrices: 2 })
}

fn mixture(config: &Config<'_>) -> Result<FeedForwardKind, ConfigError> {
    let experts = config.experts_in(&["n_routed_experts"])?;
    Ok(FeedForwardKind::Experts {
        experts,
        experts_active: config.text.count("num_experts_per_tok", experts)?,
        intermediate: config.width("moe_intermediate_size")?,
        shared_intermediate: config.shared(&["n_shared_experts"], "moe_shared_expert_intermediate_size")?,
        matrices: 2,
        expert_hidden: Some(config.maybe_width("moe_latent_size")?).filter(|width| *width > 0),
    })
}
