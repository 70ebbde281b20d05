//! Efficiencies and fixed times: the only numbers of the estimator that are fitted.
//!
//! Each is a physical quantity with a prior: what data sheets, published kernels' benchmarks and the sum of a step's
//! kernels suggest. The fit moves it only as far as measurements pay for (`spread` is the logarithmic distance that
//! costs as much as one residual); a constant that no measurement touches stays where it was.

use serde::{Deserialize, Serialize};

use super::chip::Family;

/// One fitted quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Constant {
    /// What the estimator uses.
    pub value: f64,
    /// What is expected before any measurement.
    pub prior: f64,
    /// Standard deviation of the logarithm of what is expected.
    pub spread: f64,
    /// Measurements whose estimate it moves by more than a hundredth of its own change.
    pub points: u64,
}

impl Constant {
    const fn expected(prior: f64, spread: f64) -> Self {
        Self { value: prior, prior, spread, points: 0 }
    }

    /// Distance from the prior in spreads.
    pub fn standing(&self) -> f64 {
        (self.value / self.prior).ln() / self.spread
    }

    /// The value at a distance from the prior in spreads.
    pub fn stand(&mut self, standing: f64) {
        self.value = self.prior * (standing * self.spread).exp();
    }
}

macro_rules! constants {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $prior:literal within $spread:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$doc])* pub $field: Constant,)+
        }

        impl $name {
            /// Before any measurement.
            pub const fn expected() -> Self {
                Self { $($field: Constant::expected($prior, $spread),)+ }
            }

            /// Each constant with its name, in one order.
            pub fn named(&self) -> Vec<(&'static str, &Constant)> {
                vec![$((stringify!($field), &self.$field),)+]
            }

            fn all_mut(&mut self) -> Vec<&mut Constant> {
                vec![$(&mut self.$field,)+]
            }
        }
    };
}

constants! {
    /// Efficiencies of chips, and times that no bandwidth shortens.
    ChipConstants {
        /// Share of the memory bandwidth at which weights are read.
        weight_bandwidth: 0.85 within 0.04,
        /// Share of the memory bandwidth at which keys and values are read: gathered by page.
        cache_bandwidth: 0.85 within 0.1,
        /// Share of the peak at which 16-bit matrices are multiplied.
        half_compute: 0.65 within 0.06,
        /// The same for 8-bit operands, relative to 16-bit ones: quantizing activations and scaling blocks cost.
        fp8_compute: 0.85 within 0.1,
        /// The same for 4-bit operands.
        fp4_compute: 0.7 within 0.15,
        /// The same where narrow weights are unpacked to 16 bits.
        unpacked_compute: 0.7 within 0.2,
        /// The same for routed experts: many small matrices, padded to tiles.
        expert_compute: 0.4 within 0.3,
        /// The same on Blackwell, whose kernels are younger.
        blackwell_compute: 0.9 within 0.1,
        /// Share of the 16-bit peak in the attention of prompts (FlashAttention).
        prefill_attention_compute: 0.5 within 0.2,
        /// Share of the 16-bit peak in latent attention while decoding.
        latent_compute: 0.4 within 0.3,
        /// How often the bytes between matrices are moved, against a perfect fusion.
        activation_passes: 1.5 within 0.2,
        /// Times the busiest accelerator's experts take longer than the mean.
        expert_imbalance: 1.2 within 0.2,
        /// Microseconds of an exchange without bytes.
        exchange_latency_us: 8.0 within 0.5,
        /// Share of the one-way link bandwidth in an exchange.
        link_bandwidth: 0.6 within 0.2,
        /// Microseconds to start the kernels of a layer.
        layer_us: 20.0 within 0.5,
        /// More for a layer with routed experts.
        expert_layer_us: 20.0 within 0.6,
        /// More for a layer with latent attention.
        latent_layer_us: 20.0 within 0.6,
        /// More for a layer with an index of its own.
        index_layer_us: 40.0 within 0.7,
        /// More for a recurrent layer.
        recurrent_layer_us: 30.0 within 0.7,
        /// More for a layer of a step with prompts, whose kernels are not replayed from a recorded graph.
        prefill_layer_us: 10.0 within 0.8,
        /// Times as long launches take on Blackwell, whose hosts are newer too.
        blackwell_launch: 0.8 within 0.3,
        /// Times as long all takes on AMD, whose kernels are tuned less.
        amd_time: 1.4 within 0.2,
        /// Times as long all takes on TPU.
        tpu_time: 1.1 within 0.2,
        /// Times as long all takes with servers of the years before 2025's engines.
        old_server_time: 1.4 within 0.3,
    }
}

constants! {
    /// Times of a model server's own program.
    ServerConstants {
        /// Milliseconds of a step for scheduling and for handing work to the accelerators.
        step_ms: 1.0 within 0.8,
        /// Microseconds of a step for each sequence that emits a token.
        sequence_us: 10.0 within 0.8,
        /// Milliseconds from a request to its first token beyond the engine's own: connection, tokenizer, first chunk.
        answer_ms: 40.0 within 0.8,
        /// Steps that a first token is late: scheduled while the step before ran, answered while the next one runs.
        answer_steps: 2.0 within 0.4,
        /// Milliseconds that a first token waits for each stream that is open: one process answers them all.
        stream_ms: 0.5 within 1.0,
    }
}

/// Servers with constants of their own, in their order; any other takes those of the first.
pub const SERVERS: [&str; 5] = ["vllm", "sglang", "trtllm", "tgi", "jetstream"];

/// All constants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Constants {
    /// Of chips.
    pub chip: ChipConstants,
    /// Of servers, in the order of [`SERVERS`].
    pub servers: Vec<ServerConstants>,
}

impl Constants {
    /// Before any measurement.
    pub fn expected() -> Self {
        Self { chip: ChipConstants::expected(), servers: vec![ServerConstants::expected(); SERVERS.len()] }
    }

    /// Times as long all takes on a family of chips.
    pub(super) fn family_time(&self, family: Family) -> f64 {
        match family {
            Family::Nvidia | Family::Blackwell | Family::Other => 1.0,
            Family::Amd => self.chip.amd_time.value,
            Family::Tpu => self.chip.tpu_time.value,
        }
    }

    /// Each constant with its name, in one order.
    pub fn named(&self) -> Vec<(String, &Constant)> {
        let of_chips = self.chip.named().into_iter().map(|(name, constant)| (name.to_owned(), constant));
        let of_servers = SERVERS.iter().zip(&self.servers).flat_map(|(server, constants)| {
            constants.named().into_iter().map(move |(name, constant)| (format!("{server}_{name}"), constant))
        });
        of_chips.chain(of_servers).collect()
    }

    /// Each constant, in the order of [`Self::named`].
    pub fn all_mut(&mut self) -> Vec<&mut Constant> {
        let mut all = self.chip.all_mut();
        all.extend(self.servers.iter_mut().flat_map(ServerConstants::all_mut));
        all
    }
}

/// Position of a server in [`SERVERS`].
pub fn server_index(name: &str) -> usize {
    SERVERS.iter().position(|server| *server == name).unwrap_or(0)
}
