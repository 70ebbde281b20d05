//! Where on its curve a server works: before the knee, at it, or on the plateau.

use super::Curve;
use super::interpolation::Position;

/// Share of the highest throughput past which a curve that has bent is saturated.
const SATURATED_FROM: f64 = 0.97;

/// Zone of a place on a curve; the service draws them blue, green and red.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    /// Before the knee: more load gives more throughput. All of a curve that never bends.
    Ideal,
    /// The knee, and what of the rise is left after it.
    Knee,
    /// Past the knee and 97 % of the highest throughput: latency is no function of load any more, but of how
    /// long the queue could grow.
    Saturated,
}

impl Zone {
    /// Name as tables write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ideal => "ideal",
            Self::Knee => "knee",
            Self::Saturated => "saturated",
        }
    }
}

impl Curve {
    /// Zone of the point at `index`.
    pub fn zone_of(&self, index: usize) -> Zone {
        self.zone_at(Position::of_point(index))
    }

    pub(super) fn zone_at(&self, position: Position) -> Zone {
        let Ok(knee) = self.knee() else {
            return Zone::Ideal;
        };
        let at_knee = Position::of_point(knee);
        if position < at_knee {
            return Zone::Ideal;
        }
        if position == at_knee {
            return Zone::Knee;
        }
        let until = self.points.get(..=position.index()).unwrap_or(&self.points);
        let here = self.at(position);
        let reached =
            until.iter().chain(here.as_ref()).map(|point| point.output_tokens_per_second).fold(0.0, f64::max);
        if reached >= SATURATED_FROM * self.highest_throughput() { Zone::Saturated } else { Zone::Knee }
    }
}
