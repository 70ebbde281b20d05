//! What would be said of an object that nobody is applying: of one in a file, or of one that runs.

use std::borrow::Cow;

use serde_json::Value;

use super::case::Case;
use super::mend::mend;
use super::{Judgement, Request, Skipped, Snapshot};
use crate::catalog::CatalogError;
use crate::rules::{Questions, Scope};

/// What would be said of an object, and what would be made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// What the rules find in the object as it is, and what becomes of it: as validation judges it.
    pub judgements: Vec<Judgement>,
    /// Fixes in the order in which they are made.
    pub fixed: Vec<Judgement>,
    /// The object with its fixes, without the annotations that admission adds.
    pub mended: Value,
}

/// Looks at the object of `request` as at its creation. With [`Scope::LintOnly`] the rules are asked too that need to
/// know what the author wrote.
///
/// # Errors
///
/// The catalog cannot be read.
pub fn survey(
    place: Scope,
    request: &Request<'_>,
    snapshot: &Snapshot,
) -> Result<Result<Survey, Skipped>, CatalogError> {
    let case = match Case::of(request, snapshot) {
        Ok(case) => case,
        Err(reason) => return Ok(Err(reason)),
    };
    let judgements = case.judge(Questions::all(place))?;
    let (fixed, mended) = match judgements.iter().any(Judgement::is_to_be_fixed) {
        true => {
            let mended = mend(place, Cow::Borrowed(case.object), judgements.clone(), &case.standards)?;
            (mended.fixed, mended.object.into_owned())
        }
        false => (Vec::new(), case.object.clone()),
    };
    Ok(Ok(Survey { judgements, fixed, mended }))
}

/// The judgements of [`survey`] alone, without what would be made of the object.
///
/// # Errors
///
/// The catalog cannot be read.
pub fn judgements(
    place: Scope,
    request: &Request<'_>,
    snapshot: &Snapshot,
) -> Result<Result<Vec<Judgement>, Skipped>, CatalogError> {
    match Case::of(request, snapshot) {
        Ok(case) => case.judge(Questions::all(place)).map(Ok),
        Err(reason) => Ok(Err(reason)),
    }
}
