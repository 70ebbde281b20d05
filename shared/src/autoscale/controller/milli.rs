//! Thousandths: the controller counts in whole ones.

use std::fmt;

use crate::inspect::parse_quantity;

/// A quantity in whole thousandths, rounded up, as the controller reads targets and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Milli(pub i64);

impl Milli {
    /// Nearest quantity that is not below `value`; the ends of the range for what lies outside.
    pub fn from_number(value: f64) -> Self {
        // A number of a few digits is not binary: its thousandths miss the whole number by a rounding.
        const ROUNDING: f64 = 1e-6;
        Self((value * 1000.0 - ROUNDING).ceil() as i64)
    }

    /// The quantity that a Kubernetes text such as `128`, `2500m` or `1k` means.
    pub fn parse(text: &str) -> Option<Self> {
        parse_quantity(text.trim()).map(Self::from_number)
    }

    /// The number it stands for.
    pub fn number(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl fmt::Display for Milli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::Milli;

    #[test]
    fn quantities_are_rounded_up_to_thousandths() {
        let milli = |text| Milli::parse(text).map(|milli| milli.0);
        assert_eq!(milli("10"), Some(10_000));
        assert_eq!(milli("2500m"), Some(2500));
        assert_eq!(milli("0.0001"), Some(1));
        assert_eq!(milli("0.57"), Some(570));
        assert_eq!(milli("1.005"), Some(1005));
        assert_eq!(milli("1k"), Some(1_000_000));
        assert_eq!(milli("-3"), Some(-3000));
        assert_eq!(milli("ten"), None);
        for thousandths in 0..100_000_i64 {
            assert_eq!(Milli::from_number(thousandths as f64 / 1000.0).0, thousandths);
        }
    }
}
