//! What happens between the points of a curve.
//!
//! Between two neighbouring points every figure is taken as linear in the load, so a latency is piecewise
//! linear in throughput. That never overshoots the points it lies between, and since latency bends upwards
//! with load (the chord lies above the curve) it errs on the safe side: at a given throughput it states more
//! latency, at a given latency less throughput, than the server gives.
//!
//! Measured latencies are not monotone, queueing makes them so in truth. Two kinds of noise are told apart:
//! * a latency that **falls** from the lowest loads on is a cold start (InferenceX averages over 10 requests
//!   for each one in flight, the first wave included). Less load never makes a server slower, so such a head
//!   does not keep a higher load from meeting the target;
//! * a **dip** after the lowest latency is luck. Once the target is exceeded, higher loads no longer count.

use super::{Curve, LoadPoint, Zone};
use crate::workload::LatencyMetric;

/// A place on a curve: the index of a point, or a place between two.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Position(f64);

impl Position {
    pub(super) fn of_point(index: usize) -> Self {
        // Curves have far fewer than 2^53 points.
        Self(index as f64)
    }

    fn between(index: usize, share: f64) -> Self {
        Self(index as f64 + share)
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    fn share(self) -> f64 {
        self.0.fract()
    }
}

/// A latency at some throughput.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LatencyAt {
    /// In milliseconds, interpolated.
    Milliseconds(f64),
    /// The throughput lies on the plateau, where latency depends on how long the queue could grow.
    Saturated,
    /// The throughput lies outside of what was measured, in output tokens a second.
    OutOfReach {
        /// At the lowest load.
        lowest: f64,
        /// The highest.
        highest: f64,
    },
}

impl Curve {
    /// Point at a place of the curve; a figure that one of its neighbours lacks is absent.
    pub(super) fn at(&self, position: Position) -> Option<LoadPoint> {
        let here = self.points.get(position.index())?;
        match self.points.get(position.index() + 1) {
            Some(next) if position.share() > 0.0 => Some(here.towards(next, position.share())),
            _ => Some(*here),
        }
    }

    /// Point of highest throughput up to which the latency stays within `milliseconds`, by interpolation;
    /// `None` when no load does, or when the latency was never measured.
    pub fn highest_throughput_within(&self, metric: LatencyMetric, milliseconds: f64) -> Option<LoadPoint> {
        let position = self.best_within(&[(metric, milliseconds)])?;
        self.at(position)
    }

    /// Latency at the lowest load that gives `output_tokens_per_second`; `None` when it was never measured.
    pub fn latency_at(&self, metric: LatencyMetric, output_tokens_per_second: f64) -> Option<LatencyAt> {
        let throughputs = || self.points.iter().map(|point| point.output_tokens_per_second);
        let lowest = throughputs().next()?;
        let highest = throughputs().fold(f64::NEG_INFINITY, f64::max);
        self.reach(metric)?;
        let Some(position) = self.first_with(output_tokens_per_second) else {
            return Some(LatencyAt::OutOfReach { lowest, highest });
        };
        if self.zone_at(position) == Zone::Saturated {
            return Some(LatencyAt::Saturated);
        }
        let here = self.at(position)?.latency_milliseconds(metric)?;
        let floor = self.highest_latency_until(metric, position).unwrap_or(here);
        Some(LatencyAt::Milliseconds(here.max(floor)))
    }

    /// First place with this throughput.
    pub(super) fn first_with(&self, output_tokens_per_second: f64) -> Option<Position> {
        let asked = output_tokens_per_second;
        let throughput = |point: &LoadPoint| point.output_tokens_per_second;
        if self.points.first().is_some_and(|first| throughput(first) == asked) {
            return Some(Position::of_point(0));
        }
        let segment = |(index, pair): (usize, &[LoadPoint])| match pair {
            [from, to] if throughput(from) < asked && asked <= throughput(to) => {
                Some(place_on(index, throughput(from), throughput(to), asked))
            }
            _ => None,
        };
        self.points.windows(2).enumerate().find_map(segment)
    }

    /// Highest latency from the point of the lowest one up to `position`: the cold head does not count.
    fn highest_latency_until(&self, metric: LatencyMetric, position: Position) -> Option<f64> {
        let (start, _) = self.lowest_latency(metric)?;
        let until = position.index() + 1;
        let points = self.points.get(start..until.max(start))?;
        points.iter().filter_map(|point| point.latency_milliseconds(metric)).reduce(f64::max)
    }

