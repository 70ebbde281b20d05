//! Fields of a JSON object, read with their bounds; every error names the path of the field.

use serde_json::{Map, Value};

use super::ConfigError;

/// Longest excerpt of a wrong value that a message shows.
const MOST_SHOWN: usize = 60;

/// An object of a document, and where in it the object stands.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    document: &'static str,
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The fields of a whole document.
    pub(super) fn of(document: &'static str, value: &'a Value) -> Result<Self, ConfigError> {
        let object = value.as_object().ok_or_else(|| ConfigError::Invalid {
            document,
            field: String::new(),
            found: shown(value),
            accepted: "an object".to_owned(),
        })?;
        Ok(Self { document, path: String::new(), object })
    }

    /// The value of a field; `null` counts as absent.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The object in a field.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, ConfigError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let object = value.as_object().ok_or_else(|| self.invalid(name, value, "an object"))?;
        Ok(Some(Self { document: self.document, path: self.field(name), object }))
    }

    /// The objects of a list.
    pub(super) fn objects(&self, name: &str) -> Result<Option<Vec<Self>>, ConfigError> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let objects = list.iter().enumerate().map(|(index, value)| {
            let place = format!("{name}[{index}]");
            let object = value.as_object().ok_or_else(|| self.invalid(&place, value, "an object"))?;
            Ok(Self { document: self.document, path: self.field(&place), object })
        });
        objects.collect::<Result<_, _>>().map(Some)
    }

    /// Every field of the object that holds an object, by name.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Self)>, ConfigError> {
        let entries = self.object.keys().map(|name| {
            let object = self.object(name)?;
            Ok(object.map(|object| (name.as_str(), object)))
        });
        entries.filter_map(Result::transpose).collect()
    }

    /// A whole number from 1 to `most`.
    pub(super) fn count(&self, name: &str, most: u32) -> Result<u32, ConfigError> {
        self.maybe_count(name, most)?.ok_or_else(|| self.missing(name, &counted(1, most)))
    }

    /// A whole number from 1 to `most`; `default` where the field is absent.
    pub(super) fn count_or(&self, name: &str, most: u32, default: u32) -> Result<u32, ConfigError> {
        Ok(self.maybe_count(name, most)?.unwrap_or(default))
    }

    /// A whole number from 1 to `most`, if the field is there.
    pub(super) fn maybe_count(&self, name: &str, most: u32) -> Result<Option<u32>, ConfigError> {
        self.within(name, 1, most)
    }

    /// A whole number from 0 to `most`; 0 where the field is absent.
    pub(super) fn count_or_none(&self, name: &str, most: u32) -> Result<u32, ConfigError> {
        Ok(self.within(name, 0, most)?.unwrap_or(0))
    }

    /// The first of these fields that is there: the same dimension under different names.
    pub(super) fn count_of(&self, names: &[&str], most: u32) -> Result<u32, ConfigError> {
        let name = names.iter().find(|name| self.has(name)).or(names.first()).copied().unwrap_or_default();
        self.count(name, most)
    }

    fn within(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, ConfigError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = whole(value).filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| self.invalid(name, value, &counted(least, most)))
    }

    /// A number above zero.
    pub(super) fn factor(&self, name: &str, most: f64) -> Result<f64, ConfigError> {
        let accepted = format!("a number above 0 and up to {most}");
        let value = self.value(name).ok_or_else(|| self.missing(name, &accepted))?;
        let factor = value.as_f64().filter(|factor| *factor > 0.0 && *factor <= most);
        factor.ok_or_else(|| self.invalid(name, value, &accepted))
    }

    /// `true` or `false`; `default` where the field is absent.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, ConfigError> {
        let Some(value) = self.value(name) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.invalid(name, value, "`true` or `false`"))
    }

    /// A text, if the field is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, ConfigError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.invalid(name, value, "a text"))
    }

    /// A list of texts, if the field is there.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<&'a str>>, ConfigError> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let texts = list.iter().enumerate().map(|(index, value)| {
            value.as_str().ok_or_else(|| self.invalid(&format!("{name}[{index}]"), value, "a text"))
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// A list of whole numbers from 0 to `most`, if the field is there.
    pub(super) fn numbers(&self, name: &str, most: u32) -> Result<Option<Vec<u32>>, ConfigError> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let numbers = list.iter().enumerate().map(|(index, value)| {
            let number = whole(value).filter(|number| *number <= most);
            number.ok_or_else(|| self.invalid(&format!("{name}[{index}]"), value, &counted(0, most)))
        });
        numbers.collect::<Result<_, _>>().map(Some)
    }

    fn list(&self, name: &str) -> Result<Option<&'a Vec<Value>>, ConfigError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_array().map(Some).ok_or_else(|| self.invalid(name, value, "a list"))
    }

    /// The error of a field that must be there.
    pub(super) fn missing(&self, name: &str, accepted: &str) -> ConfigError {
        ConfigError::Missing {
            document: self.document,
            field: self.field(name),
            accepted: accepted.to_owned(),
        }
    }

    /// The error of a field that has another value than the reader takes.
    pub(super) fn refused(&self, name: &str, accepted: &str) -> ConfigError {
        self.invalid(name, self.object.get(name).unwrap_or(&Value::Null), accepted)
    }

    fn invalid(&self, name: &str, value: &Value, accepted: &str) -> ConfigError {
        ConfigError::Invalid {
            document: self.document,
            field: self.field(name),
            found: shown(value),
            accepted: accepted.to_owned(),
        }
    }

    fn field(&self, name: &str) -> String {
        // Names come from the document too, where they are keys of quantized modules.
        let name: String = name.chars().take(200).collect();
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }
}

fn counted(least: u32, most: u32) -> String {
    format!("a whole number from {least} to {most}")
}

/// A whole number, also where it is written as `64.0`.
fn whole(value: &Value) -> Option<u32> {
    if let Some(number) = value.as_u64() {
        return u32::try_from(number).ok();
    }
    let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
    // The cast is exact within the range that the filter leaves.
    (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
}

/// A value as a message shows it: scalars shortened, lists and objects by their size.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(object) => format!("an object of {} fields", object.len()),
        Value::String(text) => {
            let start: String = text.chars().take(MOST_SHOWN).collect();
            let rest = if start.len() < text.len() { "…" } else { "" };
            format!("{start:?}{rest}")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            value.to_string().chars().take(MOST_SHOWN).collect()
        }
    }
}
