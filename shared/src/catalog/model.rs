//! Models: dimensions, sizes, checkpoints.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Evidence;
use super::entry::{Entry, Problem, count, name};

/// Numeric format of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// bfloat16.
    Bf16,
    /// IEEE half.
    Fp16,
    /// 8-bit floating point.
    Fp8,
    /// 8-bit integer.
    Int8,
    /// 4-bit integer (AWQ, GPTQ, compressed-tensors).
    Int4,
    /// NVIDIA's 4-bit floating point, blocks of 16 with an FP8 scale.
    Nvfp4,
    /// OCP microscaling 4-bit floating point, blocks of 32 with an 8-bit scale.
    Mxfp4,
}

impl Precision {
    /// All of them, the widest first.
    pub const ALL: [Self; 7] =
        [Self::Bf16, Self::Fp16, Self::Fp8, Self::Int8, Self::Int4, Self::Nvfp4, Self::Mxfp4];

    /// Name as the catalog and the command line write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
            Self::Fp8 => "fp8",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
            Self::Nvfp4 => "nvfp4",
            Self::Mxfp4 => "mxfp4",
        }
    }

    /// Whether weights of it have fewer bits than models are trained and published with.
    pub const fn is_quantized(self) -> bool {
        !matches!(self, Self::Bf16 | Self::Fp16)
    }

    /// Bytes of one quantized weight, block scales included (NVFP4: 4 + 8/16 bits; MXFP4: 4 + 8/32 bits;
    /// INT4: 4 + 16/128 bits, the usual group of 128 with an FP16 scale).
    pub const fn bytes_per_weight(self) -> f64 {
        match self {
            Self::Bf16 | Self::Fp16 => 2.0,
            Self::Fp8 | Self::Int8 => 1.0,
            Self::Int4 => 4.125 / 8.0,
            Self::Nvfp4 => 4.5 / 8.0,
            Self::Mxfp4 => 4.25 / 8.0,
        }
    }
}

/// Numeric format of the elements of a KV cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheElement {
    /// 16 bits: bfloat16 or IEEE half, as the model computes.
    Bf16,
    /// 8-bit floating point.
    Fp8,
}

