//! Annotations of a workload's own metadata: what its author asks for, and what was done to it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::inspect::Subject;
use crate::rules::{self, Rule};

/// Rules that the author wants to hear nothing of, by id or name, separated by commas.
pub const IGNORE: &str = "kubectl-infer.io/ignore";

/// Why; kept in the audit log.
pub const IGNORE_REASON: &str = "kubectl-infer.io/ignore-reason";

/// Asks for new fixes although the template did not change. It counts in the request that writes or changes it and
/// in no later one, so that one left standing causes nothing: neither a patch at every update nor a difference to
/// what a deployment tool keeps in Git, as its removal would.
pub const RESYNC: &str = "kubectl-infer.io/resync";

/// Rules whose fixes were made, by id; `none` where there was nothing to do.
pub const APPLIED: &str = "kubectl-infer.io/applied";

/// Fixes that were not made, and why: `INF041 ignored, INF072 needs-mutate`.
pub const NOT_APPLIED: &str = "kubectl-infer.io/not-applied";

/// Version of the catalog by which the last fixes were made.
pub const CATALOG: &str = "kubectl-infer.io/catalog";

/// What stands in [`APPLIED`] and [`NOT_APPLIED`] where there is nothing to name.
pub(super) const NONE: &str = "none";

/// An annotation of the object's own metadata.
pub(super) fn own<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

/// What the author of an object says about the rules.
#[derive(Debug, Default)]
pub(super) struct Author {
    ignored: Vec<&'static Rule>,
    /// Words in [`IGNORE`] that name no rule.
    pub(super) unknown: Vec<String>,
    /// Why the author ignores them.
    pub(super) reason: Option<String>,
}

impl Author {
    /// Reads the annotations of the object, for a workload also those of its template.
    pub(super) fn of(object: &Value, subject: &Subject<'_>) -> Self {
        let read = |key| match subject {
            Subject::Workload(workload) => workload.annotation(key),
            Subject::Autoscaler(_) | Subject::Unrelated => own(object, key),
        };
        let Some(list) = read(IGNORE) else { return Self::default() };
        let mut author = Self { reason: read(IGNORE_REASON).map(str::to_owned), ..Self::default() };
        let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
        // As many as there are rules can mean something; a megabyte of words cannot.
        for word in words.take(256) {
            match rules::find(word) {
                Some(rule) => author.ignored.push(rule),
                None if author.unknown.len() < 8 => author.unknown.push(word.to_owned()),
                None => {}
            }
        }
        author
    }

    pub(super) fn ignores(&self, rule: &Rule) -> bool {
        self.ignored.contains(&rule)
    }

    /// Ids of the rules that the author ignores.
    pub(super) fn ignored(&self) -> Vec<&'static str> {
        self.ignored.iter().map(|rule| rule.id).collect()
    }
}

/// Rule ids in [`APPLIED`], without what nobody but an author can have written there.
pub(super) fn applied(object: &Value) -> BTreeSet<String> {
    let list = own(object, APPLIED).unwrap_or_default();
    let is_id = |word: &&str| {
        let digits = word.strip_prefix("INF");
        digits.is_some_and(|digits| digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit()))
    };
    list.split(',').map(str::trim).filter(is_id).map(str::to_owned).collect()
}
