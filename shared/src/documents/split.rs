//! Where the documents of a file begin and end, so that a broken one stays alone.

use std::ops::Range;

use serde::de::IgnoredAny;

/// A byte order mark, which is no part of the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Ranges of `text` that hold a document each, perhaps nothing but comments.
///
/// YAML ends whatever is open at a line that begins with `---`, so the text can be cut there without reading it.
pub(super) fn split(text: &str) -> Vec<Range<usize>> {
    let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    if let Some(ranges) = json_documents(text, start) {
        return ranges;
    }
    let mut ranges = Vec::new();
    let mut from = start;
    let mut at = start;
    let mut only_directives = true;
    for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
        if is_document_start(line) {
            // `%YAML` belongs to the document that it stands before.
            if !only_directives {
                ranges.push(from..at);
                from = at;
            }
            only_directives = false;
        } else if is_helm_s_notes(line) {
            // The chart's words to the reader follow, up to the next document.
            ranges.push(from..at);
            from = at;
            only_directives = false;
        } else if !is_blank_or_comment(line) && !line.starts_with('%') {
            only_directives = false;
        }
        at += line.len();
    }
    ranges.push(from..text.len());
    ranges
}

fn is_document_start(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

pub(super) fn is_helm_s_notes(line: &str) -> bool {
    line.trim_end() == "NOTES:"
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// JSON objects one after the other, as `kubectl get --watch -o json` prints them; `None` for anything else.
fn json_documents(text: &str, start: usize) -> Option<Vec<Range<usize>>> {
    let json = text.get(start..)?;
    if !json.trim_start().starts_with('{') {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_str(json).into_iter::<IgnoredAny>();
    let mut ranges = Vec::new();
    let mut from = 0;
    while let Some(document) = stream.next() {
        document.ok()?;
        let to = stream.byte_offset();
        ranges.push(start + from..start + to);
        from = to;
    }
    let last = ranges.last_mut()?;
    last.end = text.len();
    Some(ranges)
}
