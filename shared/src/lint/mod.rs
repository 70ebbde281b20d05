//! The rules over files: the same findings as at admission, each with its line and column, and fixes in the text.
//!
//! [`lint`] looks at all files at once, because an autoscaler often lies beside its Deployment; [`fix`] changes the
//! text of one of them. Both ask [`crate::policy`], so that a file is told what the object would be told.

mod fix;
mod misplaced;
mod surroundings;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use fix::{Fixed, Unplaced, fix};
pub use surroundings::surroundings;

use crate::catalog::CatalogError;
use crate::documents::{FileObject, Place, SourceFile, Trouble, TroubleKind};
use crate::inspect::Identity;
use crate::policy::{Judgement, Request, Snapshot, Survey, judgements, survey};
use crate::rules::Scope;

/// A file to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Its path, as messages call it.
    pub name: String,
    /// Its folder: files of one folder are each other's neighbours.
    pub folder: String,
    /// Its text.
    pub file: SourceFile,
}

/// What is said of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReport {
    /// Its path.
    pub name: String,
    /// What is wrong with the text itself.
    pub troubles: Vec<Trouble>,
    /// What is wrong with its objects, in the order of the text.
    pub findings: Vec<LocatedFinding>,
    /// Objects in it.
    pub objects: usize,
    /// Objects in it that serve a model or scale what does.
    pub inference: usize,
}

/// A finding with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct LocatedFinding {
    /// The object.
    pub object: ObjectName,
    /// Where in the file.
    pub place: Place,
    /// What was found, and what becomes of it.
    pub judgement: Judgement,
}

/// Which object it is, as messages call it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ObjectName {
    /// Kind.
    pub kind: String,
    /// Namespace, where the object says it.
    pub namespace: Option<String>,
    /// Name; absent where it is generated.
    pub name: Option<String>,
}

impl ObjectName {
    /// Name of an object.
    pub fn of(object: &Value) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        match Identity::of(object) {
            Some(identity) => Self {
                kind: identity.kind.to_owned(),
                namespace: owned(identity.namespace),
                name: owned(identity.name),
            },
            None => Self::default(),
        }
    }
}

/// What is wrong with each of `inputs`, in their order. The neighbours in `known` are those of no file.
///
/// # Errors
///
/// The catalog cannot be read.
pub fn lint(
    inputs: &[Input],
    known: &Snapshot,
    now_unix_seconds: i64,
) -> Result<Vec<FileReport>, CatalogError> {
    let surroundings = surroundings(inputs, known);
    let files = inputs.iter().zip(&surroundings);
    files.map(|(input, snapshot)| report(input, snapshot, now_unix_seconds)).collect()
}

fn report(input: &Input, snapshot: &Snapshot, now_unix_seconds: i64) -> Result<FileReport, CatalogError> {
    let file = &input.file;
    let mut report = FileReport {
        name: input.name.clone(),
        troubles: file.troubles().to_vec(),
        findings: Vec::new(),
        objects: file.objects().len(),
        inference: 0,
    };
    for object in file.objects() {
        let misplaced = misplaced::containers(file.value(object));
        report.troubles.extend(misplaced.map(|(at, what)| Trouble {
            kind: TroubleKind::MisplacedContainers,
            place: file.place_of(object, &at),
            what,
        }));
        let request = Request::create(file.value(object), now_unix_seconds);
        let Ok(judgements) = judgements(Scope::LintOnly, &request, snapshot)? else { continue };
        report.inference += 1;
        let name = ObjectName::of(file.value(object));
        report.findings.extend(judgements.into_iter().map(|judgement| LocatedFinding {
            object: name.clone(),
            place: file.place_of(object, &judgement.finding.at),
            judgement,
        }));
    }
    report.findings.sort_by_key(|finding| (finding.place, finding.judgement.finding.rule.id));
    Ok(report)
}

/// What is said of one object of a file, and what would be made of it; `None` where nothing is said.
fn look(
    file: &SourceFile,
    object: &FileObject,
    snapshot: &Snapshot,
    now_unix_seconds: i64,
) -> Result<Option<Survey>, CatalogError> {
    let request = Request::create(file.value(object), now_unix_seconds);
    Ok(survey(Scope::LintOnly, &request, snapshot)?.ok())
}
