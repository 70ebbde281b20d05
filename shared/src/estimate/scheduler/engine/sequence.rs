//! A request inside the engine, and the set of those that decode in step.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::StepEvents;

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    /// Running, with tokens to compute beyond the one that a decode step adds.
    Prefilling,
    /// Running, one decode step after the other: its counters stand still in [`Decoding`].
    Decoding,
    /// Finished, but an asynchronous engine has not noticed: it holds seat and blocks for one more step.
    Leaving,
    Finished,
}

/// A request inside the engine.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub(super) phase: Phase,
    pub(super) prompt: u32,
    /// Tokens it will generate: what was asked, or fewer where the model's longest sequence ends it.
    pub(super) limit: u32,
    /// Whole blocks of the prompt that it has in common with all other requests.
    pub(super) common_blocks: u32,
    /// Place in the order of admission: grows with every admission, a resumption included.
    pub(super) ordinal: u32,
    /// Tokens whose keys and values are in the cache, unless it is decoding.
    pub(super) computed: u32,
    /// Tokens generated, unless it is decoding.
    pub(super) generated: u32,
    /// Tokens to compute in the step that is scheduled, unless it is decoding.
    pub(super) planned: u32,
    /// While decoding: tokens generated are this plus the clock of [`Decoding`].
    generated_at_zero: i64,
    /// While decoding: the clock at which the last token appears.
    finish: u64,
    /// Copies of blocks of the common prefix that it holds, in order.
    pub(super) held: Vec<u32>,
    /// Whether the client has seen its first token.
    pub(super) started: bool,
}

impl Sequence {
    pub(super) fn new(prompt: u32, limit: u32, common_blocks: u32) -> Self {
        Self {
            phase: Phase::Waiting,
            prompt,
            limit,
            common_blocks,
            ordinal: 0,
            computed: 0,
            generated: 0,
            planned: 0,
            generated_at_zero: 0,
            finish: 0,
            held: Vec::new(),
            started: false,
        }
    }

    /// Tokens known of it: prompt and generated; not while decoding.
    pub(super) fn known(&self) -> u32 {
        self.prompt + self.generated
    }

    /// Tokens it has at the end: the last one is never computed.
    pub(super) fn final_tokens(&self) -> u32 {
        self.prompt + self.limit - 1
    }
}

/// All sequences that generate the same number of tokens with every decode step.
///
/// They are not touched by a step: one clock counts the tokens that each has generated since the start, and a
/// sequence knows its distance to the clock. `phases` counts them by the clock at which they need a new block.
#[derive(Debug, Clone)]
pub(super) struct Decoding {
    pub(super) clock: u64,
    pub(super) count: u32,
    /// Σ of the tokens computed of them.
    pub(super) computed: u64,
    /// Σ of the clocks at which they finish.
    finish: u64,
    block: u32,
    /// Sequences by `(computed − clock) mod block`.
    phases: Vec<u32>,
    finishes: BinaryHeap<Reverse<Due>>,
    /// When sequences reach the token with which the client sees the first ones.
    shows: BinaryHeap<Reverse<Due>>,
}

impl Decoding {
    pub(super) fn new(block: u32) -> Self {
        Self {
            clock: 0,
            count: 0,
            computed: 0,
            finish: 0,
            block,
            phases: vec![0; block as usize],
            finishes: BinaryHeap::new(),
            shows: BinaryHeap::new(),
        }
    }

    fn phase(&self, sequence: &Sequence) -> usize {
        let computed = i64::from(sequence.prompt) + sequence.generated_at_zero - 1;
        computed.rem_euclid(i64::from(self.block)) as usize
    }

    /// Tokens generated of a decoding sequence.
    pub(super) fn generated(&self, sequence: &Sequence) -> u32 {
        (sequence.generated_at_zero + self.clock as i64) as u32
    }

    /// Tokens that all of them may still generate.
    pub(super) fn outstanding(&self) -> u64 {
        self.finish.saturating_sub(u64::from(self.count) * self.clock)
    }

    /// Tokens computed of a decoding sequence: all but the last.
    pub(super) fn computed_of(&self, sequence: &Sequence) -> u32 {
        sequence.prompt + self.generated(sequence) - 1
    }

    /// Takes in a sequence whose counters stand at the end of the present step; its client sees the first tokens
    /// when there are `shown_after`.
    pub(super) fn join(&mut self, id: u32, sequence: &mut Sequence, shown_after: u32) {
        sequence.phase = Phase::Decoding;
        sequence.planned = 0;
        sequence.generated_at_zero = i64::from(sequence.generated) - self.clock as i64;
        sequence.finish = self.clock + u64::from(sequence.limit - sequence.generated);
        let phase = self.phase(sequence);
        self.phases[phase] += 1;
        self.count += 1;
        self.computed += u64::from(self.computed_of(sequence));
        self.finish += sequence.finish;
        self.finishes.push(Reverse(Due::new(sequence.finish, sequence.ordinal, id)));
        if !sequence.started && shown_after < sequence.limit {
            let shown = self.clock + u64::from(shown_after.saturating_sub(sequence.generated));
            self.shows.push(Reverse(Due::new(shown, sequence.ordinal, id)));
        }
    }

