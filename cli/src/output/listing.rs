//! A list of things of one kind, ready for every format.

use infer_core::recommend::{self as core, Column, ColumnKind, Row};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Outcome, csv, document, json_path, table};
use crate::arguments::{Format, ListOptions, Shape};
use crate::failure::Failure;

/// One field of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// A name or a sentence.
    Text(String),
    /// A figure, and how many decimals of it a table shows.
    Number {
        /// Full precision.
        value: f64,
        /// Decimals in a table.
        decimals: usize,
    },
    /// Unknown.
    Missing,
}

impl Cell {
    fn of<R>(column: &Column<R>, row: &R) -> Self {
        match (column.value)(row) {
            core::Value::Text(text) => Self::Text(text.into_owned()),
            core::Value::Number(value) => Self::Number {
                value,
                decimals: match column.kind {
                    ColumnKind::Number { decimals } => decimals,
                    ColumnKind::Text => 0,
                },
            },
            core::Value::Missing => Self::Missing,
        }
    }

    /// As a table shows it.
    pub(super) fn rounded(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number { value, decimals } => format!("{value:.decimals$}"),
            Self::Missing => "-".to_owned(),
        }
    }

    /// As CSV has it: in full precision, empty where nothing is known.
    pub(super) fn exact(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number { value, .. } => value.to_string(),
            Self::Missing => String::new(),
        }
    }
}

/// What stands above a column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heading {
    /// Title.
    pub(crate) title: &'static str,
    /// Whether a table shows the column only when it is wide.
    pub(crate) wide: bool,
    /// Whether it holds figures, which stand to the right.
    pub(crate) figures: bool,
}

/// Rows under headings.
#[derive(Debug)]
pub(crate) struct Sheet {
    /// What stands above.
    pub(crate) columns: Vec<Heading>,
    /// One cell a column.
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Sheet {
    /// One line a row: all columns, of which a table that is not wide shows those of these names.
    fn of<R: Row>(rows: &[R], shown: &[&str]) -> Self {
        let heading = |column: &Column<R>| Heading {
            title: column.header,
            wide: !shown.contains(&column.name),
            figures: matches!(column.kind, ColumnKind::Number { .. }),
        };
        let line = |row: &R| R::columns().iter().map(|column| Cell::of(column, row)).collect();
        Self { columns: R::columns().iter().map(heading).collect(), rows: rows.iter().map(line).collect() }
    }

    /// One line a row: columns of these titles, each by its name; a name that no column has stays empty.
    fn titled<R: Row>(rows: &[R], titles: &[(&'static str, &str)]) -> Self {
        let columns: Vec<Option<&Column<R>>> =
            titles.iter().map(|(_, name)| R::columns().iter().find(|column| column.name == *name)).collect();
        let cell = |column: &Option<&Column<R>>, row: &R| {
            column.map_or(Cell::Missing, |column| Cell::of(column, row))
        };
        let heading = |(title, _): &(&'static str, &str)| Heading { title, wide: false, figures: false };
        Self {
            columns: titles.iter().map(heading).collect(),
            rows: rows.iter().map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect(),
        }
    }
}

/// One thing of a list, for programs.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// What `-o name` prints.
    pub(crate) name: String,
    /// What JSON, YAML and templates have of it.
    pub(crate) document: Value,
}

/// Everything that a list needs to print itself in the format asked for; what other formats need is not made.
pub(crate) struct Listing<'a, R: Row> {
    /// `kind` of the JSON object: `ModelList`.
    pub(crate) kind: &'static str,
    /// Rows of tables and CSV.
    pub(crate) rows: &'a [R],
    /// Names of the columns of a table that is not wide.
    pub(crate) shown: &'a [&'a str],
    /// Titles and names of the columns of CSV; all columns by their own titles without it.
    pub(crate) csv: Option<&'a [(&'static str, &'a str)]>,
    /// Makes the items of the rows, one after the other: thousands of them never stand in memory together.
    pub(crate) items: &'a dyn Fn(&'a [R]) -> Box<dyn Iterator<Item = Item> + 'a>,
    /// What has to be said below the table; `notes` in JSON.
    pub(crate) notes: Vec<String>,
}

impl<R: Row> Listing<'_, R> {
    /// The list in the format asked for, or `otherwise`.
    pub(crate) fn outcome(&self, options: &ListOptions, otherwise: Format) -> Result<Outcome, Failure> {
        let remark = self.rows.is_empty().then_some("No rows match.".into());
        Ok(Outcome { remark, ..Outcome::print(self.render(options, otherwise)?) })
    }

    fn render(&self, options: &ListOptions, otherwise: Format) -> Result<String, Failure> {
        let shape = options.shape();
        Ok(match options.format_or(otherwise) {
            Format::Table => self.table(options, false),
            Format::Wide => self.table(options, true),
            Format::Csv => csv::render(&match self.csv {
                Some(titles) => Sheet::titled(self.rows, titles),
                None => Sheet::of(self.rows, self.shown),
            }),
            Format::Name => (self.items)(self.rows).map(|item| item.name + "\n").collect(),
            Format::Json if shape == Shape::Bare => document::json(&Documents(self))?,
            Format::Yaml if shape == Shape::Bare => {
                document::yaml_stream((self.items)(self.rows).map(|item| item.document))?
            }
            Format::Json => document::json(self)?,
            Format::Yaml => document::yaml(self)?,
            Format::Plot => {
                let message = format!("`-o plot` draws no {}; possible values: {}", self.kind, Format::NAMES);
                return Err(Failure::argument(anyhow::anyhow!(message)));
            }
            Format::JsonPath(template) => {
                let document = serde_json::to_value(self).map_err(Failure::unexpected)?;
                json_path::render(&template, &document)?
            }
        })
    }

    fn table(&self, options: &ListOptions, wide: bool) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let layout = table::Layout { wide, header: !options.no_headers, page: options.page_size.0 };
        let mut text = table::render(&Sheet::of(self.rows, self.shown), layout);
        if !options.no_headers && !self.notes.is_empty() {
            text.push('\n');
            text.push_str(&bullets(&self.notes));
        }
        text
    }
}

/// The object that `-o json`, `-o yaml` and `-o jsonpath` print.
impl<R: Row> Serialize for Listing<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("apiVersion", "kubectl-infer.io/v1")?;
        object.serialize_entry("kind", self.kind)?;
        object.serialize_entry("items", &Documents(self))?;
        if !self.notes.is_empty() {
            object.serialize_entry("notes", &self.notes)?;
        }
        object.end()
    }
}

/// The array of a list's items.
struct Documents<'a, 'b, R: Row>(&'a Listing<'b, R>);

impl<R: Row> Serialize for Documents<'_, '_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0.items)(self.0.rows).map(|item| item.document))
    }
}

/// What has to be said below a table, a line each.
pub(crate) fn bullets(notes: &[String]) -> String {
    notes.iter().map(|note| format!("* {}\n", sentence(note))).collect()
}

/// With a capital letter and a full stop, where it does not end a question.
fn sentence(note: &str) -> String {
    let mut letters = note.chars();
    let first: String = letters.next().map(char::to_uppercase).into_iter().flatten().collect();
    let end = if note.ends_with('?') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}
