//! How far predictions are from measurements, in six figures a metric.

use serde::Serialize;

use super::compare::{Comparison, Metric};
use super::statistics::{mean, quantile};

/// The four metrics of a set of rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// Time to first token.
    pub ttft: Score,
    /// Inter-token latency.
    pub itl: Score,
    /// Normalised time per output token.
    pub ntpot: Score,
    /// Output tokens a second.
    pub throughput: Score,
}

/// One metric of a set of rows. Errors are `100 · |predicted / measured − 1|` percent, and infinite (JSON: null) where
/// a measured figure could not be predicted; a figure is infinite as soon as it leans on an infinite error. `None`
/// (JSON: null too) of no measurement.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    /// Measured figures.
    pub n: usize,
    /// Of these, the ones that could not be predicted.
    #[serde(skip_serializing_if = "is_zero")]
    pub unpredicted: usize,
    /// Of these, the ones that were not measured but derived from other figures of the row.
    #[serde(skip_serializing_if = "is_zero")]
    pub derived: usize,
    /// Median error in percent.
    pub median_absolute_percentage_error: Option<f64>,
    /// Mean error in percent.
    pub mean_absolute_percentage_error: Option<f64>,
    /// 90th percentile of the errors in percent.
    pub p90_absolute_percentage_error: Option<f64>,
    /// Median of predicted / measured, over what could be predicted: above 1 predictions are too high.
    pub median_ratio: Option<f64>,
    /// Share of the measured figures that lie within the predicted 80 % interval, 0 to 1; what could not be predicted
    /// lies in none.
    pub band_coverage: Option<f64>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Metrics {
    /// Names and scores, in the order of reports.
    pub fn named(&self) -> [(&'static str, &Score); 4] {
        [("TTFT", &self.ttft), ("ITL", &self.itl), ("NTPOT", &self.ntpot), ("throughput", &self.throughput)]
    }

    pub(super) fn of<'c>(comparisons: impl Iterator<Item = &'c Comparison> + Clone) -> Self {
        let of = |metric: Metric| Score::of(comparisons.clone().filter(|it| it.metric == metric));
        Self {
            ttft: of(Metric::Ttft),
            itl: of(Metric::Itl),
            ntpot: of(Metric::Ntpot),
            throughput: of(Metric::Throughput),
        }
    }
}

impl Score {
    fn of<'c>(comparisons: impl Iterator<Item = &'c Comparison>) -> Self {
        let mut errors = Vec::new();
        let mut ratios = Vec::new();
        let (mut inside, mut derived) = (0_usize, 0_usize);
        for comparison in comparisons {
            derived += usize::from(comparison.derived);
            match comparison.figures {
                Some((measured, predicted)) => {
                    let ratio = predicted.value / measured;
                    errors.push(100.0 * (ratio - 1.0).abs());
                    ratios.push(ratio);
                    inside += usize::from(predicted.contains(measured));
                }
                None => errors.push(f64::INFINITY),
            }
        }
        errors.sort_by(f64::total_cmp);
        ratios.sort_by(f64::total_cmp);
        let n = errors.len();
        Self {
            n,
            unpredicted: n - ratios.len(),
            derived,
            median_absolute_percentage_error: quantile(&errors, 0.5),
            mean_absolute_percentage_error: mean(&errors),
            p90_absolute_percentage_error: quantile(&errors, 0.9),
            median_ratio: quantile(&ratios, 0.5),
            band_coverage: (n > 0).then(|| inside as f64 / n as f64),
        }
    }
}
