//! Work and efficiencies → seconds.

use super::chip::Family;
use super::constants::Constants;
use super::{AttentionWork, Chip, ExpertWork, MatrixWork, Part, ReplicaWork, StepParts};
use crate::estimate::scheduler::{StepClock, StepShape};

/// Layers exchange twice: after attention and after the feed-forward.
const EXCHANGES_PER_LAYER: f64 = 2.0;

/// Times the latency of an exchange over PCIe is that of one over a link between chips: it passes host memory.
const PCIE_LATENCY_FACTOR: f64 = 4.0;

/// The clock of one replica.
#[derive(Debug, Clone, PartialEq)]
pub struct StepModel<'a> {
    /// What one accelerator has to do.
    pub work: &'a ReplicaWork,
    /// The chip it does it on.
    pub chip: Chip,
    /// How well chips do it.
    pub constants: &'a Constants,
    /// Times of the server program itself.
    pub server: usize,
    /// Whether the server is of a generation before today's engines.
    pub is_old: bool,
}

/// What all ranks of a replica do in a step, with fractional counts: one step, or the mean of many alike.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MeanShape {
    /// Sequences that decode.
    pub decode_sequences: f64,
    /// Tokens that they compute.
    pub decode_tokens: f64,
    /// Tokens that they attend to, all together.
    pub decode_context_tokens: f64,
    /// Prompts of which a chunk is computed.
    pub prefill_sequences: f64,
    /// Tokens of prompts.
    pub prefill_tokens: f64,
    /// Pairs of tokens of prompts.
    pub prefill_attention_pairs: f64,
    /// Sequences that emit a token.
    pub sampled_sequences: f64,
}

impl From<&StepShape> for MeanShape {
    fn from(shape: &StepShape) -> Self {
        Self {
            decode_sequences: f64::from(shape.decode_sequences),
            decode_tokens: shape.decode_tokens as f64,
            decode_context_tokens: shape.decode_context_tokens as f64,
            prefill_sequences: f64::from(shape.prefill_sequences),
            prefill_tokens: shape.prefill_tokens as f64,
            prefill_attention_pairs: shape.prefill_attention_pairs as f64,
            sampled_sequences: f64::from(shape.sampled_sequences),
        }
    }
}

impl StepClock for StepModel<'_> {
    fn seconds(&self, step: &StepShape) -> f64 {
        self.parts(&step.into()).total()
    }
}

impl MeanShape {
    /// What the busiest of `ranks` attention-data-parallel ranks does: sequences are spread evenly, and all ranks
    /// wait for the one that has a prompt more.
    fn of_busiest(&self, ranks: f64) -> Self {
        let share = |sequences: f64| {
            if sequences > 0.0 { ((sequences / ranks).ceil() / sequences).min(1.0) } else { 0.0 }
        };
        let (decode, prefill) = (share(self.decode_sequences), share(self.prefill_sequences));
        Self {
            decode_sequences: self.decode_sequences * decode,
            decode_tokens: self.decode_tokens * decode,
            decode_context_tokens: self.decode_context_tokens * decode,
            prefill_sequences: self.prefill_sequences * prefill,
            prefill_tokens: self.prefill_tokens * prefill,
            prefill_attention_pairs: self.prefill_attention_pairs * prefill,
            sampled_sequences: self.sampled_sequences * share(self.sampled_sequences),
        }
    }

    fn tokens(&self) -> f64 {
        self.decode_tokens + self.prefill_tokens
    }

    /// One decode step of `sequences` that hold `context_tokens` each.
    pub fn decode(sequences: f64, context_tokens: f64) -> Self {
        Self {
            decode_sequences: sequences,
            decode_tokens: sequences,
            decode_context_tokens: sequences * context_tokens,
            sampled_sequences: sequences,
            ..Self::default()
        }
    }

    fn combined(&self, other: &Self, with: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            decode_sequences: with(self.decode_sequences, other.decode_sequences),
            decode_tokens: with(self.decode_tokens, other.decode_tokens),
            decode_context_tokens: with(self.decode_context_tokens, other.decode_context_tokens),
            prefill_sequences: with(self.prefill_sequences, other.prefill_sequences),
            prefill_tokens: with(self.prefill_tokens, other.prefill_tokens),
            prefill_attention_pairs: with(self.prefill_attention_pairs, other.prefill_attention_pairs),
            sampled_sequences: with(self.sampled_sequences, other.sampled_sequences),
        }
    }

    /// The sum with `times` of another.
    pub(in crate::estimate) fn plus(&self, other: &Self, times: f64) -> Self {
        self.combined(other, |a, b| a + times * b)
    }

    /// The mean of a sum over `count`.
    pub(in crate::estimate) fn over(&self, count: f64) -> Self {
        self.combined(self, |sum, _| sum / count)
    }
}

