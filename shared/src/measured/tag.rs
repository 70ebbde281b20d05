//! Marks that a source, or who cleaned it, put on a row.

use std::collections::BTreeSet;

/// A mark of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// Open loop on the plateau of the curve, or with less than 80 % of the offered load served: its latencies tell how
    /// long the run was, only its throughput tells something of the server.
    Saturated,
    /// One of AIConfigurator's own runs, with exact lengths.
    GapStudy,
    /// The source calls it unfinished.
    Wip,
    /// Speculative decoding that the source does not mention is likely.
    MtpSuspected,
    /// A single point that the source names as the knee.
    PublishedKnee,
    /// Any other.
    Other(String),
}

impl Tag {
    /// The mark of this name.
    pub fn of(name: &str) -> Self {
        match name {
            "saturated" => Self::Saturated,
            "gap-study" => Self::GapStudy,
            "wip" => Self::Wip,
            "mtp-suspected" => Self::MtpSuspected,
            "published-knee" => Self::PublishedKnee,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The marks of a cell, with spaces, commas, semicolons or bars between them.
    pub(super) fn all(text: &str) -> BTreeSet<Self> {
        let names = text.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '|'));
        names.filter(|name| !name.is_empty()).map(Self::of).collect()
    }

    /// Name as tables write it.
    pub fn name(&self) -> &str {
        match self {
            Self::Saturated => "saturated",
            Self::GapStudy => "gap-study",
            Self::Wip => "wip",
            Self::MtpSuspected => "mtp-suspected",
            Self::PublishedKnee => "published-knee",
            Self::Other(name) => name,
        }
    }
}
