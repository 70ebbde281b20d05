//! Device memory of one replica: weights, reserve, KV cache; whether it fits, and how much context it holds.
//!
//! One replica runs on `tensor × data` accelerators. Every accelerator holds
//! * its share of the weights: attention and shared parts over the tensor-parallel ranks (and a whole copy for
//!   each attention-data-parallel rank), routed experts over all accelerators;
//! * a reserve: the runtime's context, the activations of one full step and the logits of one full batch;
//! * the KV cache: what is left of `memory × fraction`.
//!
//! Manifests, rules and the estimator all ask this module, so that they never disagree about what fits.

use thiserror::Error;

use crate::catalog::{
    Accelerator, AttentionKind, Checkpoint, FeedForwardKind, GIB, Model, Precision, SchedulerDefaults,
    ServerVersion,
};
use crate::curve::Parallelism;
use crate::workload::Traffic;

/// Bytes of one element of the KV cache: BF16 or FP16, the default of every server in the catalog.
pub const KV_ELEMENT_BYTES: f64 = 2.0;

/// Bytes of one element of recurrent state: kept in FP32 (`mamba_ssm_dtype` of the published hybrid configs).
const STATE_ELEMENT_BYTES: f64 = 4.0;

/// Bytes that a sparse-attention index key takes beyond its FP8 elements: one FP32 scale a token and layer.
const INDEX_SCALE_BYTES: f64 = 4.0;

/// GiB of an accelerator that the runtime, its kernels and collective buffers take before any tensor.
const CONTEXT_GIB: f64 = 0.5;

/// Residual-width vectors alive at the peak of one layer's forward pass (input, residual, normed, attention in
/// and out, result).
const LIVE_HIDDEN_VECTORS: f64 = 6.0;

/// Scheduler limits where a version's own are not in the catalog: those of vLLM since its V1 engine on devices
/// below 70 GiB, the smallest in use.
const FALLBACK_SEQUENCES: u32 = 256;
const FALLBACK_BATCHED_TOKENS: u32 = 2048;

/// Tokens of context that a replica must hold when nobody says how long requests are.
const USUAL_CONTEXT_TOKENS: u64 = 4096;

/// Tokens of context that a replica must hold: one request of the asked lengths, if any are asked.
pub fn least_context_tokens(traffic: Option<Traffic>) -> u64 {
    // The cast saturates; whoever takes lengths from users checks that they are positive and finite.
    traffic.map_or(USUAL_CONTEXT_TOKENS, |asked| (asked.input_tokens + asked.output_tokens).ceil() as u64)
}

/// What of a server version decides memory on one accelerator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineLimits {
    /// Share of the device that the server takes for weights, activations and cache.
    pub memory_fraction: f64,
    /// Sequences scheduled at once.
    pub max_sequences: u32,
    /// Tokens scheduled in one step.
    pub max_batched_tokens: u32,
}

impl EngineLimits {
    /// The defaults of `version` on `accelerator`.
    pub fn of(version: &ServerVersion, accelerator: &Accelerator) -> Self {
        let defaults = version.scheduler_defaults.iter().find(|entry| holds_for(entry, accelerator));
        let sequences = defaults.and_then(|entry| entry.max_sequences);
        let tokens = defaults.and_then(|entry| entry.max_batched_tokens);
        Self {
            memory_fraction: version.memory_fraction,
            max_sequences: sequences.unwrap_or(FALLBACK_SEQUENCES),
            max_batched_tokens: tokens.unwrap_or(FALLBACK_BATCHED_TOKENS),
        }
    }
}

fn holds_for(entry: &SchedulerDefaults, accelerator: &Accelerator) -> bool {
    let large_enough = entry.at_least_memory_gib.is_none_or(|least| accelerator.memory_gib >= least);
    let listed = entry.only_accelerators.is_empty() || entry.only_accelerators.contains(&accelerator.id);
    large_enough && listed && !entry.except_accelerators.contains(&accelerator.id)
}

/// Memory of one accelerator of a replica that fits, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryPlan {
    /// What the device has.
    pub device_bytes: f64,
    /// What the server may take of it.
    pub budget_bytes: f64,
    /// Weights.
    pub weights_bytes: f64,
    /// Runtime, activations, logits.
    pub reserve_bytes: f64,
    /// What is left for the KV cache.
    pub cache_bytes: f64,
    /// Cache of every further token of one sequence, past any sliding window.
    pub cache_bytes_per_token: f64,
    /// Longest sequence that the model allows and the cache of one replica rank holds, in tokens.
    pub max_context_tokens: u64,
    cache: CacheShape,
    data_parallel: u32,
}

