//! Fixes in the text of a file.

use serde_json::Value;
use similar::TextDiff;

use super::{Input, ObjectName, look};
use crate::catalog::CatalogError;
use crate::documents::{FileObject, NotPlaced, Rewrite, to_text};
use crate::policy::{Judgement, Snapshot};
use crate::rules::apply;

/// A file's text after its fixes.
#[derive(Debug, Clone, PartialEq)]
pub struct Fixed {
    /// The text; the same as before where nothing was fixed.
    pub text: String,
    /// What was put right.
    pub placed: Vec<Judgement>,
    /// What could be put right but not in this text.
    pub unplaced: Vec<Unplaced>,
}

/// A fix that cannot be written into the text without changing something else.
#[derive(Debug, Clone, PartialEq)]
pub struct Unplaced {
    /// The object.
    pub object: ObjectName,
    /// What would be put right.
    pub judgement: Judgement,
    /// Why it cannot be written.
    pub reason: NotPlaced,
    /// The object before and after, as a unified diff of its YAML; for a person to do it.
    pub diff: String,
}

/// Makes the fixes of the objects of `input`; `snapshot` is what is known beside it (see [`super::surroundings`]).
///
/// # Errors
///
/// The catalog cannot be read.
pub fn fix(input: &Input, snapshot: &Snapshot, now_unix_seconds: i64) -> Result<Fixed, CatalogError> {
    let mut rewrite = Rewrite::of(&input.file);
    let mut fixed = Fixed { text: String::new(), placed: Vec::new(), unplaced: Vec::new() };
    for object in input.file.objects() {
        let Some(survey) = look(&input.file, object, snapshot, now_unix_seconds)? else { continue };
        if survey.fixed.is_empty() {
            continue;
        }
        match rewrite.place(object, &survey.mended) {
            Ok(()) => fixed.placed.extend(survey.fixed),
            Err(_) => fixed.one_by_one(&mut rewrite, object, survey.fixed),
        }
    }
    fixed.text = rewrite.text();
    Ok(fixed)
}

impl Fixed {
    /// Places what can be placed; what cannot is kept for a person.
    fn one_by_one(&mut self, rewrite: &mut Rewrite<'_>, object: &FileObject, fixes: Vec<Judgement>) {
        for judgement in fixes {
            let before = rewrite.value(object);
            let mut wanted = before.clone();
            let edits = judgement.finding.fix.as_ref().map(|fix| fix.edits.as_slice()).unwrap_or_default();
            // What an earlier fix did not do this one may need: then it is not made either.
            if apply(edits, &mut wanted).is_err() {
                continue;
            }
            let name = ObjectName::of(before);
            let diff = diff(before, &wanted);
            match rewrite.place(object, &wanted) {
                Ok(()) => self.placed.push(judgement),
                Err(reason) => self.unplaced.push(Unplaced { object: name, judgement, reason, diff }),
            }
        }
    }
}

fn diff(before: &Value, after: &Value) -> String {
    let (before, after) = (to_text(before), to_text(after));
    TextDiff::from_lines(&before, &after).unified_diff().header("as it is", "as it would be").to_string()
}
