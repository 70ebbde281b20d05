//! An object that is judged, and what it is judged by.

use serde_json::Value;

use super::annotation::Author;
use super::{InForce, Judgement, Request, Skipped, Snapshot, standing};
use crate::catalog::CatalogError;
use crate::inspect::{Subject, inspect};
use crate::rules::{Background, Finding, Questions, ask};

/// An object that is judged, and what it is judged by.
#[derive(Debug)]
pub(super) struct Case<'a, 's> {
    /// The object.
    pub(super) object: &'a Value,
    /// What it is: never unrelated.
    pub(super) subject: Subject<'a>,
    /// What it is judged by.
    pub(super) standards: Standards<'s>,
}

/// What an object is judged by: its author's word, the policies that select it, and what is known beside it. Nothing
/// in it is borrowed from the object, which may change meanwhile.
#[derive(Debug)]
pub(super) struct Standards<'s> {
    /// What its author says.
    pub(super) author: Author,
    /// What the policies say.
    pub(super) in_force: InForce<'s>,
    /// What is known beside it.
    pub(super) snapshot: &'s Snapshot,
}

impl<'a, 's> Case<'a, 's> {
    /// The object of `request`, or why nothing is said about it.
    pub(super) fn of(request: &Request<'a>, snapshot: &'s Snapshot) -> Result<Self, Skipped> {
        Self::of_judged(standing::judged(request)?, request, snapshot)
    }

    /// The same for an object of which it is known that it may be judged.
    pub(super) fn of_judged(
        object: &'a Value,
        request: &Request<'_>,
        snapshot: &'s Snapshot,
    ) -> Result<Self, Skipped> {
        let subject = inspect(object);
        if subject == Subject::Unrelated {
            return Err(Skipped::Unrelated);
        }
        let author = Author::of(object, &subject);
        let in_force = snapshot.in_force(request, object, &subject);
        Ok(Self { object, subject, standards: Standards { author, in_force, snapshot } })
    }

    /// What the rules say.
    pub(super) fn judge(&self, questions: Questions) -> Result<Vec<Judgement>, CatalogError> {
        self.standards.judge(questions, &self.subject)
    }

    /// What the rules find, whatever becomes of it.
    pub(super) fn findings(&self, questions: Questions) -> Result<Vec<Finding>, CatalogError> {
        ask(questions, &self.subject, &self.standards.background())
    }
}

impl Standards<'_> {
    /// What the rules say of `subject`.
    pub(super) fn judge(
        &self,
        questions: Questions,
        subject: &Subject<'_>,
    ) -> Result<Vec<Judgement>, CatalogError> {
        let findings = ask(questions, subject, &self.background())?.into_iter();
        Ok(findings.filter_map(|finding| Judgement::of(finding, &self.in_force, &self.author)).collect())
    }

    fn background(&self) -> Background<'_> {
        self.snapshot.background(&self.in_force)
    }
}
