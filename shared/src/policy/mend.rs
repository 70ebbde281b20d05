//! Fixes made until there is nothing left to fix.

use std::borrow::Cow;

use json_patch::PatchOperation;
use serde_json::Value;

use super::case::Standards;
use super::{Consequence, Judgement, Unfixed};
use crate::catalog::CatalogError;
use crate::inspect::{Pointer, inspect};
use crate::rules::{Edit, Fix, Made, Questions, Scope, make};

/// Rounds of rules and fixes: one fix may make the next possible (a mount before what is read from it). What has not
/// come to rest then never will.
const ROUNDS: usize = 4;

/// An object after its fixes.
#[derive(Debug)]
pub(super) struct Mended<'a> {
    pub(super) object: Cow<'a, Value>,
    /// What was done to it, in the order in which it was.
    made: Vec<Made>,
    /// What was put right.
    pub(super) fixed: Vec<Judgement>,
    /// What the rules that have fixes still find.
    pub(super) left: Vec<Judgement>,
}

/// Makes the fixes of `object` that may be made, so that a second time there is none to make. `judgements` are those
/// of the object as it is. An object that is owned is changed itself; only of another a copy is made, if there is
/// something to fix.
pub(super) fn mend<'a>(
    place: Scope,
    object: Cow<'a, Value>,
    judgements: Vec<Judgement>,
    standards: &Standards<'_>,
) -> Result<Mended<'a>, CatalogError> {
    let mut mended = Mended { object, made: Vec::new(), fixed: Vec::new(), left: judgements };
    let questions = Questions::with_fixes(place);
    for _ in 0..ROUNDS {
        if !mended.fix_what_is_left() {
            return Ok(mended);
        }
        mended.left = standards.judge(questions, &inspect(&mended.object))?;
    }
    if !mended.left.iter().any(Judgement::is_to_be_fixed) {
        return Ok(mended);
    }
    // Fixes that undo each other: none is made, and each is reported.
    mended.take_all_back();
    mended.left = standards.judge(questions, &inspect(&mended.object))?;
    for judgement in mended.left.iter_mut().filter(|judgement| judgement.is_to_be_fixed()) {
        judgement.unfixed = Some(Unfixed::Impossible);
    }
    Ok(mended)
}

impl Mended<'_> {
    /// The operations that make of the object as it was what it is now.
    pub(super) fn take_operations(&mut self) -> Vec<PatchOperation> {
        self.made.drain(..).flat_map(|made| made.operations).collect()
    }

    fn take_all_back(&mut self) {
        for made in self.made.drain(..).rev() {
            made.take_back(self.object.to_mut());
        }
        self.fixed.clear();
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
        match make(&fix.edits, self.object.to_mut()) {
            Ok(made) if !made.operations.is_empty() => {
                self.made.push(made);
                Ok(removes)
            }
            Ok(_) | Err(_) => Err(Unfixed::Impossible),
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
