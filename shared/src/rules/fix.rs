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
/// An edit cannot be made; `object` then holds the edits before it.
pub fn apply(edits: &[Edit], object: &mut Value) -> Result<Patch, FixError> {
    let mut operations = Vec::new();
    let (removals, others): (Vec<_>, Vec<_>) =
        edits.iter().partition(|edit| matches!(edit, Edit::Remove { .. }));
    let mut removals: Vec<_> = removals.into_iter().collect();
    removals.sort_by_key(|edit| std::cmp::Reverse(place(edit)));
    removals.dedup();
    for edit in others.into_iter().chain(removals) {
        match edit {
            Edit::Set { at, value } => set(object, at, value, &mut operations)?,
            Edit::Append { list, value } => append(object, list, value, &mut operations)?,
            Edit::Remove { at, found } => remove(object, at, found, &mut operations)?,
        }
    }
    Ok(Patch(operations))
}

/// Sorts places so that list indices compare as numbers.
fn place(edit: &Edit) -> Vec<(Option<u64>, String)> {
    let at = match edit {
        Edit::Set { at, .. } | Edit::Remove { at, .. } => at,
        Edit::Append { list, .. } => list,
    };
    at.tokens().map(|token| (token.decoded().parse().ok(), token.decoded().into_owned())).collect()
}

fn set(
    object: &mut Value,
    at: &Pointer,
    value: &Value,
    operations: &mut Vec<PatchOperation>,
) -> Result<(), FixError> {
    if let Some(present) = object.pointer_mut(at.as_str()) {
        if present == value {
            return Ok(());
        }
        operations.push(PatchOperation::Test(TestOperation { path: at.to_buf(), value: present.clone() }));
        operations
            .push(PatchOperation::Replace(ReplaceOperation { path: at.to_buf(), value: value.clone() }));
        *present = value.clone();
        return Ok(());
    }
    add(object, at, value.clone(), operations)
}

/// Adds what is not there, together with the objects above it that are not there either, as one operation.
fn add(
    object: &mut Value,
    at: &Pointer,
    value: Value,
    operations: &mut Vec<PatchOperation>,
) -> Result<(), FixError> {
    let no_place = || FixError::NoPlace { at: at.to_string() };
    let (parent, key) = at.split_back().ok_or_else(no_place)?;
    let key = key.decoded().into_owned();
    match object.pointer_mut(parent.as_str()) {
        Some(Value::Object(fields)) => {
            operations.push(PatchOperation::Add(AddOperation { path: at.to_buf(), value: value.clone() }));
            fields.insert(key, value);
            Ok(())
        }
        Some(Value::Array(_)) => Err(no_place()),
        None | Some(Value::Null) => {
            let above = Value::Object(serde_json::Map::from_iter([(key, value)]));
            match object.pointer_mut(parent.as_str()) {
                Some(null) => {
                    let path = parent.to_buf();
                    operations.push(PatchOperation::Replace(ReplaceOperation { path, value: above.clone() }));
                    *null = above;
                    Ok(())
                }
                None => add(object, parent, above, operations),
            }
        }
        Some(_) => Err(no_place()),
    }
}

fn append(
    object: &mut Value,
    list: &Pointer,
    value: &Value,
    operations: &mut Vec<PatchOperation>,
) -> Result<(), FixError> {
    match object.pointer_mut(list.as_str()) {
        Some(Value::Array(entries)) => {
            if entries.iter().any(|entry| same_entry(entry, value)) {
                return Ok(());
            }
            let path = list.with_trailing_token("-");
            operations.push(PatchOperation::Add(AddOperation { path, value: value.clone() }));
            entries.push(value.clone());
            Ok(())
        }
        None | Some(Value::Null) => set(object, list, &Value::Array(vec![value.clone()]), operations),
        Some(_) => Err(FixError::NoPlace { at: list.to_string() }),
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

fn remove(
    object: &mut Value,
    at: &Pointer,
    found: &Value,
    operations: &mut Vec<PatchOperation>,
) -> Result<(), FixError> {
    let Some(present) = object.pointer(at.as_str()) else { return Ok(()) };
    let moved = || FixError::Moved { at: at.to_string() };
    if present != found {
        return Err(moved());
    }
    let (parent, key) = at.split_back().ok_or_else(moved)?;
    match object.pointer_mut(parent.as_str()) {
        Some(Value::Object(fields)) => {
            fields.shift_remove(key.decoded().as_ref());
        }
        Some(Value::Array(entries)) => {
            let index = key.decoded().parse::<usize>().ok().filter(|index| *index < entries.len());
            entries.remove(index.ok_or_else(moved)?);
        }
        _ => return Err(moved()),
    }
    operations.push(PatchOperation::Test(TestOperation { path: at.to_buf(), value: found.clone() }));
    operations.push(PatchOperation::Remove(RemoveOperation { path: at.to_buf() }));
    Ok(())
}
