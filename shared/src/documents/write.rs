//! Values as text in the style of what is around them.

use std::fmt::Write;

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::scalar::plain;

/// A value as a YAML document in the order of its keys.
pub fn to_text(value: &Value) -> String {
    block(value, 0, 0).iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// A value that is no empty collection as lines of block YAML: at `column`, the items of lists that are values of
/// keys `list_indent` columns further in.
pub(super) fn block(value: &Value, column: usize, list_indent: usize) -> Vec<String> {
    let margin = " ".repeat(column);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut lines = Vec::new();
            // What tells an object apart comes first, as people write it.
            let (names, others): (Vec<_>, Vec<_>) = fields.iter().partition(|(key, _)| *key == "name");
            for (key, value) in names.into_iter().chain(others) {
                let key = scalar(&Value::String(key.clone()), ScalarStyle::Plain);
                if is_leaf(value) {
                    lines.push(format!("{margin}{key}: {}", leaf(value)));
                } else {
                    lines.push(format!("{margin}{key}:"));
                    let by = if value.is_array() { list_indent } else { 2 };
                    lines.extend(block(value, column + by, list_indent));
                }
            }
            lines
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().flat_map(|value| item(value, column, list_indent)).collect()
        }
        value => vec![format!("{margin}{}", leaf(value))],
    }
}

/// An item of a list whose dashes stand at `column`.
pub(super) fn item(value: &Value, column: usize, list_indent: usize) -> Vec<String> {
    let mut lines = block(value, column + 2, list_indent);
    if let Some(first) = lines.first_mut() {
        *first = format!("{}- {}", " ".repeat(column), first.trim_start());
    }
    lines
}

fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}

fn leaf(value: &Value) -> String {
    scalar(value, ScalarStyle::Plain)
}

/// A value on one line, in braces and brackets where it is a collection.
pub(super) fn flow(value: &Value, style: ScalarStyle) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| {
                format!("{}: {}", scalar(&Value::String(key.clone()), style), flow(value, style))
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| flow(item, style)).collect();
            format!("[{}]", items.join(", "))
        }
        value => scalar(value, style),
    }
}

/// A scalar, or an empty collection; texts in quotes like those of `style` where that is possible.
pub(super) fn scalar(value: &Value, style: ScalarStyle) -> String {
    let Value::String(text) = value else { return value.to_string() };
    match style {
        ScalarStyle::Plain if is_plain(text) => text.clone(),
        ScalarStyle::SingleQuoted if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        _ => double_quoted(text),
    }
}

/// JSON's quotes are YAML's, but for line separators that YAML 1.1 takes for line breaks.
fn double_quoted(text: &str) -> String {
    let json = Value::String(text.to_owned()).to_string();
    json.chars().fold(String::with_capacity(json.len()), |mut quoted, letter| {
        match letter {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
        quoted
    })
}

/// Whether a text means itself without quotes, in block and flow style.
fn is_plain(text: &str) -> bool {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=@$%^~".contains(letter);
    let bytes = text.as_bytes();
    let first = text
        .starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '/' | '.' | '_'))
        || text.starts_with("--") && bytes.get(2).is_some_and(u8::is_ascii_alphanumeric);
    // A colon is a key's only before a blank or the end, and times of day are numbers in YAML 1.1.
    let colons = bytes.windows(2).all(|pair| {
        pair.first() != Some(&b':')
            || pair.get(1).is_some_and(|next| next.is_ascii_alphabetic() || *next == b'/')
    });
    let colons = colons && !text.ends_with(':');
    let dates = text.starts_with(|first: char| first.is_ascii_digit()) && text.contains('-');
    first
        && colons
        && !dates
        && text.chars().all(|letter| inside(letter) || letter == ':')
        && plain(text).is_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_get_quotes_where_they_would_mean_something_else() {
        for (text, written) in [
            ("/dev/shm/hf_cache", "/dev/shm/hf_cache"),
            ("--max-model-len=8192", "--max-model-len=8192"),
            ("gs://bucket/path", "gs://bucket/path"),
            ("true", "\"true\""),
            ("8", "\"8\""),
            ("a: b", "\"a: b\""),
            ("a:", "\"a:\""),
            ("12:30:45", "\"12:30:45\""),
            ("2026-01-01", "\"2026-01-01\""),
            ("- a", "\"- a\""),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("#a", "\"#a\""),
            ("a\nb", "\"a\\nb\""),
            ("\u{85}", "\"\\u0085\""),
        ] {
            assert_eq!(scalar(&json!(text), ScalarStyle::Plain), written);
            let back: Value = serde_saphyr::from_str(&format!("k: [{written}]")).unwrap();
            assert_eq!(back, json!({"k": [text]}));
        }
        assert_eq!(scalar(&json!("it's"), ScalarStyle::SingleQuoted), "'it''s'");
    }

    #[test]
    fn nested_values_are_indented_like_the_file() {
        let value = json!({"name": "dshm", "emptyDir": {"medium": "Memory"}, "list": [{"a": 1, "b": []}]});
        assert_eq!(
            item(&value, 2, 0).join("\n"),
            "  - name: dshm\n    emptyDir:\n      medium: Memory\n    list:\n    - a: 1\n      b: []"
        );
        assert_eq!(flow(&value, ScalarStyle::DoubleQuoted).matches('"').count(), 16);
    }
}
