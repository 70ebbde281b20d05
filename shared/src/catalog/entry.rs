//! What every kind of catalog entry has in common, and the checks of single values.

use serde::de::DeserializeOwned;

use crate::workload::Traffic;

/// One kind of entry.
pub(super) trait Entry: Clone + DeserializeOwned {
    /// What messages call it.
    const KIND: &'static str;

    /// What tells it from every other entry of the same document.
    fn key(&self) -> String;

    /// What an overlay's entry takes the place of: embedded entries with the same slot go.
    fn slot(&self) -> String {
        self.key()
    }

    /// Explains the first value that makes no sense.
    fn validate(&self) -> Result<(), Problem>;

    /// Entries of other sections that this one names.
    fn references(&self) -> Vec<Reference<'_>> {
        Vec::new()
    }

    /// What is left when an overlay's entry meets the embedded one of the same slot.
    fn overlaid_by(&self, overlay: &Self) -> Self {
        overlay.clone()
    }
}

/// A field that names an entry of another section.
pub(super) struct Reference<'a> {
    pub(super) field: &'static str,
    pub(super) section: Section,
    pub(super) name: &'a str,
}

/// Sections that others refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Models,
    Accelerators,
    Machines,
    Servers,
}

/// A field whose value makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) field: String,
    pub(super) reason: String,
}

impl Problem {
    pub(super) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }

    /// The same problem, seen from the entry that holds the checked part.
    pub(super) fn within(mut self, part: &str) -> Self {
        self.field = format!("{part}.{}", self.field);
        self
    }
}

/// A finite number above zero and up to `most`.
pub(super) fn positive(field: &str, value: f64, most: f64) -> Result<(), Problem> {
    if value.is_finite() && value > 0.0 && value <= most {
        return Ok(());
    }
    Err(Problem::new(field, format!("is {value}: a number above 0 and up to {most} is accepted")))
}

/// As [`positive`], where the value may be absent.
pub(super) fn positive_if_given(field: &str, value: Option<f64>, most: f64) -> Result<(), Problem> {
    value.map_or(Ok(()), |value| positive(field, value, most))
}

/// A whole number from 1 to `most`.
pub(super) fn count(field: &str, value: u64, most: u64) -> Result<(), Problem> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(Problem::new(field, format!("is {value}: a whole number from 1 to {most} is accepted")))
}

/// A name that can stand in a command line, a label and a table: printable, without spaces around it.
pub(super) fn name(field: &str, value: &str) -> Result<(), Problem> {
    const LONGEST: usize = 200;
    let printable = value.chars().all(|character| !character.is_control());
    if !value.is_empty() && value.len() <= LONGEST && printable && value.trim() == value {
        return Ok(());
    }
    Err(Problem::new(
        field,
        format!(
            "is {:?}: 1 to {LONGEST} printable characters without space around them are accepted",
            value.chars().take(LONGEST).collect::<String>()
        ),
    ))
}

/// Lengths above zero, and no longer than any model's context.
pub(super) fn traffic(traffic: &Traffic) -> Result<(), Problem> {
    const LONGEST: f64 = 1e8;
    positive("traffic.inputTokens", traffic.input_tokens, LONGEST)?;
    positive("traffic.outputTokens", traffic.output_tokens, LONGEST)
}
