//! Fixes put back into the text.
//!
//! A [`Rewrite`] is asked for the JSON that an object shall have. It takes the difference apart into [`Step`]s, makes
//! each by one [`Splice`] of the text, reads the text again, and keeps it only if it now says exactly what was asked.
//! Whatever it does not know how to write, and whatever an anchor would change in two places, is refused that way
//! rather than written wrongly.

mod splice;
mod step;

use std::collections::BTreeMap;

use serde_json::Value;
use thiserror::Error;

use super::aliases::expand;
use super::source::{Document, FileObject, SourceFile};
use super::tree::Tree;
use crate::inspect::Pointer;

use splice::Splice;
use step::steps;

/// Most single changes of one fix: a fix is small.
const MOST_STEPS: usize = 64;

/// Why a fix cannot be written into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotPlaced {
    /// An anchor or a merge key makes the same text stand for several places.
    #[error("an anchor or a merge key makes its text stand for several places")]
    Shared,
    /// It would change a text of several lines, such as a script.
    #[error("it changes a text of several lines")]
    Block,
    /// There is no way of writing it that keeps the layout around it.
    #[error("the layout of its surroundings does not allow it")]
    Layout,
    /// The text would say something else than the fix.
    #[error("the text would then say something else")]
    Different,
}

/// A file while its objects are changed.
#[derive(Debug)]
pub struct Rewrite<'f> {
    file: &'f SourceFile,
    drafts: BTreeMap<usize, Draft>,
}

/// A document while it is changed.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) tree: Tree,
    pub(super) value: Value,
}

impl<'f> Rewrite<'f> {
    /// Nothing changed yet.
    pub fn of(file: &'f SourceFile) -> Self {
        Self { file, drafts: BTreeMap::new() }
    }

    /// The JSON of an object as it is now; null for an object of another file.
    pub fn value(&self, object: &FileObject) -> &Value {
        match self.drafts.get(&object.document) {
            Some(draft) => draft.value.pointer(object.at.as_str()).unwrap_or(&Value::Null),
            None => self.file.value(object),
        }
    }

    /// Writes into the text that `object` shall be `wanted`.
    ///
    /// # Errors
    ///
    /// It cannot be done without changing something else; the text is then as it was.
    pub fn place(&mut self, object: &FileObject, wanted: &Value) -> Result<(), NotPlaced> {
        let document = self.file.documents.get(object.document).ok_or(NotPlaced::Layout)?;
        let mut draft = match self.drafts.get(&object.document) {
            Some(draft) => draft.clone(),
            None => Draft::of(self.file, document),
        };
        let mut whole = draft.value.clone();
        *whole.pointer_mut(object.at.as_str()).ok_or(NotPlaced::Layout)? = wanted.clone();
        let steps = steps(&draft.value, &whole, Pointer::root()).ok_or(NotPlaced::Layout)?;
        if steps.len() > MOST_STEPS {
            return Err(NotPlaced::Layout);
        }
        for step in &steps {
            let splice = Splice::of(&draft, step)?;
            draft = draft.with(splice)?;
        }
        if draft.value != whole {
            return Err(NotPlaced::Different);
        }
        self.drafts.insert(object.document, draft);
        Ok(())
    }

    /// The text as it is now.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.file.text.len() + 1024);
        let mut at = 0;
        for (index, draft) in &self.drafts {
            let Some(document) = self.file.documents.get(*index) else { continue };
            text.push_str(self.file.text.get(at..document.range.start).unwrap_or_default());
            text.push_str(&draft.text);
            at = document.range.end;
        }
        text.push_str(self.file.text.get(at..).unwrap_or_default());
        text
    }
}

impl Draft {
    fn of(file: &SourceFile, document: &Document) -> Self {
        let text = file.text.get(document.range.clone()).unwrap_or_default().to_owned();
        Self { text, tree: document.tree.clone(), value: document.value.clone() }
    }

    fn with(&self, splice: Splice) -> Result<Self, NotPlaced> {
        let mut text = self.text.clone();
        if text.get(splice.range.clone()).is_none() {
            return Err(NotPlaced::Layout);
        }
        text.replace_range(splice.range, &splice.text);
        let tree = Tree::parse(&text).map_err(|_| NotPlaced::Layout)?;
        let expanded = expand(&tree).map_err(|_| NotPlaced::Layout)?;
        Ok(Self { text, tree, value: expanded.value })
    }
}
