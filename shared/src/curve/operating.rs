//! The point at which a configuration should run.

use thiserror::Error;

use super::interpolation::Position;
use super::{Curve, LoadPoint, NoKnee, Zone};
use crate::workload::{LatencyMetric, Targets};

/// Where on its curve a configuration should run, and what it does there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperatingPoint {
    /// What decided it.
    pub kind: OperatingKind,
    /// Load, throughput and latencies there, interpolated where it lies between two measured points.
    pub point: LoadPoint,
    /// Where on the curve it lies.
    pub zone: Zone,
}

/// What decided an operating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatingKind {
    /// No latency target: the knee.
    Knee,
    /// The highest throughput that meets every latency target.
    AtTarget {
        /// The target that keeps it from more.
        binding: LatencyMetric,
    },
    /// The highest throughput of the curve.
    MaximumThroughput(MaximumReason),
}

impl OperatingKind {
    /// Name as tables write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Knee => "knee",
            Self::AtTarget { .. } => "at target",
            Self::MaximumThroughput(_) => "maximum throughput",
        }
    }
}

/// Why an operating point is the highest throughput of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MaximumReason {
    /// Every target is looser than the latency there.
    #[error("the target is above the latency at maximum throughput")]
    TargetsLoose,
    /// No target, and the curve has no knee.
    #[error("no knee: {0}")]
    NoKnee(NoKnee),
}

/// A latency target that is not met, and the nearest value that would be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unmet {
    /// Which latency.
    pub metric: LatencyMetric,
    /// Asked for, in milliseconds.
    pub target: f64,
    /// Nearest reachable, in milliseconds, together with the nearest values of the other unmet targets.
    pub nearest: f64,
}

/// Why a curve has no operating point for some targets.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum NoOperatingPoint {
    /// Some targets are below what is reachable.
    #[error("{}", describe(.0))]
    Unmet(Vec<Unmet>),
    /// A target is about a latency that the curve does not have.
    #[error("{0} was never measured")]
    NeverMeasured(LatencyMetric),
    /// A curve without points.
    #[error("the curve has no points")]
    Empty,
}

fn describe(unmet: &[Unmet]) -> String {
    let parts: Vec<String> = unmet
        .iter()
        .map(|unmet| {
            let Unmet { metric, target, nearest } = unmet;
            format!("{metric} of {target:.0} ms is out of reach, the nearest is {nearest:.1} ms")
        })
        .collect();
    parts.join("; ")
}

impl Curve {
    /// Where to run: the knee without latency targets, else the highest throughput that meets all of them.
    ///
    /// Cost targets do not move the point: cost falls as throughput rises, so this is the cheapest point too.
    pub fn operating_point(&self, targets: &Targets) -> Result<OperatingPoint, NoOperatingPoint> {
        let limits: Vec<(LatencyMetric, f64)> = targets.latencies().collect();
        let maximum = self.best_within(&[]).ok_or(NoOperatingPoint::Empty)?;
        let (position, kind) = if limits.is_empty() {
            self.without_targets(maximum)
        } else {
            self.within_targets(&limits, maximum)?
        };
        Ok(OperatingPoint {
            kind,
            point: self.at(position).ok_or(NoOperatingPoint::Empty)?,
            zone: self.zone_at(position),
        })
    }

    fn without_targets(&self, maximum: Position) -> (Position, OperatingKind) {
        match self.knee() {
            Ok(index) => (Position::of_point(index), OperatingKind::Knee),
            Err(why) => {
                let reason = MaximumReason::NoKnee(why);
                (maximum, OperatingKind::MaximumThroughput(reason))
            }
        }
    }

    fn within_targets(
        &self,
        limits: &[(LatencyMetric, f64)],
        maximum: Position,
    ) -> Result<(Position, OperatingKind), NoOperatingPoint> {
        if let Some(metric) = self.never_measured(limits) {
            return Err(NoOperatingPoint::NeverMeasured(metric));
        }
        let Some(position) = self.best_within(limits) else {
            return Err(NoOperatingPoint::Unmet(self.unmet(limits)));
        };
        let kind = match self.binding(limits) {
            Some(binding) if position != maximum => OperatingKind::AtTarget { binding },
            _ => OperatingKind::MaximumThroughput(MaximumReason::TargetsLoose),
        };
        Ok((position, kind))
    }

