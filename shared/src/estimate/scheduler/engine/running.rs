//! The pass over running requests.

use super::Engine;
use super::sequence::Phase;

impl Engine {
    /// Gives every running request its tokens; `false` if somebody had to be preempted for it.
    ///
    /// Where budget and blocks are enough for all, order decides nothing and the decoding sequences are taken
    /// together; else the requests are gone through in order of admission.
    pub(super) fn run_running(&mut self, budget: &mut u32, longest: u32) -> bool {
        if self.running == 0 {
            return true;
        }
        if self.prefilling.is_empty() {
            let tokens = u64::from(self.decoding.count) * u64::from(self.settings.tokens_per_decode());
            let needed = self.decoding.blocks(0, self.decode_advance);
            if tokens <= u64::from(*budget) && needed <= self.blocks.free() {
                self.take_blocks(needed);
                *budget -= tokens as u32;
                self.decodes = self.decoding.count > 0;
                self.repeatable = true;
                return true;
            }
        } else if self.enough_for_all(*budget, longest) {
            let needed = self.decoding.blocks(0, self.decode_advance);
            self.take_blocks(needed);
            *budget -= self.decoding.count * self.settings.tokens_per_decode();
            self.decodes = self.decoding.count > 0;
            return self.continue_prompts(budget, longest);
        }
        self.run_in_order(budget, longest)
    }

    /// Whether every running request gets all it can use, whatever the order, or the prompts come last.
    fn enough_for_all(&self, budget: u32, longest: u32) -> bool {
        let decoding = u64::from(self.decoding.count) * u64::from(self.settings.tokens_per_decode());
        let mut left = match u64::from(budget).checked_sub(decoding) {
            Some(left) => left,
            None => return false,
        };
        let mut blocks = self.decoding.blocks(0, self.decode_advance);
        let mut wanted = 0;
        for &id in &self.prefilling {
            let sequence = &self.sequences[id as usize];
            let rest = u64::from((sequence.known() - sequence.computed).min(longest));
            let tokens = rest.min(left);
            wanted += rest;
            left -= tokens;
            blocks += self.blocks_for(sequence.computed, tokens as u32);
        }
        let all = decoding + wanted <= u64::from(budget);
        blocks <= self.blocks.free() && (all || self.prompts_are_last())
    }

    /// Whether all running requests that are not decoding were admitted after all that are.
    fn prompts_are_last(&self) -> bool {
        let mut prompts = self.prefilling.iter().rev();
        let mut expected = prompts.next();
        for &(ordinal, id) in self.order.iter().rev() {
            let Some(&next) = expected else { return true };
            let sequence = &self.sequences[id as usize];
            if sequence.ordinal != ordinal || !matches!(sequence.phase, Phase::Prefilling | Phase::Decoding) {
                continue;
            }
            if id != next {
                return false;
            }
            expected = prompts.next();
        }
        expected.is_none()
    }

    /// Continues the prompts that are under way, while budget and blocks last; `false` if blocks ran out.
    pub(super) fn continue_prompts(&mut self, budget: &mut u32, longest: u32) -> bool {
        for place in 0..self.prefilling.len() {
            let id = self.prefilling[place];
            let sequence = &self.sequences[id as usize];
            let tokens = (sequence.known() - sequence.computed).min(longest).min(*budget);
            if tokens == 0 {
                continue;
            }
            if self.blocks_for(sequence.computed, tokens) > self.blocks.free() {
                return false;
            }
            self.plan(id, tokens);
            *budget -= tokens;
        }
        true
    }

    fn run_in_order(&mut self, budget: &mut u32, longest: u32) -> bool {
        self.compact_order();
        let mut place = 0;
        while place < self.order.len() && *budget > 0 {
            let id = self.order[place].1;
            let tokens = self.wanted(id, *budget, longest);
            if tokens == 0 {
                self.set_back(id);
                place += 1;
                continue;
            }
            if !self.make_room(id, tokens) {
                break;
            }
            if self.sequences[id as usize].phase == Phase::Decoding {
                let blocks = self.decode_blocks(id);
                self.take_blocks(blocks);
                self.decodes = true;
            } else {
                self.plan(id, tokens);
            }
            *budget -= tokens;
            place += 1;
        }
        for place in place..self.order.len() {
            self.set_back(self.order[place].1);
        }
        self.preempted.is_empty()
    }

