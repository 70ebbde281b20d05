// What holds for every patch of ours, whatever it is made for. The webhook's properties and fuzz targets use this file
// too, by its path.

use json_patch::{Patch, PatchOperation};
use serde_json::{Value, json};

/// Lists that an entry may be removed from: variables, options of a command line.
const REMOVABLE: [&str; 3] = ["env", "args", "command"];

/// Maps of text, in which nothing but entries can stand.
const OF_TEXT: [&str; 7] =
    ["annotations", "labels", "matchLabels", "nodeSelector", "limits", "requests", "volumeAttributes"];

/// A field that nobody knows, and its value.
const UNKNOWN: &str = "unknownToEveryone";

/// The object with a field that nobody knows in every structure of it.
pub(crate) fn with_unknown_fields(object: &Value) -> Value {
    let mut object = object.clone();
    add_unknown(&mut object);
    object
}

fn add_unknown(value: &mut Value) {
    match value {
        Value::Array(entries) => entries.iter_mut().for_each(add_unknown),
        Value::Object(fields) => {
            fields
                .iter_mut()
                .filter(|(name, _)| !OF_TEXT.contains(&name.as_str()))
                .for_each(|(_, value)| add_unknown(value));
            fields.insert(UNKNOWN.to_owned(), json!({ "kept": [1, null, "", 2.5] }));
        }
        _ => {}
    }
}

fn count_unknown(value: &Value) -> usize {
    match value {
        Value::Array(entries) => entries.iter().map(count_unknown).sum(),
        Value::Object(fields) => {
            let here = usize::from(fields.get(UNKNOWN) == Some(&json!({ "kept": [1, null, "", 2.5] })));
            here + fields.values().map(count_unknown).sum::<usize>()
        }
        _ => 0,
    }
}

/// Applies `patch` by RFC 6902, one operation after the other, none of which takes away what it may not. Returns what
/// becomes of `object`.
pub(crate) fn apply_soundly(object: &Value, patch: &Patch) -> Value {
    let mut now = object.clone();
    for operation in &patch.0 {
        is_sound(&now, operation);
        json_patch::patch(&mut now, std::slice::from_ref(operation))
            .unwrap_or_else(|error| panic!("{operation} does not apply: {error}"));
    }
    let mut at_once = object.clone();
    json_patch::patch(&mut at_once, patch).expect("the patch applies as a whole");
    assert_eq!(now, at_once);
    now
}

fn is_sound(object: &Value, operation: &PatchOperation) {
    match operation {
        PatchOperation::Test(_) => {}
        PatchOperation::Add(addition) => {
            let path = addition.path.to_string();
            let parent = path.rsplit_once('/').and_then(|(parent, _)| object.pointer(parent));
            // An `add` of a field that is there takes its value away.
            let overwrites = parent.is_some_and(Value::is_object) && object.pointer(&path).is_some();
            assert!(!overwrites, "adds {path}, which is there already");
        }
        PatchOperation::Replace(replacement) => {
            let old = object.pointer(replacement.path.as_str()).map_or(0, count_unknown);
            let new = count_unknown(&replacement.value);
            assert_eq!(old, new, "loses a field that nobody knows: {operation}");
        }
        PatchOperation::Remove(removal) => {
            let path = removal.path.to_string();
            let list = path.rsplit('/').nth(1).unwrap_or_default();
            let is_in_list = path.rsplit('/').next().is_some_and(|index| index.parse::<usize>().is_ok());
            assert!(is_in_list && REMOVABLE.contains(&list), "removes {path}");
        }
        PatchOperation::Move(_) | PatchOperation::Copy(_) => panic!("{operation} is not ours"),
    }
}
