//! Fixes: edits of the author's own JSON, and the JSON Patch they come to.
//!
//! An edit says what shall hold ("this variable is set"); [`apply`] makes it hold in a working copy and writes down
//! the RFC 6902 operations that do so. That is what makes several fixes of one object agree with each other (two that
//! each need a list of volumes), and a fix applied twice the same as applied once.

use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
    jsonptr::{Pointer, PointerBuf},
};
use serde_json::Value;
use thiserror::Error;

/// How careful one has to be with a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caution {
    /// It adds what is missing and breaks nothing: made without any policy.
    Safe,
    /// It changes the command line, which deployment tools compare as a whole: made only where a policy says
    /// `mutate`.
    Arguments,
    /// It replaces or removes what the author wrote: made only where a policy says `overwrite`.
    Overwrites,
}

/// How to put a finding right.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// What it does, in a few words: `set HF_HOME to /dev/shm/hf_cache`.
    pub summary: String,
    /// How careful one has to be with it.
    pub caution: Caution,
    /// What shall hold.
    pub edits: Vec<Edit>,
}

/// Something that shall hold in an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// `value` stands at `at`. Parents that are missing are made as objects.
    Set {
        /// Where.
        at: PointerBuf,
        /// What.
        value: Value,
    },
    /// The list at `list` has `value`: appended unless an entry with the same `name` (or `mountPath`, for mounts) is
    /// there. A missing list is made.
    Append {
        /// The list.
        list: PointerBuf,
        /// The entry.
        value: Value,
    },
    /// Nothing stands at `at`, where `found` stands now.
    Remove {
        /// Where.
        at: PointerBuf,
        /// What the rule saw there; the patch tests it, since an index may have moved.
        found: Value,
    },
}

/// Why an edit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FixError {
    /// A parent of the place is a text or a number.
    #[error("`{at}` cannot be written: what stands above it is neither an object nor a list")]
    NoPlace {
        /// The place.
        at: String,
    },
    /// Something else stands where the edit would remove.
    #[error("`{at}` is no longer what the rule saw")]
    Moved {
        /// The place.
        at: String,
    },
}

/// Makes `edits` hold in `object` and returns the operations that do so, none for what already holds.
///
/// Removals go last and from the end of a list to its start, so that no index in the other edits moves.
///
/// # Errors
///
/// An edit cannot be made; `object` is then as it was.
pub fn apply(edits: &[Edit], object: &mut Value) -> Result<Patch, FixError> {
    make(edits, object).map(|made| Patch(made.operations))
}

/// Edits that were made: the operations that do so, and how to take them back. An object is large and its fixes are
/// few, so that taking them back costs less than a copy of what was there.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub(crate) operations: Vec<PatchOperation>,
    before: Vec<Before>,
}

/// What was there before an edit.
#[derive(Debug)]
enum Before {
    /// This value, where another stands now.
    Value { at: PointerBuf, value: Value },
    /// Nothing, where this field of `parent` stands now.
    NoField { parent: PointerBuf, key: String },
    /// One entry less at the end of this list.
    Shorter { list: PointerBuf },
    /// This field of `parent`, as the one of this index.
    Field { parent: PointerBuf, index: usize, key: String, value: Value },
    /// This entry of `list`.
    Entry { list: PointerBuf, index: usize, value: Value },
}

/// [`apply`], with the way back.
pub(crate) fn make(edits: &[Edit], object: &mut Value) -> Result<Made, FixError> {
    let mut made = Made::default();
    let (removals, others): (Vec<_>, Vec<_>) =
        edits.iter().partition(|edit| matches!(edit, Edit::Remove { .. }));
    let mut removals: Vec<_> = removals.into_iter().collect();
    removals.sort_by_key(|edit| std::cmp::Reverse(place(edit)));
    removals.dedup();
    for edit in others.into_iter().chain(removals) {
        let done = match edit {
            Edit::Set { at, value } => made.set(object, at, value),
            Edit::Append { list, value } => made.append(object, list, value),
            Edit::Remove { at, found } => made.remove(object, at, found),
        };
        if let Err(error) = done {
            made.take_back(object);
            return Err(error);
        }
    }
    Ok(made)
}

