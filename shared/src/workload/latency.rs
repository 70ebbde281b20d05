//! The three latencies of token streaming, as three types that cannot be mixed up.
//!
//! Definitions, used everywhere in the project:
//! * **TTFT**, time to first token: from the request's arrival to its first output token, queueing included.
//! * **ITL** (also TPOT), inter-token latency: `(end to end − TTFT) / (output tokens − 1)` of one request
//!   with at least two output tokens.
//! * **NTPOT**, normalised time per output token: `end to end / output tokens` of one request, so it includes
//!   the wait for the first token.
//!
//! Each is computed per request first; a percentile or mean is taken over requests afterwards. The percentile
//! of a ratio is not the ratio of percentiles.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! latency {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            /// From milliseconds.
            pub const fn from_milliseconds(milliseconds: f64) -> Self {
                Self(milliseconds)
            }

            /// In milliseconds.
            pub const fn milliseconds(self) -> f64 {
                self.0
            }

            /// The latency a `share` of the way to `other`, linearly.
            pub fn towards(self, other: Self, share: f64) -> Self {
                Self(self.0 + (other.0 - self.0) * share)
            }
        }
    };
}

latency!(
    /// Time to first token, queueing included.
    Ttft
);
latency!(
    /// Inter-token latency after the first token (TPOT).
    Itl
);
latency!(
    /// Request latency divided by its output tokens; includes the wait for the first token.
    Ntpot
);

impl Ntpot {
    /// NTPOT of a request with these latencies and `output_tokens` ≥ 1: `(TTFT + ITL·(n − 1)) / n`.
    ///
    /// Exact for one request; for medians over requests of one length it is the customary approximation, and
    /// a curve that uses it says so in its provenance.
    pub fn from_parts(ttft: Ttft, itl: Itl, output_tokens: f64) -> Self {
        Self((ttft.0 + itl.0 * (output_tokens - 1.0).max(0.0)) / output_tokens)
    }
}

/// Which of the three latencies a target or a measurement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LatencyMetric {
    /// Time to first token.
    Ttft,
    /// Inter-token latency.
    Itl,
    /// Normalised time per output token.
    Ntpot,
}

impl LatencyMetric {
    /// All three, in the order in which they are reported.
    pub const ALL: [Self; 3] = [Self::Ttft, Self::Itl, Self::Ntpot];

    /// Upper-case name as the field writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => "TTFT",
            Self::Itl => "ITL",
            Self::Ntpot => "NTPOT",
        }
    }
}

impl fmt::Display for LatencyMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The statistic over requests that a measured latency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Statistic {
    /// Median over requests.
    #[default]
    P50,
    /// Arithmetic mean over requests.
    Mean,
}

impl Statistic {
    /// Both.
    pub const ALL: [Self; 2] = [Self::P50, Self::Mean];

    /// Name as it is written in the catalog.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::Mean => "mean",
        }
    }
}
