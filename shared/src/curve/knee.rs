//! The knee: where throughput stops rising and latency goes on.
//!
//! The service documents its "inflection point" as the point past which throughput no longer rises while
//! latency climbs (GKE Inference Quickstart), without the rule that finds it. The rule here was read off both
//! curves that the service publishes with their inflection points (`google/gemma-2-27b-it`, vLLM v0.7.2:
//! 425 tokens/s at 1085 ms on 4 L4, where latency has leapt already; 2050 tokens/s at 67 ms on one H100, before
//! it leaps): the first point from which no higher load gains more than 5 % of throughput. Any threshold
//! between 4.1 % and 13.9 % finds both. Methods that look for the largest distance from the chord (Kneedle,
//! Satopää et al. 2011) find the point before the leap on both curves, so they are not the service's.
//!
//! Only ratios enter, so the unit of neither axis moves the knee.

use thiserror::Error;

use super::{Curve, LoadPoint};
use crate::workload::LatencyMetric;

/// The largest gain of throughput over the knee's that still counts as none.
const GAIN: f64 = 1.05;

/// How many times the knee's load or latency a later point must show for the missing gain to be the server's
/// limit and not the spacing of the loads.
const CLEARLY_HIGHER: f64 = 1.25;

/// Why a curve has no knee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoKnee {
    /// One point has no shape.
    #[error("it has a single point")]
    SinglePoint,
    /// Throughput still rises at the highest load.
    #[error("throughput still rises at its highest load")]
    StillRising,
}

impl Curve {
    /// Index of the knee's point.
    pub fn knee(&self) -> Result<usize, NoKnee> {
        if self.points.len() < 2 {
            return Err(NoKnee::SinglePoint);
        }
        let mut highest_later = 0.0_f64;
        let mut first_of_plateau = None;
        for (index, point) in self.points.iter().enumerate().rev() {
            let throughput = point.output_tokens_per_second;
            if highest_later <= GAIN * throughput {
                first_of_plateau = Some(index);
            }
            highest_later = highest_later.max(throughput);
        }
        let index = first_of_plateau.ok_or(NoKnee::StillRising)?;
        let (knee, later) = match self.points.get(index..).and_then(<[_]>::split_first) {
            Some(split) => split,
            None => return Err(NoKnee::StillRising),
        };
        if later.iter().any(|point| is_clearly_past(point, knee)) {
            Ok(index)
        } else {
            Err(NoKnee::StillRising)
        }
    }
}

/// Whether `point` was pushed clearly harder than `knee`: by its load, or by the latency that load led to.
fn is_clearly_past(point: &LoadPoint, knee: &LoadPoint) -> bool {
    let exceeds = |here: Option<f64>, there: Option<f64>| match (here, there) {
        (Some(here), Some(there)) => here >= CLEARLY_HIGHER * there,
        _ => false,
    };
    // NTPOT covers the whole request; the others stand in where it is unknown.
    let latency = [LatencyMetric::Ntpot, LatencyMetric::Ttft, LatencyMetric::Itl]
        .into_iter()
        .find(|metric| knee.latency_milliseconds(*metric).is_some());
    let slower = latency
        .is_some_and(|metric| exceeds(point.latency_milliseconds(metric), knee.latency_milliseconds(metric)));
    slower || exceeds(point.load.amount(), knee.load.amount())
}
