//! Parsers of single values: what is refused here is an argument's error (exit 2), with what would be accepted.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use infer_core::accuracy::LeaveOut;
use infer_core::autoscale::Kind;
use infer_core::autoscale::simulation::Pattern;
use infer_core::catalog::{Precision, PricingModel};
use infer_core::manifest::HubCache;
use infer_core::measured::Column;
use infer_core::recommend::{Optimism, ProvenanceFilter};
use infer_core::workload::Percentile;

/// Longest latency target that is taken for meant: a day.
const MOST_MILLISECONDS: f64 = 86_400_000.0;

/// Dearest cost target, in USD for a million tokens, that is taken for meant.
const MOST_USD: f64 = 1_000_000.0;

/// Longest prompt or answer, in tokens, that is taken for meant.
const MOST_TOKENS: u32 = 10_000_000;

/// Most accelerators of a replica that are taken for meant: a large slice.
const MOST_ACCELERATORS: u32 = 10_000;

/// Highest rate of requests that is taken for meant.
const MOST_REQUESTS_PER_SECOND: f64 = 1_000_000.0;

/// A latency target.
pub(super) fn milliseconds(text: &str) -> Result<f64, String> {
    positive(text, MOST_MILLISECONDS)
        .ok_or_else(|| format!("must be a positive number of milliseconds, at most {MOST_MILLISECONDS}"))
}

/// A cost target.
pub(super) fn dollars(text: &str) -> Result<f64, String> {
    positive(text, MOST_USD).ok_or_else(|| format!("must be a positive number of USD, at most {MOST_USD}"))
}

/// The ratio of the two token costs.
pub(super) fn ratio(text: &str) -> Result<f64, String> {
    positive(text, 1000.0).ok_or_else(|| "must be a positive number, at most 1000".to_owned())
}

/// A length of prompts or answers.
pub(super) fn tokens(text: &str) -> Result<u32, String> {
    let tokens = text.parse::<u32>().ok();
    tokens
        .filter(|tokens| (1..=MOST_TOKENS).contains(tokens))
        .ok_or_else(|| format!("must be a whole number of tokens from 1 to {MOST_TOKENS}"))
}

/// A number of accelerators.
pub(super) fn count(text: &str) -> Result<u32, String> {
    let count = text.parse::<u32>().ok();
    count
        .filter(|count| (1..=MOST_ACCELERATORS).contains(count))
        .ok_or_else(|| format!("must be a whole number from 1 to {MOST_ACCELERATORS}"))
}

/// A span of time as kubectl takes it: whole seconds, or numbers with units (`1m30s`, `500ms`).
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let refused = || "must be a time such as `30s`, `1m30s` or `500ms`; `0` is none".to_owned();
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(refused)?;
        let (number, after) = rest.split_at(digits);
        let units = after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(units);
        let number: u32 = number.parse().map_err(|_| refused())?;
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(refused()),
        };
        total = unit.checked_mul(number).and_then(|part| total.checked_add(part)).ok_or_else(refused)?;
        rest = after;
    }
    if text.is_empty() { Err(refused()) } else { Ok(total) }
}

/// A rate of requests.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    positive(text, MOST_REQUESTS_PER_SECOND).ok_or_else(|| {
        format!("must be a positive number of requests a second, at most {MOST_REQUESTS_PER_SECOND}")
    })
}

/// What a metric is held at.
pub(super) fn threshold(text: &str) -> Result<f64, String> {
    const MOST: f64 = 1e6;
    positive(text, MOST).ok_or_else(|| format!("must be a number above 0, at most {MOST}"))
}

/// Time between two events that never stop: at least a second, at most a day.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    const DAY: Duration = Duration::from_secs(86_400);
    let interval = duration(text)?;
    let within = (Duration::from_secs(1)..=DAY).contains(&interval);
    within.then_some(interval).ok_or_else(|| "must be from `1s` to `24h`".to_owned())
}

/// A seed of random numbers; `None` is no chance at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seed(pub(crate) Option<u64>);

/// A seed.
pub(super) fn seed(text: &str) -> Result<Seed, String> {
    if text == "even" {
        return Ok(Seed(None));
    }
    let seed = text.parse().map_err(|_| "must be a whole number from 0 on, or `even`".to_owned())?;
    Ok(Seed(Some(seed)))
}

/// A shape of traffic.
pub(super) fn pattern() -> impl TypedValueParser<Value = Pattern> {
    one_of(&Pattern::ALL, Pattern::name)
}

