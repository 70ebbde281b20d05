//! Predictions against measurements, over all rows and by group.

use std::cmp::Ordering;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::compare::{Comparison, comparisons, of_unusable};
use super::{Metrics, Prediction, Unpredictable};
use crate::measured::{Column, MeasuredRow, MeasuredTable, OfferedLoad, RowPlace, UnusableRow};

/// What rows are grouped by unless something else is asked.
pub const GROUPED_BY: [Column; 4] = [Column::Model, Column::Precision, Column::Accelerator, Column::Server];

/// How far predictions are from measurements.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// All rows.
    pub overall: Overall,
    /// The rows of each group, by what they have in common.
    pub groups: Vec<Group>,
    /// Rows of which nothing could be predicted, in the order of the tables.
    pub skipped: Vec<Skipped>,
    /// What has to be said about the figures, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// All rows together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overall {
    /// Rows, those that could not be predicted among them.
    pub rows: usize,
    /// Rows of which nothing could be predicted.
    pub skipped: usize,
    /// Errors.
    pub metrics: Metrics,
}

/// The rows of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What they have in common: columns and their values, `None` where the cells are empty.
    pub key: Vec<(Column, Option<String>)>,
    /// Rows, those that could not be predicted among them.
    pub rows: usize,
    /// Errors.
    pub metrics: Metrics,
}

impl Serialize for Group {
    /// The columns of the key beside `rows` and `metrics`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (column, value) in &self.key {
            object.serialize_entry(&column.key(), value)?;
        }
        object.serialize_entry("rows", &self.rows)?;
        object.serialize_entry("metrics", &self.metrics)?;
        object.end()
    }
}

/// A row of which nothing could be predicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it stands.
    pub at: RowPlace,
    /// Why.
    pub reason: String,
}

impl Serialize for Skipped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("row", &self.at.row)?;
        object.serialize_entry("reason", &self.reason)?;
        object.serialize_entry("file", &*self.at.document)?;
        object.serialize_entry("line", &self.at.line)?;
        object.end()
    }
}

/// A row of a table, usable or not, with how far its prediction is from it.
struct Assessed {
    at: RowPlace,
    key: Vec<Option<String>>,
    comparisons: Vec<Comparison>,
    reason: Option<String>,
}

/// Holds `predictions`, one for each row of `tables` in their order, against what was measured, by groups of rows that
/// have the same in `group_by`.
///
/// Rows that could not be read count as rows that cannot be predicted.
pub fn assess(
    tables: &[MeasuredTable],
    predictions: &[Result<Prediction, Unpredictable>],
    group_by: &[Column],
) -> Report {
    let rows = || tables.iter().flat_map(|table| &table.rows);
    let mut predictions = predictions.iter();
    let mut assessed: Vec<Assessed> = Vec::new();
    for table in tables {
        let start = assessed.len();
        let predicted = table.rows.iter().zip(predictions.by_ref());
        assessed.extend(predicted.map(|(row, predicted)| Assessed::usable(row, predicted, group_by)));
        assessed.extend(table.unusable.iter().map(|row| Assessed::unusable(row, group_by)));
        assessed[start..].sort_by_key(|row| row.at.row);
    }
    let skip = |row: &Assessed| Some(Skipped { at: row.at.clone(), reason: row.reason.clone()? });
    let skipped: Vec<Skipped> = assessed.iter().filter_map(skip).collect();
    let overall = Overall {
        rows: assessed.len(),
        skipped: skipped.len(),
        metrics: Metrics::of(assessed.iter().flat_map(|row| &row.comparisons)),
    };
    let mut notes: Vec<String> = tables.iter().flat_map(|table| table.notes.clone()).collect();
    notes.extend(notes_of(rows(), &overall));
    Report { groups: groups(&assessed, group_by), overall, skipped, notes }
}

impl Assessed {
    fn usable(row: &MeasuredRow, predicted: &Result<Prediction, Unpredictable>, group_by: &[Column]) -> Self {
        Self {
            at: row.at.clone(),
            key: group_by.iter().map(|column| column.of(row)).collect(),
            comparisons: comparisons(row, predicted),
            reason: predicted.as_ref().err().map(|unpredictable| unpredictable.reason.clone()),
        }
    }

    fn unusable(row: &UnusableRow, group_by: &[Column]) -> Self {
        Self {
            at: row.at.clone(),
            key: group_by.iter().map(|column| row.cell(*column).map(str::to_owned)).collect(),
            comparisons: of_unusable(row),
            reason: Some(row.to_string()),
        }
    }
}

/// Groups in the order of their keys.
fn groups(assessed: &[Assessed], group_by: &[Column]) -> Vec<Group> {
    let mut sorted: Vec<&Assessed> = assessed.iter().collect();
    sorted.sort_by(|one, other| compare_keys(&one.key, &other.key));
    let group = |rows: &[&Assessed]| Group {
        key: group_by
            .iter()
            .copied()
            .zip(rows.first().map(|row| row.key.clone()).unwrap_or_default())
            .collect(),
        rows: rows.len(),
        metrics: Metrics::of(rows.iter().flat_map(|row| &row.comparisons)),
    };
    sorted.chunk_by(|one, other| one.key == other.key).map(group).collect()
}

/// Numbers by size, other texts by letter, nothing first.
fn compare_keys(one: &[Option<String>], other: &[Option<String>]) -> Ordering {
    let number = |text: &Option<String>| text.as_ref()?.parse::<f64>().ok();
    let differing = one.iter().zip(other).find(|(one, other)| one != other);
    differing.map_or(Ordering::Equal, |(one, other)| match (number(one), number(other)) {
        (Some(a), Some(b)) => a.total_cmp(&b).then_with(|| one.cmp(other)),
        _ => one.cmp(other),
    })
}

/// What was not scored as it stands in the tables.
fn notes_of<'r>(rows: impl Iterator<Item = &'r MeasuredRow> + Clone, overall: &Overall) -> Vec<String> {
    let saturated = rows.clone().filter(|row| row.is_saturated()).count();
    let asked = |row: &&MeasuredRow| {
        matches!(row.experiment.load, OfferedLoad::AtThroughput(_)) && !row.is_saturated()
    };
    let asked = rows.filter(asked).count();
    let derived = overall.metrics.throughput.derived;
    let mut notes = Vec::new();
    let mut say = |count: usize, says: &str| {
        if count > 0 {
            notes.push(format!("{}{says}", counted(count)));
        }
    };
    say(saturated, " tagged `saturated`: scored for throughput only");
    say(asked, " of load kind `at_throughput`: not scored for throughput, which is the question");
    say(
        derived,
        " without a measured throughput: scored against the one that Little's law gives, \
         N · output / (TTFT + ITL · (output − 1)) at the mean output length",
    );
    for (name, score) in overall.metrics.named() {
        if score.unpredicted > 0 {
            notes.push(format!(
                "{name}: {} of {} measured figures have no prediction and count as infinite errors",
                score.unpredicted, score.n
            ));
        }
    }
    notes
}

fn counted(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}
