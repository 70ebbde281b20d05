//! Device memory of one replica: weights, reserve, KV cache; whether it fits, and how much context it holds.
//!
//! One replica runs on `tensor × data` accelerators. Every accelerator holds
//! * its share of the weights: attention and shared parts over the tensor-parallel ranks (and a whole copy for
//!   each attention-data-parallel rank), routed experts over all accelerators (`weights`);
//! * a reserve: the runtime's context, buffers of collectives, and what is alive at the peak of a step
//!   (`reserve`);
//! * the KV cache: what is left of what the server may take (`cache`), which servers count differently
//!   ([`MemoryScope`]).
//!
//! CUDA graphs are no part of it: vLLM captures them after it has sized the cache, in what its fraction leaves of
//! the device (0.2 to 2.4 GiB in its logs), and XLA programs live in the same rest. Versions between about 0.21 and
//! 0.26 did subtract an estimate of their graphs; none of these is in the catalog.
//!
//! Manifests, rules and the estimator all ask this module, so that they never disagree about what fits.

mod cache;
mod reserve;
mod weights;

use thiserror::Error;

use self::cache::CacheShape;
use crate::catalog::{
    Accelerator, AttentionKind, CacheElement, Checkpoint, GIB, MemoryScope, Model, SchedulerDefaults,
    ServerVersion,
};
use crate::curve::Parallelism;
use crate::workload::Traffic;

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
    /// Share of the device that the server takes for what `memory_scope` says.
    pub memory_fraction: f64,
    /// What that share is of, and for.
    pub memory_scope: MemoryScope,
    /// Sequences scheduled at once.
    pub max_sequences: u32,
    /// Tokens scheduled in one step.
    pub max_batched_tokens: u32,
    /// Elements of the KV cache; `None`: what the checkpoint asks for, else 16 bits, as every server of the catalog
    /// does unless told otherwise.
    pub cache_element: Option<CacheElement>,
}

impl EngineLimits {
    /// The defaults of `version` on `accelerator`.
    pub fn of(version: &ServerVersion, accelerator: &Accelerator) -> Self {
        let defaults = version.scheduler_defaults.iter().find(|entry| holds_for(entry, accelerator));
        let sequences = defaults.and_then(|entry| entry.max_sequences);
        let tokens = defaults.and_then(|entry| entry.max_batched_tokens);
        Self {
            memory_fraction: version.memory_fraction,
            memory_scope: version.memory_scope,
            max_sequences: sequences.unwrap_or(FALLBACK_SEQUENCES),
            max_batched_tokens: tokens.unwrap_or(FALLBACK_BATCHED_TOKENS),
            cache_element: None,
        }
    }

    /// Elements of the KV cache of this checkpoint.
    pub fn cache_element_of(&self, checkpoint: &Checkpoint) -> CacheElement {
        self.cache_element.or(checkpoint.cache_element).unwrap_or(CacheElement::Bf16)
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
    /// What the server takes of it for all that follows.
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
    let weights_bytes = weights::bytes_per_accelerator(model, checkpoint, parallelism);
    let reserve_bytes = reserve::bytes(model, parallelism, limits);
    let needed_bytes = weights_bytes + reserve_bytes;
    let fraction = limits.memory_fraction;
    let budget_bytes = match limits.memory_scope {
        MemoryScope::Everything => device_bytes * fraction,
        MemoryScope::WeightsAndCache => {
            (device_bytes - reserve::context_bytes(parallelism)) * fraction + reserve_bytes
        }
        MemoryScope::Rest => needed_bytes + (device_bytes - needed_bytes).max(0.0) * fraction,
    };
    let budget_bytes = budget_bytes.min(device_bytes);
    let cache_bytes = budget_bytes - needed_bytes;
    if cache_bytes <= 0.0 {
        return Err(DoesNotFit::Weights { needed_bytes, budget_bytes });
    }
    let cache = CacheShape::of(model, parallelism.tensor, limits.cache_element_of(checkpoint));
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

/// Cache bytes of one further token of a long sequence, all accelerators of a tensor-parallel group of one, in
/// elements of 16 bits.
///
/// The customary figure of a model: `2 · layers · kv heads · head width · 2 bytes` for full attention.
pub fn cache_bytes_per_token(model: &Model) -> f64 {
    cache_bytes_per_token_in(model, CacheElement::Bf16)
}

/// As [`cache_bytes_per_token`], in elements of any format.
pub fn cache_bytes_per_token_in(model: &Model, element: CacheElement) -> f64 {
    CacheShape::of(model, 1, element).bytes_per_token
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
