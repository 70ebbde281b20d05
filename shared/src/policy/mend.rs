//! Fixes made until there is nothing left to fix.

use std::borrow::Cow;

use json_patch::PatchOperation;
use serde_json::Value;

use super::annotation::Author;
use super::{Consequence, InForce, Judgement, Unfixed};
use crate::catalog::CatalogError;
use crate::inspect::{Pointer, Subject, inspect};
use crate::rules::{Background, Edit, Fix, Scope, apply, check_in};

/// Rounds of rules and fixes: one fix may make the next possible (a mount before what is read from it). What has not
/// come to rest then never will.
const ROUNDS: usize = 4;

/// An object after its fixes.
#[derive(Debug)]
pub(super) struct Mended<'a> {
    pub(super) object: Cow<'a, Value>,
    /// The object as it was written.
    written: &'a Value,
    pub(super) operations: Vec<PatchOperation>,
    /// What was put right.
    pub(super) fixed: Vec<Judgement>,
    /// What the rules still find.
    pub(super) left: Vec<Judgement>,
}

/// What the rules say of `subject`, as far as admission asks them.
pub(super) fn judge(
    subject: &Subject<'_>,
    author: &Author,
    in_force: &InForce<'_>,
    background: &Background<'_>,
) -> Result<Vec<Judgement>, CatalogError> {
    judge_in(Scope::Everywhere, subject, author, in_force, background)
}

/// The same, in files with the rules that only files are asked.
pub(super) fn judge_in(
    place: Scope,
    subject: &Subject<'_>,
    author: &Author,
    in_force: &InForce<'_>,
    background: &Background<'_>,
) -> Result<Vec<Judgement>, CatalogError> {
    let findings = check_in(place, subject, background)?.into_iter();
    Ok(findings.filter_map(|finding| Judgement::of(finding, in_force, author)).collect())
}

/// Makes the fixes of `object` that may be made, so that a second time there is none to make. `judgements` are those
/// of the object as it is.
pub(super) fn mend<'a>(
    object: &'a Value,
    judgements: Vec<Judgement>,
    author: &Author,
    in_force: &InForce<'_>,
    background: &Background<'_>,
) -> Result<Mended<'a>, CatalogError> {
    mend_in(Scope::Everywhere, object, judgements, author, in_force, background)
}

/// The same, in files with the rules that only files are asked.
pub(super) fn mend_in<'a>(
    place: Scope,
    object: &'a Value,
    judgements: Vec<Judgement>,
    author: &Author,
    in_force: &InForce<'_>,
    background: &Background<'_>,
) -> Result<Mended<'a>, CatalogError> {
    let mut mended = Mended::of(object, judgements);
    for _ in 0..ROUNDS {
        if !mended.fix_what_is_left() {
            return Ok(mended);
        }
        mended.left = judge_in(place, &inspect(&mended.object), author, in_force, background)?;
    }
    if !mended.left.iter().any(Judgement::is_to_be_fixed) {
        return Ok(mended);
    }
    // Fixes that undo each other: none is made, and each is reported.
    let mut left = judge_in(place, &inspect(object), author, in_force, background)?;
    for judgement in left.iter_mut().filter(|judgement| judgement.is_to_be_fixed()) {
        judgement.unfixed = Some(Unfixed::Impossible);
    }
    Ok(Mended::of(object, left))
}

impl<'a> Mended<'a> {
    fn of(written: &'a Value, left: Vec<Judgement>) -> Self {
        Self { object: Cow::Borrowed(written), written, operations: Vec::new(), fixed: Vec::new(), left }
    }

    /// Undoes a fix of which the first edits were made and a later one failed: the object is made anew from what was
    /// written and the fixes before. Copying it before each fix would cost every fix what only a broken one needs.
    fn take_back(&mut self) {
        let mut object = self.written.clone();
        // The operations were made of this object, so they apply.
        if json_patch::patch(&mut object, &self.operations).is_ok() {
            self.object = Cow::Owned(object);
        }
    }

    /// Makes the fixes of what is left, and says whether there were any.
    fn fix_what_is_left(&mut self) -> bool {
        let mut any = false;
        // A removal moves the indices that the other findings of this round point at.
        let mut has_moved = false;
        for mut judgement in std::mem::take(&mut self.left) {
            if has_moved || !judgement.is_to_be_fixed() {
                self.left.push(judgement);
                continue;
            }
            let fix = judgement.finding.fix.as_ref();
            match fix.map_or(Err(Unfixed::Impossible), |fix| self.make(fix)) {
                Ok(removes) => {
                    any = true;
                    has_moved = removes;
                    judgement.consequence = Consequence::Fixed;
                    self.fixed.push(judgement);
                }
                Err(reason) => {
                    judgement.unfixed = Some(reason);
                    self.left.push(judgement);
                }
            }
        }
        any
    }

    /// Makes one fix wholly or not at all, and says whether it removed something.
    fn make(&mut self, fix: &Fix) -> Result<bool, Unfixed> {
        let removed = fix.edits.iter().filter_map(|edit| match edit {
            Edit::Remove { at, .. } => Some(at),
            Edit::Set { .. } | Edit::Append { .. } => None,
        });
        if !removed.clone().all(|at| may_be_removed(at)) {
            return Err(Unfixed::Removes);
        }
        let removes = removed.count() > 0;
        match apply(&fix.edits, self.object.to_mut()) {
            Ok(operations) if operations.0.is_empty() => Err(Unfixed::Impossible),
            Ok(operations) => {
                self.operations.extend(operations.0);
                Ok(removes)
            }
            Err(_) => {
                self.take_back();
                Err(Unfixed::Impossible)
            }
        }
    }
}

/// Whether admission may remove what stands at `at`: an environment variable or a word of a container's command line,
/// and nothing else.
fn may_be_removed(at: &Pointer) -> bool {
    let tokens: Vec<_> = at.tokens().map(|token| token.decoded().into_owned()).collect();
    match tokens.as_slice() {
        [.., containers, container, list, entry] => {
            let is_index = |token: &str| token.bytes().all(|digit| digit.is_ascii_digit());
            matches!(containers.as_str(), "containers" | "initContainers")
                && matches!(list.as_str(), "env" | "command" | "args")
                && is_index(container)
                && is_index(entry)
        }
        _ => false,
    }
}
