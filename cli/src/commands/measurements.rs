//! Files of measurements and of observed requests.

use std::path::{Path, PathBuf};

use anyhow::Context;
use infer_core::estimate::Estimator;
use infer_core::measured::{MeasuredRow, MeasuredTable};
use infer_core::workload::LengthSource;

use super::files;
use crate::arguments::ConditionOptions;
use crate::failure::Failure;

/// The tables in these files, in the order named.
pub(super) fn tables(paths: &[PathBuf]) -> Result<Vec<MeasuredTable>, Failure> {
    let read = |path: &PathBuf| -> anyhow::Result<MeasuredTable> {
        let text = text(path)?;
        Ok(MeasuredTable::read(&path.display().to_string(), &text)?)
    };
    paths.iter().map(|path| read(path).map_err(Failure::user)).collect()
}

/// The lengths of observed requests, where a file has them.
pub(super) fn lengths(options: &ConditionOptions) -> Result<Option<LengthSource>, Failure> {
    let Some(path) = &options.length_file else { return Ok(None) };
    let read = || -> anyhow::Result<LengthSource> {
        LengthSource::parse(&text(path)?).with_context(|| format!("cannot use `{}`", path.display()))
    };
    read().map(Some).map_err(Failure::user)
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
