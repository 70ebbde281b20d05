//! Traffic over time.

use std::f64::consts::TAU;

use thiserror::Error;

/// Longest trace: a month at one second is 2.7 million rows.
const LONGEST_SECONDS: u64 = 31 * 24 * 3600;

/// Highest rate: what no deployment sees is a slip of units.
const HIGHEST_RATE: f64 = 1e6;

/// How far a row's time may be off the beat of the others, as a share of it.
const JITTER: f64 = 0.01;

/// Requests a second over time, at whole seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    step_seconds: u64,
    rates: Vec<f64>,
}

/// A shape of traffic between a low and a high rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Low for a quarter of the time, high for half of it, low for the last quarter.
    Step,
    /// A day of 24 hours: a sine, lowest at its start and highest at noon.
    Diurnal,
    /// Low, with five minutes of high at half past every hour.
    Burst,
}

impl Pattern {
    /// All patterns.
    pub const ALL: [Self; 3] = [Self::Step, Self::Diurnal, Self::Burst];

    /// Name as flags write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Diurnal => "diurnal",
            Self::Burst => "burst",
        }
    }

    /// Seconds that show all of it.
    pub const fn natural_seconds(self) -> u64 {
        match self {
            Self::Step => 2 * 3600,
            Self::Diurnal => 24 * 3600,
            Self::Burst => 4 * 3600,
        }
    }

    /// Share of the way from low to high at a second of `total`.
    fn share(self, second: u64, total: u64) -> f64 {
        const DAY: u64 = 24 * 3600;
        let high = |is_high: bool| if is_high { 1.0 } else { 0.0 };
        match self {
            Self::Step => high((total / 4..total - total / 4).contains(&second)),
            Self::Diurnal => (1.0 - (second as f64 / DAY as f64 * TAU).cos()) / 2.0,
            Self::Burst => high((1800..2100).contains(&(second % 3600))),
        }
    }
}

/// What is wrong with a trace, and where.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TraceError {
    /// No rows.
    #[error(
        "the trace has no rows: write one a line, such as `0,2.5` under the header `seconds,requestsPerSecond`"
    )]
    Empty,
    /// A file that is no table.
    #[error("line {line}: {problem}")]
    Malformed {
        /// Line.
        line: u64,
        /// What the reader says.
        problem: String,
    },
    /// A header without a column that is needed.
    #[error(
        "the header has no column `{missing}`: it is `{found}`, and `seconds,requestsPerSecond` is wanted"
    )]
    NoColumn {
        /// Which.
        missing: &'static str,
        /// The header.
        found: String,
    },
    /// A field that is no number, or not one that can be.
    #[error("line {line}: {column} is `{found}`, {wanted} is wanted")]
    NotAccepted {
        /// Line.
        line: u64,
        /// Column.
        column: &'static str,
        /// What stands there.
        found: String,
        /// What would be accepted.
        wanted: &'static str,
    },
    /// Times that do not rise.
    #[error("line {line}: time {time} comes after {previous}: sort the rows by time, each time once")]
    OutOfOrder {
        /// Line.
        line: u64,
        /// Its time.
        time: String,
        /// The time before.
        previous: String,
    },
    /// Times that are not evenly apart.
    #[error(
        "line {line}: {seconds} s after the row before, where rows are {step} s apart: fill the gap, with 0 where there \
         was no traffic"
    )]
    Gap {
        /// Line.
        line: u64,
        /// Seconds since the row before.
        seconds: f64,
        /// Seconds between the first two rows.
        step: f64,
    },
    /// Rows closer than a second, or between seconds.
    #[error("rows are {step} s apart: whole seconds are wanted, so sum them up to one a second")]
    TooFine {
        /// Seconds between rows.
        step: f64,
    },
    /// More than a month.
    #[error("the trace is {hours:.1} hours long: at most {most} are simulated", most = LONGEST_SECONDS / 3600)]
    TooLong {
        /// How long.
        hours: f64,
    },
    /// Rates in the wrong order.
    #[error("the lowest rate ({low}) is above the highest ({high})")]
    LowAboveHigh {
        /// Lowest.
        low: f64,
        /// Highest.
        high: f64,
    },
    /// No requests at all.
    #[error("the trace has no requests: every rate is 0")]
    NoRequests,
}

impl Trace {
    /// A pattern between two rates (requests a second), at one second.
    ///
    /// # Errors
    ///
    /// Rates that are not finite, negative or in the wrong order; a duration of 0 or of more than a month.
    pub fn of_pattern(pattern: Pattern, low: f64, high: f64, seconds: u64) -> Result<Self, TraceError> {
        for (rate, column) in [(low, "the lowest rate"), (high, "the highest rate")] {
            rate_error(0, column, rate, &rate.to_string()).map_or(Ok(()), Err)?;
        }
        if low > high {
            return Err(TraceError::LowAboveHigh { low, high });
        }
        let rate = |second| low + (high - low) * pattern.share(second, seconds);
        check_length(seconds as f64)?;
        Self { step_seconds: 1, rates: (0..seconds).map(rate).collect() }.checked()
    }

