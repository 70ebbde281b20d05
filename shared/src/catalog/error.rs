//! What can be wrong with a catalog or a question to it.

use thiserror::Error;

use super::MAX_DOCUMENT_BYTES;

/// A catalog document that cannot be used, or a name that the catalog does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CatalogError {
    /// The document is larger than any catalog can sensibly be.
    #[error(
        "{document}: {bytes} bytes are too many for a catalog document, at most {MAX_DOCUMENT_BYTES} are read"
    )]
    TooLarge {
        /// Name of the document.
        document: String,
        /// Its size.
        bytes: usize,
    },
    /// The document is no YAML, or not of the catalog's form.
    #[error("{document}: {place}{message}")]
    Malformed {
        /// Name of the document.
        document: String,
        /// Entry and field, followed by `: `; empty where the document as a whole is at fault.
        place: String,
        /// What is wrong, with line and column, and what would be accepted.
        message: String,
    },
    /// An entry has the right form and a value that makes no sense.
    #[error("{document}: {entry}: field `{field}` {reason}")]
    Invalid {
        /// Name of the document.
        document: String,
        /// Kind and name of the entry.
        entry: String,
        /// Path of the field within the entry.
        field: String,
        /// Its value, and what would be accepted.
        reason: String,
    },
    /// Two entries of one document have the same key.
    #[error("{document}: {entry} stands twice in this document: keep one of the two")]
    Repeated {
        /// Name of the document.
        document: String,
        /// Kind and name of the entry.
        entry: String,
    },
    /// No entry has this name.
    #[error("unknown {kind} `{name}`{}", did_you_mean(nearest))]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// What was asked.
        name: String,
        /// Names that the catalog has and that resemble it, the nearest first.
        nearest: Vec<String>,
    },
    /// The server has no version of this name.
    #[error("{server} has no version `{version}` in the catalog, it has: {}", listed(known))]
    UnknownVersion {
        /// Name of the server.
        server: String,
        /// What was asked.
        version: String,
        /// Versions that there are, oldest first.
        known: Vec<String>,
    },
}

fn did_you_mean(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!(", did you mean {}?", listed(nearest)) }
}

fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The names that resemble `asked` most, the nearest first, at most `MOST`.
///
/// A name resembles another when one contains the other, or when Jaro-Winkler finds them at least 0.75 alike;
/// letter case does not count.
pub(crate) fn nearest<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    const MOST: usize = 4;
    const ALIKE: f64 = 0.75;
    // Comparing takes the product of both lengths; names of the catalog have at most 200 characters.
    const LONGEST: usize = 1000;
    if asked.len() > LONGEST {
        return Vec::new();
    }
    let asked = asked.to_lowercase();
    let mut scored: Vec<(f64, &str)> = names
        .map(|name| (likeness(&asked, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|(a, a_name), (b, b_name)| b.total_cmp(a).then_with(|| a_name.cmp(b_name)));
    scored.dedup_by(|(_, a), (_, b)| a == b);
    scored.into_iter().take(MOST).map(|(_, name)| name.to_owned()).collect()
}

/// 0 to 1; a name without its owner counts as much as the whole, and a part as much as a near miss.
fn likeness(asked: &str, name: &str) -> f64 {
    const SHORTEST_PART: usize = 3;
    let without_owner = name.rsplit('/').next().unwrap_or(name);
    let alike = strsim::jaro_winkler(asked, name).max(strsim::jaro_winkler(asked, without_owner));
    let is_part = |part: &str, whole: &str| part.len() >= SHORTEST_PART && whole.contains(part);
    let part = is_part(asked, name) || is_part(without_owner, asked);
    if part { alike.max(0.9) } else { alike }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_name_of_two_letters_in_another_says_nothing() {
        let names = ["o", "ac", "max-num-seqs", "max-model-len"];
        assert!(nearest("max-paddings", ["o", "ac", "i"].into_iter()).is_empty());
        assert_eq!(nearest("max-num-seq", names.into_iter())[0], "max-num-seqs");
    }
}
