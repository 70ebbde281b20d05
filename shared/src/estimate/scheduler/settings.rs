//! What decides the behaviour of an engine, and the values that each kind of engine starts with.

use super::SimulationError;

/// How an engine composes a step of decoding sequences and prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batching {
    /// Every step decodes all running sequences and fills what is left of the token budget with prompts.
    ///
    /// vLLM V1 (`vllm/v1/core/sched/scheduler.py`), TensorRT-LLM in-flight batching ("Overview of batch
    /// management" of its documentation).
    Mixed,
    /// A step of prompts alone whenever one can be admitted, else a decode step.
    ///
    /// vLLM V0 (`vllm/core/scheduler.py`, `_schedule_default`), SGLang (`get_next_batch_to_run`).
    PrefillFirst,
    /// As `PrefillFirst`, but the step with prompts decodes as well: SGLang with `--enable-mixed-chunk`.
    PrefillFirstMixed,
    /// One whole prompt in a step of its own, then at least one decode step over all slots, used or not.
    ///
    /// JetStream (`jetstream/core/orchestrator.py`: prefill, insert and generate loops over static shapes).
    OneAtATime,
}

/// What has to be free before a waiting request is admitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Admission {
    /// Room for what is computed in this step or, with `whole_sequence`, for all tokens known of it; and
    /// `watermark` of all blocks stay free while others run. Running out later preempts.
    ///
    /// vLLM: `scheduler_reserve_full_isl` and `watermark` since 2026; V0 had a watermark of 0.01.
    Known {
        /// Whether the whole known sequence must fit, not only its first chunk.
        whole_sequence: bool,
        /// Share of all blocks that an admission leaves free, 0 to below 1.
        watermark: f64,
    },
    /// Room for the prompt and all it may generate, and for a share of what the running ones may still
    /// generate. The share falls with every decode step and rises when requests had to be retracted.
    ///
    /// SGLang: `new_token_ratio` in `python/sglang/srt/managers/scheduler.py` and `schedule_policy.py`.
    Expected {
        /// Share reserved after a start or when idle: 0.7 · `--schedule-conservativeness`.
        initial_share: f64,
        /// Lowest share: 0.14 of the initial one.
        least_share: f64,
        /// Decode steps in which it falls from the initial to the lowest.
        steps: u32,
        /// A request is never expected to generate more than this (`SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION`).
        most_new_tokens: u32,
    },
    /// Room for everything that the request and all running ones may ever need: nobody is preempted.
    ///
    /// TensorRT-LLM's `GUARANTEED_NO_EVICT` capacity policy, its default.
    WholeLife,
}

/// Drafts that are verified together with the next token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speculation {
    /// Draft tokens a step and sequence.
    pub draft_tokens: u32,
    /// Probability that a draft is accepted, given that those before it were, 0 to 1.
    pub acceptance_rate: f64,
}

impl Speculation {
    /// Tokens that one step is expected to yield: `1 + a + a² + … + aᵏ` (Leviathan et al. 2023, eq. 1).
    pub fn tokens_per_step(&self) -> f64 {
        (0..=self.draft_tokens).map(|drafts| self.acceptance_rate.powf(f64::from(drafts))).sum()
    }
}

