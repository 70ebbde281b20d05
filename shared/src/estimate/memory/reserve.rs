//! What an accelerator needs beside weights and cache: the runtime's context, buffers of collectives, and what is
//! alive at the peak of a step.
//!
//! vLLM measures its peak at start, in a run of `max_num_batched_tokens` tokens after which it samples for
//! `max_num_seqs` sequences with every option on. The layers' activations are gone when the sampler runs, so that
//! the larger of the two counts.

use super::EngineLimits;
use crate::catalog::{FeedForwardKind, GIB, MemoryScope, Model};
use crate::curve::Parallelism;

/// GiB that the driver's context and the kernels take ("non-torch memory" of vLLM's logs on one device: 0.13 to
/// 0.26, llm-d-benchmark config_explorer/empirical-vllm-memory-results.md).
const CONTEXT_GIB: f64 = 0.15;

/// GiB that the buffers of collectives take for every doubling of the ranks (the same logs: 0.54 on two devices;
/// 0.95 on four).
const COLLECTIVES_GIB_PER_DOUBLING: f64 = 0.4;

/// Vectors of the residual stream's width that are alive at the peak of a layer: input, residual, normed, and those
/// into and out of attention.
const LIVE_HIDDEN_VECTORS: f64 = 5.0;

/// Bytes that vLLM's sampler has alive for each logit when it sorts for top-k and top-p: logits in 16 and 32 bits,
/// the sorted copy with its 64-bit indices, probabilities, their running sum, masks and what is scattered back.
/// 38.4 to 41 in the logs of versions 0.7 to 0.15 that name the peak, whatever the model (vocabularies of 128,256 to
/// 201,088, 256 and 1,024 sequences). Logs of versions since 0.24 spread from 16 to 47, without a rule that they tell;
/// with their 256 sequences that is 0.3 to 0.8 GiB.
const SAMPLER_BYTES_PER_LOGIT: f64 = 38.6;

/// Logits and their probabilities in 32 bits, for servers that do not sample while they measure.
const LOGIT_BYTES: f64 = 8.0;

/// Bytes on one accelerator.
pub(super) fn bytes(model: &Model, parallelism: Parallelism, limits: EngineLimits) -> f64 {
    let bytes_per_logit = match limits.memory_scope {
        MemoryScope::Everything => SAMPLER_BYTES_PER_LOGIT,
        MemoryScope::WeightsAndCache | MemoryScope::Rest => LOGIT_BYTES,
    };
    // Every rank gathers all logits: the vocabulary is not split when it is sampled from.
    let logits = f64::from(limits.max_sequences) * f64::from(model.architecture.vocabulary);
    let peak = activation_bytes(model, parallelism, limits).max(logits * bytes_per_logit);
    context_bytes(parallelism) + peak
}

/// What is gone before the first weight is loaded.
pub(super) fn context_bytes(parallelism: Parallelism) -> f64 {
    let ranks = f64::from(parallelism.tensor) * f64::from(parallelism.data);
    (CONTEXT_GIB + COLLECTIVES_GIB_PER_DOUBLING * ranks.log2()) * GIB
}

/// Activations of one step of `max_batched_tokens` tokens, in 16 bits.
fn activation_bytes(model: &Model, parallelism: Parallelism, limits: EngineLimits) -> f64 {
    let architecture = &model.architecture;
    let tensor = f64::from(parallelism.tensor);
    let hidden = f64::from(architecture.hidden);
    let feed_forward = architecture.feed_forward.iter();
    let widest = feed_forward.map(|group| live_width(&group.kind, hidden, tensor)).fold(0.0, f64::max);
    f64::from(limits.max_batched_tokens) * 2.0 * (widest + LIVE_HIDDEN_VECTORS * hidden)
}

/// Elements of one token alive inside a feed-forward layer: gate, up and their product, and in a mixture the
/// residual vector once for each expert that the token passes through.
fn live_width(kind: &FeedForwardKind, hidden: f64, tensor: f64) -> f64 {
    match *kind {
        FeedForwardKind::Dense { intermediate, .. } => 3.0 * f64::from(intermediate) / tensor,
        FeedForwardKind::Experts { experts_active, intermediate, shared_intermediate, .. } => {
            let active = f64::from(experts_active);
            let inner = active * f64::from(intermediate) + f64::from(shared_intermediate);
            3.0 * inner / tensor + active * hidden
        }
    }
}
