//! Why nothing, or one configuration, does not meet what was asked, and what would.

use std::fmt;

use super::Recommendation;
use crate::curve::{Configuration, LoadKind};
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
    /// How load was put on.
    pub load_kind: LoadKind,
    /// Why it does not answer.
    pub why: Rejection,
}

/// Why a configuration does not answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Rejection {
    /// Targets that it does not meet, each with the nearest value that it does.
    Unmet(Vec<Unmet>),
    /// A target is about a latency that was never measured.
    NeverMeasured(LatencyMetric),
    /// A cost target was asked, and there is no price.
    NoPrice,
    /// Measured with other lengths than asked.
    Traffic {
        /// Lengths asked for.
        asked: Traffic,
    },
    /// No GKE machine holds the accelerators; the text says why.
    NoMachine(String),
    /// The source gave a curve without points.
    NoPoints,
}

/// What a target is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetKind {
    /// A latency in milliseconds.
    Latency(LatencyMetric),
    /// USD for a million input tokens.
    InputCost,
    /// USD for a million output tokens.
    OutputCost,
}

/// A target that is not met, and the nearest value that is reachable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unmet {
    /// Which target.
    pub kind: TargetKind,
    /// Value asked for, in the unit of its kind.
    pub target: f64,
    /// Nearest reachable value, together with those of the other unmet targets.
    pub nearest: f64,
}

impl Unmet {
    /// How many times the target its nearest reachable value is.
    pub fn excess(&self) -> f64 {
        self.nearest / self.target
    }
}

/// Nothing meets the targets: what comes nearest, and the cheapest ways out.
#[derive(Debug, Clone, PartialEq)]
pub struct Infeasible {
    /// Of each target that some candidate does not meet, the nearest value that any of those reaches. A single
    /// target is met by nothing below it; several may bind only together.
    pub nearest: Vec<Nearest>,
    /// Latencies that a target is about, and of how many candidates they were never measured.
    pub never_measured: Vec<(LatencyMetric, usize)>,
    /// Candidates within every latency target that have no price to compare with a cost target.
    pub without_price: usize,
    /// The least change of the targets that has an answer, the cheapest of equals.
    pub least_change: Option<Change>,
    /// The cheapest answer to the same targets on what the question's other limits leave out: another
    /// accelerator, machine, server or version.
    pub elsewhere: Option<Box<Recommendation>>,
}

/// The nearest that any candidate comes to one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// The target and the reachable value.
    pub unmet: Unmet,
    /// What reaches it.
    pub configuration: Configuration,
}

/// Targets that would have an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Each target to change, from what to what.
    pub targets: Vec<Unmet>,
    /// The answer then.
    pub recommendation: Box<Recommendation>,
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(metric) => metric.fmt(f),
            Self::InputCost => f.write_str("cost per million input tokens"),
            Self::OutputCost => f.write_str("cost per million output tokens"),
        }
    }
}

impl TargetKind {
    /// A target's value, to the digits it was given with.
    fn write_target(self, f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
        match self {
            Self::Latency(_) => write!(f, "{value} ms"),
            Self::InputCost | Self::OutputCost => write!(f, "${value}"),
        }
    }

    /// A reachable value, rounded up so that a target of what is printed has an answer.
    fn write_reachable(self, f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
        match self {
            Self::Latency(_) => write!(f, "{:.1} ms", (value * 10.0).ceil() / 10.0),
            Self::InputCost | Self::OutputCost => write!(f, "${:.3}", (value * 1000.0).ceil() / 1000.0),
        }
    }
}

impl fmt::Display for Unmet {
    /// `TTFT of 1 ms is out of reach, the nearest is 35.2 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of ", self.kind)?;
        self.kind.write_target(f, self.target)?;
        f.write_str(" is out of reach, the nearest is ")?;
        self.kind.write_reachable(f, self.nearest)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmet(unmet) => {
                for (index, unmet) in unmet.iter().enumerate() {
                    write!(f, "{}{unmet}", if index > 0 { "; " } else { "" })?;
                }
                Ok(())
            }
            Self::NeverMeasured(metric) => write!(f, "{metric} was never measured"),
            Self::NoPrice => f.write_str("has no price to compare with the cost target"),
            Self::Traffic { asked } => {
                write!(f, "measured with other lengths than {asked} tokens (more than 20 % off)")
            }
            Self::NoMachine(why) => f.write_str(why),
            Self::NoPoints => f.write_str("has no points"),
        }
    }
}

impl fmt::Display for Infeasible {
    /// A few lines for people: what binds, the least change, and what would do it as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no configuration meets the targets")?;
        for nearest in &self.nearest {
            write!(f, "\n  {} ({})", nearest.unmet, nearest.configuration)?;
        }
        for (metric, candidates) in &self.never_measured {
            write!(f, "\n  {metric} was never measured for {candidates} of the candidates")?;
        }
        if self.without_price > 0 {
            let candidates = self.without_price;
            write!(
                f,
                "\n  no price is known for {candidates} of the candidates: a cost target cannot be compared"
            )?;
        }
        if let Some(change) = &self.least_change {
            f.write_str("\n  least change:")?;
            for (index, unmet) in change.targets.iter().enumerate() {
                write!(f, "{} {} of ", if index > 0 { " and" } else { "" }, unmet.kind)?;
                unmet.kind.write_reachable(f, unmet.nearest)?;
            }
            write!(f, ", then {}", change.recommendation.configuration)?;
            write_cost(f, &change.recommendation)?;
        }
        if let Some(other) = &self.elsewhere {
            write!(f, "\n  the same targets are met by {}", other.configuration)?;
            write_cost(f, other)?;
        }
        Ok(())
    }
}

fn write_cost(f: &mut fmt::Formatter<'_>, recommendation: &Recommendation) -> fmt::Result {
    match recommendation.cost.priced() {
        Some(cost) => write!(f, " at ${:.3} per million output tokens", cost.usd_per_million_output_tokens),
        None => f.write_str(" (no price)"),
    }
}
