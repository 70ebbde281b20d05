//! What can be wrong with a table of measurements, and with a row of it.

use thiserror::Error;

use super::{Column, MAX_TABLE_BYTES, MAX_TABLE_ROWS, RowPlace};

/// A text that is no table of measurements.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// Larger than any table can sensibly be.
    #[error(
        "{document}: {bytes} bytes are too many for a table of measurements, at most {MAX_TABLE_BYTES} are read"
    )]
    TooLarge {
        /// Name of the table.
        document: String,
        /// Its size.
        bytes: usize,
    },
    /// More rows than any table can sensibly have.
    #[error("{document}: has more than {MAX_TABLE_ROWS} rows: split it")]
    TooManyRows {
        /// Name of the table.
        document: String,
    },
    /// A header without the columns that are needed.
    #[error(
        "{document}: is no table of measurements: its first line lacks {}; required are {}, and at least one of {}",
        listed(missing),
        listed(&Column::REQUIRED),
        listed(&Column::FIGURES)
    )]
    MissingColumns {
        /// Name of the table.
        document: String,
        /// Required columns that it lacks; the four figures where it has none of them.
        missing: Vec<Column>,
    },
    /// A column stands twice.
    #[error("{document}: column `{column}` stands twice: keep one of the two")]
    RepeatedColumn {
        /// Name of the table.
        document: String,
        /// The column.
        column: Column,
    },
    /// Not to be read as comma-separated values.
    #[error("{document}: cannot be read as comma-separated values: {reason}")]
    Malformed {
        /// Name of the table.
        document: String,
        /// Why.
        reason: String,
    },
}

/// A row of a table that says nothing that could be predicted. The other rows are read all the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{reason}", .column.map(|column| format!("column `{column}` ")).unwrap_or_default())]
pub struct UnusableRow {
    /// Where it stands.
    pub at: RowPlace,
    /// Column that is at fault; `None`: the row as a whole.
    pub column: Option<Column>,
    /// What is wrong, and what would be accepted.
    pub reason: String,
    /// What stands in the row, cells that are empty left out.
    pub cells: Vec<(Column, String)>,
}

impl UnusableRow {
    /// What stands in a column, as written.
    pub fn cell(&self, column: Column) -> Option<&str> {
        self.cells.iter().find(|(of, _)| *of == column).map(|(_, text)| text.as_str())
    }
}

fn listed(columns: &[Column]) -> String {
    let names: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
    names.join(", ")
}
