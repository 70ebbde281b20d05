//! How lists are printed: `-o` as kubectl has it, `--format` as gcloud has it.

use std::fmt;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::values::{self, Rows};

/// What a list is printed as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Format {
    /// Aligned columns.
    Table,
    /// Aligned columns, all of them.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Comma-separated values.
    Csv,
    /// One name a line.
    Name,
    /// A kubectl template over the JSON.
    JsonPath(String),
    /// A plot in characters, of commands that draw one.
    Plot,
}

/// What surrounds the items in JSON and YAML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// kubectl's: one object with `items`.
    List,
    /// gcloud's: a bare array in JSON, one document an item in YAML.
    Bare,
}

impl Format {
    /// What `-o` accepts.
    pub(crate) const NAMES: &str = "table, wide, json, yaml, csv, name, jsonpath=TEMPLATE";

    /// What `-o` accepts where there is a plot.
    pub(crate) const NAMES_AND_PLOT: &str = "table, wide, json, yaml, csv, name, jsonpath=TEMPLATE, plot";

    /// Reads the format of a command that draws a plot.
    pub(crate) fn or_plot(text: &str) -> Result<Self, String> {
        if text == "plot" { Ok(Self::Plot) } else { Self::read(text, Self::NAMES_AND_PLOT) }
    }

    fn read(text: &str, accepted: &str) -> Result<Self, String> {
        Ok(match text {
            "table" => Self::Table,
            "wide" => Self::Wide,
            "json" => Self::Json,
            "yaml" => Self::Yaml,
            "csv" => Self::Csv,
            "name" => Self::Name,
            "jsonpath" => return Err("needs a template, such as `jsonpath={.items[0].name}`".to_owned()),
            other => match other.strip_prefix("jsonpath=") {
                Some(template) => Self::JsonPath(template.to_owned()),
                None => return Err(format!("possible values: {accepted}")),
            },
        })
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, Self::NAMES)
    }
}

/// gcloud's names of formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GcloudFormat {
    Table,
    // The service's own name of its table, and the one below of its CSV.
    Profile,
    Csv,
    Csvprofile,
    Yaml,
    Json,
}

/// Flags that every list takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ListOptions {
    /// Format as kubectl names it: table, wide, json, yaml, csv, name, jsonpath=TEMPLATE.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", help_heading = "Output options")]
    output: Option<Format>,
    /// Format as gcloud names it; its JSON is a bare array and its YAML one document an item.
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        conflicts_with = "output",
        help_heading = "Output options"
    )]
    format: Option<GcloudFormat>,
    /// Keep only rows that match, as in `model:gemma AND ttftMilliseconds<300`.
    ///
    /// Terms are `KEY=VALUE` (equal), `KEY:TEXT` (contains), `KEY:TEXT*` (starts with), `KEY:*` (is known), and
    /// `!=`, `<`, `<=`, `>`, `>=`; `KEY=(A B)` is any of several. They are joined by AND, OR and NOT, with
    /// parentheses. A KEY is a column, by its title or by its name in the JSON output.
    #[arg(long, value_name = "EXPRESSION", help_heading = "Output options")]
    pub(crate) filter: Option<String>,
    /// Columns to sort by, separated by commas; a `~` before a column reverses it.
    #[arg(long, value_name = "COLUMNS", help_heading = "Output options")]
    pub(crate) sort_by: Option<String>,
    /// Print at most this many rows, after filter and sort; or `unlimited`.
    #[arg(long, value_name = "ROWS", value_parser = values::rows, default_value = "unlimited", hide_default_value = true, help_heading = "Output options")]
    pub(crate) limit: Rows,
    /// Repeat the table's header after this many rows; or `unlimited`.
    #[arg(long, value_name = "ROWS", value_parser = values::rows, default_value = "unlimited", hide_default_value = true, help_heading = "Output options")]
    pub(crate) page_size: Rows,
    /// Leave out the table's header and the notes below it.
    #[arg(long, help_heading = "Output options")]
    pub(crate) no_headers: bool,
}

impl ListOptions {
    /// The format asked for, or `otherwise`.
    pub(crate) fn format_or(&self, otherwise: Format) -> Format {
        match (&self.output, self.format) {
            (Some(format), _) => format.clone(),
            (None, Some(GcloudFormat::Table | GcloudFormat::Profile)) => Format::Table,
            (None, Some(GcloudFormat::Csv | GcloudFormat::Csvprofile)) => Format::Csv,
            (None, Some(GcloudFormat::Yaml)) => Format::Yaml,
            (None, Some(GcloudFormat::Json)) => Format::Json,
            (None, None) => otherwise,
        }
    }

    /// The first flag given that leaves out rows or moves them.
    pub(crate) fn narrowed_by(&self) -> Option<&'static str> {
        let given = [
            ("--filter", self.filter.is_some()),
            ("--sort-by", self.sort_by.is_some()),
            ("--limit", self.limit.0.is_some()),
        ];
        given.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag))
    }

    /// Whose shape of JSON and YAML was asked for.
    pub(crate) fn shape(&self) -> Shape {
        if self.format.is_some() { Shape::Bare } else { Shape::List }
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(rows) => rows.fmt(f),
            None => f.write_str("unlimited"),
        }
    }
}
