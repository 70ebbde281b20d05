//! How many parameters a set of dimensions makes, by the part of the model that holds them.
//!
//! Matrices are counted; biases, norms, and the small vectors of mixers and routers are not: all together they stay
//! below one part in a thousand of every model in the catalog.

use super::{Architecture, AttentionKind, FeedForwardKind};

/// Parameters of one attention (or attention-like) layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttentionParameters {
    /// Projections to queries, both halves of a low-rank one, a gate on the output among them.
    pub query: u64,
    /// Projections to keys and values, and what compresses them.
    pub key_value: u64,
    /// Projections back to the residual stream.
    pub output: u64,
    /// What an index of sparse attention adds.
    pub index: u64,
    /// All of a recurrent layer.
    pub mixer: u64,
}

/// Parameters of one feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedForwardParameters {
    /// One MLP.
    pub dense: u64,
    /// Experts that every token passes through, and projections around latent experts.
    pub shared: u64,
    /// One routed expert.
    pub expert: u64,
    /// Routed experts that there are.
    pub experts: u64,
    /// Routed experts that a token passes through.
    pub experts_active: u64,
    /// What chooses the experts.
    pub router: u64,
}

/// Saturates instead of overflowing: dimensions of overlays are bounded, their product is not.
fn product<const N: usize>(factors: [u64; N]) -> u64 {
    factors.into_iter().fold(1, u64::saturating_mul)
}

fn sum<const N: usize>(parts: [u64; N]) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}

impl AttentionParameters {
    /// All of the layer.
    pub fn total(&self) -> u64 {
        sum([self.query, self.key_value, self.output, self.index, self.mixer])
    }
}

impl FeedForwardParameters {
    /// All routed experts.
    pub fn routed(&self) -> u64 {
        product([self.expert, self.experts])
    }

    /// All of the layer.
    pub fn total(&self) -> u64 {
        sum([self.dense, self.shared, self.routed(), self.router])
    }

    /// What one token passes through.
    pub fn active(&self) -> u64 {
        sum([self.dense, self.shared, product([self.expert, self.experts_active]), self.router])
    }
}

impl AttentionKind {
    /// Parameters of one layer in a model whose residual stream is `hidden` wide.
    ///
    /// Latent attention as in DeepSeek-V2 (arXiv 2405.04434, section 2.1), its index as in DeepSeek-V3.2's
    /// `inference/model.py`, compressed attention as the names and shapes of DeepSeek-V4's configuration give it,
    /// recurrent layers as in Mamba 2 (arXiv 2405.21060) and the gated delta rule (arXiv 2412.06464).
    pub fn parameters(&self, hidden: u32) -> AttentionParameters {
        let hidden = u64::from(hidden);
        match *self {
            Self::Full { heads, kv_heads, head_dim, output_gate, values_are_keys, shares_cache }
            | Self::Sliding {
                heads, kv_heads, head_dim, output_gate, values_are_keys, shares_cache, ..
            } => {
                let queries = product([hidden, heads.into(), head_dim.into()]);
                let keys = product([hidden, kv_heads.into(), head_dim.into()]);
                let projections = match (shares_cache, values_are_keys) {
                    (true, _) => 0,
                    (false, true) => 1,
                    (false, false) => 2,
                };
                AttentionParameters {
                    query: product([queries, 1 + u64::from(output_gate)]),
                    key_value: product([keys, projections]),
                    output: queries,
                    ..AttentionParameters::default()
                }
            }
            Self::Latent { .. } => self.latent_parameters(hidden),
            Self::Compressed { .. } => self.compressed_parameters(hidden),
            Self::Recurrent { value_heads, value_head_dim, conv_kernel, .. } => {
                let values = product([value_heads.into(), value_head_dim.into()]);
                let channels = self.conv_channels();
                // In: queries, keys, values, the gate, and a scalar a head (the delta rule has two); out: values.
                let projections = product([hidden, sum([channels, values, value_heads.into(), values])]);
                AttentionParameters {
                    mixer: sum([projections, product([channels, conv_kernel.into()])]),
                    ..AttentionParameters::default()
                }
            }
        }
    }

    fn latent_parameters(&self, hidden: u64) -> AttentionParameters {
        let Self::Latent {
            heads,
            q_lora_rank,
            kv_lora_rank,
            qk_nope_head_dim,
            qk_rope_head_dim,
            v_head_dim,
            index_head_dim,
            index_heads,
            ..
        } = *self
        else {
            return AttentionParameters::default();
        };
        let [heads, rank, nope, rope, value] =
            [heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim].map(u64::from);
        let queries = product([heads, sum([nope, rope])]);
        let query = q_lora_rank.map_or(product([hidden, queries]), |q_rank| {
            product([u64::from(q_rank), sum([hidden, queries])])
        });
        let down = product([hidden, sum([rank, rope])]);
        let up = product([rank, heads, sum([nope, value])]);
        AttentionParameters {
            query,
            key_value: sum([down, up]),
            output: product([heads, value, hidden]),
            index: index_parameters(hidden, q_lora_rank, index_heads, index_head_dim, hidden),
            mixer: 0,
        }
    }

