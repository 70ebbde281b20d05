//! The engine's scheduler: which request computes how many tokens in a step, who is admitted, who is preempted.
//!
//! One step is `schedule`, then `complete`. Decoding sequences are kept together and cost nothing while nothing
//! happens to them, so that a step costs what changes in it; `extend` makes one step stand for many equal ones.

mod admit;
mod complete;
mod running;
mod sequence;

use std::collections::VecDeque;

use self::sequence::{Decoding, Phase, Sequence};
use super::blocks::BlockPool;
use super::{Admission, Batching, EngineSettings, SimulationError, StepShape};

/// A request as it reaches the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EngineRequest {
    pub(super) prompt: u32,
    pub(super) output: u32,
    /// The first so many tokens of the prompt are the same in all requests.
    pub(super) common_prefix: u32,
}

/// What a step brought about.
#[derive(Debug, Clone, Default)]
pub(super) struct StepEvents {
    /// Requests whose client sees a first token.
    pub(super) first_token: Vec<u32>,
    /// Requests whose last token appeared, in order of admission.
    pub(super) finished: Vec<u32>,
    /// Tokens that all requests generated.
    pub(super) tokens: u64,
}

/// The scheduler of one engine and its state.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    settings: EngineSettings,
    /// The client sees the first tokens when there are so many, or the last.
    shown_after: u32,
    blocks: BlockPool,
    sequences: Vec<Sequence>,
    waiting: VecDeque<u32>,
    /// Running requests in order of admission, with entries of those that have left among them.
    order: Vec<(u32, u32)>,
    /// How many requests run, finished ones that still hold a seat included.
    running: u32,
    next_ordinal: u32,
    decoding: Decoding,
    /// Running requests that are not decoding, in order of admission.
    prefilling: Vec<u32>,
    leaving: Vec<u32>,
    preempted: Vec<u32>,
    /// Prompt tokens of all admissions, and those of them found in the prefix cache.
    prompt_tokens: u64,
    cached_tokens: u64,
    shape: StepShape,
    /// Whether the decoding sequences take part in the scheduled step.
    decodes: bool,
    /// How many equal steps the scheduled one stands for.
    steps: u32,
    /// Tokens that each decoding sequence generates in them.
    decode_advance: u64,
    /// Whether the scheduled step may stand for many.
    repeatable: bool,
    reservation: Reservation,
    /// Decode steps done, for the fractions of accepted drafts.
    decode_steps: u64,
    previous_was_prefill: bool,
    /// Most tokens that any request generates.
    longest_limit: u32,
}

/// What running requests may still need, for admissions that look ahead.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reservation {
    /// Σ over running requests of the blocks they will hold at their end.
    final_blocks: u64,
    /// Σ over running requests of the blocks each holds, common ones counted for each.
    held_blocks: u64,
    /// Share of what may still be generated that is reserved (SGLang's `new_token_ratio`).
    share: f64,
}

impl Engine {
    pub(super) fn new(settings: EngineSettings, shown_after: u32) -> Result<Self, SimulationError> {
        settings.validate()?;
        let share = match settings.admission {
            Admission::Expected { initial_share, .. } => initial_share,
            Admission::Known { .. } | Admission::WholeLife => 0.0,
        };
        Ok(Self {
            settings,
            shown_after,
            blocks: BlockPool::new(settings.kv_blocks, settings.prefix_caching),
            sequences: Vec::new(),
            waiting: VecDeque::new(),
            order: Vec::new(),
            running: 0,
            next_ordinal: 0,
            decoding: Decoding::new(settings.block_tokens),
            prefilling: Vec::new(),
            leaving: Vec::new(),
            preempted: Vec::new(),
            prompt_tokens: 0,
            cached_tokens: 0,
            shape: StepShape::default(),
            decodes: false,
            steps: 1,
            decode_advance: 1,
            repeatable: false,
            reservation: Reservation { final_blocks: 0, held_blocks: 0, share },
            decode_steps: 0,
            previous_was_prefill: false,
            longest_limit: 0,
        })
    }

    /// Appends a request to the queue; its number is the count of requests before it.
    pub(super) fn enqueue(&mut self, request: EngineRequest) -> Result<u32, SimulationError> {
        let number = self.sequences.len();
        let limit = check(&self.settings, number, request)?;
        let common = request.common_prefix.min(request.prompt) / self.settings.block_tokens;
        let common = if self.settings.prefix_caching { common } else { 0 };
        let id = number as u32;
        self.longest_limit = self.longest_limit.max(limit);
        self.sequences.push(Sequence::new(request.prompt, limit, common));
        self.waiting.push_back(id);
        Ok(id)
    }

