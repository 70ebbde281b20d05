//! A tree's value, with what its aliases and merge keys stand for.

use serde_json::{Map, Value};

use super::scalar::meaning;
use super::tree::{Content, NodeId, SyntaxError, Tree};

/// Most nodes of a document once its aliases are written out: far above etcd's largest object, far below memory.
const MOST_NODES: usize = 500_000;

/// Most text of a document once its aliases are written out.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Deepest nesting once its aliases are written out.
const MOST_DEPTH: usize = 300;

/// Value of a document, and the keys that stand twice in one object (the later one counts).
pub(super) struct Expanded {
    pub(super) value: Value,
    pub(super) duplicates: Vec<NodeId>,
}

/// Writes out a tree.
pub(super) fn expand(tree: &Tree) -> Result<Expanded, SyntaxError> {
    let mut expansion = Expansion { tree, nodes: 0, bytes: 0, duplicates: Vec::new() };
    let value = match tree.root() {
        Some(root) => expansion.value(root, 0)?,
        None => Value::Null,
    };
    let mut duplicates = expansion.duplicates;
    duplicates.sort_unstable();
    duplicates.dedup();
    Ok(Expanded { value, duplicates })
}

struct Expansion<'t> {
    tree: &'t Tree,
    nodes: usize,
    bytes: usize,
    duplicates: Vec<NodeId>,
}

impl Expansion<'_> {
    fn value(&mut self, id: NodeId, depth: usize) -> Result<Value, SyntaxError> {
        let Some(node) = self.tree.node(id) else { return Ok(Value::Null) };
        self.nodes += 1;
        let too_much = |message: String| SyntaxError { at: node.range.start, message };
        if self.nodes > MOST_NODES {
            return Err(too_much(format!(
                "with its aliases written out it has more than {MOST_NODES} parts"
            )));
        }
        if let Content::Scalar { text, .. } = &node.content {
            self.bytes += text.len();
        }
        if self.bytes > MOST_BYTES {
            return Err(too_much(format!(
                "with its aliases written out it is larger than {MOST_BYTES} bytes"
            )));
        }
        if depth > MOST_DEPTH {
            return Err(too_much(format!("it is nested deeper than {MOST_DEPTH} levels")));
        }
        Ok(match &node.content {
            Content::Scalar { text, style, tag } => meaning(text, *style, tag.as_deref()),
            Content::Sequence { items, .. } => {
                let items = items.iter().map(|item| self.value(*item, depth + 1));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Content::Mapping { entries, .. } => Value::Object(self.fields(entries, depth + 1)?),
            Content::Alias(target) => self.value(*target, depth + 1)?,
        })
    }

    fn fields(
        &mut self,
        entries: &[(NodeId, NodeId)],
        depth: usize,
    ) -> Result<Map<String, Value>, SyntaxError> {
        let mut fields = Map::with_capacity(entries.len());
        let mut merged = Vec::new();
        for (key, value) in entries {
            let Some(name) = self.tree.scalar(self.target(*key)) else {
                let at = self.tree.node(*key).map_or(0, |key| key.range.start);
                return Err(SyntaxError { at, message: "a key is a list or an object".to_owned() });
            };
            let name = name.to_owned();
            let value = self.value(*value, depth)?;
            if name == "<<" {
                merged.push(value);
            } else if fields.insert(name, value).is_some() {
                self.duplicates.push(*key);
            }
        }
        // The object's own keys win over merged ones, and earlier merged objects over later ones.
        for value in merged {
            let objects = match value {
                Value::Array(objects) => objects,
                object => vec![object],
            };
            for (name, value) in objects.into_iter().filter_map(object).flatten() {
                fields.entry(name).or_insert(value);
            }
        }
        Ok(fields)
    }

    fn target(&self, id: NodeId) -> NodeId {
        match self.tree.node(id).map(|node| &node.content) {
            Some(Content::Alias(target)) => *target,
            _ => id,
        }
    }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}