impl CacheElement {
    /// Bytes of one element.
    pub const fn bytes(self) -> f64 {
        match self {
            Self::Bf16 => 2.0,
            Self::Fp8 => 1.0,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A model: one set of dimensions, and the checkpoints that have them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Model {
    /// Hugging Face id `owner/name` of the stock checkpoint.
    pub id: String,
    /// Other names of the stock checkpoint: short names, ids that it had before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// All parameters.
    pub parameters: u64,
    /// Parameters that one token passes through; equal to `parameters` for dense models.
    pub active_parameters: u64,
    /// Longest sequence that the model was made for, in tokens.
    pub max_context_tokens: u64,
    /// Whether the Hub asks for a token and an accepted licence.
    pub gated: bool,
    /// Dimensions.
    pub architecture: Architecture,
    /// Published weights; the first is the stock checkpoint, whose id is the model's. Of one precision the first stands
    /// for the model; the others (later releases, fine-tunes) are served where they are asked for by their own name.
    pub checkpoints: Vec<Checkpoint>,
    /// Where the facts come from.
    pub evidence: Evidence,
}

/// One published set of weights of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    /// Hugging Face id.
    pub id: String,
    /// Format of most of the weights.
    pub precision: Precision,
    /// Size of the weight files in bytes.
    pub bytes: u64,
    /// Bytes of them that a server loads, where it leaves some out: layers that predict tokens ahead are loaded for
    /// speculation only, vision towers are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded_bytes: Option<u64>,
    /// Elements of the KV cache that the checkpoint's quantization settings ask for; absent: the server's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_element: Option<CacheElement>,
    /// Where the size comes from, when not from the model's own evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// Dimensions that decide memory and work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Architecture {
    /// Class name in the checkpoint's `config.json`, such as `Gemma2ForCausalLM`.
    pub name: String,
    /// Width of the residual stream.
    pub hidden: u32,
    /// Entries of the vocabulary.
    pub vocabulary: u32,
    /// Whether the output head shares the embedding's weights.
    pub tied_embeddings: bool,
    /// Attention layers by kind; their `layers` add up to the depth of the model.
    pub attention: Vec<AttentionLayers>,
    /// Feed-forward layers by kind.
    pub feed_forward: Vec<FeedForwardLayers>,
    /// Elements of a second embedding that every token brings, over all layers (Gemma 3n and 4); looked up, not
    /// multiplied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_layer_embedding: Option<u32>,
}

/// A number of attention (or attention-like) layers of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttentionLayers {
    /// How many.
    pub layers: u32,
    /// Their kind and dimensions.
    pub kind: AttentionKind,
}

/// What an attention layer keeps for each token or sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum AttentionKind {
    /// Keys and values of the whole context, shared by groups of heads (MHA where `kv_heads == heads`).
    Full {
        /// Query heads.
        heads: u32,
        /// Key and value heads.
        kv_heads: u32,
        /// Width of a head.
        head_dim: u32,
        /// Whether the query projection is twice as wide, its second half a gate on the output (Qwen3.5).
        #[serde(default, skip_serializing_if = "is_false")]
        output_gate: bool,
        /// Whether values are the keys before their rotation, without a projection of their own (Gemma 4); both
        /// are kept in the cache.
        #[serde(default, skip_serializing_if = "is_false")]
        values_are_keys: bool,
        /// Whether these layers read keys and values of an earlier layer and keep none (Gemma 3n and 4).
        #[serde(default, skip_serializing_if = "is_false")]
        shares_cache: bool,
    },
    /// Keys and values of the last `window` tokens only.
    Sliding {
        /// Tokens kept.
        window: u32,
        /// Query heads.
        heads: u32,
        /// Key and value heads.
        kv_heads: u32,
        /// Width of a head.
        head_dim: u32,
        /// Whether the query projection is twice as wide, its second half a gate on the output (Qwen3.5).
        #[serde(default, skip_serializing_if = "is_false")]
        output_gate: bool,
        /// Whether values are the keys before their rotation, without a projection of their own (Gemma 4); both
        /// are kept in the cache.
        #[serde(default, skip_serializing_if = "is_false")]
        values_are_keys: bool,
        /// Whether these layers read keys and values of an earlier layer and keep none (Gemma 3n and 4).
        #[serde(default, skip_serializing_if = "is_false")]
        shares_cache: bool,
    },
    /// Multi-head latent attention: one compressed vector a token, the same on every tensor-parallel rank.
    Latent {
        /// Query heads.
        heads: u32,
        /// Rank of the query's compression; absent where queries are not compressed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        q_lora_rank: Option<u32>,
        /// Rank of the key-value compression.
        kv_lora_rank: u32,
        /// Width of a head without position.
        qk_nope_head_dim: u32,
        /// Width of the shared rotary part.
        qk_rope_head_dim: u32,
        /// Width of a value head.
        v_head_dim: u32,
        /// Width of the sparse-attention index key kept for each token, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index_head_dim: Option<u32>,
        /// Heads that score the index keys, where these layers have an index of their own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index_heads: Option<u32>,
        /// Most tokens that a query attends to, those that an index found: their own, or one shared with an
        /// earlier layer. Absent: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index_top_k: Option<u32>,
    },
    /// One vector, key and value at once, for every `ratio` tokens and for each of the last `window` (DeepSeek-V4);
    /// the same on every tensor-parallel rank.
    Compressed {
        /// Tokens that share one kept vector; absent: nothing older than the window is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ratio: Option<u32>,
        /// Latest tokens kept one by one.
        window: u32,
        /// Query heads.
        heads: u32,
        /// Width of a vector and of a head.
        head_dim: u32,
        /// Width of the index key kept beside each shared vector, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index_head_dim: Option<u32>,
        /// Heads that score the index keys.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index_heads: Option<u32>,
        /// Most shared vectors that a query attends to. Absent: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        index_top_k: Option<u32>,
        /// Rank of the query's compression.
        q_lora_rank: u32,
        /// Groups of heads whose outputs are compressed apart.
        o_groups: u32,
        /// Rank of each group's compression.
        o_lora_rank: u32,
    },
    /// Constant state a sequence, whatever its length (Mamba, gated delta rule, linear attention): for every value
    /// head a matrix of `key_head_dim × value_head_dim`, and the last inputs of a short convolution.
    Recurrent {
        /// Groups that share a key and a query: key heads of a delta rule, `n_groups` of Mamba 2.
        key_heads: u32,
        /// Width of a key: `ssm_state_size` of Mamba 2.
        key_head_dim: u32,
        /// Heads that keep a state.
        value_heads: u32,
        /// Width of such a head.
        value_head_dim: u32,
        /// Inputs that the convolution before the mixer sees, the present one among them.
        conv_kernel: u32,
    },
}

