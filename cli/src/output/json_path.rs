//! `-o jsonpath=TEMPLATE`: kubectl's template language over RFC 9535 paths.
//!
//! A template is text with expressions in braces: a path (`{.items[0].name}`), a quoted text (`{"\n"}`), or
//! `{range .items[*]}…{end}`. Paths are those of kubectl; a path that finds nothing prints nothing.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::failure::Failure;

/// The template filled in from `document`, without a line feed of its own, as kubectl prints it.
pub(super) fn render(template: &str, document: &Value) -> Result<String, Failure> {
    let parts = parse(template).map_err(|problem| {
        Failure::argument(anyhow::anyhow!("jsonpath template `{template}`: {problem}"))
            .hint("templates look like `{.items[0].name}` or `{range .items[*]}{.name}{\"\\n\"}{end}`")
    })?;
    let mut text = String::new();
    fill(&parts, document, document, &mut text);
    Ok(text)
}

/// Deepest nesting of `range`.
const MOST_RANGES: usize = 16;

/// Deepest nesting of brackets and parentheses in a path; the parser of paths calls itself for each.
const MOST_NESTING: usize = 32;

enum Part {
    Text(String),
    Path(Path),
    Range(Path, Vec<Part>),
}

struct Path {
    /// Whether it starts at the document (`$`) rather than at the current item.
    absolute: bool,
    path: JsonPath,
}

impl Path {
    fn find<'a>(&self, document: &'a Value, current: &'a Value) -> Vec<&'a Value> {
        self.path.query(if self.absolute { document } else { current }).all()
    }
}

fn fill(parts: &[Part], document: &Value, current: &Value, text: &mut String) {
    for part in parts {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Path(path) => {
                let found: Vec<String> = path.find(document, current).into_iter().map(shown).collect();
                text.push_str(&found.join(" "));
            }
            Part::Range(path, body) => {
                for item in path.find(document, current) {
                    fill(body, document, item, text);
                }
            }
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn parse(template: &str) -> Result<Vec<Part>, String> {
    // kubectl prints a template without braces as it stands, which nobody has ever wanted.
    if !template.contains('{') {
        return Ok(vec![Part::Path(path(template)?)]);
    }
    // The last element is the innermost open range.
    let mut open: Vec<(Option<Path>, Vec<Part>)> = vec![(None, Vec::new())];
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        let (literal, braced) = rest.split_at(start);
        push(&mut open, Part::Text(literal.to_owned()));
        let length = closing(braced, ('{', '}')).ok_or("a `{` is not closed")?;
        let expression = braced.get(1..length).unwrap_or_default().trim();
        rest = braced.get(length + 1..).unwrap_or_default();
        match expression {
            "end" => {
                let (range, body) = open.pop().unwrap_or_default();
                let range = range.ok_or("`{end}` without `{range}`")?;
                push(&mut open, Part::Range(range, body));
            }
            _ => match expression.strip_prefix("range ") {
                Some(_) if open.len() > MOST_RANGES => return Err("too many nested ranges".to_owned()),
                Some(of) => open.push((Some(path(of.trim())?), Vec::new())),
                None => push(&mut open, expression_part(expression)?),
            },
        }
    }
    push(&mut open, Part::Text(rest.to_owned()));
    match open.pop() {
        Some((None, parts)) => Ok(parts),
        _ => Err("`{range}` without `{end}`".to_owned()),
    }
}

fn push(open: &mut [(Option<Path>, Vec<Part>)], part: Part) {
    if let Some((_, parts)) = open.last_mut() {
        parts.push(part);
    }
}

/// Where the bracket that opens `text` is closed; quoted ones do not count, nested ones do.
fn closing(text: &str, pair: (char, char)) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (index, character) in text.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, _) if character == pair.0 => depth += 1,
            (None, _) if character == pair.1 && depth <= 1 => return Some(index),
            (None, _) if character == pair.1 => depth -= 1,
            _ => {}
        }
    }
    None
}

fn expression_part(expression: &str) -> Result<Part, String> {
    let quoted = expression
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .or_else(|| expression.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')));
    Ok(match quoted {
        Some(text) => Part::Text(unescape(text)),
        None => Part::Path(path(expression)?),
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, false) => out.push(character),
            (_, true) => match characters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
        }
    }
    out
}

