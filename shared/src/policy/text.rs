//! Text as the API server and terminals take it.

/// Bytes of one warning that the API server passes on.
pub(super) const WARNING_BYTES: usize = 256;

/// Bytes of all warnings of one answer that the API server passes on.
pub(super) const WARNINGS_BYTES: usize = 4096;

/// `text` in printable ASCII on one line: what has a customary spelling is spelled so, the rest becomes `?`.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            ' '..='~' => printable.push(letter),
            '\n' | '\r' | '\t' | '\u{a0}' | '\u{2009}' | '\u{202f}' => printable.push(' '),
            '‘' | '’' => printable.push('\''),
            '“' | '”' | '«' | '»' => printable.push('"'),
            '–' | '—' | '−' => printable.push('-'),
            '…' => printable.push_str("..."),
            '×' => printable.push('x'),
            '≤' => printable.push_str("<="),
            '≥' => printable.push_str(">="),
            '≠' => printable.push_str("!="),
            '→' => printable.push_str("->"),
            'µ' | 'μ' => printable.push('u'),
            '\u{200b}'..='\u{200f}' | '\u{feff}' => {}
            _ => printable.push('?'),
        }
    }
    printable
}

/// `text`, printable and cut to `bytes` with `...` at its end.
pub(super) fn cut(text: &str, bytes: usize) -> String {
    shorten(printable(text), bytes)
}

/// `text`, printable line by line and cut to `bytes`.
pub(super) fn cut_lines(text: &str, bytes: usize) -> String {
    let lines: Vec<_> = text.lines().map(printable).collect();
    shorten(lines.join("\n"), bytes)
}

/// Cuts a text of ASCII.
fn shorten(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(bytes.saturating_sub(3));
        text.push_str("...");
    }
    text
}

/// Warnings as the API server passes them on: each once, as many as fit, and how many did not.
pub(super) fn warnings(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    let mut left = WARNINGS_BYTES;
    let mut left_out = 0;
    for text in texts {
        let text = cut(&text, WARNING_BYTES);
        if warnings.contains(&text) {
            continue;
        }
        // Room for the last line is kept.
        if text.len() + WARNING_BYTES > left {
            left_out += 1;
            continue;
        }
        left -= text.len();
        warnings.push(text);
    }
    if left_out > 0 {
        warnings.push(format!("{left_out} more; `kubectl infer lint` says all of them"));
    }
    warnings
}
