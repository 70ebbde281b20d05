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