/// A number of feed-forward layers of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FeedForwardLayers {
    /// How many.
    pub layers: u32,
    /// Their kind and dimensions.
    pub kind: FeedForwardKind,
}

/// What a feed-forward layer is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FeedForwardKind {
    /// One MLP.
    Dense {
        /// Inner width.
        intermediate: u32,
        /// Matrices of `hidden × intermediate`: 3 with a gate, 2 without.
        #[serde(default = "with_gate")]
        matrices: u32,
    },
    /// A router and experts.
    Experts {
        /// Routed experts.
        experts: u32,
        /// Routed experts that a token passes through.
        experts_active: u32,
        /// Inner width of a routed expert.
        intermediate: u32,
        /// Inner width of the experts that every token passes through, all together; 0 without any.
        #[serde(default)]
        shared_intermediate: u32,
        /// Matrices of an expert: 3 with a gate, 2 without.
        #[serde(default = "with_gate")]
        matrices: u32,
        /// Width that routed experts read and write, where it is not the model's (latent mixtures).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expert_hidden: Option<u32>,
    },
}

const fn with_gate() -> u32 {
    3
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl AttentionKind {
    /// Elements of the matrices that one such layer keeps for a sequence; 0 but for recurrent layers.
    pub fn state_elements(&self) -> u64 {
        match *self {
            Self::Recurrent { key_head_dim, value_heads, value_head_dim, .. } => {
                u64::from(key_head_dim) * u64::from(value_heads) * u64::from(value_head_dim)
            }
            _ => 0,
        }
    }

    /// Elements of the convolution's memory that one such layer keeps for a sequence; 0 but for recurrent layers.
    pub fn conv_elements(&self) -> u64 {
        match *self {
            Self::Recurrent { conv_kernel, .. } => {
                self.conv_channels() * u64::from(conv_kernel.saturating_sub(1))
            }
            _ => 0,
        }
    }

    /// Channels of the convolution: queries, keys and values side by side.
    pub(super) fn conv_channels(&self) -> u64 {
        match *self {
            Self::Recurrent { key_heads, key_head_dim, value_heads, value_head_dim, .. } => {
                2 * u64::from(key_heads) * u64::from(key_head_dim)
                    + u64::from(value_heads) * u64::from(value_head_dim)
            }
            _ => 0,
        }
    }
}

impl Model {
    /// The checkpoint that the model's id names.
    pub fn stock_checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoints.first()
    }

    /// The first checkpoint with weights of this precision.
    pub fn checkpoint_of(&self, precision: Precision) -> Option<&Checkpoint> {
        self.checkpoints.iter().find(|checkpoint| checkpoint.precision == precision)
    }

    /// The first checkpoint of each precision, in the order of the entry.
    pub fn checkpoint_of_each_precision(&self) -> impl Iterator<Item = &Checkpoint> {
        self.checkpoints.iter().filter(|checkpoint| self.is_first_of_precision(checkpoint))
    }

    /// Whether `checkpoint`, one of the model's, is the first of its precision.
    pub(super) fn is_first_of_precision(&self, checkpoint: &Checkpoint) -> bool {
        self.checkpoint_of(checkpoint.precision).is_some_and(|first| std::ptr::eq(first, checkpoint))
    }
}

impl Entry for Model {
    const KIND: &'static str = "model";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn validate(&self) -> Result<(), Problem> {
        const MOST_PARAMETERS: u64 = 100_000_000_000_000;
        name("id", &self.id)?;
        for alias in &self.aliases {
            name("aliases", alias)?;
        }
        count("parameters", self.parameters, MOST_PARAMETERS)?;
        count("activeParameters", self.active_parameters, self.parameters)?;
        count("maxContextTokens", self.max_context_tokens, 1_000_000_000)?;
        self.architecture.validate().map_err(|problem| problem.within("architecture"))?;
        match self.stock_checkpoint() {
            None => {
                return Err(Problem::new("checkpoints", "is empty: at least the stock one is needed"));
            }
            Some(stock) if stock.id != self.id => {
                let reason = format!("starts with `{}`: the first must have the model's own id", stock.id);
                return Err(Problem::new("checkpoints", reason));
            }
            Some(_) => {}
        }
        for checkpoint in &self.checkpoints {
            name("checkpoints.id", &checkpoint.id)?;
            count("checkpoints.bytes", checkpoint.bytes, 4 * MOST_PARAMETERS)?;
            if let Some(loaded) = checkpoint.loaded_bytes {
                count("checkpoints.loadedBytes", loaded, checkpoint.bytes)?;
            }
        }
        self.evidence.validate()
    }
}