    /// Reads CSV with a header: `seconds` (or `time`: seconds or RFC 3339) and `requestsPerSecond`; other columns are
    /// passed over, and so are lines that begin with `#`. A rate holds until the next row.
    ///
    /// # Errors
    ///
    /// [`TraceError`] with the line: no rows, no such columns, no number, NaN or infinite or negative rates, times that
    /// do not rise or are not evenly apart, more than a month.
    pub fn read(text: &str) -> Result<Self, TraceError> {
        let text = text.trim_start_matches('\u{feff}');
        let mut builder = csv::ReaderBuilder::new();
        let mut reader = builder.trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
        let header = reader.headers().map_err(malformed)?.clone();
        if header.is_empty() || header.iter().all(str::is_empty) {
            return Err(TraceError::Empty);
        }
        let column = |names: &[&str], missing| {
            let is_it = |title: &str| names.iter().any(|name| title.eq_ignore_ascii_case(name));
            header.iter().position(is_it).ok_or_else(|| TraceError::NoColumn {
                missing,
                found: header.iter().collect::<Vec<_>>().join(",").chars().take(100).collect(),
            })
        };
        let time_at = column(&["seconds", "time", "timestamp"], "seconds")?;
        let rate_at =
            column(&["requestsPerSecond", "requests_per_second", "qps", "rate"], "requestsPerSecond")?;
        let mut rows = Rows::default();
        for record in reader.records() {
            let record = record.map_err(malformed)?;
            let line = record.position().map_or(0, csv::Position::line);
            let field = |at: usize| record.get(at).unwrap_or_default();
            rows.push(line, field(time_at), field(rate_at))?;
        }
        rows.trace()
    }

    fn checked(self) -> Result<Self, TraceError> {
        if self.rates.is_empty() {
            return Err(TraceError::Empty);
        }
        if self.rates.iter().all(|rate| *rate == 0.0) {
            return Err(TraceError::NoRequests);
        }
        Ok(self)
    }

    /// How long it is.
    pub fn seconds(&self) -> u64 {
        self.rates.len() as u64 * self.step_seconds
    }

    /// Requests a second at a second; 0 after its end.
    pub fn rate(&self, second: u64) -> f64 {
        let row = usize::try_from(second / self.step_seconds).unwrap_or(usize::MAX);
        self.rates.get(row).copied().unwrap_or(0.0)
    }

    /// The rate of highest load.
    pub fn peak(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }

    /// The mean rate.
    pub fn mean(&self) -> f64 {
        self.rates.iter().sum::<f64>() / self.rates.len().max(1) as f64
    }
}

fn malformed(error: csv::Error) -> TraceError {
    TraceError::Malformed {
        line: error.position().map_or(0, csv::Position::line),
        problem: error.to_string().chars().take(200).collect(),
    }
}

fn check_length(seconds: f64) -> Result<(), TraceError> {
    if seconds > LONGEST_SECONDS as f64 {
        return Err(TraceError::TooLong { hours: seconds / 3600.0 });
    }
    Ok(())
}

/// What is wrong with a rate, if anything.
fn rate_error(line: u64, column: &'static str, rate: f64, found: &str) -> Option<TraceError> {
    let wanted = "a number of requests a second from 0 to a million";
    let found = found.chars().take(40).collect();
    (!(0.0..=HIGHEST_RATE).contains(&rate)).then_some(TraceError::NotAccepted { line, column, found, wanted })
}

/// Rows as they are read.
#[derive(Debug, Default)]
struct Rows {
    rates: Vec<f64>,
    /// Seconds and text of the last time.
    last: Option<(f64, String)>,
    step: Option<f64>,
    first: f64,
}

impl Rows {
    fn push(&mut self, line: u64, time: &str, rate: &str) -> Result<(), TraceError> {
        let seconds = seconds_of(time).ok_or_else(|| TraceError::NotAccepted {
            line,
            column: "the time",
            found: time.chars().take(40).collect(),
            wanted: "seconds, or a time such as `2026-01-31T12:00:00Z`",
        })?;
        // What does not parse is as little a rate as NaN is.
        let number = rate.parse().unwrap_or(f64::NAN);
        rate_error(line, "the rate", number, rate).map_or(Ok(()), Err)?;
        match &self.last {
            None => self.first = seconds,
            Some((previous, text)) if seconds <= *previous => {
                let shown = |text: &str| text.chars().take(40).collect();
                return Err(TraceError::OutOfOrder { line, time: shown(time), previous: shown(text) });
            }
            Some((previous, _)) => {
                let apart = seconds - previous;
                let step = *self.step.get_or_insert(apart);
                if step < 1.0 || (step - step.round()).abs() > 1e-6 {
                    return Err(TraceError::TooFine { step });
                }
                // The beat of the whole trace, so that roundings do not add up.
                let beat = self.first + step * self.rates.len() as f64;
                if (seconds - beat).abs() > step * JITTER {
                    return Err(TraceError::Gap { line, seconds: apart, step });
                }
            }
        }
        check_length(seconds - self.first)?;
        self.last = Some((seconds, time.to_owned()));
        self.rates.push(number);
        Ok(())
    }

    /// One row alone holds for a minute.
    fn trace(self) -> Result<Trace, TraceError> {
        const ALONE: f64 = 60.0;
        let step_seconds = self.step.unwrap_or(ALONE).round() as u64;
        check_length(step_seconds as f64 * self.rates.len() as f64)?;
        Trace { step_seconds, rates: self.rates }.checked()
    }
}

fn seconds_of(time: &str) -> Option<f64> {
    let number = time.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    number.or_else(|| {
        let timestamp: jiff::Timestamp = time.parse().ok()?;
        Some(timestamp.as_second() as f64 + f64::from(timestamp.subsec_nanosecond()) / 1e9)
    })
}
