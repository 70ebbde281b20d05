//! The cells of one row, read as values.

use super::experiment::{Experiment, OfferedLoad};
use super::{Column, Figures};
use crate::catalog::Precision;
use crate::curve::{Configuration, EngineArguments, Parallelism};
use crate::workload::{Itl, Lengths, Ntpot, Statistic, Traffic, Ttft};

/// A cell whose value makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) column: Option<Column>,
    pub(super) reason: String,
}

impl Fault {
    pub(super) fn row(reason: impl Into<String>) -> Self {
        Self { column: None, reason: reason.into() }
    }

    fn of(column: Column, reason: String) -> Self {
        Self { column: Some(column), reason }
    }
}

/// The cells of one row, found by column; empty where the table has no such column.
pub(super) struct Cells<'r> {
    pub(super) get: &'r dyn Fn(Column) -> &'r str,
}

/// Longest text of a cell that is a name.
const LONGEST_NAME: usize = 500;

const MOST_ACCELERATORS: u32 = 100_000;
const MOST_TOKENS: f64 = 1e8;
const MOST_LOAD: f64 = 1e7;
const WEEK_MS: f64 = 7.0 * 24.0 * 3_600_000.0;
const MOST_TOKENS_PER_SECOND: f64 = 1e9;

impl Cells<'_> {
    /// What was run.
    pub(super) fn experiment(&self) -> Result<Experiment, Fault> {
        let configuration = self.configuration()?;
        Ok(Experiment {
            engine: EngineArguments::read(&configuration.engine_arguments),
            configuration,
            traffic: self.traffic()?,
            load: self.load()?,
            ttft_statistic: self.statistic(Column::TtftStatistic)?,
            itl_statistic: self.statistic(Column::ItlStatistic)?,
        })
    }

    /// What came out.
    pub(super) fn figures(&self) -> Result<Figures, Fault> {
        let figures = Figures {
            ttft: self.number(Column::TtftMs, WEEK_MS)?.map(Ttft::from_milliseconds),
            itl: self.number(Column::ItlMs, WEEK_MS)?.map(Itl::from_milliseconds),
            ntpot: self.number(Column::NtpotMs, WEEK_MS)?.map(Ntpot::from_milliseconds),
            output_tokens_per_second: self.number(Column::OutputTokensPerS, MOST_TOKENS_PER_SECOND)?,
        };
        if figures == Figures::default() {
            return Err(Fault::row(
                "has no figure: at least one of TTFT, ITL, NTPOT and throughput is needed",
            ));
        }
        Ok(figures)
    }

    fn configuration(&self) -> Result<Configuration, Fault> {
        let accelerators = self.count(Column::Accelerators)?;
        let accelerators = accelerators.ok_or_else(|| self.empty(Column::Accelerators))?;
        let version = self.name(Column::ServerVersion)?;
        Ok(Configuration {
            model: self.required(Column::Model)?.to_owned(),
            precision: self.one_of(Column::Precision, &Precision::ALL, Precision::name)?,
            server: self.required(Column::Server)?.to_owned(),
            server_version: (!version.is_empty()).then(|| version.to_owned()),
            accelerator: self.required(Column::Accelerator)?.to_owned(),
            accelerators,
            parallelism: Parallelism {
                tensor: self.count(Column::Tp)?.unwrap_or(accelerators),
                data: self.count(Column::Dp)?.unwrap_or(1),
                expert: self.count(Column::Ep)?.unwrap_or(1),
            },
            engine_arguments: (self.get)(Column::EngineArgs).to_owned(),
        })
    }

    fn traffic(&self) -> Result<Traffic, Fault> {
        let tokens = |column| self.number(column, MOST_TOKENS)?.ok_or_else(|| self.empty(column));
        Ok(Traffic {
            input_tokens: tokens(Column::InputTokens)?,
            output_tokens: tokens(Column::OutputTokens)?,
            lengths: self.one_of(Column::Lengths, &Lengths::ALL, Lengths::name)?.unwrap_or_default(),
        })
    }

    fn load(&self) -> Result<OfferedLoad, Fault> {
        let kind = self.required(Column::LoadKind)?;
        let most =
            if kind.eq_ignore_ascii_case("at_throughput") { MOST_TOKENS_PER_SECOND } else { MOST_LOAD };
        let amount = || self.number(Column::Load, most)?.ok_or_else(|| self.empty(Column::Load));
        Ok(match kind.to_ascii_lowercase().as_str() {
            "closed" => OfferedLoad::InFlight(amount()?),
            "poisson" => OfferedLoad::Poisson(amount()?),
            "constant" => OfferedLoad::Constant(amount()?),
            "burst" => OfferedLoad::Burst(amount()?),
            "offline" => OfferedLoad::Offline,
            "at_throughput" => OfferedLoad::AtThroughput(amount()?),
            _ => return Err(self.refused(Column::LoadKind, &OfferedLoad::KINDS)),
        })
    }

    fn statistic(&self, column: Column) -> Result<Statistic, Fault> {
        Ok(self.one_of(column, &Statistic::ALL, Statistic::name)?.unwrap_or_default())
    }

    fn required(&self, column: Column) -> Result<&str, Fault> {
        let text = self.name(column)?;
        if text.is_empty() { Err(self.empty(column)) } else { Ok(text) }
    }

    fn name(&self, column: Column) -> Result<&str, Fault> {
        let text = (self.get)(column);
        if text.len() > LONGEST_NAME {
            let reason = format!("has {} bytes: at most {LONGEST_NAME} are accepted", text.len());
            return Err(Fault::of(column, reason));
        }
        Ok(text)
    }

    fn number(&self, column: Column, most: f64) -> Result<Option<f64>, Fault> {
        let text = (self.get)(column);
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse::<f64>().ok().filter(|number| *number > 0.0 && *number <= most);
        let accepted = || format!("a number above 0 and up to {most} is accepted");
        number.map(Some).ok_or_else(|| Fault::of(column, format!("is {}: {}", quoted(text), accepted())))
    }

    fn count(&self, column: Column) -> Result<Option<u32>, Fault> {
        let text = (self.get)(column);
        if text.is_empty() {
            return Ok(None);
        }
        let count = text.parse().ok().filter(|count| (1..=MOST_ACCELERATORS).contains(count));
        let reason =
            || format!("is {}: a whole number from 1 to {MOST_ACCELERATORS} is accepted", quoted(text));
        count.map(Some).ok_or_else(|| Fault::of(column, reason()))
    }

    /// One of the core's values by its name, whatever the letter case; `None` where the cell is empty.
    fn one_of<T: Copy>(
        &self,
        column: Column,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Result<Option<T>, Fault> {
        let text = (self.get)(column);
        if text.is_empty() {
            return Ok(None);
        }
        let found = all.iter().copied().find(|value| name(*value).eq_ignore_ascii_case(text));
        let names = || all.iter().map(|value| name(*value)).collect::<Vec<_>>();
        found.map(Some).ok_or_else(|| self.refused(column, &names()))
    }

    fn refused(&self, column: Column, accepted: &[&str]) -> Fault {
        let reason = format!("is {}: accepted are {}", quoted((self.get)(column)), accepted.join(", "));
        Fault::of(column, reason)
    }

    fn empty(&self, column: Column) -> Fault {
        Fault::of(column, "is empty: a row needs it".to_owned())
    }
}

/// A text of a stranger's in a message: short, and nothing that steers a terminal.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let start: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("`{start}{more}`")
}
