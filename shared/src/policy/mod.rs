//! What a finding leads to: nothing, a warning, the fix, a refusal.
//!
//! The way in is [`decide`]: a [`Request`] and a [`Snapshot`] of what is known → a [`Verdict`]. It is a pure function,
//! so that `lint`, `policy check` and admission cannot disagree.

mod request;
mod snapshot;
mod verdict;

pub use request::{Operation, Phase, Request};
pub use snapshot::Snapshot;
pub use verdict::{Outcome, Verdict, decide};
