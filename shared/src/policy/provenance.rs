//! What is written down about a decision, on the object's own metadata.
//!
//! Never on a Pod template: an annotation there is a roll-out of every replica. The annotations are the same for the
//! same object whatever the catalog's version, unless a fix was made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Judgement;
use super::annotation::{APPLIED, CATALOG, NONE, NOT_APPLIED, applied, own};
use crate::inspect::PointerBuf;
use crate::rules::Edit;

/// Edits that write down what was `fixed` in `object`, and why the fixes of what is `left` were not made.
pub(super) fn edits(
    object: &Value,
    fixed: &[Judgement],
    left: &[Judgement],
    catalog_version: &str,
) -> Vec<Edit> {
    let mut edits = Vec::new();
    let is_first = own(object, APPLIED).is_none();
    if is_first || !fixed.is_empty() {
        let mut ids = applied(object);
        ids.extend(fixed.iter().map(|judgement| judgement.finding.rule.id.to_owned()));
        let ids: Vec<_> = ids.into_iter().collect();
        edits.push(write(APPLIED, if ids.is_empty() { NONE.to_owned() } else { ids.join(",") }));
        edits.push(write(CATALOG, catalog_version.to_owned()));
    }
    let not_applied = not_applied(left);
    if not_applied != own(object, NOT_APPLIED).unwrap_or(NONE) {
        edits.push(write(NOT_APPLIED, not_applied));
    }
    edits
}

fn write(key: &str, value: String) -> Edit {
    Edit::Set { at: PointerBuf::from_tokens(["metadata", "annotations", key]), value: Value::String(value) }
}

fn not_applied(left: &[Judgement]) -> String {
    let reasons = left
        .iter()
        .filter_map(|judgement| judgement.unfixed.map(|reason| (judgement.finding.rule.id, reason.name())));
    let mut by_rule: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (rule, reason) in reasons {
        by_rule.entry(rule).or_default().insert(reason);
    }
    if by_rule.is_empty() {
        return NONE.to_owned();
    }
    let words = by_rule.into_iter().map(|(rule, reasons)| {
        let reasons: Vec<_> = reasons.into_iter().collect();
        format!("{rule} {}", reasons.join("+"))
    });
    words.collect::<Vec<_>>().join(", ")
}