impl MemoryPlan {
    /// Cache bytes on one accelerator of one sequence of `tokens` tokens.
    pub fn sequence_bytes(&self, tokens: u64) -> f64 {
        self.cache.sequence_bytes(tokens)
    }

    /// Sequences of `tokens` tokens each that the replica's cache holds at once.
    pub fn sequences_of(&self, tokens: u64) -> u64 {
        let per_rank = (self.cache_bytes / self.sequence_bytes(tokens.max(1))).floor();
        // Non-negative and far below 2^53 by construction: the cast is exact.
        per_rank as u64 * u64::from(self.data_parallel)
    }

    /// Tokens that the replica's cache holds when it is full of sequences of `tokens` tokens.
    pub fn cache_tokens_at(&self, tokens: u64) -> u64 {
        let tokens = tokens.max(1);
        let per_rank = self.cache_bytes / self.sequence_bytes(tokens) * tokens as f64;
        per_rank as u64 * u64::from(self.data_parallel)
    }
}

/// Why a configuration does not fit.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum DoesNotFit {
    /// Tensor parallelism cannot split the attention heads.
    #[error("{heads} attention heads do not split over a tensor parallel size of {tensor}")]
    Heads {
        /// Query heads of the model.
        heads: u32,
        /// Tensor parallel size asked.
        tensor: u32,
    },
    /// Weights and reserve alone exceed the budget.
    #[error(
        "needs {:.1} GiB on each accelerator for weights and activations, the server may take {:.1} GiB",
        needed_bytes / GIB,
        budget_bytes / GIB
    )]
    Weights {
        /// Weights and reserve.
        needed_bytes: f64,
        /// What the server may take.
        budget_bytes: f64,
    },
    /// The cache does not hold one sequence of the length asked.
    #[error("the cache holds one sequence of {holds} tokens, {asked} are asked")]
    Context {
        /// Tokens that must fit.
        asked: u64,
        /// Tokens that do.
        holds: u64,
    },
    /// Sizes of zero.
    #[error("a parallel size is zero")]
    NoAccelerators,
}

/// Memory of `checkpoint` on `accelerator`, spread by `parallelism`; an error when it does not fit with at
/// least `min_context_tokens` of context.
pub fn fit(
    model: &Model,
    checkpoint: &Checkpoint,
    accelerator: &Accelerator,
    parallelism: Parallelism,
    limits: EngineLimits,
    min_context_tokens: u64,
) -> Result<MemoryPlan, DoesNotFit> {
    check_split(model, parallelism, accelerator.devices_per_chip.unwrap_or(1))?;
    let device_bytes = accelerator.usable_memory_bytes();
    let budget_bytes = device_bytes * limits.memory_fraction;
    let weights_bytes = weights_bytes_per_accelerator(model, checkpoint, parallelism);
    let reserve_bytes = reserve_bytes(model, parallelism, limits);
    let cache_bytes = budget_bytes - weights_bytes - reserve_bytes;
    if cache_bytes <= 0.0 {
        return Err(DoesNotFit::Weights { needed_bytes: weights_bytes + reserve_bytes, budget_bytes });
    }
    let cache = CacheShape::of(model, parallelism.tensor);
    let max_context_tokens = cache.longest_within(cache_bytes, model.max_context_tokens);
    let asked = min_context_tokens.clamp(1, model.max_context_tokens.max(1));
    if max_context_tokens < asked {
        return Err(DoesNotFit::Context { asked, holds: max_context_tokens });
    }
    Ok(MemoryPlan {
        device_bytes,
        budget_bytes,
        weights_bytes,
        reserve_bytes,
        cache_bytes,
        cache_bytes_per_token: cache.bytes_per_token,
        max_context_tokens,
        cache,
        data_parallel: parallelism.data,
    })
}

