//! Files of measurements and of observed requests.

use std::path::{Path, PathBuf};

use anyhow::Context;
use infer_core::estimate::Estimator;
use infer_core::measured::{MeasuredRow, MeasuredTable};
use infer_core::workload::{LengthError, LengthSource, MeanAndP90};

use super::files;
use crate::arguments::{ConditionOptions, TrafficOptions};
use crate::failure::Failure;

/// The tables in these files, in the order named.
pub(super) fn tables(paths: &[PathBuf]) -> Result<Vec<MeasuredTable>, Failure> {
    let read = |path: &PathBuf| -> anyhow::Result<MeasuredTable> {
        let text = text(path)?;
        Ok(MeasuredTable::read(&path.display().to_string(), &text)?)
    };
    paths.iter().map(|path| read(path).map_err(Failure::user)).collect()
}

/// The lengths of single requests, where a file has them or more than their means is told.
pub(super) fn lengths(
    options: &ConditionOptions,
    traffic: &TrafficOptions,
) -> Result<Option<LengthSource>, Failure> {
    match &options.length_file {
        Some(path) => observed(path).map(Some).map_err(Failure::user),
        None => lognormal(options, traffic).map_err(Failure::argument),
    }
}

fn observed(path: &Path) -> anyhow::Result<LengthSource> {
    LengthSource::parse(&text(path)?).with_context(|| format!("cannot use `{}`", path.display()))
}

/// Lognormal lengths; those of which the mean alone is told are all as long.
fn lognormal(
    options: &ConditionOptions,
    traffic: &TrafficOptions,
) -> Result<Option<LengthSource>, LengthError> {
    let percentiles = [options.input_length_p90, options.output_length_p90];
    let means = traffic.target_input_length.zip(traffic.target_output_length);
    let Some((input, output)) = means.filter(|_| percentiles.iter().any(Option::is_some)) else {
        return Ok(None);
    };
    let of = |mean: u32, p90: Option<u32>| MeanAndP90 {
        mean: f64::from(mean),
        p90: f64::from(p90.unwrap_or(mean)),
    };
    let [input_p90, output_p90] = percentiles;
    let lengths = LengthSource::Lognormal { input: of(input, input_p90), output: of(output, output_p90) };
    lengths.draw(1, 0)?;
    Ok(Some(lengths))
}

/// The estimator corrected by the tables of these options, and what has to be said about rows that correct nothing.
pub(super) fn corrected<'a>(
    estimator: Estimator<'a>,
    options: &ConditionOptions,
) -> Result<(Estimator<'a>, Vec<String>), Failure> {
    let tables = tables(&options.measured)?;
    let rows: Vec<&MeasuredRow> = tables.iter().flat_map(|table| &table.rows).collect();
    let unread = tables.iter().flat_map(|table| &table.unusable);
    let mut notes: Vec<String> =
        unread.map(|row| format!("nothing is corrected by {}: {row}", row.at)).collect();
    let (estimator, silent) = estimator.corrected_by(&rows);
    notes.extend(silent.iter().map(|(at, why)| format!("nothing is corrected by {at}: {why}")));
    Ok((estimator, shortened(notes)))
}

/// The first of many sentences, and how many there are.
fn shortened(mut notes: Vec<String>) -> Vec<String> {
    const MOST: usize = 5;
    let more = notes.len().saturating_sub(MOST);
    if more > 0 {
        notes.truncate(MOST);
        notes.push(format!("nor by {more} more rows: `kubectl infer accuracy --measured` names all"));
    }
    notes
}

fn text(path: &Path) -> anyhow::Result<String> {
    files::text(path).with_context(|| format!("cannot read `{}`", path.display()))
}
