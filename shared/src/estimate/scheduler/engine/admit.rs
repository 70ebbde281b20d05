//! The pass over waiting requests.

use super::super::blocks::Found;
use super::sequence::{Phase, Sequence};
use super::{Admission, Engine};

impl Engine {
    /// Admits from the head of the queue, at most `most` requests; the first that cannot be stops the pass.
    pub(super) fn admit(&mut self, budget: &mut u32, longest: u32, most: u32) {
        let mut expected = None;
        let mut admitted = 0;
        while *budget > 0 && self.running < self.settings.seats && admitted < most {
            let Some(&id) = self.waiting.front() else { return };
            let sequence = &self.sequences[id as usize];
            let block = self.settings.block_tokens;
            let found = self.blocks.find(id, sequence.common_blocks, (sequence.known() - 1) / block);
            let computed = found.blocks() * block;
            let mut tokens = (sequence.known() - computed).min(longest);
            if tokens > *budget && !self.settings.chunked_prefill {
                return;
            }
            tokens = tokens.min(*budget);
            if !self.has_room(sequence, found, tokens, &mut expected) {
                return;
            }
            self.start(id, found, tokens);
            *budget -= tokens;
            admitted += 1;
        }
    }

    /// Whether the engine admits a request that found `found` and would compute `tokens` in this step.
    ///
    /// `expected` holds, between calls of one step, the tokens reserved for what running requests may generate.
    fn has_room(&self, sequence: &Sequence, found: Found, tokens: u32, expected: &mut Option<f64>) -> bool {
        let block = self.settings.block_tokens;
        let free = self.blocks.free();
        let computed = found.blocks() * block;
        let needs = |tokens: u32| {
            u64::from(tokens.div_ceil(block).saturating_sub(found.blocks())) + found.unreferenced
        };
        let now = needs(computed + tokens);
        match self.settings.admission {
            Admission::Known { whole_sequence, watermark } => {
                let all = self.settings.kv_blocks + self.settings.reserved_blocks;
                let spared = if self.running > 0 { (watermark * all as f64) as u64 } else { 0 };
                let known = sequence.known().min(self.settings.max_model_tokens);
                let needed = if whole_sequence { now.max(needs(known)) } else { now };
                needed + spared <= free
            }
            Admission::WholeLife => {
                let outstanding = self.reservation.final_blocks.saturating_sub(self.reservation.held_blocks);
                needs(sequence.final_tokens()) + outstanding <= free
            }
            Admission::Expected { most_new_tokens, .. } => {
                let reserved = *expected.get_or_insert_with(|| self.expected_tokens(most_new_tokens));
                let new = f64::from((sequence.limit - sequence.generated).min(most_new_tokens));
                let prompt = f64::from(sequence.known() - computed);
                let found = (found.unreferenced * u64::from(block)) as f64;
                let wanted = prompt + found + new;
                let fits = reserved + wanted <= (free * u64::from(block)) as f64;
                let alone = self.running == 0;
                *expected = Some(reserved + prompt + new);
                now <= free && (fits || (alone && needs(sequence.known()) <= free))
            }
        }
    }

    /// Tokens reserved for what the running requests may still compute and generate, none of them expected to generate
    /// more than `most_new_tokens`.
    fn expected_tokens(&self, most_new_tokens: u32) -> f64 {
        let capped = |sequence: &Sequence, generated: u32| {
            u64::from((sequence.limit - generated).min(most_new_tokens))
        };
        let decoding = if self.longest_limit <= most_new_tokens {
            self.decoding.outstanding()
        } else {
            let decoding = self.order.iter().filter_map(|&(ordinal, id)| {
                let sequence = &self.sequences[id as usize];
                let is_current = sequence.phase == Phase::Decoding && sequence.ordinal == ordinal;
                is_current.then(|| capped(sequence, self.decoding.generated(sequence)))
            });
            decoding.sum()
        };
        let (mut prefilling, mut rest) = (0, 0);
        for &id in &self.prefilling {
            let sequence = &self.sequences[id as usize];
            if sequence.phase == Phase::Prefilling {
                prefilling += capped(sequence, sequence.generated);
                rest += u64::from(sequence.known() - sequence.computed - sequence.planned);
            }
        }
        self.reservation.share * (decoding + prefilling) as f64 + rest as f64
    }

    /// Gives the head of the queue a seat, what it found, and `tokens` in this step.
    fn start(&mut self, id: u32, found: Found, tokens: u32) {
        self.waiting.pop_front();
        let block = self.settings.block_tokens;
        let sequence = &mut self.sequences[id as usize];
        sequence.phase = Phase::Prefilling;
        sequence.ordinal = self.next_ordinal;
        sequence.computed = found.blocks() * block;
        self.blocks.take_found(id, found, &mut sequence.held);
        self.reservation.held_blocks += u64::from(found.blocks());
        self.reservation.final_blocks += u64::from(sequence.final_tokens().div_ceil(block));
        self.prompt_tokens += u64::from(sequence.prompt);
        self.cached_tokens += u64::from(sequence.computed.min(sequence.prompt));
        self.next_ordinal += 1;
        self.running += 1;
        self.prefilling.push(id);
        self.append_to_order(id);
        self.plan(id, tokens);
    }

    /// Frees seat and blocks of a running request; `returns` says whether it will want its blocks again.
    pub(super) fn release(&mut self, id: u32, returns: bool) {
        let block = self.settings.block_tokens;
        let sequence = &mut self.sequences[id as usize];
        self.reservation.held_blocks -= u64::from(sequence.computed.div_ceil(block));
        self.reservation.final_blocks -= u64::from(sequence.final_tokens().div_ceil(block));
        self.blocks.release(id, sequence.computed, block, &mut sequence.held, returns);
        self.running -= 1;
    }
}
