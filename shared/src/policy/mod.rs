//! What a finding leads to: nothing, a warning, the fix, a refusal.
//!
//! The way in is [`decide()`]: a [`Request`] and a [`Snapshot`] of what is known → a [`Verdict`]. It is a pure function,
//! so that `lint`, `policy check` and admission cannot disagree.

mod action;
pub mod annotation;
mod case;
mod compiled;
mod conflict;
mod decide;
mod error;
mod explain;
mod export;
mod in_force;
mod judgement;
mod mend;
mod provenance;
mod request;
#[allow(unreachable_pub, reason = "`KubeSchema` repeats its types where nobody reaches them")]
mod resource;
#[allow(unreachable_pub, reason = "`KubeSchema` repeats its types where nobody reaches them")]
mod selector;
mod set;
mod snapshot;
mod spending;
mod standing;
mod survey;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

pub use action::Action;
pub use decide::{Rehearsal, decide, decide_about, rehearse};
pub use error::PolicyError;
pub use explain::{Decision, Explanation, Found, Parameter, Stance, explain};
pub use export::{Export, export};
pub use in_force::{Asked, InForce, Ruling};
pub use judgement::{Consequence, Judgement, Unfixed};
pub use request::{Operation, Phase, Request};
pub use resource::{
    Exemption, InferencePolicy, InferencePolicySpec, InferencePolicyStatus, Medium, PolicyCondition,
    PolicyDefaults, PolicyLimits, PolicyMetricsApi, ReplicaStatus, RuleAction, SecretKey, XlaCache,
};
pub use selector::{LabelOperator, LabelRequirement, LabelSelector};
pub use set::{PolicyReport, PolicySet};
pub use snapshot::Snapshot;
pub use spending::spending;
pub use standing::Skipped;
pub use survey::{Survey, judgements, survey};
pub use verdict::{Outcome, Verdict};