    /// Place of highest throughput at which every latency is within its limit; the lowest load of several.
    ///
    /// Latencies being linear between neighbours, the best place is a point of the curve or one where a
    /// latency crosses its limit.
    pub(super) fn best_within(&self, limits: &[(LatencyMetric, f64)]) -> Option<Position> {
        let mut last = Position::of_point(self.points.len().checked_sub(1)?);
        for (metric, limit) in limits {
            let until = self.last_within(*metric, *limit)?;
            if until < last {
                last = until;
            }
        }
        let points = (0..self.points.len()).map(Position::of_point);
        let crossings = limits.iter().flat_map(|(metric, limit)| self.crossings(*metric, *limit));
        let mut best: Option<(Position, f64)> = None;
        for position in points.chain(crossings).filter(|position| *position <= last) {
            let Some(point) = self.at(position).filter(|point| meets(point, limits)) else {
                continue;
            };
            let throughput = point.output_tokens_per_second;
            let better = best.is_none_or(|(earlier, most)| {
                throughput > most || (throughput == most && position < earlier)
            });
            if better {
                best = Some((position, throughput));
            }
        }
        best.map(|(position, _)| position)
    }

    /// Last place before a latency exceeds its limit for the first time after its lowest value.
    pub(super) fn last_within(&self, metric: LatencyMetric, limit: f64) -> Option<Position> {
        let (start, lowest) = self.lowest_latency(metric)?;
        if lowest > limit {
            return None;
        }
        let mut within = Position::of_point(start);
        for (index, pair) in self.points.windows(2).enumerate().skip(start) {
            let [from, to] = pair else { continue };
            match (from.latency_milliseconds(metric), to.latency_milliseconds(metric)) {
                (Some(from), Some(to)) if from <= limit && to > limit => {
                    return Some(place_on(index, from, to, limit));
                }
                (_, Some(to)) if to > limit => return Some(within),
                (_, Some(_)) => within = Position::of_point(index + 1),
                _ => {}
            }
        }
        Some(within)
    }

    /// Places where a latency passes its limit, in either direction.
    fn crossings(&self, metric: LatencyMetric, limit: f64) -> Vec<Position> {
        let crossing = |(index, pair): (usize, &[LoadPoint])| {
            let [from, to] = pair else { return None };
            let (from, to) = (from.latency_milliseconds(metric)?, to.latency_milliseconds(metric)?);
            let passes = (from < limit && limit < to) || (to < limit && limit < from);
            passes.then(|| place_on(index, from, to, limit))
        };
        self.points.windows(2).enumerate().filter_map(crossing).collect()
    }

    /// Index and value of the first lowest latency.
    fn lowest_latency(&self, metric: LatencyMetric) -> Option<(usize, f64)> {
        let latencies = self.points.iter().enumerate();
        latencies
            .filter_map(|(index, point)| Some((index, point.latency_milliseconds(metric)?)))
            .reduce(|lowest, here| if here.1 < lowest.1 { here } else { lowest })
    }
}

/// Whether a point meets every limit, but for the rounding of interpolation.
fn meets(point: &LoadPoint, limits: &[(LatencyMetric, f64)]) -> bool {
    const ROUNDING: f64 = 1.0 + 1e-9;
    limits.iter().all(|(metric, limit)| {
        point.latency_milliseconds(*metric).is_some_and(|latency| latency <= limit * ROUNDING)
    })
}

/// Place between point `index` and the next where a figure that goes `from` … `to` is `value`.
fn place_on(index: usize, from: f64, to: f64, value: f64) -> Position {
    let share = (value - from) / (to - from);
    Position::between(index, share.clamp(0.0, 1.0))
}