/// Sorts places so that list indices compare as numbers.
fn place(edit: &Edit) -> Vec<(Option<u64>, String)> {
    let at = match edit {
        Edit::Set { at, .. } | Edit::Remove { at, .. } => at,
        Edit::Append { list, .. } => list,
    };
    at.tokens().map(|token| (token.decoded().parse().ok(), token.decoded().into_owned())).collect()
}

impl Made {
    /// Makes `object` what it was before these edits, byte for byte. Later edits have to be taken back first.
    pub(crate) fn take_back(self, object: &mut Value) {
        for before in self.before.into_iter().rev() {
            match before {
                Before::Value { at, value } => {
                    if let Some(place) = object.pointer_mut(at.as_str()) {
                        *place = value;
                    }
                }
                Before::NoField { parent, key } => {
                    if let Some(Value::Object(fields)) = object.pointer_mut(parent.as_str()) {
                        fields.shift_remove(&key);
                    }
                }
                Before::Shorter { list } => {
                    if let Some(Value::Array(entries)) = object.pointer_mut(list.as_str()) {
                        entries.pop();
                    }
                }
                Before::Field { parent, index, key, value } => {
                    if let Some(Value::Object(fields)) = object.pointer_mut(parent.as_str()) {
                        fields.shift_insert(index, key, value);
                    }
                }
                Before::Entry { list, index, value } => {
                    if let Some(Value::Array(entries)) = object.pointer_mut(list.as_str()) {
                        entries.insert(index, value);
                    }
                }
            }
        }
    }

    fn set(&mut self, object: &mut Value, at: &Pointer, value: &Value) -> Result<(), FixError> {
        let Some(present) = object.pointer_mut(at.as_str()) else {
            return self.add(object, at, value.clone());
        };
        if present == value {
            return Ok(());
        }
        let test = TestOperation { path: at.to_buf(), value: present.clone() };
        self.operations.push(PatchOperation::Test(test));
        self.replace(present, at, value.clone());
        Ok(())
    }

    fn replace(&mut self, present: &mut Value, at: &Pointer, value: Value) {
        let path = at.to_buf();
        self.operations
            .push(PatchOperation::Replace(ReplaceOperation { path: path.clone(), value: value.clone() }));
        self.before.push(Before::Value { at: path, value: std::mem::replace(present, value) });
    }

    /// Adds what is not there, together with the objects above it that are not there either, as one operation.
    fn add(&mut self, object: &mut Value, at: &Pointer, value: Value) -> Result<(), FixError> {
        let no_place = || FixError::NoPlace { at: at.to_string() };
        let (parent, key) = at.split_back().ok_or_else(no_place)?;
        let key = key.decoded().into_owned();
        match object.pointer_mut(parent.as_str()) {
            Some(Value::Object(fields)) => {
                let path = at.to_buf();
                self.operations.push(PatchOperation::Add(AddOperation { path, value: value.clone() }));
                self.before.push(Before::NoField { parent: parent.to_buf(), key: key.clone() });
                fields.insert(key, value);
                Ok(())
            }
            Some(null @ Value::Null) => {
                let above = Value::Object(serde_json::Map::from_iter([(key, value)]));
                self.replace(null, parent, above);
                Ok(())
            }
            None => {
                let above = Value::Object(serde_json::Map::from_iter([(key, value)]));
                self.add(object, parent, above)
            }
            Some(_) => Err(no_place()),
        }
    }