/// One engine with its flags: everything that its scheduler's decisions depend on.
///
/// Counts are per attention-data-parallel rank, which has its own scheduler and its own KV cache.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineSettings {
    /// How a step is composed.
    pub batching: Batching,
    /// Whether a prompt may be computed in several steps.
    pub chunked_prefill: bool,
    /// Tokens of one step: `--max-num-batched-tokens`, SGLang's `--chunked-prefill-size`.
    pub step_tokens: u32,
    /// Requests that run at once: `--max-num-seqs`, `--max-running-requests`, slots.
    pub seats: u32,
    /// Tokens of one KV block.
    pub block_tokens: u32,
    /// KV blocks for requests; vLLM's own count has one more, its null block.
    pub kv_blocks: u64,
    /// Blocks that the engine counts in its watermark beyond `kv_blocks` (vLLM: its null block).
    pub reserved_blocks: u64,
    /// What must be free for an admission.
    pub admission: Admission,
    /// Whether computed blocks are found again by requests with the same prefix.
    pub prefix_caching: bool,
    /// Longest chunk of one prompt in one step unless the request is the only one; 0: no such limit.
    pub long_prefill_threshold: u32,
    /// Longest prompt and answer together, in tokens.
    pub max_model_tokens: u32,
    /// Whether a step is scheduled while the one before runs: arrivals wait one step longer, and finished
    /// requests hold seat and blocks for one step more.
    pub asynchronous: bool,
    /// Decode steps after which new requests are looked for (SGLang's `--scheduler-recv-interval`); after a step with
    /// prompts, and by an idle engine, they are looked for at once. 1: before every step.
    pub receive_interval_steps: u32,
    /// Speculative decoding. Slots of drafts that are rejected are not counted into the KV use.
    pub speculation: Option<Speculation>,
}

impl EngineSettings {
    /// vLLM with its V1 engine as it is in 2026 (0.32): `seats` and `step_tokens` depend on version and device.
    pub fn vllm_v1(seats: u32, step_tokens: u32, kv_tokens: u64, max_model_tokens: u32) -> Self {
        Self {
            batching: Batching::Mixed,
            chunked_prefill: true,
            step_tokens,
            seats,
            block_tokens: 16,
            kv_blocks: kv_tokens / 16,
            reserved_blocks: 1,
            admission: Admission::Known { whole_sequence: true, watermark: 0.0 },
            prefix_caching: true,
            long_prefill_threshold: 0,
            max_model_tokens,
            asynchronous: true,
            receive_interval_steps: 1,
            speculation: None,
        }
    }

    /// vLLM with its V0 engine (to 0.8): prompts first and whole, 256 seats, a watermark of 0.01, no prefix
    /// cache, and a step that takes the longest prompt (`max_num_batched_tokens = max(max_model_len, 2048)`).
    pub fn vllm_v0(kv_tokens: u64, max_model_tokens: u32) -> Self {
        Self {
            batching: Batching::PrefillFirst,
            chunked_prefill: false,
            step_tokens: max_model_tokens.max(2048),
            admission: Admission::Known { whole_sequence: true, watermark: 0.01 },
            prefix_caching: false,
            asynchronous: false,
            reserved_blocks: 0,
            ..Self::vllm_v1(256, 0, kv_tokens, max_model_tokens)
        }
    }

    /// SGLang: prompts first in chunks of `chunk_tokens`, a radix cache of single tokens, conservativeness 1,
    /// overlapped scheduling. Retraction takes the request admitted last, not the one with the fewest tokens.
    pub fn sglang(seats: u32, chunk_tokens: u32, kv_tokens: u64, max_model_tokens: u32) -> Self {
        Self {
            batching: Batching::PrefillFirst,
            block_tokens: 1,
            kv_blocks: kv_tokens,
            reserved_blocks: 0,
            admission: Admission::Expected {
                initial_share: 0.7,
                least_share: 0.7 * 0.14,
                steps: 600,
                most_new_tokens: 4096,
            },
            ..Self::vllm_v1(seats, chunk_tokens, kv_tokens, max_model_tokens)
        }
    }

    /// TensorRT-LLM in-flight batching: `seats` is its `max_batch_size`, `step_tokens` its `max_num_tokens`;
    /// prompts whole unless chunked context is asked for, nobody evicted, blocks of 32 tokens, and the overlap
    /// scheduler of its PyTorch backend.
    pub fn tensorrt_llm(seats: u32, step_tokens: u32, kv_tokens: u64, max_model_tokens: u32) -> Self {
        Self {
            chunked_prefill: false,
            block_tokens: 32,
            kv_blocks: kv_tokens / 32,
            reserved_blocks: 0,
            admission: Admission::WholeLife,
            ..Self::vllm_v1(seats, step_tokens, kv_tokens, max_model_tokens)
        }
    }