impl LoadPoint {
    /// The point a `share` of the way to `next`; figures that either lacks are absent.
    pub(super) fn towards(&self, next: &Self, share: f64) -> Self {
        let mix = |from: f64, to: f64| from + (to - from) * share;
        let mix_known = |from: Option<f64>, to: Option<f64>| Some(mix(from?, to?));
        Self {
            load: self.load.towards(next.load, share),
            requests_per_second: mix(self.requests_per_second, next.requests_per_second),
            input_tokens_per_second: mix(self.input_tokens_per_second, next.input_tokens_per_second),
            output_tokens_per_second: mix(self.output_tokens_per_second, next.output_tokens_per_second),
            ttft: self.ttft.zip(next.ttft).map(|(from, to)| from.towards(to, share)),
            itl: self.itl.zip(next.itl).map(|(from, to)| from.towards(to, share)),
            ntpot: self.ntpot.zip(next.ntpot).map(|(from, to)| from.towards(to, share)),
            concurrency: mix_known(self.concurrency, next.concurrency),
            running: mix_known(self.running, next.running),
            waiting: mix_known(self.waiting, next.waiting),
            kv_use: mix_known(self.kv_use, next.kv_use),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures::{curve, gemma_on_h100, gemma_on_l4, with_ttft};
    use super::*;
    use LatencyMetric::{Ntpot, Ttft};

    fn throughput_within(curve: &Curve, milliseconds: f64) -> Option<f64> {
        let point = curve.highest_throughput_within(Ntpot, milliseconds)?;
        Some(point.output_tokens_per_second)
    }

    #[test]
    fn a_target_between_two_points_is_interpolated() {
        let point = gemma_on_l4().highest_throughput_within(Ntpot, 641.0).unwrap();
        // Halfway in latency from 197.4 to 1084.5 is halfway from 387.9 to 425.1 tokens/s.
        assert!((point.output_tokens_per_second - 406.5).abs() < 0.01);
        assert!((point.latency_milliseconds(Ntpot).unwrap() - 641.0).abs() < 1e-9);
    }

    #[test]
    fn a_target_on_a_point_is_that_point() {
        assert_eq!(throughput_within(&gemma_on_l4(), 179.8), Some(363.4));
    }

    #[test]
    fn a_target_below_the_lowest_latency_has_no_point() {
        assert_eq!(throughput_within(&gemma_on_l4(), 118.3), None);
    }

    #[test]
    fn a_loose_target_gives_the_highest_throughput_and_not_the_last_point() {
        // 3300 ms lies between the dip to 425.1 and the second 439.2 tokens/s.
        assert_eq!(throughput_within(&gemma_on_l4(), 3300.0), Some(439.2));
        assert_eq!(throughput_within(&gemma_on_h100(), 1e6), Some(2105.3));
    }

    #[test]
    fn a_cold_start_at_low_load_does_not_keep_higher_loads_from_the_target() {
        let cold = curve(&[(100.0, 80.0), (200.0, 40.0), (300.0, 60.0)]);
        assert_eq!(throughput_within(&cold, 50.0), Some(250.0));
    }

    #[test]
    fn a_lucky_dip_past_the_target_does_not_count() {
        let lucky = curve(&[(100.0, 40.0), (200.0, 60.0), (300.0, 45.0), (400.0, 90.0)]);
        assert_eq!(throughput_within(&lucky, 50.0), Some(150.0));
    }

    #[test]
    fn latency_follows_throughput_up_to_the_plateau() {
        let curve = gemma_on_l4();
        let between = curve.latency_at(Ntpot, 406.5).unwrap();
        assert!(matches!(between, LatencyAt::Milliseconds(value) if (value - 640.95).abs() < 0.01));
        assert_eq!(curve.latency_at(Ntpot, 144.7), Some(LatencyAt::Milliseconds(118.4)));
        assert_eq!(curve.latency_at(Ntpot, 435.0), Some(LatencyAt::Saturated));
        let reach = LatencyAt::OutOfReach { lowest: 144.7, highest: 442.1 };
        assert_eq!(curve.latency_at(Ntpot, 443.0), Some(reach));
        assert_eq!(curve.latency_at(Ntpot, 100.0), Some(reach));
        assert_eq!(curve.latency_at(Ttft, 406.5), None);
    }

    #[test]
    fn figures_that_a_neighbour_lacks_are_not_made_up() {
        let mut partly = with_ttft(&[(10.0, 30.0), (20.0, 40.0), (30.0, 50.0)]);
        partly.points[1].ttft = None;
        let point = partly.highest_throughput_within(Ntpot, 35.0).unwrap();
        assert_eq!(point.ttft, None);
        let point = partly.highest_throughput_within(Ttft, 15.0).unwrap();
        assert_eq!(point.output_tokens_per_second, 100.0);
    }

    fn any_curve() -> impl Strategy<Value = Curve> {
        prop::collection::vec((1.0_f64..1e4, 1.0_f64..1e4), 1..12).prop_map(|points| curve(&points))
    }

    proptest! {
        #[test]
        fn what_is_found_meets_the_target_and_was_reached(curve in any_curve(), target in 1.0_f64..1e4) {
            if let Some(point) = curve.highest_throughput_within(Ntpot, target) {
                prop_assert!(point.latency_milliseconds(Ntpot).unwrap() <= target * (1.0 + 1e-9));
                let reach = curve.throughput_reach().unwrap();
                let throughput = point.output_tokens_per_second;
                prop_assert!(reach.lowest <= throughput && throughput <= reach.highest);
            } else {
                prop_assert!(curve.reach(Ntpot).unwrap().lowest > target);
            }
        }

        #[test]
        fn a_looser_target_never_gives_less(curve in any_curve(), target in 1.0_f64..1e4, more in 0.0_f64..1e4) {
            let tight = throughput_within(&curve, target).unwrap_or(0.0);
            let loose = throughput_within(&curve, target + more).unwrap_or(0.0);
            prop_assert!(loose >= tight * (1.0 - 1e-9), "{tight} then {loose}");
        }

        #[test]
        fn a_curve_that_bends_upwards_is_never_promised_more_than_it_gives(
            floor in 10.0_f64..100.0,
            rise in 0.1_f64..1000.0,
            power in 1.0_f64..6.0,
            steps in 2_u32..10,
            share in 0.0_f64..1.0,
        ) {
            let latency = |throughput: f64| floor + rise * (throughput / 1000.0).powf(power);
            let loads = (1..=steps).map(|step| 1000.0 * f64::from(step) / f64::from(steps));
            let curve = curve(&loads.map(|load| (load, latency(load))).collect::<Vec<_>>());
            let reach = curve.reach(Ntpot).unwrap();
            let target = reach.lowest + share * (reach.highest - reach.lowest);
            let throughput = throughput_within(&curve, target).unwrap();
            prop_assert!(latency(throughput) <= target * (1.0 + 1e-9));
        }
    }
}