    fn append(&mut self, object: &mut Value, list: &Pointer, value: &Value) -> Result<(), FixError> {
        match object.pointer_mut(list.as_str()) {
            Some(Value::Array(entries)) => {
                if entries.iter().any(|entry| same_entry(entry, value)) {
                    return Ok(());
                }
                let path = list.with_trailing_token("-");
                self.operations.push(PatchOperation::Add(AddOperation { path, value: value.clone() }));
                self.before.push(Before::Shorter { list: list.to_buf() });
                entries.push(value.clone());
                Ok(())
            }
            None | Some(Value::Null) => self.set(object, list, &Value::Array(vec![value.clone()])),
            Some(_) => Err(FixError::NoPlace { at: list.to_string() }),
        }
    }

    fn remove(&mut self, object: &mut Value, at: &Pointer, found: &Value) -> Result<(), FixError> {
        let Some(present) = object.pointer(at.as_str()) else { return Ok(()) };
        let moved = || FixError::Moved { at: at.to_string() };
        if present != found {
            return Err(moved());
        }
        let (parent, key) = at.split_back().ok_or_else(moved)?;
        let key = key.decoded();
        match object.pointer_mut(parent.as_str()) {
            Some(Value::Object(fields)) => {
                let index = fields.keys().position(|name| *name == key).ok_or_else(moved)?;
                let value = fields.shift_remove(key.as_ref()).ok_or_else(moved)?;
                let (parent, key) = (parent.to_buf(), key.into_owned());
                self.before.push(Before::Field { parent, index, key, value });
            }
            Some(Value::Array(entries)) => {
                let index = key.parse::<usize>().ok().filter(|index| *index < entries.len());
                let index = index.ok_or_else(moved)?;
                let value = entries.remove(index);
                self.before.push(Before::Entry { list: parent.to_buf(), index, value });
            }
            _ => return Err(moved()),
        }
        self.operations.push(PatchOperation::Test(TestOperation { path: at.to_buf(), value: found.clone() }));
        self.operations.push(PatchOperation::Remove(RemoveOperation { path: at.to_buf() }));
        Ok(())
    }
}

/// Mounts are told apart by their path, everything else in a list of a Pod by its name.
fn same_entry(entry: &Value, value: &Value) -> bool {
    let key = ["mountPath", "name"].into_iter().find(|key| value.get(key).is_some());
    match key {
        Some(key) => entry.get(key) == value.get(key),
        None => entry == value,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object() -> Value {
        json!({
            "empty": null,
            "list": [{"name": "a"}, {"name": "b", "value": 1}, {"name": "c"}],
            "fields": {"first": 1, "second": {"third": [true]}, "fourth": "text"},
        })
    }

    /// Edits of what is there, of what is not, and of what cannot be.
    fn edit() -> impl Strategy<Value = Edit> {
        let place = prop::sample::select(vec![
            "/empty",
            "/empty/new",
            "/list",
            "/list/1",
            "/list/0/value",
            "/list/7",
            "/fields/first",
            "/fields/second",
            "/fields/second/third",
            "/fields/second/third/0",
            "/fields/fourth",
            "/fields/fourth/below",
            "/new",
            "/new/deep/er",
            "",
        ]);
        let value =
            prop::sample::select(vec![json!(1), json!({"name": "b"}), json!({"name": "z"}), json!(null)]);
        (place, value, 0..3).prop_map(|(place, value, kind)| {
            let at = PointerBuf::parse(place).unwrap();
            match kind {
                0 => Edit::Set { at, value },
                1 => Edit::Append { list: at, value },
                _ => Edit::Remove { found: object().pointer(place).cloned().unwrap_or_default(), at },
            }
        })
    }

    proptest! {
        #[test]
        fn edits_taken_back_leave_every_byte_as_it_was(edits in prop::collection::vec(edit(), 0..5)) {
            let before = object();
            let mut object = object();
            if let Ok(made) = make(&edits, &mut object) {
                let mut patched = before.clone();
                let patch = Patch(made.operations.clone());
                json_patch::patch(&mut patched, &patch).expect("the patch applies");
                prop_assert_eq!(&patched, &object);
                made.take_back(&mut object);
            }
            prop_assert_eq!(object.to_string(), before.to_string());
        }
    }
}
