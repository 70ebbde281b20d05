//! What is printed, and where to.

mod csv;
mod destination;
mod document;
mod json_path;
mod listing;
mod plot;
mod table;

use std::borrow::Cow;

pub(crate) use destination::Destination;
pub(crate) use document::{json, yaml};
pub(crate) use listing::{Cell, Heading, Sheet, bullets};
pub(crate) use listing::{Item, Listing};
pub(crate) use plot::Plot;
pub(crate) use table::aligned;

/// What a command has to say, all of it: nothing is printed before everything is known.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The output.
    pub(crate) text: String,
    /// Where it goes.
    pub(crate) destination: Destination,
    /// What is said beside it, on standard error.
    pub(crate) remark: Option<Cow<'static, str>>,
    /// Exit status.
    pub(crate) status: u8,
}

impl Outcome {
    /// Text for standard output.
    pub(crate) fn print(text: String) -> Self {
        Self::write(text, Destination::StandardOutput)
    }

    /// Text for a destination.
    pub(crate) fn write(text: String, destination: Destination) -> Self {
        Self { text, destination, remark: None, status: 0 }
    }
}

/// Aligned columns under their titles.
pub(crate) fn table(sheet: &Sheet) -> String {
    table::render(sheet, table::Layout { wide: false, header: true, page: None })
}

/// Comma-separated values under their titles.
pub(crate) fn comma_separated(sheet: &Sheet) -> String {
    csv::render(sheet)
}

/// What a file says must not steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|letter| {
            let escaped = letter.is_control().then(|| letter.escape_default());
            let plain = (!letter.is_control()).then_some(letter);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}
