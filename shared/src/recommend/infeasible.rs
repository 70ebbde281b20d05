//! Why nothing, or one configuration, does not meet what was asked, and what would.

use crate::curve::{Configuration, Unmet};
use crate::workload::{LatencyMetric, Traffic};

/// A configuration that does not answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// What was measured.
    pub configuration: Configuration,
    /// Machine type it would run on, where there is one.
    pub machine: Option<String>,
    /// Lengths it was measured with.
    pub traffic: Traffic,
    /// Why it does not answer.
    pub why: Rejection,
}

/// Why a configuration does not answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Rejection {
    /// Latency targets below what it reaches, each with the nearest reachable value.
    Latency(Vec<Unmet>),
    /// A target is about a latency that was never measured.
    NeverMeasured(LatencyMetric),
    /// Dearer than asked.
    Cost(UnmetCost),
    /// A cost target was asked, and there is no price.
    NoPrice,
    /// Measured with other lengths than asked.
    Traffic {
        /// Lengths asked for.
        asked: Traffic,
    },
    /// No GKE machine holds the accelerators.
    NoMachine(String),
}

/// A cost target that is not met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnmetCost {
    /// Which token.
    pub token: TokenKind,
    /// USD a million tokens asked for.
    pub target: f64,
    /// USD a million tokens at the operating point.
    pub nearest: f64,
}

/// Input or output token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Of the prompt.
    Input,
    /// Of the answer.
    Output,
}

/// Nothing meets the targets: what comes nearest, and the cheapest way out.
#[derive(Debug, Clone, PartialEq)]
pub struct Infeasible {
    /// Of each unmet target, the nearest value that any candidate reaches, and which.
    pub nearest: Vec<Nearest>,
    /// The cheapest change of the question that has an answer.
    pub relaxation: Option<Relaxation>,
}

/// The nearest that any candidate comes to one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The target and the reachable value.
    pub unmet: Unmet,
    /// What reaches it.
    pub configuration: Configuration,
    /// Machine type it runs on.
    pub machine: String,
}

/// A change of the question that has an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Relaxation {
    /// The same targets on what the other requirements exclude.
    Elsewhere {
        /// What does meet them.
        configuration: Configuration,
        /// Machine type.
        machine: String,
    },
    /// Looser targets on a candidate.
    Targets {
        /// Each target to change, from what to what.
        changes: Vec<Unmet>,
        /// The candidate.
        configuration: Configuration,
        /// Machine type.
        machine: String,
    },
}