    /// Decides the next step. An empty shape means that nothing can be computed.
    pub(super) fn schedule(&mut self) -> &StepShape {
        self.shape = StepShape::default();
        self.preempted.clear();
        self.decodes = false;
        self.repeatable = false;
        self.steps = 1;
        self.decode_advance = self.tokens_in(1);
        match self.settings.batching {
            Batching::Mixed => self.schedule_mixed(),
            Batching::PrefillFirst => self.schedule_prompts_first(false),
            Batching::PrefillFirstMixed => self.schedule_prompts_first(true),
            Batching::OneAtATime => self.schedule_one_prompt(),
        }
        if self.decodes {
            self.describe_decoding();
        }
        self.repeatable &= self.decodes && self.shape.prefill_sequences == 0;
        self.repeatable &= self.preempted.is_empty() && self.leaving.is_empty();
        &self.shape
    }

    /// Tokens that each decoding sequence generates in the next `steps` decode steps: one a step, or with
    /// speculation the expected number, its fractions saved up.
    pub(super) fn tokens_in(&self, steps: u32) -> u64 {
        let Some(speculation) = self.settings.speculation else { return u64::from(steps) };
        let yields = speculation.tokens_per_step();
        let total = |steps: u64| (steps as f64 * yields + 1e-9).floor() as u64;
        total(self.decode_steps + u64::from(steps)) - total(self.decode_steps)
    }

    /// The fewest steps in which each decoding sequence generates `tokens`.
    fn steps_for(&self, tokens: u64) -> u32 {
        let Some(speculation) = self.settings.speculation else {
            return tokens.clamp(1, u64::from(u32::MAX)) as u32;
        };
        // Saved-up fractions move it by one step at most.
        let guess = tokens as f64 / speculation.tokens_per_step();
        let mut steps = (guess as u32).saturating_sub(1).max(1);
        while self.tokens_in(steps) < tokens && steps < u32::MAX {
            steps += 1;
        }
        steps
    }

    fn schedule_mixed(&mut self) {
        let mut budget = self.settings.step_tokens;
        let longest = self.longest_chunk();
        if self.run_running(&mut budget, longest) {
            self.admit(&mut budget, longest, u32::MAX);
        }
    }

    /// Longest chunk of one prompt: the threshold is there for others, so it does not hold for one alone.
    fn longest_chunk(&self) -> u32 {
        let alone = u64::from(self.running) + self.waiting.len() as u64 <= 1;
        match self.settings.long_prefill_threshold {
            0 => u32::MAX,
            _ if alone => u32::MAX,
            threshold => threshold,
        }
    }

    fn schedule_prompts_first(&mut self, mixed: bool) {
        let mut budget = self.settings.step_tokens;
        let longest = self.longest_chunk();
        let continued = self.continue_prompts(&mut budget, longest);
        if continued {
            self.admit(&mut budget, longest, u32::MAX);
        }
        if self.shape.is_empty() {
            self.run_running(&mut { u32::MAX }, longest);
        } else if mixed && self.decoding.count > 0 {
            let needed = self.decoding.blocks(0, self.decode_advance);
            if needed <= self.blocks.free() {
                self.take_blocks(needed);
                self.decodes = true;
            }
        }
    }

    fn schedule_one_prompt(&mut self) {
        let owed = self.previous_was_prefill && self.decoding.count > 0;
        let mut budget = self.settings.step_tokens;
        if !owed {
            self.admit(&mut budget, u32::MAX, 1);
        }
        if self.shape.is_empty() {
            self.run_running(&mut { u32::MAX }, u32::MAX);
        }
        // After the step that is owed the next prompt may come.
        self.repeatable &= !owed || self.waiting.is_empty();
        self.previous_was_prefill = self.shape.prefill_sequences > 0;
    }

    fn describe_decoding(&mut self) {
        let count = self.decoding.count;
        let fixed = self.settings.batching == Batching::OneAtATime;
        let computed = if fixed { self.settings.seats } else { count };
        self.shape.decode_sequences += count;
        self.shape.decode_tokens += u64::from(computed) * u64::from(self.settings.tokens_per_decode());
        self.shape.decode_context_tokens += self.decoding.computed + u64::from(count);
        self.shape.sampled_sequences += count;
    }

