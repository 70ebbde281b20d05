//! Where on its curve a server works: before the knee, at it, or on the plateau.

use super::interpolation::Position;
use super::knee::GAIN;
use super::{Curve, LoadKind};

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

/// Where the zones of an open loop start, in requests a second; the ideal one starts at none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZoneRates {
    /// The knee.
    pub knee: f64,
    /// Saturation.
    pub saturated: f64,
    /// What no replica keeps up with: its queue, and latency with it, grows without end.
    pub unstable: f64,
}

impl Curve {
    /// The zones over the rate at which requests arrive, by the rules of [`Self::knee`] and [`Zone`]. `None` where
    /// the load is no open loop of known rates.
    ///
    /// The highest rate of the curve counts as the highest that is kept up with, so no witness is needed that more
    /// load gains nothing.
    pub fn zone_rates(&self) -> Option<ZoneRates> {
        if !matches!(self.load_kind, LoadKind::Poisson | LoadKind::Constant) {
            return None;
        }
        let highest = self.highest_throughput();
        let unstable = self.points.iter().map(|point| point.requests_per_second).fold(0.0, f64::max);
        let saturated = self.lowest_rate_with(SATURATED_FROM * highest)?.min(unstable);
        let knee = self.lowest_rate_with(highest / GAIN)?.min(saturated);
        Some(ZoneRates { knee, saturated, unstable })
    }

    /// Rate at which the throughput is first reached; below the lowest load it falls with the rate.
    fn lowest_rate_with(&self, output_tokens_per_second: f64) -> Option<f64> {
        let first = self.points.first()?;
        if output_tokens_per_second < first.output_tokens_per_second {
            let share = output_tokens_per_second / first.output_tokens_per_second;
            return Some(first.requests_per_second * share);
        }
        let place = self.first_with(output_tokens_per_second)?;
        self.at(place).map(|point| point.requests_per_second)
    }

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
    use super::super::fixtures::{by_rate, closed_loop, gemma_on_h100, gemma_on_l4};
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
    fn over_rates_the_zones_start_at_shares_of_what_is_kept_up_with() {
        let curve = by_rate(&[(1.0, 50.0), (2.0, 60.0), (4.0, 80.0)]);
        let rates = curve.zone_rates().unwrap();
        let near = |here: f64, there: f64| (here - there).abs() < 1e-9;
        assert!(near(rates.knee, 4.0 / 1.05) && near(rates.saturated, 3.88), "{rates:?}");
        assert_eq!(rates.unstable, 4.0);
        // Below the lowest load throughput falls with the rate.
        assert!(near(by_rate(&[(2.0, 50.0)]).zone_rates().unwrap().knee, 2.0 / 1.05));
    }

    #[test]
    fn requests_in_flight_are_no_rates() {
        assert_eq!(closed_loop(&[(1.0, 100.0), (2.0, 195.0)]).zone_rates(), None);
    }

    #[test]
    fn what_never_bends_is_ideal_to_its_end() {
        let rising = closed_loop(&[(1.0, 100.0), (2.0, 195.0), (4.0, 380.0)]);
        assert_eq!(zones(&rising), [Ideal; 3]);
    }
}
