//! Where a curve's figures come from.

use serde::{Deserialize, Serialize};

use crate::workload::Statistic;

/// What kind of knowledge a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Read from a benchmark's own output.
    Measured,
    /// Read off a published plot.
    Digitised,
    /// Stated in a document without the run behind it.
    Published,
    /// Computed by the estimator, and shifted to what was measured of the same replica under other loads or lengths.
    Corrected,
    /// Computed by the estimator.
    Estimated,
}

impl Origin {
    /// Name as tables and the catalog write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Digitised => "digitised",
            Self::Published => "published",
            Self::Corrected => "corrected",
            Self::Estimated => "estimated",
        }
    }
}

/// Where a curve comes from and what was done to it on the way. Travels with every figure derived from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// Kind of knowledge.
    pub origin: Origin,
    /// Who published it, where.
    pub source: String,
    /// Statistic that the TTFT figures are.
    pub ttft_statistic: Statistic,
    /// Statistic that the ITL figures are.
    pub itl_statistic: Statistic,
    /// What was derived and how (throughput by Little's law, the machine from the accelerator, …).
    pub notes: Vec<String>,
    /// Marks of the source: `wip`, `gap-study`, `mtp-suspected`, `published-knee`.
    pub tags: Vec<String>,
}