/// A kubectl path as one of RFC 9535: the leading `$` may be missing, `@` is the current item, and a key after
/// a dot may hold dashes and escaped dots.
fn path(text: &str) -> Result<Path, String> {
    let absolute = text.starts_with('$');
    let body = text.strip_prefix(['$', '@']).unwrap_or(text);
    let mut standard = String::from("$");
    let mut rest = body;
    while !rest.is_empty() {
        rest = if rest.starts_with('[') {
            let end = closing(rest, ('[', ']')).ok_or_else(|| format!("a `[` is not closed in `{text}`"))?;
            let (selector, after) = rest.split_at(end + 1);
            standard.push_str(selector);
            after
        } else if let Some(after) = rest.strip_prefix("..") {
            standard.push_str("..");
            member(after, &mut standard)
        } else {
            // kubectl takes `{items}` for `{.items}`.
            member(rest.strip_prefix('.').unwrap_or(rest), &mut standard)
        };
    }
    if nesting(&standard) > MOST_NESTING {
        return Err(format!("a path is nested deeper than {MOST_NESTING} levels"));
    }
    match JsonPath::parse(&standard) {
        Ok(path) => Ok(Path { absolute, path }),
        Err(error) => Err(format!("`{text}` is not a path: {}", error.message())),
    }
}

/// How deep brackets and parentheses go, those in quotes too: nobody needs many of either.
fn nesting(path: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for character in path.chars() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Appends the key or `*` at the start of `text` as a bracketed selector; returns what follows it.
fn member<'a>(text: &'a str, standard: &mut String) -> &'a str {
    let mut key = String::new();
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => key.extend(characters.next().map(|(_, escaped)| escaped)),
            '.' | '[' => {
                end = index;
                break;
            }
            other => key.push(other),
        }
    }
    match key.as_str() {
        "" => {}
        "*" => standard.push_str("[*]"),
        key => standard.push_str(&format!("['{}']", key.replace('\\', "\\\\").replace('\'', "\\'"))),
    }
    text.get(end..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &str) -> String {
        let document = json!({
            "kind": "List",
            "items": [
                {"name": "a", "cost": 1.5, "labels": {"x.io/y-z": "dotted"}, "tags": ["p", "q"]},
                {"name": "b", "cost": 2, "labels": {}, "tags": []},
            ],
        });
        render(template, &document).map_err(|failure| failure.to_string()).unwrap()
    }

    #[test]
    fn kubectls_own_forms_work() {
        assert_eq!(filled("{.items[0].name}"), "a");
        assert_eq!(filled("{.items[*].name}"), "a b");
        assert_eq!(filled("{.items[-1].cost}"), "2");
        assert_eq!(filled("{$.kind}: {.items[0].cost}"), "List: 1.5");
        assert_eq!(filled("{range .items[*]}{.name}{\"\\t\"}{$.kind}{\"\\n\"}{end}"), "a\tList\nb\tList\n");
        assert_eq!(filled("{.items[?(@.cost>1.7)].name}"), "b");
        assert_eq!(filled("{.items[?(@.name==\"a\")].tags}"), "[\"p\",\"q\"]");
        assert_eq!(filled("{..name}"), "a b");
        assert_eq!(filled("{.items[0].labels.x\\.io/y-z}"), "dotted");
        assert_eq!(filled("{.items[0].labels['x.io/y-z']}"), "dotted");
        assert_eq!(filled("{.items[0].tags[0:1]}"), "p");
        assert_eq!(filled("{range .items[*]}{range .tags[*]}{@}{end};{end}"), "pq;;");
        assert_eq!(filled("{.items[0].absent}"), "");
        assert_eq!(filled(".kind"), "List");
        assert_eq!(filled("{'}'}"), "}");
    }

    #[test]
    fn a_broken_template_says_what_is_broken() {
        for (template, problem) in [
            ("{.items", "a `{` is not closed"),
            ("{range .items[*]}{.name}", "`{range}` without `{end}`"),
            ("{end}", "`{end}` without `{range}`"),
            ("{.items[0}", "is not closed"),
            ("{.items[?]}", "is not a path"),
        ] {
            let failure = render(template, &json!({})).unwrap_err();
            assert_eq!(failure.status(), 2);
            assert!(failure.to_string().contains(problem), "{template}: {failure}");
        }
        let deep = format!("{{.items[?{}@.a{}]}}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(render(&deep, &json!({})).unwrap_err().to_string().contains("nested deeper"));
        let nested = "{range .a}".repeat(1000);
        assert!(render(&nested, &json!({})).unwrap_err().to_string().contains("too many"));
    }
}
