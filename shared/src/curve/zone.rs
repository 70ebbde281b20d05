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

#[cfg(test)]
mod tests {
    use super::super::fixtures::{closed_loop, gemma_on_h100, gemma_on_l4};
    use super::*;
    use Zone::{Ideal, Knee, Saturated};

    fn zones(curve: &Curve) -> Vec<Zone> {
        (0..curve.points.len()).map(|index| curve.zone_of(index)).collect()
    }

    #[test]
    fn a_curve_runs_through_all_three() {
        let after = [Saturated; 5];
        assert_eq!(zones(&gemma_on_l4())[..5], [Ideal, Ideal, Ideal, Ideal, Knee]);
        assert_eq!(zones(&gemma_on_l4())[5..], after, "a later dip in throughput is saturated too");
    }

    #[test]
    fn a_knee_on_the_plateau_is_still_the_knee() {
        // 2051 of at most 2105 tokens/s are 97.4 %.
        assert_eq!(gemma_on_h100().zone_of(4), Knee);
        assert_eq!(gemma_on_h100().zone_of(5), Saturated);
    }

    #[test]
    fn what_never_bends_is_ideal_to_its_end() {
        let rising = closed_loop(&[(1.0, 100.0), (2.0, 195.0), (4.0, 380.0)]);
        assert_eq!(zones(&rising), [Ideal; 3]);
    }
}
