//! PromQL, as far as rules read it: which metrics it names, and the plain forms `metric{…}`, `sum(metric{…})` and
//! either of them times a number.

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

/// Function around the whole query and what stands in it: `("sum", "vllm:num_requests_running{…}")`. What an
/// aggregation groups by, before or after its brackets, is not told: `avg by (namespace) (…)` is an `avg`.
pub(crate) fn outermost(query: &str) -> Option<(&str, &str)> {
    let query = query.trim();
    let end = query.find(|c: char| !c.is_ascii_lowercase() && c != '_')?;
    let (function, rest) = query.split_at(end);
    let rest = without_grouping(rest.trim_start());
    let (inner, after) = bracketed(rest)?;
    let is_whole = after.is_empty() || without_grouping(after).is_empty();
    (!function.is_empty() && is_whole).then_some((function, inner.trim()))
}

/// What a query is without a number that all of it is multiplied with or divided by, and the factor:
/// `("avg(…)", 100.0)` of `avg(…) * 100`.
pub(crate) fn scaled(query: &str) -> (&str, f64) {
    let query = query.trim();
    let number = |text: &str| text.trim().parse().ok().filter(|factor: &f64| *factor > 0.0);
    let split = |sign: char| {
        let (at, ..) = code(query).filter(|(_, character, is_code)| *is_code && *character == sign).last()?;
        Some((query.get(..at)?, query.get(at + 1..)?))
    };
    if let Some((left, right)) = split('*') {
        if let Some(factor) = number(right) {
            return (unbracketed(left), factor);
        }
        if let Some(factor) = number(left) {
            return (unbracketed(right), factor);
        }
    }
    match split('/').and_then(|(left, right)| Some((left, number(right)?))) {
        Some((left, divisor)) => (unbracketed(left), divisor.recip()),
        None => (unbracketed(query), 1.0),
    }
}

/// Whether a query is a mean over the replicas: an `avg(…)`, or a `sum(…)` divided by a `count(…)`, or that times a
/// number.
pub(crate) fn is_mean(query: &str) -> bool {
    let (query, _) = scaled(query);
    match function(query) {
        Some(function) => function == "avg",
        None => {
            let slash = code(query).filter(|(_, character, is_code)| *is_code && *character == '/').last();
            let halves = slash.and_then(|(at, ..)| Some((query.get(..at)?, query.get(at + 1..)?)));
            halves
                .is_some_and(|(sum, count)| function(sum) == Some("sum") && function(count) == Some("count"))
        }
    }
}

fn function(query: &str) -> Option<&str> {
    outermost(query).map(|(function, _)| function)
}

fn unbracketed(query: &str) -> &str {
    match bracketed(query.trim()) {
        Some((inner, "")) => inner.trim(),
        _ => query.trim(),
    }
}

/// `text` after a `by (…)` or `without (…)` that it begins with.
fn without_grouping(text: &str) -> &str {
    let grouped = ["by", "without"].iter().find_map(|word| text.strip_prefix(word));
    grouped.and_then(|rest| bracketed(rest.trim_start())).map_or(text, |(_, after)| after)
}

/// What stands in the bracket that `text` begins with, and what comes after the one that closes it.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('(')?;
    let mut open = 1_u32;
    for (at, character, is_code) in code(inner) {
        match character {
            '(' if is_code => open += 1,
            ')' if is_code => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((inner.get(..at)?, inner.get(at + 1..)?.trim()));
        }
    }
    None
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
        assert_eq!(outermost("avg by (namespace) (a)"), Some(("avg", "a")));
        assert_eq!(outermost("sum(rate(a[5m])) without (pod, instance)"), Some(("sum", "rate(a[5m])")));
        assert_eq!(outermost("avg by (namespace) (a) / b"), None);
        assert_eq!(outermost("(a)"), None);
        assert_eq!(outermost("avg((a)"), None);
        assert_eq!(outermost("a{b=\"c\"}"), None);
    }

    #[test]
    fn a_factor_is_of_the_whole_query() {
        assert_eq!(scaled("avg(a) * 100"), ("avg(a)", 100.0));
        assert_eq!(scaled("1e2*avg(a)"), ("avg(a)", 100.0));
        assert_eq!(scaled("( avg(a) ) / 4"), ("avg(a)", 0.25));
        assert_eq!(scaled("(avg(a))"), ("avg(a)", 1.0));
        // What is left is no single call, which is for the caller to see.
        assert_eq!(scaled("avg(a) / avg(b) * 100"), ("avg(a) / avg(b)", 100.0));
        assert_eq!(scaled("avg(a) * avg(b)"), ("avg(a) * avg(b)", 1.0));
        assert_eq!(scaled(r#"a{b="* 100"}"#), (r#"a{b="* 100"}"#, 1.0));
        assert_eq!(scaled("avg(a * 100)"), ("avg(a * 100)", 1.0));
        assert_eq!(scaled("a * 0"), ("a * 0", 1.0));
    }

    #[test]
    fn a_mean_is_an_average_or_a_sum_by_its_count() {
        assert!(is_mean("avg(a) * 100"));
        assert!(is_mean("sum(a{b=\"/\"}) / count(a)"));
        assert!(is_mean("(sum by (namespace) (a) / count(b{c=\"d\"}))"));
        assert!(!is_mean("sum(a) / sum(b)"));
        assert!(!is_mean("sum(a) + sum(b) / count(c)"));
        assert!(!is_mean("sum(a)"));
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
