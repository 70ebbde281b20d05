//! One catalog document: YAML text with any of the sections.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::UserMessageFormatter;

use super::entry::{Entry, Problem};
use super::{
    Accelerator, CatalogError, Ceiling, FlagTable, Machine, Model, OverlayDocument, PriceTable, Profile,
    Server, Signal, StartTimes, UseCase,
};

/// Most bytes that one document may have; whoever reads a file checks its size against this first.
pub const MAX_DOCUMENT_BYTES: usize = 16 * 1024 * 1024;

/// The sections of a document, all of them optional.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Document {
    pub(super) models: Vec<Model>,
    pub(super) accelerators: Vec<Accelerator>,
    pub(super) machines: Vec<Machine>,
    pub(super) prices: Vec<PriceTable>,
    pub(super) servers: Vec<Server>,
    pub(super) signals: Vec<Signal>,
    pub(super) start_times: Vec<StartTimes>,
    pub(super) flags: Vec<FlagTable>,
    pub(super) use_cases: Vec<UseCase>,
    pub(super) profiles: Vec<Profile>,
    pub(super) ceilings: Vec<Ceiling>,
}

impl Document {
    /// Parses and checks every entry for itself; references to other entries are checked by the catalog.
    pub(super) fn parse(source: &OverlayDocument) -> Result<Self, CatalogError> {
        if source.text.len() > MAX_DOCUMENT_BYTES {
            return Err(CatalogError::TooLarge { document: source.name.clone(), bytes: source.text.len() });
        }
        let document = deserialize(source)?;
        check(&source.name, &document.models)?;
        check(&source.name, &document.accelerators)?;
        check(&source.name, &document.machines)?;
        check(&source.name, &document.prices)?;
        check(&source.name, &document.servers)?;
        check(&source.name, &document.signals)?;
        check(&source.name, &document.start_times)?;
        check(&source.name, &document.flags)?;
        check(&source.name, &document.use_cases)?;
        check(&source.name, &document.profiles)?;
        check(&source.name, &document.ceilings)?;
        Ok(document)
    }
}

/// Reads the text. The parser's own budget bounds nesting, nodes, anchors and what aliases expand to, and it
/// refuses keys that stand twice in a mapping.
fn deserialize(source: &OverlayDocument) -> Result<Document, CatalogError> {
    let mut path = String::new();
    let parsed = serde_saphyr::with_deserializer_from_str(&source.text, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            path = error.path().to_string();
            error.into_inner()
        })
    });
    parsed.map_err(|error: serde_saphyr::Error| CatalogError::Malformed {
        document: source.name.clone(),
        place: place(&source.text, &path),
        message: error.without_snippet().render_with_formatter(&UserMessageFormatter),
    })
}

/// `models[2].architecture.hidden` → ``models entry 3 (`owner/name`), field `architecture.hidden`: ``.
fn place(text: &str, path: &str) -> String {
    let Some((section, rest)) = path.split_once('[') else {
        return String::new();
    };
    let Some((index, field)) = rest.split_once(']') else {
        return String::new();
    };
    let Ok(index) = index.parse::<usize>() else {
        return String::new();
    };
    let named = name_of_entry(text, section, index);
    let named = named.map_or(String::new(), |name| format!(" (`{}`)", shortened(&name)));
    // The parser's path ends in `?` where it stopped between two fields.
    let field = field.trim_start_matches('.').trim_end_matches('?').trim_end_matches('.');
    let field = if field.is_empty() { String::new() } else { format!(", field `{field}`") };
    format!("{section} entry {}{named}{field}: ", index + 1)
}

/// What identifies the entry at `index`, read without its types, since these are what failed.
fn name_of_entry(text: &str, section: &str, index: usize) -> Option<String> {
    let loose: Value = serde_saphyr::from_str(text).ok()?;
    let entry = loose.get(section)?.get(index)?;
    ["id", "name", "model", "machine", "metric"]
        .iter()
        .find_map(|key| entry.get(*key)?.as_str().map(str::to_owned))
}

/// As much of a name as a message can hold.
fn shortened(name: &str) -> &str {
    const MOST: usize = 300;
    name.char_indices().nth(MOST).map_or(name, |(end, _)| name.get(..end).unwrap_or(name))
}

/// Checks the entries of one section, each for itself and for keys that stand twice.
fn check<T: Entry>(document: &str, entries: &[T]) -> Result<(), CatalogError> {
    let mut seen = BTreeSet::new();
    for entry in entries {
        let key = entry.key();
        entry.validate().map_err(|problem| invalid::<T>(document, &key, problem))?;
        if seen.contains(&key) {
            return Err(CatalogError::Repeated {
                document: document.to_owned(),
                entry: format!("{} `{}`", T::KIND, shortened(&key)),
            });
        }
        seen.insert(key);
    }
    Ok(())
}

/// The problem of an entry as the catalog's error.
pub(super) fn invalid<T: Entry>(document: &str, key: &str, problem: Problem) -> CatalogError {
    CatalogError::Invalid {
        document: document.to_owned(),
        entry: format!("{} `{}`", T::KIND, shortened(key)),
        field: problem.field,
        reason: problem.reason,
    }
}
