//! Objects as YAML that people read: known keys in the order of the documentation's examples.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use serde_saphyr::SingleQuoted;

use super::ManifestError;

/// Keys that come before all others, in this order; the others follow in alphabetical order.
const FIRST_KEYS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "namespace",
    "labels",
    "annotations",
    "scaleTargetRef",
    "minReplicas",
    "maxReplicas",
    "replicas",
    "type",
    "driver",
    "selector",
    "matchLabels",
    "progressDeadlineSeconds",
    "strategy",
    "template",
    "spec",
    "restartPolicy",
    "serviceAccountName",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "nodeSelector",
    "tolerations",
    "terminationGracePeriodSeconds",
    "initContainers",
    "image",
    "command",
    "args",
    "env",
    "ports",
    "path",
    "port",
    "targetPort",
    "metrics",
    "metric",
    "target",
    "resources",
    "requests",
    "limits",
    "volumeMounts",
    "containers",
    "startupProbe",
    "readinessProbe",
    "livenessProbe",
    "httpGet",
    "lifecycle",
    "securityContext",
    "volumes",
];

/// Lines longer than this would be folded, which breaks copying and searching: never.
const NEVER_FOLD: usize = 1 << 20;

/// One YAML document each, separated by `---`.
///
/// Strings that YAML 1.1 or 1.2 readers could take for something else are quoted; texts of several lines
/// become literal blocks.
pub(super) fn to_yaml(documents: &[Value]) -> Result<String, ManifestError> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: NEVER_FOLD };
    let documents: Vec<Readable<'_>> = documents.iter().map(Readable).collect();
    serde_saphyr::to_string_multiple_with_options(&documents, options)
        .map_err(|error| ManifestError::Render(error.to_string()))
}

/// Documents of any keys, in reading order.
pub(crate) fn to_yaml_in_order(documents: &[Value]) -> Result<String, ManifestError> {
    let ordered: Vec<Value> = documents.iter().cloned().map(in_reading_order).collect();
    to_yaml(&ordered)
}

/// A value whose strings with double quotes (JSON in annotations) are single-quoted, so that nothing in
/// them has to be escaped.
struct Readable<'a>(&'a Value);

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if text.contains('"') && text.chars().all(|c| (' '..='~').contains(&c)) => {
                SingleQuoted(text.as_str()).serialize(serializer)
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Readable)),
            Value::Object(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, Readable(value))))
            }
            scalar => scalar.serialize(serializer),
        }
    }
}

/// The same value with the keys of every mapping in reading order.
pub(super) fn in_reading_order(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(in_reading_order).collect()),
        Value::Object(entries) => {
            let mut entries: Vec<(String, Value)> = entries.into_iter().collect();
            entries
                .sort_by(|(here, _), (there, _)| rank(here).cmp(&rank(there)).then_with(|| here.cmp(there)));
            let entries = entries.into_iter().map(|(key, value)| (key, in_reading_order(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        scalar => scalar,
    }
}

fn rank(key: &str) -> usize {
    FIRST_KEYS.iter().position(|first| *first == key).unwrap_or(FIRST_KEYS.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_container_starts_with_its_name_and_an_object_with_its_version() {
        let object = json!({
            "spec": {"containers": [{"args": ["a"], "image": "i", "name": "web", "env": []}]},
            "metadata": {"labels": {"b": "1", "a": "2"}, "name": "web"},
            "kind": "Pod",
            "apiVersion": "v1",
        });
        let yaml = to_yaml(&[in_reading_order(object)]).unwrap();
        insta::assert_snapshot!(yaml, @r#"
        apiVersion: v1
        kind: Pod
        metadata:
          name: web
          labels:
            a: "2"
            b: "1"
        spec:
          containers:
          - name: web
            image: i
            args:
            - a
            env: []
        "#);
    }

    #[test]
    fn strings_that_readers_could_misread_stay_strings() {
        let hostile = [
            "true",
            "no",
            "on",
            "Y",
            "~",
            "null",
            "",
            "1",
            "0x1f",
            "1e3",
            "0o7",
            "1_000",
            ".inf",
            "1:30",
            "2026-01-01",
            "-",
            "- a",
            "# c",
            "a: b",
            "a #b",
            "@a",
            "`a",
            "%a",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "'",
            "\"",
            "{a}",
            "[a]",
            " a",
            "a ",
            "a\nb\n",
            "\n",
            "\ta",
            "---",
            "...",
            "=",
            "<<",
            "a\u{85}b",
            "\u{feff}a",
            "é",
            "\u{7}",
        ];
        for text in hostile {
            let value = json!({"k": text, "list": [text], text: 1});
            let yaml = to_yaml(std::slice::from_ref(&value)).unwrap();
            let back: Value = serde_saphyr::from_str(&yaml).unwrap();
            assert_eq!(back, value, "{yaml}");
        }
    }

    #[test]
    fn long_texts_stay_on_one_line() {
        let text = "word ".repeat(60) + "end";
        let yaml = to_yaml(&[json!({"k": text})]).unwrap();
        assert_eq!(yaml.lines().count(), 1, "{yaml}");
    }

    proptest! {
        #[test]
        fn any_string_round_trips(text in "\\PC{0,40}|[ -~\n\t]{0,40}") {
            let value = json!({"k": [text]});
            let yaml = to_yaml(std::slice::from_ref(&value)).unwrap();
            let back: Value = serde_saphyr::from_str(&yaml).unwrap();
            prop_assert_eq!(back, value);
        }
    }
}
