//! How many replicas a load needs, and by which signal they follow it.
//!
//! A replica holds its latency targets up to a request rate λ_SLO, read off its curve. An autoscaler sees a change
//! late, acts only past a tolerance, and a new replica serves only after its start; so it has to aim lower, at
//! λ_T = λ_SLO / ((1 + tolerance) · (1 + growth · τ)), where τ is the time from a change to a serving replica
//! ([`ReactionTime`]) and growth the rate at which load may rise meanwhile ([`Headroom`]). The threshold of a signal is
//! what it reads on average at λ_T ([`Aim`], [`Held`]), and never more than half of what it can read at all
//! ([`Reach`]): a saturated replica must still be able to ask for double.
//!
//! What the controller of HorizontalPodAutoscalers then does is [`controller`], and what comes of it under traffic
//! [`simulation`].

mod aim;
mod behavior;
pub mod controller;
mod error;
mod held;
mod kind;
mod options;
mod reach;
mod reaction;
mod replicas;
pub mod simulation;
#[cfg(test)]
mod tests;

pub use aim::{Aim, Headroom};
pub use behavior::ScalingSteps;
pub use error::AutoscaleError;
pub use held::bound;
pub use held::{Expression, Held, TargetType, held, quantity};
pub(crate) use held::{expressions, newest};
pub use kind::Kind;
pub use options::AutoscalingOptions;
pub(crate) use options::{FRONTEND, FRONTEND_PORT, MONITORING_NAMESPACE};
pub(crate) use reach::resident_tokens;
pub use reach::{Ceiling, Reach};
pub use reaction::{ReactionTime, Start};
pub use replicas::Replicas;
pub(crate) use replicas::needed;

/// How far above its target an HPA's metric has to be before it adds a replica: the default of the controller manager
/// (`--horizontal-pod-autoscaler-tolerance`).
pub const TOLERANCE: f64 = 0.1;

/// Share of the requests that a server runs at once to aim at where nobody measured how latency grows with them:
/// half lets a saturated replica ask for double.
pub const REACH_SHARE: f64 = 0.5;
