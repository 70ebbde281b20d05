//! What is asked of an estimate beyond configuration and lengths.

use thiserror::Error;

use crate::workload::{LengthSource, Percentile, Traffic};

/// What a curve is computed for. By default medians of requests that share nothing and are not drafted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions {
    /// Which latencies the curve holds.
    pub percentile: Percentile,
    /// Share of every prompt that is the same in all requests, and so found in the prefix cache, 0 to 1.
    pub common_prefix_share: f64,
    /// Probability that a draft token is accepted, given that those before it were, 0 to 1. Servers whose arguments ask
    /// for no speculative decoding draft nothing.
    pub draft_acceptance: Option<f64>,
    /// Lengths of single requests, where more is known of them than the traffic that a curve is asked for says.
    pub lengths: Option<LengthSource>,
}

/// A share that is none.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("{what} is {value}: it must be from 0 to 1")]
pub struct NoShare {
    what: &'static str,
    value: f64,
}

impl Conditions {
    /// Requests of one simulated load: enough that the percentile repeats within some percent, few enough for a list of
    /// hundreds of curves. Of a P99 over 300 requests three decide; over 2000 twenty do.
    pub(super) const fn requests(&self) -> u32 {
        match self.percentile {
            Percentile::P50 | Percentile::P90 => 300,
            Percentile::P99 => 2_000,
        }
    }

    /// Lengths of the requests of `traffic`.
    pub(super) fn lengths(&self, traffic: &Traffic) -> LengthSource {
        self.lengths.clone().unwrap_or_else(|| (*traffic).into())
    }

    /// Refuses shares outside of 0 to 1.
    ///
    /// # Errors
    /// Which one.
    pub fn validate(&self) -> Result<(), NoShare> {
        let shares = [
            ("the common share of prompts", Some(self.common_prefix_share)),
            ("the acceptance rate of drafts", self.draft_acceptance),
        ];
        for (what, value) in shares {
            if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
                return Err(NoShare { what, value });
            }
        }
        Ok(())
    }
}
