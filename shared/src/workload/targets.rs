//! What an operating point has to meet.

use thiserror::Error;

use super::{Itl, LatencyMetric, Ntpot, Ttft};

/// The share of requests, in percent, that a latency target has to hold for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Percentile {
    /// Half of them: the median, which is what the service promises and benchmarks publish.
    #[default]
    P50,
    /// Nine of ten.
    P90,
    /// All but one of a hundred.
    P99,
}

impl Percentile {
    /// All, by rising share.
    pub const ALL: [Self; 3] = [Self::P50, Self::P90, Self::P99];

    /// Percent of the requests.
    pub const fn percent(self) -> f64 {
        match self {
            Self::P50 => 50.0,
            Self::P90 => 90.0,
            Self::P99 => 99.0,
        }
    }

    /// Name as people write it: `P50`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "P50",
            Self::P90 => "P90",
            Self::P99 => "P99",
        }
    }
}

/// Latency and cost targets; `None` means not asked. Latency targets are for the median (P50), as the service's, unless
/// the curves that they are held against are of another percentile.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Targets {
    /// Highest acceptable time to first token.
    pub ttft: Option<Ttft>,
    /// Highest acceptable inter-token latency.
    pub itl: Option<Itl>,
    /// Highest acceptable normalised time per output token.
    pub ntpot: Option<Ntpot>,
    /// Highest acceptable USD for a million input tokens.
    pub usd_per_million_input_tokens: Option<f64>,
    /// Highest acceptable USD for a million output tokens.
    pub usd_per_million_output_tokens: Option<f64>,
}

/// A target that no measurement could ever be compared with.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TargetError {
    /// Zero, negative, infinite or not a number.
    #[error("target {what} is {value}: it must be a positive, finite number")]
    NotPositive {
        /// Which target.
        what: &'static str,
        /// What was given.
        value: f64,
    },
}

impl Targets {
    /// The latency targets that were asked, in milliseconds.
    pub fn latencies(&self) -> impl Iterator<Item = (LatencyMetric, f64)> + use<> {
        let asked = [
            (LatencyMetric::Ttft, self.ttft.map(Ttft::milliseconds)),
            (LatencyMetric::Itl, self.itl.map(Itl::milliseconds)),
            (LatencyMetric::Ntpot, self.ntpot.map(Ntpot::milliseconds)),
        ];
        asked.into_iter().filter_map(|(metric, value)| value.map(|value| (metric, value)))
    }

    /// The latency target of `metric` without any other.
    pub fn only(&self, metric: LatencyMetric) -> Self {
        match metric {
            LatencyMetric::Ttft => Self { ttft: self.ttft, ..Self::default() },
            LatencyMetric::Itl => Self { itl: self.itl, ..Self::default() },
            LatencyMetric::Ntpot => Self { ntpot: self.ntpot, ..Self::default() },
        }
    }

    /// Whether nothing was asked: the knee is then the operating point.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses targets that are zero, negative, infinite or not a number.
    pub fn validate(&self) -> Result<(), TargetError> {
        let costs = [
            ("cost per million input tokens", self.usd_per_million_input_tokens),
            ("cost per million output tokens", self.usd_per_million_output_tokens),
        ];
        let latencies = self.latencies().map(|(metric, value)| (metric.name(), value));
        let costs = costs.into_iter().filter_map(|(what, value)| value.map(|value| (what, value)));
        for (what, value) in latencies.chain(costs) {
            if !(value.is_finite() && value > 0.0) {
                return Err(TargetError::NotPositive { what, value });
            }
        }
        Ok(())
    }
}
