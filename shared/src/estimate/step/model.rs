//! Work and efficiencies → seconds.

use super::constants::{Constants, ServerConstants};
use super::times::{Times, longer};
use super::{AttentionWork, Chip, Part, ReplicaWork, StepParts};
use crate::estimate::scheduler::{StepClock, StepShape};

/// The clock of one replica: what its work takes at the rates of its chip, worked out once for all steps.
#[derive(Debug, Clone, PartialEq)]
pub struct StepModel<'a> {
    work: &'a ReplicaWork,
    times: Times,
    server: &'a ServerConstants,
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
        self.unscaled(&step.into()).total() * self.times.factor
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

impl<'a> StepModel<'a> {
    /// `work` on `chip`, with the program of the server of number `server`; `is_old` where that is of a generation before
    /// today's engines.
    pub fn new(
        work: &'a ReplicaWork,
        chip: &Chip,
        constants: &'a Constants,
        server: usize,
        is_old: bool,
    ) -> Self {
        Self { work, times: Times::new(work, chip, constants, is_old), server: &constants.servers[server] }
    }

    /// Seconds of every part of a step; nothing for a step without tokens.
    pub fn parts(&self, shape: &MeanShape) -> StepParts {
        self.unscaled(shape).scaled(self.times.factor)
    }

    /// The same on a chip of a family whose time is 1.
    fn unscaled(&self, shape: &MeanShape) -> StepParts {
        let mut parts = StepParts::default();
        let tokens = shape.tokens();
        if tokens <= 0.0 {
            return parts;
        }
        let times = &self.times;
        // Attention, dense layers and head see the tokens of one rank; experts and exchanges those of all.
        let rank = if self.work.data_ranks > 1.0 { shape.of_busiest(self.work.data_ranks) } else { *shape };
        parts.set(Part::Projections, times.projections.seconds(rank.tokens()));
        parts.set(Part::FeedForward, times.feed_forward.seconds(rank.tokens()));
        parts.set(Part::Experts, times.experts.as_ref().map_or(0.0, |experts| experts.seconds(tokens)));
        parts.set(Part::Head, times.head.seconds(rank.sampled_sequences));
        parts.set(Part::Decode, self.decode_attention(&rank));
        parts.set(Part::Prefill, self.prefill_attention(&rank));
        parts.set(Part::Activations, rank.tokens() * times.activations_a_token);
        parts.set(Part::Collectives, times.exchanges + tokens * times.exchanges_a_token);
        let has_prompts = shape.prefill_tokens > 0.0;
        parts.set(Part::Launches, if has_prompts { times.launches_with_prompts } else { times.launches });
        parts.set(Part::Server, self.server_time(&rank));
        parts
    }

    fn decode_attention(&self, shape: &MeanShape) -> f64 {
        if shape.decode_sequences <= 0.0 {
            return 0.0;
        }
        let context = shape.decode_context_tokens / shape.decode_sequences;
        let (a_byte, a_flop) = (self.times.cache_a_byte, self.times.latent_a_flop);
        let of_group = |work: &AttentionWork| match *work {
            AttentionWork::KeyValue { bytes_per_token, window, .. } => {
                let attended = window.map_or(context, |window| context.min(window));
                attended * shape.decode_sequences * bytes_per_token * a_byte
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
                let read = shape.decode_sequences * chosen * bytes_per_vector * a_byte;
                let multiplied = shape.decode_tokens * chosen * decode_flop_per_pair * a_flop;
                let scanned = shape.decode_sequences * vectors * index_bytes_per_vector * a_byte;
                let scored = shape.decode_tokens * vectors * index_flop_per_pair * a_flop;
                longer(read, multiplied) + longer(scanned, scored)
            }
            AttentionWork::State { bytes_per_sequence } => {
                2.0 * shape.decode_sequences * bytes_per_sequence * a_byte
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
        flop * self.times.prompts_a_flop
    }

    /// Seconds from a request to its first token beyond what the engine takes, with `in_flight` requests open.
    pub fn answer_seconds(&self, itl_seconds: f64, in_flight: f64) -> f64 {
        let server = self.server;
        let milliseconds = server.answer_ms.value + server.stream_ms.value * in_flight;
        milliseconds * 1e-3 + server.answer_steps.value * itl_seconds
    }

    fn server_time(&self, shape: &MeanShape) -> f64 {
        self.server.step_ms.value * 1e-3 + self.server.sequence_us.value * 1e-6 * shape.sampled_sequences
    }
}

/// Shared vectors of `tokens` tokens, and how many vectors a query attends to: those that the index chose of them, and
/// the latest tokens one by one.
fn attended_vectors(tokens: f64, ratio: f64, most: Option<f64>, window: f64) -> (f64, f64) {
    let vectors = tokens / ratio;
    (vectors, most.map_or(vectors, |most| vectors.min(most)) + tokens.min(window))
}
