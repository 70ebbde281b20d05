//! JSON as Python writes it.

use std::borrow::Cow;

use serde_json::Value;

use super::{ConfigError, MAX_CONFIG_BYTES};

/// The value of a document. `Infinity`, `-Infinity` and `NaN`, which Python writes and JSON does not have, are read
/// as `null`; nesting deeper than 127 is refused.
pub(super) fn parse(document: &'static str, text: &str) -> Result<Value, ConfigError> {
    if text.len() > MAX_CONFIG_BYTES {
        return Err(ConfigError::TooLarge { document, bytes: text.len() });
    }
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(&without_infinity(text))
        .map_err(|error| ConfigError::Malformed { document, message: error.to_string() })
}

fn without_infinity(text: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !WORDS.iter().any(|word| text.contains(word)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut inside_text = false;
    while let Some(character) = rest.chars().next() {
        if !inside_text && let Some(after) = WORDS.iter().find_map(|word| rest.strip_prefix(word)) {
            out.push_str("null");
            rest = after;
            continue;
        }
        out.push(character);
        rest = &rest[character.len_utf8()..];
        if inside_text && character == '\\' {
            // Whatever is escaped ends no text.
            if let Some(escaped) = rest.chars().next() {
                out.push(escaped);
                rest = &rest[escaped.len_utf8()..];
            }
        } else if character == '"' {
            inside_text = !inside_text;
        }
    }
    Cow::Owned(out)
}