    /// Tokens that a running request can use of `budget`.
    fn wanted(&self, id: u32, budget: u32, longest: u32) -> u32 {
        let sequence = &self.sequences[id as usize];
        match sequence.phase {
            Phase::Decoding => match self.settings.tokens_per_decode() {
                tokens if tokens <= budget => tokens,
                _ => 0,
            },
            Phase::Prefilling => (sequence.known() - sequence.computed).min(longest).min(budget),
            Phase::Waiting | Phase::Leaving | Phase::Finished => 0,
        }
    }

    fn decode_blocks(&self, id: u32) -> u64 {
        self.decoding.blocks_of(&self.sequences[id as usize], self.decode_advance as u32)
    }

    /// Preempts from the end until the blocks for `tokens` of `id` are free; `false` if it was preempted itself.
    fn make_room(&mut self, id: u32, tokens: u32) -> bool {
        loop {
            let sequence = &self.sequences[id as usize];
            let needed = match sequence.phase {
                Phase::Decoding => self.decode_blocks(id),
                _ => self.blocks_for(sequence.computed, tokens),
            };
            if needed <= self.blocks.free() {
                return true;
            }
            let Some((_, victim)) = self.last_preemptible() else { return false };
            self.preempt(victim);
            if victim == id {
                return false;
            }
        }
    }

    fn last_preemptible(&mut self) -> Option<(u32, u32)> {
        let place = self.order.iter().rposition(|&(_, id)| {
            matches!(self.sequences[id as usize].phase, Phase::Decoding | Phase::Prefilling)
        })?;
        Some(self.order.remove(place))
    }

    /// Frees all of a running request; it waits at the front of the queue and keeps what it generated.
    fn preempt(&mut self, id: u32) {
        let sequence = &mut self.sequences[id as usize];
        if sequence.phase == Phase::Decoding {
            self.decoding.leave(sequence);
        } else {
            self.prefilling.retain(|&other| other != id);
        }
        self.release(id, true);
        let sequence = &mut self.sequences[id as usize];
        sequence.phase = Phase::Waiting;
        sequence.computed = 0;
        sequence.planned = 0;
        self.waiting.push_front(id);
        self.preempted.push(id);
    }

    /// A decoding sequence for which no budget was left falls behind the others.
    fn set_back(&mut self, id: u32) {
        let sequence = &mut self.sequences[id as usize];
        if sequence.phase == Phase::Decoding {
            self.decoding.leave(sequence);
            let ordinal = sequence.ordinal;
            let sequences = &self.sequences;
            let at = self.prefilling.partition_point(|&other| sequences[other as usize].ordinal < ordinal);
            self.prefilling.insert(at, id);
        }
    }

    /// New blocks for `tokens` after `computed` ones.
    pub(super) fn blocks_for(&self, computed: u32, tokens: u32) -> u64 {
        let block = self.settings.block_tokens;
        u64::from((computed + tokens).div_ceil(block) - computed.div_ceil(block))
    }

    /// Schedules `tokens` of a request that is not decoding and takes the blocks for them.
    pub(super) fn plan(&mut self, id: u32, tokens: u32) {
        self.repeatable = false;
        let sequence = &self.sequences[id as usize];
        let computed = sequence.computed;
        let needed = self.blocks_for(computed, tokens);
        self.take_blocks(needed);
        let block = self.settings.block_tokens;
        let sequence = &mut self.sequences[id as usize];
        sequence.planned = tokens;
        let from = (computed / block).min(sequence.common_blocks);
        let to = ((computed + tokens) / block).min(sequence.common_blocks);
        self.blocks.enter_prefix(from, to, &mut sequence.held);
        let completes = computed + tokens == sequence.known();
        if sequence.generated > 0 && completes && tokens == 1 {
            self.shape.decode_sequences += 1;
            self.shape.decode_tokens += 1;
            self.shape.decode_context_tokens += u64::from(computed) + 1;
        } else {
            self.shape.add_chunk(computed, tokens);
        }
        self.shape.sampled_sequences += u32::from(completes);
    }

    /// Drops entries of requests that have left from the order.
    fn compact_order(&mut self) {
        let sequences = &self.sequences;
        self.order.retain(|&(ordinal, id)| {
            let sequence = &sequences[id as usize];
            sequence.ordinal == ordinal && !matches!(sequence.phase, Phase::Waiting | Phase::Finished)
        });
    }

    /// Appends a newly admitted request to the order.
    pub(super) fn append_to_order(&mut self, id: u32) {
        if self.order.len() > 64 && self.order.len() > 2 * self.running as usize {
            self.compact_order();
        }
        self.order.push((self.sequences[id as usize].ordinal, id));
    }
}
