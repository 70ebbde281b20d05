//! The object of a review: its JSON → serde_json's tree.
//!
//! It is what serde_json itself would read, but for `metadata.managedFields` and `status`, which no rule reads and which
//! are half of many stored objects, and it takes less time and memory: entries are collected beside the tree and each map and list
//! is made once, with as many places as it has entries.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The object that stands here; `None` for `null`.
///
/// # Errors
///
/// What stands here is no JSON.
pub(crate) fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    let mut open = Open::default();
    let value = Node { open: &mut open, part: Part::Object }.deserialize(deserializer)?;
    Ok(Some(value).filter(|value| !value.is_null()))
}

/// Entries of the maps and lists that have not ended yet, those of an inner one after those of the outer.
#[derive(Default)]
struct Open {
    fields: Vec<(String, Value)>,
    entries: Vec<Value>,
}

/// Which part of the object is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Object,
    Metadata,
    Inner,
}

struct Node<'o> {
    open: &'o mut Open,
    part: Part,
}

impl Node<'_> {
    /// The part below `key`; `None` where nothing below it is read.
    fn below(&self, key: &str) -> Option<Part> {
        match (self.part, key) {
            (Part::Object, "metadata") => Some(Part::Metadata),
            (Part::Metadata, "managedFields") | (Part::Object, "status") => None,
            _ => Some(Part::Inner),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let before = self.open.entries.len();
        while let Some(value) = list.next_element_seed(Node { open: &mut *self.open, part: Part::Inner })? {
            self.open.entries.push(value);
        }
        Ok(Value::Array(self.open.entries.drain(before..).collect()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let before = self.open.fields.len();
        while let Some(key) = map.next_key::<String>()? {
            let Some(part) = self.below(&key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value_seed(Node { open: &mut *self.open, part })?;
            self.open.fields.push((key, value));
        }
        let mut fields = Map::with_capacity(self.open.fields.len() - before);
        // Of a key that is repeated the last value counts.
        fields.extend(self.open.fields.drain(before..));
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Option<Value>, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let object = object(&mut deserializer)?;
        deserializer.end().map(|()| object)
    }

    #[test]
    fn managed_fields_and_the_status_are_left_out_of_the_object_itself_only() {
        let text = r#"{"metadata": {"name": "a", "managedFields": [{"f": {}}], "labels": {}, "status": 3},
            "status": {"conditions": []}, "spec": {"metadata": {"managedFields": 1}, "status": 1}, "managedFields": 2}"#;
        let expected = json!({"metadata": {"name": "a", "labels": {}, "status": 3},
            "spec": {"metadata": {"managedFields": 1}, "status": 1}, "managedFields": 2});
        assert_eq!(read(text).unwrap().unwrap().to_string(), expected.to_string());
    }

    #[test]
    fn what_is_no_json_is_an_error_wherever_it_stands() {
        for text in [r#"{"metadata": {"managedFields": [}}"#, r#"{"a": [1, }"#, r#"{"a" 1}"#, "", "[1", "nul"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(read(&deep).is_err());
    }

    #[test]
    fn null_is_no_object() {
        assert_eq!(read("null").unwrap(), None);
    }

    /// Any JSON as text, with keys that repeat.
    fn text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|value| value.to_string()),
            any::<i64>().prop_map(|value| value.to_string()),
            any::<u64>().prop_map(|value| value.to_string()),
            any::<f64>().prop_map(|value| json!(value).to_string()),
            "\\PC{0,8}".prop_map(|value| json!(value).to_string()),
        ];
        leaf.prop_recursive(5, 64, 6, |inner| {
            let field = ("[ab]{0,2}", inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(|entries| format!("[{}]", entries.join(","))),
                prop::collection::vec(field, 0..6).prop_map(|fields| format!("{{{}}}", fields.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_else_is_read_as_serde_json_reads_it(text in text()) {
            let expected: Option<Value> = serde_json::from_str(&text).unwrap();
            let read = read(&text).unwrap();
            prop_assert_eq!(json!(read).to_string(), json!(expected).to_string());
        }
    }
}
