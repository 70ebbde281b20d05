//! A file as it was read.

use std::ops::Range;

use serde_json::Value;

use super::aliases::expand;
use super::layout;
use super::position::{Lines, Place, Position};
use super::split::{is_helm_s_notes, split};
use super::tree::{SyntaxError, Tree};
use crate::inspect::{Pointer, PointerBuf};

/// A file as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFile {
    pub(super) text: String,
    pub(super) documents: Vec<Document>,
    lines: Lines,
    objects: Vec<FileObject>,
    troubles: Vec<Trouble>,
}

/// A document that could be read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    pub(super) range: Range<usize>,
    pub(super) tree: Tree,
    pub(super) value: Value,
}

/// A Kubernetes object of a file: a document, or an item of a document that is a `List`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileObject {
    pub(super) document: usize,
    pub(super) at: PointerBuf,
}

/// What can be wrong with the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleKind {
    /// It can be read neither as YAML nor as JSON.
    Malformed,
    /// A key stands twice in one object: the API server refuses it or drops the first.
    DuplicateKey,
    /// The containers of a Pod stand below a field that has none.
    MisplacedContainers,
    /// It is a template, of which no object can be known before it is rendered.
    Template,
}

/// Something wrong with the text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which kind.
    pub kind: TroubleKind,
    /// Where.
    pub place: Place,
    /// What is wrong, in one sentence without a final full stop.
    pub what: String,
}

impl SourceFile {
    /// Reads a text. What cannot be read is among [`Self::troubles`]; text without any object is no trouble.
    pub fn read(text: String) -> Self {
        let lines = Lines::of(&text);
        let mut file = Self { text, lines, documents: Vec::new(), objects: Vec::new(), troubles: Vec::new() };
        for range in split(&file.text) {
            file.take(range);
        }
        file
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its objects, in their order.
    pub fn objects(&self) -> &[FileObject] {
        &self.objects
    }

    /// What is wrong with the text itself, in its order.
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }

    /// The JSON of one of its objects; null for an object of another file.
    pub fn value(&self, object: &FileObject) -> &Value {
        let document = self.documents.get(object.document);
        document.and_then(|document| document.value.pointer(object.at.as_str())).unwrap_or(&Value::Null)
    }

    /// Where `pointer` of one of its objects stands; for what is missing, where the nearest thing above it stands.
    pub fn place_of(&self, object: &FileObject, pointer: &Pointer) -> Place {
        let Some(document) = self.documents.get(object.document) else { return self.place(0..0) };
        let text = self.text.get(document.range.clone()).unwrap_or_default();
        let at = object.at.concat(pointer);
        let found = layout::shown(&document.tree, text, &at);
        self.place(document.range.start + found.start..document.range.start + found.end)
    }

    fn place(&self, range: Range<usize>) -> Place {
        let at = |byte| self.lines.position(&self.text, byte);
        Place { start: at(range.start), end: at(range.end) }
    }

    fn take(&mut self, range: Range<usize>) {
        let text = self.text.get(range.clone()).unwrap_or_default();
        if text.lines().next().is_some_and(is_helm_s_notes) {
            return;
        }
        let read = read(text).or_else(|error| {
            let noise = noise_before_object(text).ok_or_else(|| error.clone())?;
            let object = text.get(noise..).unwrap_or_default();
            read(object).map(|read| Read { noise, ..read }).map_err(|_| error)
        });
        match read {
            Ok(Read { tree, value, duplicates, noise }) => {
                let range = range.start + noise..range.end;
                for (at, what) in duplicates {
                    let place = self.place(range.start + at.start..range.start + at.end);
                    self.troubles.push(Trouble { kind: TroubleKind::DuplicateKey, place, what });
                }
                self.add(Document { range, tree, value });
            }
            Err(error) => self.blame(range, error),
        }
    }

    fn add(&mut self, document: Document) {
        let index = self.documents.len();
        if is_object(&document.value) {
            let is_list =
                document.value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
            match document.value.get("items").and_then(Value::as_array) {
                Some(items) if is_list => {
                    let objects = items.iter().enumerate().filter(|(_, item)| is_object(item));
                    self.objects.extend(objects.map(|(item, _)| {
                        let at = PointerBuf::from_tokens(["items", &item.to_string()]);
                        FileObject { document: index, at }
                    }));
                }
                _ => self.objects.push(FileObject { document: index, at: PointerBuf::root() }),
            }
        }
        self.documents.push(document);
    }

    fn blame(&mut self, range: Range<usize>, error: SyntaxError) {
        let text = self.text.get(range.clone()).unwrap_or_default();
        let template = text.find("{{").or_else(|| lone_variable(text, error.at));
        let (kind, at, what) = match template {
            Some(at) => {
                if self.troubles.iter().any(|trouble| trouble.kind == TroubleKind::Template) {
                    return;
                }
                let what = "a template cannot be checked before it is rendered";
                (TroubleKind::Template, at, what.to_owned())
            }
            None if looks_like_object(text) => (TroubleKind::Malformed, error.at, error.message),
            None => return,
        };
        let at = range.start + at;
        self.troubles.push(Trouble { kind, place: self.place(at..at), what });
    }
}

struct Read {
    tree: Tree,
    value: Value,
    /// Keys that stand twice, and what to say of them.
    duplicates: Vec<(Range<usize>, String)>,
    /// Bytes before the object.
    noise: usize,
}

/// Tree, value and duplicate keys of a text.
fn read(text: &str) -> Result<Read, SyntaxError> {
    let tree = Tree::parse(text)?;
    let expanded = expand(&tree)?;
    let duplicates = expanded.duplicates.into_iter().filter_map(|key| {
        let name = tree.scalar(key)?;
        let what = format!("`{name}` stands twice in the same object; the API server keeps the later one");
        Some((tree.node(key)?.range.clone(), what))
    });
    let duplicates = duplicates.collect();
    Ok(Read { tree, value: expanded.value, duplicates, noise: 0 })
}

fn is_object(value: &Value) -> bool {
    ["apiVersion", "kind"].into_iter().all(|field| value.get(field).is_some_and(Value::is_string))
}

/// Where the object begins in a text with something else before it, as a program's warnings.
fn noise_before_object(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if ["apiVersion:", "kind:"].into_iter().any(|key| line.starts_with(key)) {
            return (at > 0).then_some(at);
        }
        at += line.len();
    }
    None
}

/// Where the line of an error, or the one before it, is nothing but `$NAME` or `${NAME}`, for which `envsubst` puts whole
/// lines. Elsewhere such a line is one of a script.
fn lone_variable(text: &str, error: usize) -> Option<usize> {
    let is_variable = |line: &str| {
        let name = line.trim().strip_prefix('$').map(|name| name.trim_matches(['{', '}']));
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        name.is_some_and(|name| !name.is_empty() && is_name(name))
    };
    let mut end = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        end += line.len();
        (end - line.len(), line)
    });
    let until_error: Vec<(usize, &str)> = lines.take_while(|(start, _)| *start <= error).collect();
    let (at, _) = until_error.into_iter().rev().take(2).find(|(_, line)| is_variable(line))?;
    Some(at)
}

fn looks_like_object(text: &str) -> bool {
    let has = |field: &str| {
        text.lines().any(|line| {
            let line = line.trim_start_matches([' ', '\t', '{', ',', '-', '"', '\'']);
            line.strip_prefix(field)
                .is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        })
    };
    has("apiVersion") && has("kind")
}

/// The beginning of a text.
impl Default for Position {
    fn default() -> Self {
        Self { line: 1, column: 1 }
    }
}
