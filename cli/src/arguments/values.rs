//! Parsers of single values: what is refused here is an argument's error (exit 2), with what would be accepted.

use std::num::NonZeroUsize;

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
