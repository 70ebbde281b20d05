//! What a curve reaches at all.

use super::Curve;
use crate::workload::LatencyMetric;

/// Lowest and highest value of a figure over all points of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Lowest.
    pub lowest: f64,
    /// Highest.
    pub highest: f64,
}

impl Range {
    /// Range of some values; `None` without any.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        values.fold(None, |range: Option<Self>, value| {
            let (lowest, highest) = range.map_or((value, value), |range| (range.lowest, range.highest));
            Some(Self { lowest: lowest.min(value), highest: highest.max(value) })
        })
    }

    /// The range of a latency, as `34.2 to 71.9 ms`: rounded up, so that what is printed can be asked for.
    pub fn in_milliseconds(&self) -> String {
        let [lowest, highest] =
            [self.lowest, self.highest].map(|value| format!("{:.1}", (value * 10.0).ceil() / 10.0));
        if lowest == highest { format!("{lowest} ms") } else { format!("{lowest} to {highest} ms") }
    }
}

impl Curve {
    /// Reachable values of a latency in milliseconds; `None` where it was never measured.
    pub fn reach(&self, metric: LatencyMetric) -> Option<Range> {
        Range::of(self.points.iter().filter_map(|point| point.latency_milliseconds(metric)))
    }

    /// Reachable throughput in output tokens a second; `None` for a curve without points.
    pub fn throughput_reach(&self) -> Option<Range> {
        Range::of(self.points.iter().map(|point| point.output_tokens_per_second))
    }

    pub(super) fn highest_throughput(&self) -> f64 {
        self.throughput_reach().map_or(0.0, |range| range.highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_range_can_be_asked_for() {
        assert_eq!(Range { lowest: 47.01, highest: 91.8 }.in_milliseconds(), "47.1 to 91.8 ms");
        assert_eq!(Range { lowest: 50.6, highest: 50.6 }.in_milliseconds(), "50.6 ms");
    }
}