/// A number of rows; `None` is gcloud's `unlimited`.
pub(super) fn rows(text: &str) -> Result<Rows, String> {
    if text == "unlimited" {
        return Ok(Rows(None));
    }
    match text.parse() {
        Ok(rows) => Ok(Rows(Some(rows))),
        Err(_) => Err("must be a positive whole number, or `unlimited`".to_owned()),
    }
}

/// How many rows; `None`: all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rows(pub(crate) Option<NonZeroUsize>);

/// One of the four pricing models, by the service's names.
pub(super) fn pricing_model() -> impl TypedValueParser<Value = PricingModel> {
    one_of(&PricingModel::ALL, PricingModel::name)
}

/// A kind of autoscaler.
pub(super) fn autoscaler() -> impl TypedValueParser<Value = Kind> {
    one_of(&Kind::ALL, Kind::name)
}

/// What figures may rest on.
pub(super) fn provenance() -> impl TypedValueParser<Value = ProvenanceFilter> {
    one_of(&ProvenanceFilter::ALL, ProvenanceFilter::name)
}

/// With which end of an interval targets are held.
pub(super) fn optimism() -> impl TypedValueParser<Value = Optimism> {
    one_of(&Optimism::ALL, Optimism::name)
}

/// A percentile by its number.
pub(super) fn percentile() -> impl TypedValueParser<Value = Percentile> {
    one_of(&Percentile::ALL, |percentile| match percentile {
        Percentile::P50 => "50",
        Percentile::P90 => "90",
        Percentile::P99 => "99",
    })
}

/// A share from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "must be a share from 0 to 1".to_owned())
}

/// A numeric format of weights.
pub(super) fn precision() -> impl TypedValueParser<Value = Precision> {
    one_of(&Precision::ALL, Precision::name)
}

/// A place for what is downloaded.
pub(super) fn hub_cache() -> impl TypedValueParser<Value = HubCache> {
    one_of(&HubCache::ALL, HubCache::name)
}

/// A column that measured rows are grouped by.
pub(super) fn grouping() -> impl TypedValueParser<Value = Column> {
    one_of(&Column::GROUPING, Column::name)
}

/// What is left out of a calibration.
pub(super) fn leave_out() -> impl TypedValueParser<Value = LeaveOut> {
    one_of(&LeaveOut::ALL, LeaveOut::name)
}

/// One of the core's values, by the core's name for it.
fn one_of<T>(all: &'static [T], name: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.iter().map(|value| name(*value))).try_map(move |text| {
        let found = all.iter().find(|value| name(**value) == text);
        found.copied().ok_or("not one of the possible values")
    })
}

/// A day as manifests state it.
pub(super) fn date(text: &str) -> Result<String, String> {
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let dashes = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    match (dashes, number(0..4), number(5..7), number(8..10)) {
        (true, Some(year), Some(month), Some(day @ 1..))
            if days_of(year, month).is_some_and(|last| day <= last) =>
        {
            Ok(text.to_owned())
        }
        _ => Err("must be a day as `2026-07-02`".to_owned()),
    }
}

/// Days of a month of the Gregorian calendar.
fn days_of(year: u32, month: u32) -> Option<u32> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if is_leap { 29 } else { 28 }),
        _ => None,
    }
}

fn positive(text: &str, most: f64) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number > 0.0 && number <= most).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_that_nothing_could_be_compared_with_are_refused() {
        for text in ["0", "-1", "NaN", "inf", "-inf", "1e300", "", "12ms", "1,5"] {
            assert!(milliseconds(text).is_err(), "{text:?}");
            assert!(dollars(text).is_err(), "{text:?}");
        }
        assert_eq!(milliseconds("0.5"), Ok(0.5));
        assert_eq!(dollars("0.00001"), Ok(0.000_01));
    }

    #[test]
    fn times_are_seconds_or_have_units() {
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "s", "1d", "-1s", "1m30", "99999999999h", "1.5s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn days_are_written_one_way() {
        assert_eq!(date("2026-07-02"), Ok("2026-07-02".to_owned()));
        assert_eq!(date("2028-02-29"), Ok("2028-02-29".to_owned()));
        for text in [
            "2026-7-2",
            "02.07.2026",
            "2026-13-01",
            "2026-00-10",
            "2026-01-32",
            "2026-01-00",
            "2026-02-29",
            "2026-04-31",
            "+026-01-01",
            "yesterday",
        ] {
            assert!(date(text).is_err(), "{text:?}");
        }
    }
}
