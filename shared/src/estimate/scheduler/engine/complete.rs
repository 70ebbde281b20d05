//! What happens when a step has been computed.

use super::sequence::Phase;
use super::{Admission, Engine, StepEvents};

impl Engine {
    /// Completes the scheduled step: tokens appear, requests finish.
    pub(in super::super) fn complete(&mut self, events: &mut StepEvents) {
        events.first_token.clear();
        events.finished.clear();
        events.tokens = 0;
        self.let_go();
        if self.decodes {
            self.decoding.advance(self.decode_advance, &mut self.sequences, events);
            self.decode_steps += u64::from(self.steps);
            self.lower_share();
        }
        self.complete_chunks(events);
        if events.finished.len() > 1 {
            events.finished.sort_unstable_by_key(|&id| self.sequences[id as usize].ordinal);
        }
        for &id in &events.finished {
            self.sequences[id as usize].phase = Phase::Leaving;
        }
        self.leaving.extend_from_slice(&events.finished);
        if !self.settings.asynchronous {
            self.let_go();
        }
        if !self.preempted.is_empty() {
            self.raise_share();
        }
    }

    /// Frees what finished requests still hold.
    pub(in super::super) fn let_go(&mut self) {
        for place in 0..self.leaving.len() {
            let id = self.leaving[place];
            self.release(id, false);
            self.sequences[id as usize].phase = Phase::Finished;
        }
        self.leaving.clear();
        if self.running == 0 && self.waiting.is_empty() {
            self.order.clear();
            if let Admission::Expected { initial_share, .. } = self.settings.admission {
                self.reservation.share = initial_share;
            }
        }
    }

    fn complete_chunks(&mut self, events: &mut StepEvents) {
        let mut kept = 0;
        for place in 0..self.prefilling.len() {
            let id = self.prefilling[place];
            let sequence = &mut self.sequences[id as usize];
            sequence.computed += std::mem::take(&mut sequence.planned);
            if sequence.computed < sequence.known() {
                self.prefilling[kept] = id;
                kept += 1;
                continue;
            }
            sequence.generated += 1;
            events.tokens += 1;
            let ends = sequence.generated >= sequence.limit;
            if !sequence.started && (ends || sequence.generated >= self.shown_after) {
                sequence.started = true;
                events.first_token.push(id);
            }
            if ends {
                events.finished.push(id);
            } else {
                self.decoding.join(id, sequence, self.shown_after);
            }
        }
        self.prefilling.truncate(kept);
    }

    /// SGLang expects less of every request as it sees requests end before their limit.
    fn lower_share(&mut self) {
        if let Admission::Expected { initial_share, least_share, steps, .. } = self.settings.admission {
            let fall = (initial_share - least_share) / f64::from(steps.max(1));
            let lowered = self.reservation.share - fall * f64::from(self.steps);
            self.reservation.share = lowered.max(least_share);
        }
    }

    /// After a retraction SGLang takes the share that the running requests have generated already, and 20 tokens
    /// more for each (`SGLANG_RETRACT_DECODE_STEPS`).
    fn raise_share(&mut self) {
        if !matches!(self.settings.admission, Admission::Expected { .. }) {
            return;
        }
        let mut limits = 0.0;
        let mut generated = 0.0;
        for &(ordinal, id) in &self.order {
            let sequence = &self.sequences[id as usize];
            if sequence.ordinal != ordinal {
                continue;
            }
            let so_far = match sequence.phase {
                Phase::Decoding => self.decoding.generated(sequence),
                Phase::Prefilling => sequence.generated,
                Phase::Waiting | Phase::Leaving | Phase::Finished => continue,
            };
            generated += f64::from(so_far) + 20.0;
            limits += f64::from(sequence.limit);
        }
        self.reservation.share = (generated / (limits + 1.0)).min(1.0);
    }
}