    /// The target that is exceeded at the lowest load.
    fn binding(&self, limits: &[(LatencyMetric, f64)]) -> Option<LatencyMetric> {
        limits
            .iter()
            .filter_map(|(metric, limit)| Some((*metric, self.last_within(*metric, *limit)?)))
            .reduce(|first, next| if next.1 < first.1 { next } else { first })
            .map(|(metric, _)| metric)
    }

    /// What exceeds its target at the measured point that comes nearest to meeting all of them: the one whose
    /// worst latency is the smallest multiple of its target. With targets of those values it would be met.
    fn unmet(&self, limits: &[(LatencyMetric, f64)]) -> Vec<Unmet> {
        let excess = |point: &LoadPoint| {
            let relaxed: Option<Vec<_>> = limits
                .iter()
                .map(|(metric, limit)| Some((*metric, point.latency_milliseconds(*metric)?.max(*limit))))
                .collect();
            let relaxed = relaxed.filter(|relaxed| self.best_within(relaxed).is_some())?;
            let worst = relaxed.iter().zip(limits).map(|(now, asked)| now.1 / asked.1);
            Some((worst.fold(0.0, f64::max), relaxed))
        };
        let nearest = self
            .points
            .iter()
            .filter_map(excess)
            .reduce(|least, next| if next.0 < least.0 { next } else { least });
        let Some((_, nearest)) = nearest else {
            return Vec::new();
        };
        let pairs = nearest.iter().zip(limits);
        pairs
            .filter(|(nearest, asked)| nearest.1 > asked.1)
            .map(|((metric, nearest), (_, target))| Unmet {
                metric: *metric,
                target: *target,
                nearest: *nearest,
            })
            .collect()
    }

