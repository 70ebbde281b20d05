//! How a benchmark was run, where its rows do not say.

use super::step::{Chip, Family};
use crate::catalog::{CacheElement, Checkpoint, FeedForwardKind, Model, Precision};
use crate::workload::{Lengths, Traffic};

/// How a benchmark starts servers and sends requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// A server with its version's defaults.
    #[default]
    Defaults,
    /// InferenceX (SemiAnalysisAI/InferenceX, `benchmarks/`), which alone draws lengths from 0.8–1.0 of the nominal
    /// ones. For `N` requests in flight.
    InferenceX {
        /// Requests in flight.
        in_flight: u32,
    },
    /// AIConfigurator's checks of its own plans (`systems/silicon_sample.csv`, aiconfigurator-core 0.12.0), which keep
    /// N requests of exact lengths in flight.
    Planned {
        /// Requests in flight.
        in_flight: u32,
    },
}

/// What a protocol sets beyond the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Launch {
    /// Share of the device's memory.
    pub memory_fraction: Option<f64>,
    /// Sequences at once.
    pub seats: Option<u32>,
    /// Tokens of a step.
    pub step_tokens: Option<u32>,
    /// Elements of the cache.
    pub cache_element: Option<CacheElement>,
    /// Steps that a prompt waits for others.
    pub collect_steps: u32,
    /// Decode steps after which the engine looks for requests; 0: before every step.
    pub receive_interval_steps: u32,
}

impl Protocol {
    /// The protocol that lengths and load give away.
    pub fn of(traffic: &Traffic, in_flight: Option<f64>) -> Self {
        match (traffic.lengths, in_flight) {
            // The cast saturates.
            (Lengths::UniformFourFifths, Some(in_flight)) => Self::InferenceX { in_flight: in_flight as u32 },
            (Lengths::Fixed, Some(in_flight)) => Self::Planned { in_flight: in_flight as u32 },
            _ => Self::Defaults,
        }
    }

    /// What the launch scripts set for a server. Facts of `benchmarks/*.sh` of October 2025 to April 2026: caches of
    /// FP8 beside FP8 and FP4 weights, 95 % of memory, no prefix caching, prompts up to 8192 tokens a step on vLLM,
    /// chunks of 32768 (16384 for FP4) on SGLang, which on Blackwell looks for requests every 10 steps, from 16 in flight
    /// on every 30, and for TensorRT-LLM the prompt's length and the requests in flight
    /// in one step, 80 % of what weights leave, and a batch wait of 20 steps with 1024/1024 tokens: the scripts have
    /// it for Llama below 8 accelerators; it is taken for every dense model.
    pub fn launch(
        self,
        server: &str,
        model: &Model,
        checkpoint: &Checkpoint,
        chip: &Chip,
        traffic: &Traffic,
    ) -> Launch {
        let in_flight = match self {
            Self::Defaults => return Launch::default(),
            Self::Planned { in_flight } => return planned(server, in_flight, traffic),
            Self::InferenceX { in_flight } => in_flight,
        };
        let precision = checkpoint.precision;
        let is_blackwell = chip.family == Family::Blackwell;
        let is_narrow = matches!(precision, Precision::Fp8 | Precision::Nvfp4)
            || (precision == Precision::Mxfp4 && is_blackwell);
        let cache_element = is_narrow.then_some(CacheElement::Fp8);
        let common = Launch { memory_fraction: Some(0.95), cache_element, ..Launch::default() };
        match server {
            "sglang" => Launch {
                memory_fraction: Some(0.85),
                step_tokens: Some(if precision == Precision::Nvfp4 { 16_384 } else { 32_768 }),
                receive_interval_steps: match in_flight {
                    _ if !is_blackwell => 1,
                    0..16 => 10,
                    _ => 30,
                },
                ..common
            },
            "trtllm" => Launch {
                memory_fraction: Some(0.8),
                step_tokens: Some(8_192.max((traffic.input_tokens as u32).saturating_add(in_flight + 64))),
                collect_steps: if is_dense(model)
                    && traffic.input_tokens == 1024.0
                    && traffic.output_tokens == 1024.0
                {
                    20
                } else {
                    0
                },
                ..common
            },
            _ => Launch { seats: Some(in_flight.max(512)), step_tokens: Some(8_192), ..common },
        }
    }
}

/// Steps that hold two prompts beside the sequences that decode: what TTFT of vLLM and TensorRT-LLM in these runs shows,
/// from 128 to 4096 tokens. It hardly depends on the requests in flight, as with steps of two prompts, and not on the
/// servers' defaults, which would hold 8 or 16 of the short ones.
fn planned(server: &str, in_flight: u32, traffic: &Traffic) -> Launch {
    if !matches!(server, "vllm" | "trtllm") {
        return Launch::default();
    }
    // The cast saturates.
    let two_prompts = (2.0 * traffic.input_tokens) as u32;
    Launch { step_tokens: Some(two_prompts.saturating_add(in_flight)), ..Launch::default() }
}

fn is_dense(model: &Model) -> bool {
    let mut groups = model.architecture.feed_forward.iter();
    groups.all(|group| matches!(group.kind, FeedForwardKind::Dense { .. }))
}