    /// How many steps equal to the scheduled one may follow each other, it included, if no request arrives.
    pub(super) fn repeats(&mut self) -> u32 {
        if !self.repeatable {
            return 1;
        }
        if self.may_admit_after_waiting() {
            return 1;
        }
        let Some(event) = self.decoding.until_event(&self.sequences) else { return 1 };
        let steps = self.steps_for(event);
        let wanted = self.tokens_in(steps);
        let tokens = self.decoding.tokens_for(self.decode_advance, wanted, self.blocks.free());
        match tokens < wanted {
            true => self.steps_for(tokens + 1).saturating_sub(1).max(1),
            false => steps,
        }
    }

    /// Whether the head of the queue, not admitted now, might be after some decode steps in which nobody finishes.
    ///
    /// Mostly not: decoding only takes blocks. But SGLang's reserved share falls with every step; once it is at its
    /// lowest, a step takes more of the cache than it takes off what is reserved.
    fn may_admit_after_waiting(&self) -> bool {
        let Admission::Expected { least_share, .. } = self.settings.admission else { return false };
        let settled = self.reservation.share <= least_share && self.settings.block_tokens == 1;
        !self.waiting.is_empty() && self.running < self.settings.seats && !settled
    }

    /// Makes the scheduled step stand for `steps`, at most what `repeats` said.
    pub(super) fn extend(&mut self, steps: u32) {
        let tokens = self.tokens_in(steps);
        let needed = self.decoding.blocks(self.decode_advance, tokens);
        self.take_blocks(needed);
        self.decode_advance = tokens;
        self.steps = steps;
    }

    /// Whether a request that arrives now could change the next step.
    pub(super) fn notices_arrivals(&self) -> bool {
        self.waiting.is_empty() && self.running < self.settings.seats
    }

    /// Whether finished requests still hold their seats.
    pub(super) fn has_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn running(&self) -> u32 {
        self.running
    }

    /// How many sequences decode, whether or not they take part in the scheduled step.
    pub(super) fn decoding(&self) -> u32 {
        self.decoding.count
    }

    pub(super) fn used_blocks(&self) -> u64 {
        self.blocks.used()
    }

    pub(super) fn total_blocks(&self) -> u64 {
        self.blocks.total()
    }

    /// Share of the prompt tokens of all admissions that the prefix cache held, 0 to 1.
    pub(super) fn cached_share(&self) -> f64 {
        self.cached_tokens as f64 / self.prompt_tokens.max(1) as f64
    }

    pub(super) fn shape(&self) -> &StepShape {
        &self.shape
    }

    pub(super) fn preempted(&self) -> &[u32] {
        &self.preempted
    }

    /// The scheduled step, request by request, in order of admission: for recordings.
    pub(super) fn scheduled(&self) -> impl Iterator<Item = (u32, u32)> {
        let decode = self.settings.tokens_per_decode();
        self.order.iter().filter_map(move |&(ordinal, id)| {
            let sequence = &self.sequences[id as usize];
            match sequence.phase {
                _ if sequence.ordinal != ordinal => None,
                Phase::Decoding if self.decodes => Some((id, decode)),
                Phase::Prefilling if sequence.planned > 0 => Some((id, sequence.planned)),
                _ => None,
            }
        })
    }

    fn take_blocks(&mut self, blocks: u64) {
        self.blocks.take(blocks);
        self.reservation.held_blocks += blocks;
    }
}

/// Tokens that a request will generate, or why it can never run.
fn check(settings: &EngineSettings, number: usize, request: EngineRequest) -> Result<u32, SimulationError> {
    let EngineRequest { prompt, output, .. } = request;
    if prompt == 0 || output == 0 {
        return Err(SimulationError::EmptyRequest { request: number, prompt, output });
    }
    if prompt >= settings.max_model_tokens {
        let most = settings.max_model_tokens - 1;
        return Err(SimulationError::PromptTooLong { request: number, prompt, most });
    }
    if !settings.chunked_prefill && prompt > settings.step_tokens {
        let most = settings.step_tokens;
        return Err(SimulationError::PromptLongerThanStep { request: number, prompt, most });
    }
    let limit = output.min(settings.max_model_tokens - prompt);
    let needed = u64::from(prompt) + u64::from(limit) - 1;
    if needed.div_ceil(u64::from(settings.block_tokens)) > settings.kv_blocks {
        return Err(SimulationError::LargerThanCache { request: number, needed, held: settings.kv_tokens() });
    }
    Ok(limit)
}
