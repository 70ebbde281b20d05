//! How many replicas there are at least and at most.

use super::{Aim, AutoscaleError, AutoscalingOptions};

/// How many times the fewest replicas an autoscaler may run where no peak is named; a bound on the bill that the user
/// raises knowingly.
const GROWTH: u32 = 4;

/// Most replicas that are taken for meant.
const MOST_REPLICAS: f64 = 10_000.0;

/// Fewest and most replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replicas {
    /// Fewest, with which it starts.
    pub least: u32,
    /// Most.
    pub most: u32,
}

impl Replicas {
    /// For a load to be ready for and a peak to grow to, with `each` accelerators a replica. Both count what the
    /// autoscaler itself asks for at that load: requests a second over λ_T.
    ///
    /// # Errors
    /// A peak below the load, and fewer accelerators than the load needs.
    pub fn of(
        aim: &Aim,
        load: Option<f64>,
        options: &AutoscalingOptions,
        each: u32,
    ) -> Result<Self, AutoscaleError> {
        if let (Some(peak), Some(load)) = (options.peak_requests_per_second, load)
            && peak < load
        {
            return Err(AutoscaleError::PeakBelowLoad { peak, load });
        }
        let carries = aim.requests_per_second();
        let least = load.map_or(1, |load| needed(load, carries));
        let peak = options.peak_requests_per_second.map(|peak| needed(peak, carries));
        let most = peak.unwrap_or(least.saturating_mul(GROWTH)).max(least);
        Self { least, most }.within(options.max_accelerators, each)
    }

    /// No more than some accelerators hold.
    ///
    /// # Errors
    /// They do not hold the fewest.
    pub fn within(self, accelerators: Option<u32>, each: u32) -> Result<Self, AutoscaleError> {
        let Some(accelerators) = accelerators else { return Ok(self) };
        let hold = accelerators / each.max(1);
        if hold < self.least {
            let replicas = self.least;
            return Err(AutoscaleError::TooFewAccelerators { accelerators, replicas, each });
        }
        Ok(Self { most: self.most.min(hold), ..self })
    }

    /// Bounds that a user named.
    ///
    /// # Errors
    /// None at least, or fewer at most than at least.
    pub fn chosen(least: u32, most: u32) -> Result<Self, AutoscaleError> {
        if least == 0 || most < least {
            return Err(AutoscaleError::MinAboveMax { least, most });
        }
        Ok(Self { least, most })
    }
}

/// Replicas that carry a load.
pub(crate) fn needed(load: f64, carries: f64) -> u32 {
    if carries <= 0.0 {
        return 1;
    }
    // At most 10,000: the cast is exact.
    (load / carries).ceil().clamp(1.0, MOST_REPLICAS) as u32
}
