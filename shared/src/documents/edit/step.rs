//! The difference of two values as single changes.

use serde_json::Value;

use crate::inspect::{Pointer, PointerBuf};

/// A single change of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A new key.
    Add { object: PointerBuf, key: String, value: Value },
    /// A new item at the end.
    Append { list: PointerBuf, value: Value },
    /// Another value in the same place.
    Replace { at: PointerBuf, value: Value },
    /// Nothing in a place.
    Remove { at: PointerBuf },
}

/// What makes `new` of `old`, in an order in which no step moves the place of a later one; `None` where that cannot
/// be said in single changes.
pub(super) fn steps(old: &Value, new: &Value, at: &Pointer) -> Option<Vec<Step>> {
    if old == new {
        return Some(Vec::new());
    }
    match (old, new) {
        (Value::Object(before), Value::Object(after)) if !before.is_empty() => {
            let mut steps = Vec::new();
            let mut removals = Vec::new();
            for (key, value) in before {
                let at = at.with_trailing_token(key.as_str());
                match after.get(key) {
                    Some(other) => steps.extend(self::steps(value, other, &at)?),
                    None => removals.push(Step::Remove { at }),
                }
            }
            for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                steps.push(Step::Add { object: at.to_buf(), key: key.clone(), value: value.clone() });
            }
            steps.extend(removals);
            Some(steps)
        }
        (Value::Array(before), Value::Array(after)) if !before.is_empty() => items(before, after, at),
        _ => Some(vec![Step::Replace { at: at.to_buf(), value: new.clone() }]),
    }
}

fn items(before: &[Value], after: &[Value], at: &Pointer) -> Option<Vec<Step>> {
    let append = |value: &Value| Step::Append { list: at.to_buf(), value: value.clone() };
    // Items taken out, and new ones at the end.
    let mut kept = after.iter().peekable();
    let mut removed = Vec::new();
    for (index, item) in before.iter().enumerate() {
        if kept.next_if_eq(&item).is_none() {
            removed.push(Step::Remove { at: at.with_trailing_token(index) });
        }
    }
    let added: Vec<_> = kept.map(append).collect();
    let is_in_place = before.len() <= after.len()
        && before.iter().zip(after).all(|(item, other)| name(item) == name(other));
    if removed.len() < before.len() && (removed.is_empty() || !is_in_place) {
        return Some(added.into_iter().chain(removed.into_iter().rev()).collect());
    }
    // The same items, some of them changed, and new ones at the end.
    if after.len() < before.len() {
        return None;
    }
    let mut steps = Vec::new();
    for (index, (item, other)) in before.iter().zip(after).enumerate() {
        steps.extend(self::steps(item, other, &at.with_trailing_token(index))?);
    }
    steps.extend(after.iter().skip(before.len()).map(append));
    Some(steps)
}

/// What tells the items of a Pod's lists apart.
fn name(item: &Value) -> Option<&Value> {
    ["mountPath", "name"].into_iter().find_map(|key| item.get(key))
}
