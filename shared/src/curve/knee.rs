//! The knee: where throughput stops rising and latency goes on.
//!
//! The service documents its "inflection point" as the point past which throughput no longer rises while
//! latency climbs (GKE Inference Quickstart), without the rule that finds it. The rule here was read off both
//! curves that the service publishes with their inflection points (`google/gemma-2-27b-it`, vLLM v0.7.2:
//! 425 tokens/s at 1085 ms on 4 L4, where latency has leapt already; 2050 tokens/s at 67 ms on one H100, before
//! it leaps): the first point from which no higher load gains more than 5 % of throughput. Any threshold from
//! 4.0 % to 13.9 % finds both. The largest distance from the chord (Kneedle, Satopää et al. 2011) finds the
//! point before the leap on the L4 curve too, 388 tokens/s at 197 ms, so it is not the service's rule.
//!
//! A last point is no plateau by itself: that nothing gains any more has to be witnessed by a later point that
//! was pushed clearly harder, by load or by the latency that load led to. So a curve whose last step still
//! gains has no knee, and closely spaced loads of a straight curve have none either.
//!
//! Only ratios enter, so the unit of neither axis moves the knee.

use thiserror::Error;

use super::{Curve, LoadPoint};
use crate::workload::LatencyMetric;

/// The largest gain of throughput over the knee's that still counts as none.
pub(super) const GAIN: f64 = 1.05;

/// How many times the knee's load or latency a later point must show for the missing gain to be the server's
/// limit and not the spacing of the loads.
const CLEARLY_HIGHER: f64 = 1.25;

/// Mark of a profile whose single point the source itself names as the knee.
pub const PUBLISHED_KNEE: &str = "published-knee";

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
    /// Index of the knee's point: found, or for a single point marked [`PUBLISHED_KNEE`] as the source says.
    pub fn knee(&self) -> Result<usize, NoKnee> {
        if let [_] = self.points.as_slice() {
            let is_published = self.provenance.tags.iter().any(|tag| tag == PUBLISHED_KNEE);
            return if is_published { Ok(0) } else { Err(NoKnee::SinglePoint) };
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
        let plateau = self.points.get(index..).and_then(<[_]>::split_first);
        let witnessed =
            plateau.is_some_and(|(knee, later)| later.iter().any(|point| is_clearly_past(point, knee)));
        if witnessed { Ok(index) } else { Err(NoKnee::StillRising) }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures::{closed_loop, curve, gemma_on_h100, gemma_on_l4, open_loop};
    use super::*;

    #[test]
    fn lands_on_the_published_knee_where_latency_has_leapt_already() {
        let curve = gemma_on_l4();
        let knee = curve.points[curve.knee().unwrap()];
        assert_eq!(knee.output_tokens_per_second, 425.1);
        assert_eq!(knee.ntpot.unwrap().milliseconds(), 1084.5);
    }

    #[test]
    fn lands_on_the_published_knee_before_latency_leaps() {
        let curve = gemma_on_h100();
        let knee = curve.points[curve.knee().unwrap()];
        assert_eq!(knee.output_tokens_per_second, 2051.0);
        assert_eq!(knee.ntpot.unwrap().milliseconds(), 67.1);
    }

    #[test]
    fn a_curve_that_still_rises_has_none_instead_of_its_end() {
        let rising = closed_loop(&[(1.0, 100.0), (2.0, 195.0), (4.0, 380.0), (8.0, 700.0)]);
        assert_eq!(rising.knee(), Err(NoKnee::StillRising));
    }

    #[test]
    fn closely_spaced_loads_of_a_straight_curve_have_none() {
        let loads = (0..20).map(|step| 10.0 + 0.1 * f64::from(step));
        let points: Vec<_> = loads.map(|rate| (rate, rate * 200.0, 30.0 + rate)).collect();
        assert_eq!(open_loop(&points).knee(), Err(NoKnee::StillRising));
    }

    #[test]
    fn a_plateau_is_found_by_its_loads_where_no_latency_was_measured() {
        let mut bent = closed_loop(&[(8.0, 700.0), (16.0, 1000.0), (32.0, 1020.0), (64.0, 1010.0)]);
        for point in &mut bent.points {
            point.ntpot = None;
        }
        assert_eq!(bent.knee(), Ok(1));
    }

    #[test]
    fn a_dip_before_the_end_of_the_rise_is_not_the_plateau() {
        let dips = closed_loop(&[(1.0, 100.0), (2.0, 200.0), (4.0, 150.0), (8.0, 600.0), (16.0, 605.0)]);
        assert_eq!(dips.knee(), Ok(3));
    }

    #[test]
    fn one_point_has_no_shape() {
        assert_eq!(closed_loop(&[(8.0, 700.0)]).knee(), Err(NoKnee::SinglePoint));
    }

    #[test]
    fn one_point_is_the_knee_where_the_source_says_so() {
        let mut published = closed_loop(&[(8.0, 700.0)]);
        published.provenance.tags.push(PUBLISHED_KNEE.to_owned());
        assert_eq!(published.knee(), Ok(0));
    }

    proptest! {
        #[test]
        fn the_units_of_the_axes_do_not_move_it(
            points in prop::collection::vec((1.0_f64..1e4, 1.0_f64..1e4), 2..12),
            throughput_unit in 0.01_f64..100.0,
            latency_unit in 0.01_f64..100.0,
        ) {
            let scaled = points.iter().map(|(x, y)| (x * throughput_unit, y * latency_unit)).collect::<Vec<_>>();
            prop_assert_eq!(curve(&points).knee(), curve(&scaled).knee());
        }

        #[test]
        fn a_server_that_caps_its_throughput_has_one_at_the_cap(
            cap in 2.0_f64..500.0,
            latency in 10.0_f64..1000.0,
        ) {
            // In flight N, latency L until the cap, then N / cap: doubling loads far past it.
            let loads = (0..14).map(|step| f64::from(1 << step));
            let points: Vec<_> = loads.map(|load| (load, load.min(cap) * 1000.0 / latency)).collect();
            let bent = closed_loop(&points);
            let knee = bent.knee().unwrap();
            let at_knee = points[knee].0;
            prop_assert!(at_knee >= cap / 1.05 && at_knee <= 2.0 * cap, "{at_knee} in flight, cap {cap}");
        }

        #[test]
        fn nothing_after_it_gains_more_than_a_twentieth(
            points in prop::collection::vec((1.0_f64..1e4, 1.0_f64..1e4), 1..12),
        ) {
            let curve = curve(&points);
            if let Ok(knee) = curve.knee() {
                let here = points[knee].0;
                prop_assert!(points[knee..].iter().all(|(later, _)| *later <= here * 1.05));
                prop_assert!(knee + 1 < points.len());
            }
        }
    }
}