    /// JetStream: `slots` of the longest sequence each, one prompt at a time, nothing cached.
    pub fn jetstream(slots: u32, max_model_tokens: u32) -> Self {
        Self {
            batching: Batching::OneAtATime,
            chunked_prefill: false,
            step_tokens: max_model_tokens,
            block_tokens: 1,
            kv_blocks: u64::from(slots) * u64::from(max_model_tokens),
            reserved_blocks: 0,
            admission: Admission::Known { whole_sequence: true, watermark: 0.0 },
            prefix_caching: false,
            asynchronous: false,
            ..Self::vllm_v1(slots, max_model_tokens, 0, max_model_tokens)
        }
    }

    /// Tokens that the KV cache holds.
    pub fn kv_tokens(&self) -> u64 {
        self.kv_blocks.saturating_mul(u64::from(self.block_tokens))
    }

    /// Refuses settings under which no engine could run.
    pub fn validate(&self) -> Result<(), SimulationError> {
        let positive = [
            ("tokens of a step", u64::from(self.step_tokens)),
            ("seats", u64::from(self.seats)),
            ("tokens of a KV block", u64::from(self.block_tokens)),
            ("KV blocks", self.kv_blocks),
            ("steps between looks for requests", u64::from(self.receive_interval_steps)),
        ];
        for (what, value) in positive {
            if value == 0 {
                return Err(SimulationError::Zero { what });
            }
        }
        if self.max_model_tokens < 2 {
            return Err(SimulationError::ModelLength { tokens: self.max_model_tokens });
        }
        let limited = [
            ("tokens of a KV block", u64::from(self.block_tokens), u64::from(MOST_BLOCK_TOKENS)),
            ("seats", u64::from(self.seats), u64::from(MOST_SEATS)),
            ("KV blocks", self.kv_blocks, MOST_BLOCKS),
            ("the model's longest sequence", u64::from(self.max_model_tokens), u64::from(MOST_MODEL_TOKENS)),
            ("tokens of a step", u64::from(self.step_tokens), u64::from(MOST_MODEL_TOKENS)),
        ];
        for (what, value, most) in limited {
            if value > most {
                return Err(SimulationError::TooMany { what, value, most });
            }
        }
        self.validate_shares()
    }

    fn validate_shares(&self) -> Result<(), SimulationError> {
        let share = |what, value: f64, most: f64| match (0.0..=most).contains(&value) {
            true => Ok(()),
            false => Err(SimulationError::Share { what, value, most }),
        };
        match self.admission {
            Admission::Known { watermark, .. } => share("watermark", watermark, 1.0 - f64::EPSILON)?,
            Admission::Expected { initial_share, least_share, .. } => {
                share("initial share of expected tokens", initial_share, 1.0)?;
                share("least share of expected tokens", least_share, initial_share)?;
            }
            Admission::WholeLife => {}
        }
        let Some(speculation) = self.speculation else { return Ok(()) };
        share("acceptance rate of drafts", speculation.acceptance_rate, 1.0)?;
        if speculation.draft_tokens > MOST_DRAFTS {
            let (what, value) = ("draft tokens", u64::from(speculation.draft_tokens));
            return Err(SimulationError::TooMany { what, value, most: u64::from(MOST_DRAFTS) });
        }
        Ok(())
    }

    /// Tokens that every decoding sequence computes in one step.
    pub(super) fn tokens_per_decode(&self) -> u32 {
        1 + self.speculation.map_or(0, |speculation| speculation.draft_tokens)
    }
}

/// Far beyond anything that is run; they keep sums of tokens inside 64 bits and tables small.
const MOST_BLOCK_TOKENS: u32 = 1 << 16;
const MOST_SEATS: u32 = 1 << 20;
const MOST_BLOCKS: u64 = 1 << 40;
const MOST_MODEL_TOKENS: u32 = 1 << 28;
const MOST_DRAFTS: u32 = 64;
