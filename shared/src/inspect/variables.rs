//! The environment of a container, with Kubernetes' own references resolved.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::{Container, EnvironmentValue, Told};

/// Longest value that is resolved, and how much text all values together may come to: references to references grow
/// without end.
const LONGEST_VALUE: usize = 32 << 10;
pub(super) const LONGEST_TOGETHER: usize = 1 << 20;

/// The environment of a container, with Kubernetes' own `$(NAME)` references resolved through the entries before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variables<'a> {
    values: HashMap<&'a str, Told<Cow<'a, str>>>,
    /// What the container's script exports or sets for the server; it wins over `env`.
    scripted: BTreeMap<String, Told<String>>,
    inherits: bool,
}

impl<'a> Variables<'a> {
    pub(super) fn of(container: &Container<'a>) -> Self {
        let inherited = container.value.get("envFrom").and_then(Value::as_array);
        let inherits = inherited.is_some_and(|list| !list.is_empty());
        let values = HashMap::with_capacity(container.environment.len());
        let mut variables = Self { values, inherits, ..Self::default() };
        let mut left = LONGEST_TOGETHER;
        for entry in &container.environment {
            let value = match entry.value {
                EnvironmentValue::Literal(text) if is_template(text) => Told::Unknown,
                EnvironmentValue::Literal(text) => Told::Is(Cow::Borrowed(text)),
                EnvironmentValue::Secret => Told::Unknown,
                EnvironmentValue::Reference => variables.resolve(entry.text, &mut left),
            };
            variables.values.insert(entry.name, value);
        }
        variables
    }

    fn resolve(&self, text: Option<&str>, left: &mut usize) -> Told<Cow<'a, str>> {
        let Some(text) = text else { return Told::Unknown };
        match self.expand(text, left) {
            (text, true) => Told::Is(Cow::Owned(text.into_owned())),
            (_, false) => Told::Unknown,
        }
    }

    /// What the process sees as `name`: unset only where neither `env` nor `envFrom` can have set it. The image may
    /// set it still.
    pub fn get(&self, name: &str) -> Told<&str> {
        match self.scripted.get(name) {
            Some(Told::Is(text)) => return Told::Is(text),
            Some(Told::Unknown | Told::Unset) => return Told::Unknown,
            None => {}
        }
        match self.values.get(name) {
            Some(Told::Is(text)) => Told::Is(text.as_ref()),
            Some(Told::Unknown | Told::Unset) => Told::Unknown,
            None if self.inherits => Told::Unknown,
            None => Told::Unset,
        }
    }

    /// Whether the container's own script sets `name` for the server.
    pub fn is_set_by_script(&self, name: &str) -> bool {
        self.scripted.contains_key(name)
    }

    /// Whether `env` of `container`, whose variables these are, sets a name more than once.
    pub fn repeat(&self, container: &Container<'_>) -> bool {
        self.values.len() < container.environment.len()
    }

    /// With what a script sets.
    pub(super) fn with_scripted(self, scripted: BTreeMap<String, Told<String>>) -> Self {
        Self { scripted, ..self }
    }

    /// Whether `envFrom` adds variables that the object does not name.
    pub fn inherits(&self) -> bool {
        self.inherits
    }

    /// `text` with its `$(NAME)` references resolved as Kubernetes does, and whether all of it is known. A reference
    /// to what is not set stays as it is written, and is not known; so does one whose text no longer fits into `left`
    /// bytes, from which what is inserted is taken off.
    pub(super) fn expand<'t>(&self, text: &'t str, left: &mut usize) -> (Cow<'t, str>, bool) {
        let mut known = !is_template(text);
        if !text.contains('$') {
            return (Cow::Borrowed(text), known);
        }
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            expanded.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            if let Some(after) = rest.strip_prefix("$$") {
                expanded.push('$');
                rest = after;
            } else if let Some((name, after)) = rest.strip_prefix("$(").and_then(|name| name.split_once(')'))
            {
                match self.get(name) {
                    Told::Is(value) if value.len() <= (*left).min(LONGEST_VALUE) => {
                        *left -= value.len();
                        expanded.push_str(value);
                    }
                    _ => {
                        known = false;
                        expanded.push_str(&rest[..rest.len() - after.len()]);
                    }
                }
                rest = after;
            } else {
                expanded.push('$');
                rest = &rest[1..];
            }
        }
        expanded.push_str(rest);
        (Cow::Owned(expanded), known)
    }
}

/// Whether something that is not Kubernetes fills in a part of `text`. A workload may have hundreds of short texts,
/// for which this is quicker than a search that prepares itself.
fn is_template(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| matches!(pair, b"${" | b"{{"))
}
