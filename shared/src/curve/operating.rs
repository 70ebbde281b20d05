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
