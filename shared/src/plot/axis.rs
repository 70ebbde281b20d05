//! Where values lie, and at which of them ticks stand.

use super::Scale;

/// A scale over a range of values, mapped to a length, in pixels say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mapped {
    scale: Scale,
    low: f64,
    high: f64,
    start: f64,
    length: f64,
}

impl Mapped {
    /// From `start` over `length`, which may be negative. Without values it goes from 0 to 1.
    pub(super) fn of(scale: Scale, values: impl Iterator<Item = f64>, start: f64, length: f64) -> Self {
        let usable = |value: &f64| value.is_finite() && (scale != Scale::Logarithmic || *value > 0.0);
        let range = values.filter(usable).fold(None, |range: Option<(f64, f64)>, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        });
        let (low, high) = match (scale, range) {
            (Scale::Logarithmic, None) => (1.0, 10.0),
            (Scale::Logarithmic, Some((low, high))) => {
                let low = round_below(low);
                (low, round_above(high).max(round_above(low * 2.0)))
            }
            (_, None) => (0.0, 1.0),
            (Scale::Linear, Some((low, high))) => {
                let low = low.min(0.0);
                let step = step_of(high - low, Scale::Linear);
                (low, ((high / step).ceil() * step).max(low + step))
            }
            (Scale::Time, Some((low, high))) => (low, high.max(low + 1.0)),
        };
        Self { scale, low, high, start, length }
    }

    /// Pixel of a value; `None` where the axis has no place for it.
    pub(super) fn pixel(&self, value: f64) -> Option<f64> {
        let share = match self.scale {
            Scale::Logarithmic => (value / self.low).log10() / (self.high / self.low).log10(),
            Scale::Linear | Scale::Time => (value - self.low) / (self.high - self.low),
        };
        share.is_finite().then_some(self.start + share * self.length)
    }

    /// Pixel of a value, or of the end of the axis that it lies past.
    pub(super) fn nearest_pixel(&self, value: f64) -> Option<f64> {
        self.pixel(value.max(self.low).min(self.high))
    }

    /// Values of the ticks with their texts.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        if self.scale == Scale::Logarithmic {
            return self.logarithmic_ticks();
        }
        let step = step_of(self.high - self.low, self.scale);
        // A step is about an eighth of the range: the counts are small.
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        let text = |tick: f64| if self.scale == Scale::Time { clock(tick) } else { number(tick) };
        (first..=last).map(|count| count as f64 * step).map(|tick| (tick, text(tick))).collect()
    }

    /// As many of each decade as there is room for; of many decades some.
    fn logarithmic_ticks(&self) -> Vec<(f64, String)> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let on_axis =
            |tick: &f64| *tick >= self.low * (1.0 - ROUNDING) && *tick <= self.high * (1.0 + ROUNDING);
        let of = |times: &[f64], step: usize| -> Vec<f64> {
            let powers = decades.clone().step_by(step).map(|decade| 10.0_f64.powi(decade));
            powers.flat_map(|power| times.iter().map(move |times| times * power)).filter(on_axis).collect()
        };
        let few = |ticks: &Vec<f64>| ticks.len() <= MOST;
        let ticks = [of(&DENSE, 1), of(&SPARSE, 1)].into_iter().find(few);
        let ticks = ticks.unwrap_or_else(|| of(&[1.0], decades.clone().count().div_ceil(MOST)));
        ticks.into_iter().map(|tick| (tick, number(tick))).collect()
    }
}

/// Most ticks of an axis.
const MOST: usize = 8;

/// Times a power of ten at which a logarithmic axis has ticks: where there is room for few, and for more.
const SPARSE: [f64; 3] = [1.0, 2.0, 5.0];
const DENSE: [f64; 8] = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0];

/// Part of a value that computing it may cost.
const ROUNDING: f64 = 1e-9;

fn decade_of(value: f64) -> f64 {
    10.0_f64.powf(value.log10().floor())
}

/// The highest round value up to `value`.
fn round_below(value: f64) -> f64 {
    let decade = decade_of(value);
    let mut round = DENSE.into_iter().rev().map(|times| times * decade);
    round.find(|round| *round <= value * (1.0 + ROUNDING)).unwrap_or(decade)
}

/// The lowest round value from `value` on.
fn round_above(value: f64) -> f64 {
    let decade = decade_of(value);
    let mut round = DENSE.into_iter().map(|times| times * decade);
    round.find(|round| *round >= value * (1.0 - ROUNDING)).unwrap_or(decade * 10.0)
}

/// A round step that gives at most eight ticks.
fn step_of(range: f64, scale: Scale) -> f64 {
    let wanted = (range / MOST as f64).max(f64::MIN_POSITIVE);
    if scale == Scale::Time {
        const TIMES: [f64; 14] = [
            1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0,
            43_200.0,
        ];
        const DAY: f64 = 86_400.0;
        let round = TIMES.into_iter().find(|step| *step >= wanted);
        return round.unwrap_or_else(|| (wanted / DAY).ceil() * DAY);
    }
    let decade = 10.0_f64.powf(wanted.log10().floor());
    let round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|times| times * decade);
    round.into_iter().find(|step| *step >= wanted * (1.0 - 1e-9)).unwrap_or(decade * 10.0)
}

/// A number without digits that say nothing.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Seconds as hours and minutes, with seconds where they are not whole minutes.
fn clock(seconds: f64) -> String {
    let total = seconds.round() as i64;
    let (hours, minutes, seconds) = (total / 3600, total / 60 % 60, total % 60);
    if seconds == 0 { format!("{hours}:{minutes:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}