    fn compressed_parameters(&self, hidden: u64) -> AttentionParameters {
        let Self::Compressed {
            ratio,
            heads,
            head_dim,
            index_head_dim,
            index_heads,
            q_lora_rank,
            o_groups,
            o_lora_rank,
            ..
        } = *self
        else {
            return AttentionParameters::default();
        };
        let [heads, width, q_rank, groups, o_rank] =
            [heads, head_dim, q_lora_rank, o_groups, o_lora_rank].map(u64::from);
        let queries = product([heads, width]);
        // A compressor has a projection and its gate; with an index its windows overlap, which doubles both.
        let overlap = if index_head_dim.is_some() { 2 } else { 1 };
        let compressor = |width: u64| ratio.map_or(0, |_| product([2, overlap, hidden, width]));
        let index_input =
            index_head_dim.map_or(0, |width| compressor(u64::from(width)) / u64::from(width.max(1)));
        AttentionParameters {
            query: product([q_rank, sum([hidden, queries])]),
            key_value: sum([product([hidden, width]), compressor(width)]),
            output: sum([product([queries, o_rank]), product([groups, o_rank, hidden])]),
            index: index_parameters(hidden, Some(q_lora_rank), index_heads, index_head_dim, index_input),
            mixer: 0,
        }
    }
}

/// Queries of the index from the compressed query, a weight for each of its heads, and its keys, each of which
/// takes `key_input` parameters for every element of its width.
fn index_parameters(
    hidden: u64,
    q_lora_rank: Option<u32>,
    heads: Option<u32>,
    width: Option<u32>,
    key_input: u64,
) -> u64 {
    let (Some(heads), Some(width)) = (heads, width) else { return 0 };
    let input = q_lora_rank.map_or(hidden, u64::from);
    sum([
        product([input, heads.into(), width.into()]),
        product([hidden, heads.into()]),
        product([key_input, width.into()]),
    ])
}

impl FeedForwardKind {
    /// Parameters of one layer in a model whose residual stream is `hidden` wide.
    pub fn parameters(&self, hidden: u32) -> FeedForwardParameters {
        let hidden = u64::from(hidden);
        match *self {
            Self::Dense { intermediate, matrices } => FeedForwardParameters {
                dense: product([matrices.into(), hidden, intermediate.into()]),
                ..FeedForwardParameters::default()
            },
            Self::Experts {
                experts,
                experts_active,
                intermediate,
                shared_intermediate,
                matrices,
                expert_hidden,
            } => {
                let width = expert_hidden.map_or(hidden, u64::from);
                let around = expert_hidden.map_or(0, |latent| product([2, hidden, latent.into()]));
                let shared = product([matrices.into(), hidden, shared_intermediate.into()]);
                FeedForwardParameters {
                    dense: 0,
                    shared: sum([shared, around]),
                    expert: product([matrices.into(), width, intermediate.into()]),
                    experts: experts.into(),
                    experts_active: experts_active.into(),
                    router: product([hidden, experts.into()]),
                }
            }
        }
    }
}

impl Architecture {
    /// Parameters of the embedding, which the output head shares where embeddings are tied.
    pub fn embedding_parameters(&self) -> u64 {
        product([self.vocabulary.into(), self.hidden.into()])
    }

    /// Parameters of an output head of its own; 0 where embeddings are tied.
    pub fn head_parameters(&self) -> u64 {
        if self.tied_embeddings { 0 } else { self.embedding_parameters() }
    }

    /// Parameters of the embedding that each layer looks up for itself; 0 for most models.
    pub fn per_layer_embedding_parameters(&self) -> u64 {
        self.per_layer_embedding.map_or(0, |width| product([self.vocabulary.into(), width.into()]))
    }

    /// All parameters, counted from the dimensions: without vision or audio towers, and without layers that predict
    /// tokens ahead.
    pub fn parameters(&self) -> u64 {
        self.counted(FeedForwardParameters::total)
    }

    /// Parameters that one token passes through, counted as [`Self::parameters`].
    pub fn active_parameters(&self) -> u64 {
        self.counted(FeedForwardParameters::active)
    }

    fn counted(&self, of_feed_forward: impl Fn(&FeedForwardParameters) -> u64) -> u64 {
        let attention = self
            .attention
            .iter()
            .map(|group| product([group.kind.parameters(self.hidden).total(), group.layers.into()]));
        let feed_forward = self.feed_forward.iter().map(|group| {
            product([of_feed_forward(&group.kind.parameters(self.hidden)), group.layers.into()])
        });
        let layers = attention.chain(feed_forward).fold(0, u64::saturating_add);
        sum([
            layers,
            self.embedding_parameters(),
            self.head_parameters(),
            self.per_layer_embedding_parameters(),
        ])
    }
}
