//! What a rule is.

use std::fmt;

use super::finding::Found;
use super::{AutoscalerFacts, Examples, Facts};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing breaks.
    Information,
    /// It will cost speed, money or robustness.
    Warning,
    /// It will not work.
    Error,
}

impl Severity {
    /// Name as output and policies write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Rules that policies can name together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Where the weights lie while they load.
    Cache,
    /// Cloud Storage FUSE.
    Storage,
    /// XLA's compilation cache.
    Compilation,
    /// Memory, parallelism, node and image.
    Fit,
    /// The command line as the server will read it.
    Arguments,
    /// Probes and drain.
    LifeCycle,
    /// Signals, thresholds and behaviour of autoscalers.
    Autoscaling,
    /// Targets, prices and what the namespace may use.
    Promise,
}

impl Group {
    /// All of them, in the order of their rules' ids.
    pub const ALL: [Self; 8] = [
        Self::Cache,
        Self::Storage,
        Self::Compilation,
        Self::Fit,
        Self::Arguments,
        Self::LifeCycle,
        Self::Autoscaling,
        Self::Promise,
    ];

    /// Name as output and policies write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Storage => "storage",
            Self::Compilation => "compilation",
            Self::Fit => "fit",
            Self::Arguments => "arguments",
            Self::LifeCycle => "life-cycle",
            Self::Autoscaling => "autoscaling",
            Self::Promise => "promise",
        }
    }
}

/// Where a rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In files and at admission alike.
    Everywhere,
    /// In files only: it needs to know what the author wrote, or the other objects of the set.
    LintOnly,
}

/// How a rule looks.
#[derive(Clone, Copy)]
pub enum Check {
    /// At every serving Pod of a workload.
    Workload(fn(&Facts<'_>) -> Vec<Found>),
    /// At an autoscaler.
    Autoscaler(fn(&AutoscalerFacts<'_>) -> Vec<Found>),
    /// At both: what a workload and its autoscaler come to together is wrong whichever of them is applied last.
    Both {
        /// At every serving Pod of a workload.
        workload: fn(&Facts<'_>) -> Vec<Found>,
        /// At an autoscaler.
        autoscaler: fn(&AutoscalerFacts<'_>) -> Vec<Found>,
    },
}

/// A rule: what it looks for, and everything a person wants to know about it.
pub struct Rule {
    /// Stable id: `INF001`.
    pub id: &'static str,
    /// Name in kebab case.
    pub name: &'static str,
    /// Its group.
    pub group: Group,
    /// How much its findings matter, unless a finding says otherwise.
    pub severity: Severity,
    /// Where it is asked.
    pub scope: Scope,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// What must be known for it to speak; it is silent otherwise.
    pub needs: &'static str,
    /// Why it matters: what happens otherwise.
    pub rationale: &'static str,
    /// What its fix does; `None` where there is none.
    pub fix: Option<&'static str>,
    /// Where the facts come from.
    pub source: &'static str,
    /// How it looks.
    pub check: Check,
    /// A manifest that trips it and one that does not.
    pub examples: Examples,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}