/// Largest dimension that any of the checks lets pass.
const MOST: u64 = 10_000_000;

impl Architecture {
    fn validate(&self) -> Result<(), Problem> {
        name("name", &self.name)?;
        count("hidden", self.hidden.into(), MOST)?;
        count("vocabulary", self.vocabulary.into(), 100 * MOST)?;
        for layers in &self.attention {
            count("attention.layers", layers.layers.into(), MOST)?;
            layers.kind.validate().map_err(|problem| problem.within("attention.kind"))?;
        }
        for layers in &self.feed_forward {
            count("feedForward.layers", layers.layers.into(), MOST)?;
            layers.kind.validate().map_err(|problem| problem.within("feedForward.kind"))?;
        }
        if self.attention.is_empty() {
            return Err(Problem::new("attention", "is empty: at least one kind of layers is needed"));
        }
        Ok(())
    }
}

impl AttentionKind {
    fn validate(&self) -> Result<(), Problem> {
        match *self {
            Self::Full { heads, kv_heads, head_dim, .. } => validate_heads(heads, kv_heads, head_dim),
            Self::Sliding { window, heads, kv_heads, head_dim, .. } => {
                count("window", window.into(), 100 * MOST)?;
                validate_heads(heads, kv_heads, head_dim)
            }
            Self::Latent { heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim, .. } => {
                count("heads", heads.into(), MOST)?;
                count("kvLoraRank", kv_lora_rank.into(), MOST)?;
                count("qkNopeHeadDim", qk_nope_head_dim.into(), MOST)?;
                count("qkRopeHeadDim", qk_rope_head_dim.into(), MOST)?;
                count("vHeadDim", v_head_dim.into(), MOST)
            }
            Self::Compressed {
                ratio, window, heads, head_dim, q_lora_rank, o_groups, o_lora_rank, ..
            } => {
                count("ratio", ratio.unwrap_or(1).into(), MOST)?;
                count("window", window.into(), 100 * MOST)?;
                count("qLoraRank", q_lora_rank.into(), MOST)?;
                count("oGroups", o_groups.into(), heads.into())?;
                count("oLoraRank", o_lora_rank.into(), MOST)?;
                validate_heads(heads, 1, head_dim)
            }
            Self::Recurrent { key_heads, key_head_dim, value_heads, value_head_dim, conv_kernel } => {
                // Products of three of these stay far below 2^64.
                const MOST_OF_A_MIXER: u64 = 1_000_000;
                count("keyHeads", key_heads.into(), MOST_OF_A_MIXER)?;
                count("keyHeadDim", key_head_dim.into(), MOST_OF_A_MIXER)?;
                count("valueHeads", value_heads.into(), MOST_OF_A_MIXER)?;
                count("valueHeadDim", value_head_dim.into(), MOST_OF_A_MIXER)?;
                count("convKernel", conv_kernel.into(), 1_000)
            }
        }
    }
}

fn validate_heads(heads: u32, kv_heads: u32, head_dim: u32) -> Result<(), Problem> {
    count("heads", heads.into(), MOST)?;
    count("kvHeads", kv_heads.into(), heads.into())?;
    count("headDim", head_dim.into(), MOST)
}

impl FeedForwardKind {
    fn validate(&self) -> Result<(), Problem> {
        match *self {
            Self::Dense { intermediate, matrices } => {
                count("matrices", matrices.into(), 3)?;
                count("intermediate", intermediate.into(), MOST)
            }
            Self::Experts { experts, experts_active, intermediate, matrices, .. } => {
                count("matrices", matrices.into(), 3)?;
                count("experts", experts.into(), MOST)?;
                count("expertsActive", experts_active.into(), experts.into())?;
                count("intermediate", intermediate.into(), MOST)
            }
        }
    }
}
