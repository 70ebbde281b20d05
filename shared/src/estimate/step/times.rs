//! Work over rates: what does not change from step to step.

use super::chip::Family;
use super::constants::Constants;
use super::{Chip, ExpertWork, MatrixWork, ReplicaWork};

/// Layers exchange twice: after attention and after the feed-forward.
const EXCHANGES_PER_LAYER: f64 = 2.0;

/// Times the latency of an exchange over PCIe is that of one over a link between chips: it passes host memory.
const PCIE_LATENCY_FACTOR: f64 = 4.0;

/// What a replica's work takes at the rates of its chip, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Times {
    pub(super) projections: MatrixTimes,
    pub(super) feed_forward: MatrixTimes,
    pub(super) experts: Option<ExpertTimes>,
    pub(super) head: MatrixTimes,
    /// Of a byte of the cache.
    pub(super) cache_a_byte: f64,
    /// Of an operation of latent attention while decoding.
    pub(super) latent_a_flop: f64,
    /// Of an operation of the attention of prompts.
    pub(super) prompts_a_flop: f64,
    /// Of what is read and written between matrices for a token.
    pub(super) activations_a_token: f64,
    /// Of exchanges without bytes, all of a step.
    pub(super) exchanges: f64,
    /// Of the bytes that a token adds to them.
    pub(super) exchanges_a_token: f64,
    /// Of starting the kernels of a step.
    pub(super) launches: f64,
    /// Of the same with prompts.
    pub(super) launches_with_prompts: f64,
    /// Times as long all takes on this family of chips, with a server of this age.
    pub(super) factor: f64,
}

/// Matrices: their bytes are moved once a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MatrixTimes {
    moved: f64,
    multiplied_a_token: f64,
}

/// Routed experts, of which a step touches those that its tokens choose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ExpertTimes {
    /// Of all experts.
    all: MatrixTimes,
    /// Logarithm of the share of the experts that a token leaves untouched.
    untouched: f64,
    /// Times the busiest accelerator takes longer than the mean.
    imbalance: f64,
}

impl MatrixTimes {
    /// Of a step of `tokens`.
    pub(super) fn seconds(&self, tokens: f64) -> f64 {
        if tokens > 0.0 { longer(self.moved, self.multiplied_a_token * tokens) } else { 0.0 }
    }
}

impl ExpertTimes {
    /// Of a step of `tokens`, those of all ranks. Experts touched by n tokens: `E·(1 − (1 − k/E)^n)`, each token choosing
    /// k of E independently.
    pub(super) fn seconds(&self, tokens: f64) -> f64 {
        let touched = 1.0 - (self.untouched * tokens).exp();
        longer(self.all.moved * touched, self.all.multiplied_a_token * tokens) * self.imbalance
    }
}

impl Times {
    /// Of `work` on `chip`.
    pub(super) fn new(work: &ReplicaWork, chip: &Chip, constants: &Constants, is_old: bool) -> Self {
        let of = &constants.chip;
        let rates = Rates { chip, constants };
        let age = if is_old { of.old_server_time.value } else { 1.0 };
        let launches = rates.launches(work, 0.0);
        let (exchanges, exchanges_a_token) = rates.exchanges(work);
        Self {
            projections: rates.matrix(&work.projections),
            feed_forward: rates.matrix(&work.feed_forward),
            experts: work.experts.as_ref().map(|experts| rates.experts(experts)),
            head: rates.matrix(&work.head),
            cache_a_byte: (chip.bytes_per_second * of.cache_bandwidth.value).recip(),
            latent_a_flop: (chip.half_flops * of.latent_compute.value).recip(),
            prompts_a_flop: (chip.half_flops * of.prefill_attention_compute.value).recip(),
            activations_a_token: work.activation_bytes_per_token * of.activation_passes.value
                / chip.bytes_per_second,
            exchanges,
            exchanges_a_token,
            launches,
            launches_with_prompts: rates.launches(work, of.prefill_layer_us.value),
            factor: age * constants.family_time(chip.family),
        }
    }
}

/// A chip's peaks at fitted efficiencies.
struct Rates<'a> {
    chip: &'a Chip,
    constants: &'a Constants,
}

impl Rates<'_> {
    fn matrix(&self, work: &MatrixWork) -> MatrixTimes {
        let bandwidth = self.chip.bytes_per_second * self.constants.chip.weight_bandwidth.value;
        MatrixTimes {
            moved: work.bytes / bandwidth,
            multiplied_a_token: work.flop_per_token / (work.peak_flops * self.compute_share(work)),
        }
    }

    fn compute_share(&self, work: &MatrixWork) -> f64 {
        let constants = &self.constants.chip;
        let by_width = match work.bits {
            4 => constants.fp4_compute.value,
            8 => constants.fp8_compute.value,
            _ => 1.0,
        };
        let is_blackwell = self.chip.family == Family::Blackwell;
        let by_family = if is_blackwell { constants.blackwell_compute.value } else { 1.0 };
        let unpacking = if work.is_unpacked { constants.unpacked_compute.value } else { 1.0 };
        constants.half_compute.value * by_width * by_family * unpacking
    }

    fn experts(&self, work: &ExpertWork) -> ExpertTimes {
        let constants = &self.constants.chip;
        let one = self.matrix(&work.expert);
        ExpertTimes {
            all: MatrixTimes {
                moved: work.experts * one.moved,
                multiplied_a_token: work.active * one.multiplied_a_token / constants.expert_compute.value,
            },
            untouched: (1.0 - work.active / work.experts).max(0.0).ln(),
            imbalance: if work.is_expert_parallel { constants.expert_imbalance.value } else { 1.0 },
        }
    }

    /// Two all-reduces a layer; a ring moves `2·(n − 1)/n` of the vector over each link. Expert-parallel exchanges
    /// gather and scatter the tokens of all ranks, which moves as much. The first value is the time without bytes, the
    /// second that of a token's.
    fn exchanges(&self, work: &ReplicaWork) -> (f64, f64) {
        let ranks = work.accelerators;
        if ranks <= 1.0 {
            return (0.0, 0.0);
        }
        let constants = &self.constants.chip;
        let by_link = if self.chip.is_pcie { PCIE_LATENCY_FACTOR } else { 1.0 };
        let latency = constants.exchange_latency_us.value * 1e-6 * by_link;
        let bytes = work.residual_bytes * 2.0 * (ranks - 1.0) / ranks;
        let link = self.chip.link_bytes_per_second * constants.link_bandwidth.value;
        let exchanges = EXCHANGES_PER_LAYER * work.layers;
        (exchanges * latency, exchanges * bytes / link)
    }

    /// Starting the kernels of all layers, `more_us` longer for each.
    fn launches(&self, work: &ReplicaWork, more_us: f64) -> f64 {
        let constants = &self.constants.chip;
        let microseconds = work.layers * (constants.layer_us.value + more_us)
            + work.experts.map_or(0.0, |experts| experts.layers) * constants.expert_layer_us.value
            + work.latent_layers * constants.latent_layer_us.value
            + work.index_layers * constants.index_layer_us.value
            + work.recurrent_layers * constants.recurrent_layer_us.value;
        let is_blackwell = self.chip.family == Family::Blackwell;
        microseconds * 1e-6 * if is_blackwell { constants.blackwell_launch.value } else { 1.0 }
    }
}

/// The longer of two times that hide each other in part: added in quadrature, which is the roofline with a rounded
/// corner. Where both take as long it is 1.41 times either; where one is twice the other, 1.12 times the longer.
pub(super) fn longer(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}
