//! A figure with how far it may be off.

use serde::{Deserialize, Serialize};

/// A figure with the interval that should hold the true one eight times out of ten. The unit is that of the figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Banded {
    /// Lower end of the interval.
    pub low: f64,
    /// The figure itself: as likely too high as too low.
    pub value: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Banded {
    /// Share of the true figures that the interval is made to hold.
    pub const COVERAGE: f64 = 0.80;

    /// From `value / factor` to `value · factor`: errors of latencies and throughputs are ratios. `factor` ≥ 1.
    pub fn within_factor(value: f64, factor: f64) -> Self {
        Self { low: value / factor, value, high: value * factor }
    }

    /// Whether the interval, its ends included, holds `figure`.
    pub fn contains(&self, figure: f64) -> bool {
        (self.low..=self.high).contains(&figure)
    }
}

/// An interval of `true / estimated`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RatioBand {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Residuals that it rests on.
    pub points: u64,
}

/// Intervals of the four figures of an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FigureBands {
    /// Time to first token.
    pub ttft: RatioBand,
    /// Inter-token latency.
    pub itl: RatioBand,
    /// Normalised time per output token.
    pub ntpot: RatioBand,
    /// Output tokens a second.
    pub throughput: RatioBand,
}

impl RatioBand {
    /// The interval before any residual: a factor both ways.
    pub const fn of_factor(factor: f64) -> Self {
        Self { low: 1.0 / factor, high: factor, points: 0 }
    }

    /// The interval that holds `coverage` of weighted residuals `(true / estimated, weight)`, cut equally at both
    /// ends, with the weight of one more residual that nobody has seen yet.
    pub fn holding(coverage: f64, residuals: &[(f64, f64)]) -> Option<Self> {
        let mut sorted: Vec<(f64, f64)> =
            residuals.iter().copied().filter(|(ratio, _)| ratio.is_finite() && *ratio > 0.0).collect();
        if sorted.len() < 8 {
            return None;
        }
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
        let unseen = total / sorted.len() as f64;
        let cut = ((1.0 - coverage) / 2.0 * (total + unseen) - unseen).max(0.0);
        let from_below = quantile(sorted.iter(), cut);
        let from_above = quantile(sorted.iter().rev(), cut);
        Some(Self { low: from_below?, high: from_above?, points: sorted.len() as u64 })
    }

    /// The interval `times` as wide in logarithms.
    pub(crate) fn widened(self, times: f64) -> Self {
        // An end on the wrong side of 1 would move inwards when the interval grows.
        let scaled =
            |end: f64, is_outward: bool| if is_outward || times < 1.0 { end.powf(times) } else { end };
        Self { low: scaled(self.low, self.low < 1.0), high: scaled(self.high, self.high > 1.0), ..self }
    }

    /// The interval around an estimate.
    pub fn around(&self, value: f64) -> Banded {
        // An interval that is off to one side still holds the estimate itself.
        Banded { low: value * self.low.min(1.0), value, high: value * self.high.max(1.0) }
    }
}

/// The residual below which `cut` of the weight lies.
fn quantile<'a>(sorted: impl Iterator<Item = &'a (f64, f64)>, cut: f64) -> Option<f64> {
    let mut below = 0.0;
    let mut last = None;
    for (ratio, weight) in sorted {
        below += weight;
        last = Some(*ratio);
        if below > cut {
            break;
        }
    }
    last
}

impl FigureBands {
    pub(crate) fn widened(self, times: f64) -> Self {
        Self {
            ttft: self.ttft.widened(times),
            itl: self.itl.widened(times),
            ntpot: self.ntpot.widened(times),
            throughput: self.throughput.widened(times),
        }
    }

    /// Before any residual: what leaving groups out of tables like the project's own gave others.
    pub const fn expected() -> Self {
        Self {
            ttft: RatioBand::of_factor(1.8),
            itl: RatioBand::of_factor(1.3),
            ntpot: RatioBand::of_factor(1.3),
            throughput: RatioBand::of_factor(1.3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Banded;

    #[test]
    fn a_band_by_a_factor_is_as_wide_in_both_directions_of_a_ratio() {
        let band = Banded::within_factor(10.0, 2.0);
        assert_eq!((band.low, band.value, band.high), (5.0, 10.0, 20.0));
        assert!(band.contains(5.0) && band.contains(20.0) && !band.contains(4.9) && !band.contains(20.1));
        assert!(!band.contains(f64::NAN));
    }
}
