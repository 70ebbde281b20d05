//! What holds for every simulation.

mod behaviour;
mod decisions;
mod figures;
mod literal;
mod refusals;

use std::cell::RefCell;

use super::{StepClock, StepShape};
use crate::workload::{LengthSource, Lengths, RequestLengths, Traffic};

/// A clock whose time is linear in what a step does, and which remembers the steps.
#[derive(Debug, Default)]
struct Toy {
    seen: RefCell<Vec<StepShape>>,
}

impl Toy {
    const STEP: f64 = 5e-3;
    const SEQUENCE: f64 = 2e-5;
    const CONTEXT_TOKEN: f64 = 1e-8;
    const PROMPT_TOKEN: f64 = 2e-5;
}

impl StepClock for Toy {
    fn seconds(&self, step: &StepShape) -> f64 {
        self.seen.borrow_mut().push(*step);
        Self::STEP
            + Self::SEQUENCE * f64::from(step.decode_sequences)
            + Self::CONTEXT_TOKEN * step.decode_context_tokens as f64
            + Self::PROMPT_TOKEN * step.prefill_tokens as f64
    }
}

fn fixed(input_tokens: u32, output_tokens: u32) -> Vec<RequestLengths> {
    vec![RequestLengths { input_tokens, output_tokens }]
}

fn sharegpt(count: usize) -> Vec<RequestLengths> {
    LengthSource::from(Traffic::SHAREGPT).draw(count, 1).unwrap()
}

fn uniform(tokens: f64) -> Vec<RequestLengths> {
    let traffic =
        Traffic { input_tokens: tokens, output_tokens: tokens, lengths: Lengths::UniformFourFifths };
    LengthSource::from(traffic).draw(500, 1).unwrap()
}