/// The fewest accelerators, of the counts offered, on which `checkpoint` fits by tensor parallelism alone with
/// `min_context_tokens` of context; the error is that of the largest count offered.
pub fn fewest_accelerators(
    model: &Model,
    checkpoint: &Checkpoint,
    accelerator: &Accelerator,
    counts: &[u32],
    limits: EngineLimits,
    min_context_tokens: u64,
) -> Result<(u32, MemoryPlan), DoesNotFit> {
    let mut counts = counts.to_vec();
    counts.sort_unstable();
    let mut last = DoesNotFit::NoAccelerators;
    for count in counts {
        match fit(model, checkpoint, accelerator, Parallelism::tensor(count), limits, min_context_tokens) {
            Ok(plan) => return Ok((count, plan)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Cache bytes of one further token of a long sequence, all accelerators of a tensor-parallel group of one.
///
/// The customary figure of a model: `2 · layers · kv heads · head width · 2 bytes` for full attention.
pub fn cache_bytes_per_token(model: &Model) -> f64 {
    CacheShape::of(model, 1).bytes_per_token
}

/// Servers see the devices of a chip, not the chip: heads have to split over all of them.
fn check_split(model: &Model, parallelism: Parallelism, devices: u32) -> Result<(), DoesNotFit> {
    let Parallelism { tensor, data, expert } = parallelism;
    let tensor = tensor.saturating_mul(devices);
    if tensor == 0 || data == 0 || expert == 0 {
        return Err(DoesNotFit::NoAccelerators);
    }
    for group in &model.architecture.attention {
        let heads = match group.kind {
            AttentionKind::Full { heads, .. } | AttentionKind::Sliding { heads, .. } => heads,
            AttentionKind::Latent { heads, .. } | AttentionKind::Compressed { heads, .. } => heads,
            AttentionKind::Recurrent { .. } => continue,
        };
        if !heads.is_multiple_of(tensor) {
            return Err(DoesNotFit::Heads { heads, tensor });
        }
    }
    Ok(())
}

/// Routed experts split over all accelerators of the replica, everything else over the tensor-parallel ranks.
fn weights_bytes_per_accelerator(model: &Model, checkpoint: &Checkpoint, parallelism: Parallelism) -> f64 {
    let total = checkpoint.bytes as f64;
    let accelerators = f64::from(parallelism.tensor * parallelism.data).max(f64::from(parallelism.expert));
    let expert_parameters = routed_expert_parameters(model);
    let rest_parameters = (model.parameters as f64 - expert_parameters).max(0.0);
    // 4-bit checkpoints of mixtures keep everything but the experts in BF16.
    let rest_bytes_each = match checkpoint.precision {
        Precision::Int4 | Precision::Nvfp4 | Precision::Mxfp4 if expert_parameters > 0.0 => 2.0,
        other => other.bytes_per_weight(),
    };
    let rest = if expert_parameters > 0.0 { (rest_parameters * rest_bytes_each).min(total) } else { total };
    rest / f64::from(parallelism.tensor) + (total - rest) / accelerators
}

/// Parameters of all routed experts: the matrices of each are of `hidden × intermediate`, or as wide as the
/// experts' own input.
fn routed_expert_parameters(model: &Model) -> f64 {
    let hidden = model.architecture.hidden;
    let groups = model.architecture.feed_forward.iter();
    groups
        .map(|group| match group.kind {
            FeedForwardKind::Dense { .. } => 0.0,
            FeedForwardKind::Experts { experts, intermediate, matrices, expert_hidden, .. } => {
                let width = f64::from(expert_hidden.unwrap_or(hidden));
                let expert = f64::from(matrices) * width * f64::from(intermediate);
                expert * f64::from(experts) * f64::from(group.layers)
            }
        })
        .sum()
}

/// Runtime context, activations of one step of `max_batched_tokens`, FP32 logits and their probabilities of
/// `max_sequences`.
fn reserve_bytes(model: &Model, parallelism: Parallelism, limits: EngineLimits) -> f64 {
    let architecture = &model.architecture;
    let tensor = f64::from(parallelism.tensor);
    let tokens = f64::from(limits.max_batched_tokens);
    let hidden = f64::from(architecture.hidden);
    let feed_forward = architecture.feed_forward.iter();
    let widest = feed_forward.map(|group| live_width(&group.kind, hidden, tensor)).fold(0.0, f64::max);
    let activations = tokens * 2.0 * (widest + LIVE_HIDDEN_VECTORS * hidden);
    let logits = f64::from(limits.max_sequences) * f64::from(architecture.vocabulary) * 4.0 * 2.0 / tensor;
    CONTEXT_GIB * GIB + activations + logits
}

/// BF16 elements of one token alive inside a feed-forward layer: gate and up projection, and in a mixture the
/// residual vector once for each expert that the token passes through.
fn live_width(kind: &FeedForwardKind, hidden: f64, tensor: f64) -> f64 {
    match *kind {
        FeedForwardKind::Dense { intermediate, .. } => 2.0 * f64::from(intermediate) / tensor,
        FeedForwardKind::Experts { experts_active, intermediate, shared_intermediate, .. } => {
            let active = f64::from(experts_active);
            let inner = active * f64::from(intermediate) + f64::from(shared_intermediate);
            2.0 * inner / tensor + active * hidden
        }
    }
}

/// Cache of one accelerator as a function of a sequence's length.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct CacheShape {
    /// Of every token, whatever its age.
    bytes_per_token: f64,
    /// Of the tokens inside a sliding window.
    window_bytes_per_token: f64,
    /// The window; models with windows have one size for all such layers.
    window_tokens: u64,
    /// Of a sequence, whatever its length.
    bytes_per_sequence: f64,
}

impl CacheShape {
    fn of(model: &Model, tensor: u32) -> Self {
        let mut shape = Self::default();
        for group in &model.architecture.attention {
            let layers = f64::from(group.layers);
            match group.kind {
                AttentionKind::Full { kv_heads, head_dim, .. } => {
                    shape.bytes_per_token += layers * key_value_bytes(kv_heads, head_dim, tensor);
                }
                AttentionKind::Sliding { window, kv_heads, head_dim, .. } => {
                    shape.window_bytes_per_token += layers * key_value_bytes(kv_heads, head_dim, tensor);
                    shape.window_tokens = shape.window_tokens.max(u64::from(window));
                }
                AttentionKind::Latent { kv_lora_rank, qk_rope_head_dim, index_head_dim, .. } => {
                    let latent = f64::from(kv_lora_rank + qk_rope_head_dim) * KV_ELEMENT_BYTES;
                    let index = index_head_dim.map_or(0.0, |width| f64::from(width) + INDEX_SCALE_BYTES);
                    // Every tensor-parallel rank keeps the whole latent vector.
                    shape.bytes_per_token += layers * (latent + index);
                }
                AttentionKind::Compressed { ratio, window, head_dim, index_head_dim, .. } => {
                    let vector = f64::from(head_dim) * KV_ELEMENT_BYTES;
                    let index = index_head_dim.map_or(0.0, |width| f64::from(width) + INDEX_SCALE_BYTES);
                    shape.bytes_per_token += ratio.map_or(0.0, |ratio| layers * (vector + index) / f64::from(ratio));
                    shape.window_bytes_per_token += layers * vector;
                    shape.window_tokens = shape.window_tokens.max(u64::from(window));
                }
                AttentionKind::Recurrent { .. } => {
                    let state = group.kind.state_elements() as f64 * STATE_ELEMENT_BYTES
                        + group.kind.conv_elements() as f64 * KV_ELEMENT_BYTES;
                    shape.bytes_per_sequence += layers * state / f64::from(tensor);
                }
            }
        }
        shape
    }

    fn sequence_bytes(&self, tokens: u64) -> f64 {
        let windowed = tokens.min(self.window_tokens) as f64;
        tokens as f64 * self.bytes_per_token
            + windowed * self.window_bytes_per_token
            + self.bytes_per_sequence
    }

    /// Longest sequence within `bytes`, at most `limit` tokens.
    fn longest_within(&self, bytes: f64, limit: u64) -> u64 {
        if self.sequence_bytes(limit) <= bytes {
            return limit;
        }
        let (mut holds, mut exceeds) = (0, limit);
        while exceeds - holds > 1 {
            let middle = holds + (exceeds - holds) / 2;
            if self.sequence_bytes(middle) <= bytes {
                holds = middle;
            } else {
                exceeds = middle;
            }
        }
        holds
    }
}

/// Keys and values of one token and layer on one rank; heads that do not suffice for all ranks are repeated.
fn key_value_bytes(kv_heads: u32, head_dim: u32, tensor: u32) -> f64 {
    2.0 * f64::from(kv_heads.div_ceil(tensor)) * f64::from(head_dim) * KV_ELEMENT_BYTES
}