    /// Takes out a sequence; its counters stand in itself again.
    pub(super) fn leave(&mut self, sequence: &mut Sequence) {
        let computed = self.computed_of(sequence);
        let phase = self.phase(sequence);
        self.phases[phase] -= 1;
        self.count -= 1;
        self.computed -= u64::from(computed);
        self.finish -= sequence.finish;
        sequence.generated = self.generated(sequence);
        sequence.computed = computed;
        sequence.phase = Phase::Prefilling;
        sequence.finish = 0;
    }

    /// Whether a decoding sequence needs a new block for its next `tokens` tokens, and how many.
    pub(super) fn blocks_of(&self, sequence: &Sequence, tokens: u32) -> u64 {
        let computed = self.computed_of(sequence);
        u64::from((computed + tokens).div_ceil(self.block) - computed.div_ceil(self.block))
    }

    /// New blocks that all of them need for the tokens `from..to`, counted from the present clock.
    pub(super) fn blocks(&self, from: u64, to: u64) -> u64 {
        let block = u64::from(self.block);
        let whole = (to - from) / block;
        let mut needed = whole * u64::from(self.count);
        for token in from + whole * block..to {
            needed += u64::from(self.phases[self.phase_at(token)]);
        }
        needed
    }

    /// The phase of the sequences that begin a block with the token `ahead` of the clock.
    fn phase_at(&self, ahead: u64) -> usize {
        let block = u64::from(self.block);
        ((block - (self.clock + ahead) % block) % block) as usize
    }

    /// Most tokens, at most `most`, for which `free` blocks are enough, the first `from` having been provided.
    pub(super) fn tokens_for(&self, from: u64, most: u64, free: u64) -> u64 {
        let count = u64::from(self.count);
        let block = u64::from(self.block);
        if most <= from || count.saturating_mul((most - from) / block + 1) <= free {
            return most;
        }
        let whole = (free / count.max(1)).min((most - from) / block);
        let mut token = from + whole * block;
        let mut left = free - whole * count;
        while token < most {
            let needed = u64::from(self.phases[self.phase_at(token)]);
            if needed > left {
                break;
            }
            left -= needed;
            token += 1;
        }
        token
    }

    /// Tokens until the next sequence finishes or shows its first tokens.
    pub(super) fn until_event(&mut self, sequences: &[Sequence]) -> Option<u64> {
        let shown = self.shows.peek().map(|Reverse(due)| due.clock().saturating_sub(self.clock));
        let finish = self.until_finish(sequences);
        finish.map(|finish| shown.map_or(finish, |shown| shown.min(finish)))
    }

    /// Tokens until the next sequence finishes.
    fn until_finish(&mut self, sequences: &[Sequence]) -> Option<u64> {
        while let Some(&Reverse(due)) = self.finishes.peek() {
            if due.is_current(&sequences[due.id() as usize]) {
                return Some(due.clock().saturating_sub(self.clock));
            }
            self.finishes.pop();
        }
        None
    }

    /// Lets every sequence generate `tokens`; those that finish are taken out.
    pub(super) fn advance(&mut self, tokens: u64, sequences: &mut [Sequence], events: &mut StepEvents) {
        self.clock += tokens;
        self.computed += u64::from(self.count) * tokens;
        events.tokens += u64::from(self.count) * tokens;
        while let Some(&Reverse(due)) = self.shows.peek() {
            if due.clock() > self.clock {
                break;
            }
            self.shows.pop();
            let id = due.id();
            let sequence = &mut sequences[id as usize];
            let waits = sequence.phase == Phase::Decoding && !sequence.started;
            if waits && sequence.ordinal == due.ordinal() {
                sequence.started = true;
                events.first_token.push(id);
            }
        }
        while let Some(&Reverse(due)) = self.finishes.peek() {
            if due.clock() > self.clock {
                break;
            }
            self.finishes.pop();
            let id = due.id();
            let sequence = &mut sequences[id as usize];
            if due.is_current(sequence) {
                // Drafts may be accepted beyond the last token that was asked for: they took blocks, no more.
                self.leave(sequence);
                events.tokens -= u64::from(sequence.generated - sequence.limit);
                sequence.generated = sequence.limit;
                if !sequence.started {
                    sequence.started = true;
                    events.first_token.push(id);
                }
                events.finished.push(id);
            }
        }
    }
}

/// When something is due for a sequence: the clock, then the order of admission, then the number, in one integer, so that
/// the heap orders them by one comparison without a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due(u128);

impl Due {
    fn new(clock: u64, ordinal: u32, id: u32) -> Self {
        Self(u128::from(clock) << 64 | u128::from(ordinal) << 32 | u128::from(id))
    }

    fn clock(self) -> u64 {
        (self.0 >> 64) as u64
    }

    fn ordinal(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn id(self) -> u32 {
        self.0 as u32
    }

    /// Whether the sequence still finishes then: it may have been preempted or set back since.
    fn is_current(self, sequence: &Sequence) -> bool {
        sequence.phase == Phase::Decoding
            && sequence.ordinal == self.ordinal()
            && sequence.finish == self.clock()
    }
}
