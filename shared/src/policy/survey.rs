//! What would be said of an object that nobody is applying: of one in a file, or of one that runs.

use serde_json::Value;

use super::annotation::Author;
use super::mend::{judge_in, mend_in};
use super::{Judgement, Request, Skipped, Snapshot, standing};
use crate::catalog::CatalogError;
use crate::inspect::{Subject, inspect};
use crate::rules::Scope;

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
    let object = match standing::judged(request) {
        Ok(object) => object,
        Err(reason) => return Ok(Err(reason)),
    };
    let subject = inspect(object);
    if subject == Subject::Unrelated {
        return Ok(Err(Skipped::Unrelated));
    }
    let author = Author::of(object, &subject);
    let in_force = snapshot.in_force(request, object, &subject);
    let background = snapshot.background(&in_force);
    let judgements = judge_in(place, &subject, &author, &in_force, &background)?;
    let (fixed, mended) = match judgements.iter().any(Judgement::is_to_be_fixed) {
        true => {
            let mended = mend_in(place, object, judgements.clone(), &author, &in_force, &background)?;
            (mended.fixed, mended.object.into_owned())
        }
        false => (Vec::new(), object.clone()),
    };
    Ok(Ok(Survey { judgements, fixed, mended }))
}