    /// The first asked latency without which no point has all of them.
    fn never_measured(&self, limits: &[(LatencyMetric, f64)]) -> Option<LatencyMetric> {
        let measured = |until: usize, point: &LoadPoint| {
            let mut asked = limits.iter().take(until + 1);
            asked.all(|(metric, _)| point.latency_milliseconds(*metric).is_some())
        };
        let missing = |until: usize| !self.points.iter().any(|point| measured(until, point));
        let first = (0..limits.len()).find(|until| missing(*until))?;
        limits.get(first).map(|(metric, _)| *metric)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures::{closed_loop, gemma_on_l4, with_ttft};
    use super::*;
    use crate::workload::{Ntpot, Ttft};

    fn targets(ttft: Option<f64>, ntpot: Option<f64>) -> Targets {
        Targets {
            ttft: ttft.map(Ttft::from_milliseconds),
            ntpot: ntpot.map(Ntpot::from_milliseconds),
            ..Targets::default()
        }
    }

    #[test]
    fn without_targets_it_is_the_knee() {
        let operating = gemma_on_l4().operating_point(&Targets::default()).unwrap();
        assert_eq!(operating.kind, OperatingKind::Knee);
        assert_eq!(operating.zone, Zone::Knee);
        assert_eq!(operating.point.output_tokens_per_second, 425.1);
    }

    #[test]
    fn without_targets_and_knee_it_is_the_highest_throughput_and_says_so() {
        let rising = closed_loop(&[(1.0, 100.0), (2.0, 195.0), (4.0, 380.0)]);
        let operating = rising.operating_point(&Targets::default()).unwrap();
        let reason = MaximumReason::NoKnee(NoKnee::StillRising);
        assert_eq!(operating.kind, OperatingKind::MaximumThroughput(reason));
        assert_eq!(operating.point.output_tokens_per_second, 380.0);
        assert_eq!(operating.zone, Zone::Ideal);
    }

    #[test]
    fn with_several_targets_the_lowest_throughput_of_theirs_counts() {
        let curve = with_ttft(&[(100.0, 30.0), (200.0, 35.0), (400.0, 40.0)]);
        let operating = curve.operating_point(&targets(Some(150.0), Some(38.0))).unwrap();
        assert_eq!(operating.kind, OperatingKind::AtTarget { binding: LatencyMetric::Ttft });
        assert_eq!(operating.point.output_tokens_per_second, 150.0);
        let operating = curve.operating_point(&targets(Some(350.0), Some(32.5))).unwrap();
        assert_eq!(operating.kind, OperatingKind::AtTarget { binding: LatencyMetric::Ntpot });
        assert_eq!(operating.point.output_tokens_per_second, 150.0);
    }

    #[test]
    fn a_target_above_the_worst_latency_is_the_highest_throughput_and_says_so() {
        let operating = gemma_on_l4().operating_point(&targets(None, Some(1e5))).unwrap();
        let kind = OperatingKind::MaximumThroughput(MaximumReason::TargetsLoose);
        assert_eq!(operating.kind, kind);
        assert_eq!(operating.point.output_tokens_per_second, 442.1);
        assert_eq!(operating.zone, Zone::Saturated);
    }

    #[test]
    fn below_the_best_latency_it_says_what_binds_and_what_is_nearest() {
        let why = gemma_on_l4().operating_point(&targets(None, Some(100.0))).unwrap_err();
        let unmet = Unmet { metric: LatencyMetric::Ntpot, target: 100.0, nearest: 118.4 };
        assert_eq!(why, NoOperatingPoint::Unmet(vec![unmet]));
    }

    #[test]
    fn targets_that_exclude_each_other_name_what_has_to_give() {
        // TTFT falls from a cold start while NTPOT rises: each target alone is met somewhere.
        let curve = with_ttft(&[(100.0, 30.0), (60.0, 40.0), (50.0, 50.0)]);
        let why = curve.operating_point(&targets(Some(58.0), Some(35.0))).unwrap_err();
        let unmet = Unmet { metric: LatencyMetric::Ttft, target: 58.0, nearest: 60.0 };
        let also = Unmet { metric: LatencyMetric::Ntpot, target: 35.0, nearest: 40.0 };
        assert_eq!(why, NoOperatingPoint::Unmet(vec![unmet, also]));
    }

    #[test]
    fn a_latency_that_was_never_measured_is_not_guessed() {
        let why = gemma_on_l4().operating_point(&targets(Some(500.0), Some(200.0))).unwrap_err();
        assert_eq!(why, NoOperatingPoint::NeverMeasured(LatencyMetric::Ttft));
    }

    proptest! {
        #[test]
        fn targets_of_the_nearest_values_are_met(
            latencies in prop::collection::vec((1.0_f64..1e3, 1.0_f64..1e3), 1..10),
            ttft in 1.0_f64..1e3,
            ntpot in 1.0_f64..1e3,
        ) {
            let curve = with_ttft(&latencies);
            if let Err(NoOperatingPoint::Unmet(unmet)) = curve.operating_point(&targets(Some(ttft), Some(ntpot))) {
                prop_assert!(!unmet.is_empty());
                let relaxed = |metric, asked| {
                    let change = unmet.iter().find(|unmet| unmet.metric == metric);
                    Some(change.map_or(asked, |change| change.nearest))
                };
                let relaxed = targets(relaxed(LatencyMetric::Ttft, ttft), relaxed(LatencyMetric::Ntpot, ntpot));
                prop_assert!(curve.operating_point(&relaxed).is_ok());
            }
        }

        #[test]
        fn every_target_is_met_at_once(
            latencies in prop::collection::vec((1.0_f64..1e3, 1.0_f64..1e3), 1..10),
            ttft in 1.0_f64..1e3,
            ntpot in 1.0_f64..1e3,
        ) {
            let curve = with_ttft(&latencies);
            if let Ok(operating) = curve.operating_point(&targets(Some(ttft), Some(ntpot))) {
                let point = operating.point;
                prop_assert!(point.ttft.unwrap().milliseconds() <= ttft * (1.0 + 1e-9));
                prop_assert!(point.ntpot.unwrap().milliseconds() <= ntpot * (1.0 + 1e-9));
            }
        }
    }
}
