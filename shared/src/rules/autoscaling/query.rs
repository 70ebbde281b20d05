//! PromQL, as far as rules read it: which metrics it names, and the plain forms `metric{…}` and `sum(metric{…})`.

/// Names of metrics in a query, and of functions, which no server's metrics are called like. What stands in quotes or
/// braces is no name.
pub(crate) fn names(query: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut start = None;
    for (at, character, is_code) in code(query) {
        let is_name = is_code && (character.is_ascii_alphanumeric() || matches!(character, '_' | ':'));
        match (start, is_name) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                names.extend(query.get(from..at));
                start = None;
            }
            _ => {}
        }
    }
    names.extend(start.and_then(|from| query.get(from..)));
    names.retain(|name| !name.starts_with(|first: char| first.is_ascii_digit()));
    names
}

/// Function around the whole query and what stands in it: `("sum", "vllm:num_requests_running{…}")`.
pub(crate) fn outermost(query: &str) -> Option<(&str, &str)> {
    let query = query.trim();
    let (function, rest) = query.split_once('(')?;
    let function = function.trim_end();
    if function.is_empty() || !function.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return None;
    }
    let inner = rest.strip_suffix(')')?;
    // The first bracket is closed by the last: `sum(a) / sum(b)` is no call of `sum`.
    let mut open = 0_i64;
    for (_, character, is_code) in code(inner) {
        match character {
            '(' if is_code => open += 1,
            ')' if is_code => open -= 1,
            _ => {}
        }
        if open < 0 {
            return None;
        }
    }
    Some((function, inner.trim()))
}

/// The metric of a query that is nothing but a selector: `vllm:num_requests_running{namespace="llm"}`.
pub(crate) fn selector(query: &str) -> Option<&str> {
    let query = query.trim();
    let end =
        query.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | ':')).unwrap_or(query.len());
    let (name, rest) = query.split_at(end);
    let rest = rest.trim();
    // One pair of braces, which the last character closes.
    let is_labels = rest.is_empty()
        || (rest.starts_with('{') && code(rest).filter(|(.., is_code)| *is_code).count() == 0);
    (!name.is_empty() && is_labels && (rest.is_empty() || rest.ends_with('}'))).then_some(name)
}

/// Characters with their places, and whether they stand outside of quotes and braces.
fn code(query: &str) -> impl Iterator<Item = (usize, char, bool)> {
    let mut quote = None;
    let mut escaped = false;
    let mut braces = 0_u32;
    query.char_indices().map(move |(at, character)| {
        let was_outside = quote.is_none() && braces == 0;
        match (quote, character) {
            (Some(_), _) if escaped => escaped = false,
            (Some('"' | '\''), '\\') => escaped = true,
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '{') => braces += 1,
            (None, '}') => braces = braces.saturating_sub(1),
            (None, _) => {}
        }
        (at, character, was_outside && quote.is_none() && braces == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_outside_of_labels_and_texts() {
        let query = r#"sum(rate(vllm:e2e_request_latency_seconds_sum{model="vllm:fake", a='b{'}[5m])) / 2e1"#;
        assert_eq!(names(query), ["sum", "rate", "vllm:e2e_request_latency_seconds_sum"]);
        assert_eq!(names("vllm:num_requests_running"), ["vllm:num_requests_running"]);
    }

    #[test]
    fn the_outermost_call_takes_the_whole_query() {
        assert_eq!(outermost(r#" avg (a{b=")"}) "#), Some(("avg", r#"a{b=")"}"#)));
        assert_eq!(outermost("avg(a) / avg(b)"), None);
        assert_eq!(outermost("avg(a) * 100"), None);
        assert_eq!(outermost("avg by (pod) (a)"), None);
        assert_eq!(outermost("a{b=\"c\"}"), None);
    }

    #[test]
    fn a_selector_is_a_name_with_labels() {
        assert_eq!(selector(r#"vllm:x{a="}",b="c"}"#), Some("vllm:x"));
        assert_eq!(selector("vllm:x"), Some("vllm:x"));
        assert_eq!(selector("vllm:x * 100"), None);
        assert_eq!(selector(r#"vllm:x{a="b"} > 1 or y{c="d"}"#), None);
        assert_eq!(selector("vllm:x{a=\"b\"}[5m]"), None);
    }
}