impl StepModel<'_> {
    /// Seconds of every part of a step; nothing for a step without tokens.
    pub fn parts(&self, shape: &MeanShape) -> StepParts {
        let mut parts = StepParts::default();
        if shape.tokens() <= 0.0 {
            return parts;
        }
        // Attention, dense layers and head see the tokens of one rank; experts and exchanges those of all.
        let rank = if self.work.data_ranks > 1.0 { shape.of_busiest(self.work.data_ranks) } else { *shape };
        let experts = self.work.experts.as_ref().map_or(0.0, |work| self.experts(work, shape.tokens()));
        parts.set(Part::Projections, self.matrix(&self.work.projections, rank.tokens()));
        parts.set(Part::FeedForward, self.matrix(&self.work.feed_forward, rank.tokens()));
        parts.set(Part::Experts, experts);
        parts.set(Part::Head, self.matrix(&self.work.head, rank.sampled_sequences));
        parts.set(Part::Decode, self.decode_attention(&rank));
        parts.set(Part::Prefill, self.prefill_attention(&rank));
        parts.set(Part::Activations, self.activations(rank.tokens()));
        parts.set(Part::Collectives, self.collectives(shape.tokens()));
        parts.set(Part::Launches, self.launches(shape));
        parts.set(Part::Server, self.server_time(&rank));
        let age = if self.is_old { self.constants.chip.old_server_time.value } else { 1.0 };
        parts.scaled(age * self.constants.family_time(self.chip.family))
    }

    fn bandwidth(&self) -> f64 {
        self.chip.bytes_per_second * self.constants.chip.weight_bandwidth.value
    }

    fn compute_share(&self, work: &MatrixWork) -> f64 {
        let constants = self.constants;
        let by_width = match work.bits {
            4 => constants.chip.fp4_compute.value,
            8 => constants.chip.fp8_compute.value,
            _ => 1.0,
        };
        let by_family =
            if self.chip.family == Family::Blackwell { constants.chip.blackwell_compute.value } else { 1.0 };
        let unpacking = if work.is_unpacked { constants.chip.unpacked_compute.value } else { 1.0 };
        constants.chip.half_compute.value * by_width * by_family * unpacking
    }

    fn matrix(&self, work: &MatrixWork, tokens: f64) -> f64 {
        if tokens <= 0.0 {
            return 0.0;
        }
        let moved = work.bytes / self.bandwidth();
        let multiplied = work.flop_per_token * tokens / (work.peak_flops * self.compute_share(work));
        longer(moved, multiplied)
    }

    /// Experts touched by the `n` tokens of all ranks: `E·(1 − (1 − k/E)^n)`, each token choosing k of E independently.
    fn experts(&self, work: &ExpertWork, tokens: f64) -> f64 {
        let untouched = (1.0 - work.active / work.experts).max(0.0).powf(tokens);
        let moved = work.experts * (1.0 - untouched) * work.expert.bytes / self.bandwidth();
        let share = self.compute_share(&work.expert) * self.constants.chip.expert_compute.value;
        let multiplied = work.active * work.expert.flop_per_token * tokens / (work.expert.peak_flops * share);
        let imbalance =
            if work.is_expert_parallel { self.constants.chip.expert_imbalance.value } else { 1.0 };
        longer(moved, multiplied) * imbalance
    }

    fn decode_attention(&self, shape: &MeanShape) -> f64 {
        if shape.decode_sequences <= 0.0 {
            return 0.0;
        }
        let context = shape.decode_context_tokens / shape.decode_sequences;
        let cache = self.chip.bytes_per_second * self.constants.chip.cache_bandwidth.value;
        let flops = self.chip.half_flops * self.constants.chip.latent_compute.value;
        let of_group = |work: &AttentionWork| match *work {
            AttentionWork::KeyValue { bytes_per_token, window, .. } => {
                let attended = window.map_or(context, |window| context.min(window));
                attended * shape.decode_sequences * bytes_per_token / cache
            }
            AttentionWork::Latent {
                bytes_per_vector,
                decode_flop_per_pair,
                ratio,
                window,
                most_vectors,
                index_bytes_per_vector,
                index_flop_per_pair,
                ..
            } => {
                let (vectors, chosen) = attended_vectors(context, ratio, most_vectors, window);
                let read = shape.decode_sequences * chosen * bytes_per_vector / cache;
                let multiplied = shape.decode_tokens * chosen * decode_flop_per_pair / flops;
                let scanned = shape.decode_sequences * vectors * index_bytes_per_vector / cache;
                let scored = shape.decode_tokens * vectors * index_flop_per_pair / flops;
                longer(read, multiplied) + longer(scanned, scored)
            }
            AttentionWork::State { bytes_per_sequence } => {
                2.0 * shape.decode_sequences * bytes_per_sequence / cache
            }
        };
        self.work.attention.iter().map(of_group).sum()
    }

    fn prefill_attention(&self, shape: &MeanShape) -> f64 {
        if shape.prefill_tokens <= 0.0 {
            return 0.0;
        }
        let attended = shape.prefill_attention_pairs / shape.prefill_tokens;
        let flop_of_group = |work: &AttentionWork| match *work {
            AttentionWork::KeyValue { flop_per_pair, window, .. } => {
                let attended = window.map_or(attended, |window| attended.min(window));
                shape.prefill_tokens * attended * flop_per_pair
            }
            AttentionWork::Latent {
                prefill_flop_per_pair,
                ratio,
                window,
                most_vectors,
                index_flop_per_pair,
                ..
            } => {
                let (vectors, chosen) = attended_vectors(attended, ratio, most_vectors, window);
                shape.prefill_tokens * (chosen * prefill_flop_per_pair + vectors * index_flop_per_pair)
            }
            AttentionWork::State { .. } => 0.0,
        };
        let flop: f64 = self.work.attention.iter().map(flop_of_group).sum();
        flop / (self.chip.half_flops * self.constants.chip.prefill_attention_compute.value)
    }

    fn activations(&self, tokens: f64) -> f64 {
        tokens * self.work.activation_bytes_per_token * self.constants.chip.activation_passes.value
            / self.chip.bytes_per_second
    }

    /// Two all-reduces a layer; a ring moves `2·(n − 1)/n` of the vector over each link. Expert-parallel exchanges
    /// gather and scatter the tokens of all ranks, which moves as much.
    fn collectives(&self, tokens: f64) -> f64 {
        let ranks = self.work.accelerators;
        if ranks <= 1.0 {
            return 0.0;
        }
        let latency = self.constants.chip.exchange_latency_us.value
            * 1e-6
            * if self.chip.is_pcie { PCIE_LATENCY_FACTOR } else { 1.0 };
        let bytes = tokens * self.work.residual_bytes * 2.0 * (ranks - 1.0) / ranks;
        let link = self.chip.link_bytes_per_second * self.constants.chip.link_bandwidth.value;
        EXCHANGES_PER_LAYER * self.work.layers * (latency + bytes / link)
    }

    fn launches(&self, shape: &MeanShape) -> f64 {
        let constants = self.constants;
        let work = &self.work;
        let mut microseconds = work.layers * constants.chip.layer_us.value
            + work.experts.map_or(0.0, |experts| experts.layers) * constants.chip.expert_layer_us.value
            + work.latent_layers * constants.chip.latent_layer_us.value
            + work.index_layers * constants.chip.index_layer_us.value
            + work.recurrent_layers * constants.chip.recurrent_layer_us.value;
        if shape.prefill_tokens > 0.0 {
            microseconds += work.layers * constants.chip.prefill_layer_us.value;
        }
        let by_family =
            if self.chip.family == Family::Blackwell { constants.chip.blackwell_launch.value } else { 1.0 };
        microseconds * 1e-6 * by_family
    }

    /// Seconds from a request to its first token beyond what the engine takes, with `in_flight` requests open.
    pub fn answer_seconds(&self, itl_seconds: f64, in_flight: f64) -> f64 {
        let server = &self.constants.servers[self.server];
        let milliseconds = server.answer_ms.value + server.stream_ms.value * in_flight;
        milliseconds * 1e-3 + server.answer_steps.value * itl_seconds
    }

    fn server_time(&self, shape: &MeanShape) -> f64 {
        let server = &self.constants.servers[self.server];
        server.step_ms.value * 1e-3 + server.sequence_us.value * 1e-6 * shape.sampled_sequences
    }
}

/// The longer of two times that hide each other in part: added in quadrature, which is the roofline with a rounded
/// corner. Where both take as long it is 1.41 times either; where one is twice the other, 1.12 times the longer.
fn longer(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}

/// Shared vectors of `tokens` tokens, and how many vectors a query attends to: those that the index chose of them, and
/// the latest tokens one by one.
fn attended_vectors(tokens: f64, ratio: f64, most: Option<f64>, window: f64) -> (f64, f64) {
    let vectors = tokens / ratio;
    (vectors, most.map_or(vectors, |most| vectors.min(most)) + tokens.min(window))
}
