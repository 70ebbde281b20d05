//! What a finding leads to: nothing, a warning, the fix, a refusal.
//!
//! The way in is [`decide`]: a [`Request`] and a [`Snapshot`] of what is known → a [`Verdict`]. It is a pure function,
//! so that `lint`, `policy check` and admission cannot disagree.

mod action;
pub mod annotation;
mod decide;
mod in_force;
mod judgement;
mod mend;
mod provenance;
mod request;
mod snapshot;
mod standing;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

pub use action::Action;
pub use decide::decide;
pub use in_force::{InForce, Ruling};
pub use judgement::{Consequence, Judgement, Unfixed};
pub use request::{Operation, Phase, Request};
pub use snapshot::Snapshot;
pub use standing::Skipped;
pub use verdict::{Outcome, Verdict};
