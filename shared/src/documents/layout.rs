//! How a document is laid out: where things stand, end, and how far they are indented.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::tree::{Content, NodeId, Tree};
use crate::inspect::Pointer;

/// What stands at a pointer, or as much of it as there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// The deepest node on the way.
    pub(super) node: NodeId,
    /// Its key, where it stands in an object.
    pub(super) key: Option<NodeId>,
    /// The node that it stands in.
    pub(super) parent: Option<NodeId>,
    /// Whether the pointer leads to it, and not to something missing below it.
    pub(super) exact: bool,
    /// Whether an alias or a merge key is on the way: the same text stands for several places.
    pub(super) shared: bool,
}

/// Follows a pointer as far as it leads.
pub(super) fn find(tree: &Tree, pointer: &Pointer) -> Option<Found> {
    let mut found = Found { node: tree.root()?, key: None, parent: None, exact: true, shared: false };
    for token in pointer.tokens() {
        let (node, through_alias) = target(tree, found.node);
        found.shared |= through_alias;
        match child(tree, node, &token.decoded()) {
            Some((key, id, merged)) => {
                found.shared |= merged;
                (found.parent, found.key, found.node) = (Some(node), key, id);
            }
            None => return Some(Found { exact: false, ..found }),
        }
    }
    Some(found)
}

/// The node itself, or what the alias stands for.
pub(super) fn target(tree: &Tree, id: NodeId) -> (NodeId, bool) {
    match tree.node(id).map(|node| &node.content) {
        Some(Content::Alias(target)) => (*target, true),
        _ => (id, false),
    }
}

/// Key, value, and whether it came by a merge key.
fn child(tree: &Tree, node: NodeId, token: &str) -> Option<(Option<NodeId>, NodeId, bool)> {
    match &tree.node(node)?.content {
        Content::Sequence { items, .. } => {
            let item = items.get(token.parse::<usize>().ok()?)?;
            Some((None, *item, false))
        }
        Content::Mapping { entries, .. } => {
            let is = |key: NodeId, name: &str| tree.scalar(target(tree, key).0) == Some(name);
            // Of a key that stands twice the later one counts.
            if let Some((key, value)) = entries.iter().rev().find(|(key, _)| is(*key, token)) {
                return Some((Some(*key), *value, false));
            }
            let (_, merged) = entries.iter().find(|(key, _)| is(*key, "<<"))?;
            let merged = target(tree, *merged).0;
            let objects = match &tree.node(merged)?.content {
                Content::Sequence { items, .. } => items.clone(),
                _ => vec![merged],
            };
            objects.into_iter().find_map(|object| {
                let Content::Mapping { entries, .. } = &tree.node(target(tree, object).0)?.content else {
                    return None;
                };
                let (key, value) = entries.iter().rev().find(|(key, _)| is(*key, token))?;
                Some((Some(*key), *value, true))
            })
        }
        _ => None,
    }
}

/// What to show a person of a pointer: the key, with its value where both are on one line.
pub(super) fn shown(tree: &Tree, text: &str, pointer: &Pointer) -> Range<usize> {
    let Some(found) = find(tree, pointer) else { return 0..0 };
    let range = |id: NodeId| tree.node(id).map_or(0..0, |node| node.range.clone());
    let value = range(found.node);
    let start = found.key.map_or(value.start, |key| range(key).start);
    let end = content_end(tree, text, found.node).max(start);
    let line = line_end(text, start);
    let key_end = found.key.map_or(line, |key| range(key).end);
    start..if end <= line { end } else { key_end.min(line).max(start) }
}

/// Where the last character of a node stands that means something.
pub(super) fn content_end(tree: &Tree, text: &str, id: NodeId) -> usize {
    let Some(node) = tree.node(id) else { return 0 };
    match &node.content {
        Content::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => {
            let block = text.get(node.range.clone()).unwrap_or_default();
            node.range.start + block.trim_end().len()
        }
        Content::Sequence { items, flow: false } => match items.last() {
            Some(item) => content_end(tree, text, *item).max(node.range.start),
            None => node.range.end,
        },
        Content::Mapping { entries, flow: false } => match entries.last() {
            Some((key, value)) => entry_end(tree, text, *key, *value),
            None => node.range.end,
        },
        _ => node.range.end,
    }
}

/// Where an entry of a block object ends: behind its value, or behind the colon where there is none.
fn entry_end(tree: &Tree, text: &str, key: NodeId, value: NodeId) -> usize {
    let key_end = tree.node(key).map_or(0, |key| key.range.end);
    let colon = text.get(key_end..).and_then(|rest| rest.find(':')).map_or(key_end, |at| key_end + at + 1);
    if is_empty(tree, value) { colon } else { content_end(tree, text, value).max(colon) }
}

/// Whether a node has no text at all: the value of `key:`.
pub(super) fn is_empty(tree: &Tree, id: NodeId) -> bool {
    tree.node(id).is_none_or(|node| node.range.is_empty() && matches!(node.content, Content::Scalar { .. }))
}

/// End of the line that `at` is on, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let line = rest.find('\n').map_or(rest, |end| rest.get(..end).unwrap_or_default());
    at + line.strip_suffix('\r').unwrap_or(line).len()
}

/// Start of the line that `at` is on.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
}

/// Bytes between the start of the line and `at`; indentation is spaces, so they are columns.
pub(super) fn column(text: &str, at: usize) -> usize {
    at - line_start(text, at)
}

/// The line break that the text uses.
pub(super) fn line_break(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if at > 0 && text.as_bytes().get(at - 1) == Some(&b'\r') => "\r\n",
        _ => "\n",
    }
}

/// Where the first dash of a list in block style stands.
///
/// The parser has a list that is not indented below its key begin with its first item, behind the dash.
pub(super) fn first_dash(text: &str, list: usize) -> Option<usize> {
    let is_dash = |at: usize| {
        let mut rest = text.get(at..).unwrap_or_default().chars();
        rest.next() == Some('-') && rest.next().is_none_or(char::is_whitespace)
    };
    if is_dash(list) {
        return Some(list);
    }
    let mut line = line_start(text, list);
    let mut end = list;
    // The item begins on its dash's line, or is a text of several lines below it.
    for _ in 0..2 {
        let before = text.get(line..end)?;
        let dash = before.char_indices().rev().find(|(at, letter)| *letter == '-' && is_dash(line + at));
        if let Some((at, _)) = dash {
            return Some(line + at);
        }
        end = line.checked_sub(1)?;
        line = line_start(text, end);
    }
    None
}

/// Where the dash of an item stands, given where the item and the first dash do.
pub(super) fn dash(text: &str, list: usize, item: usize) -> Option<usize> {
    let margin = column(text, list);
    let mut line = line_start(text, item);
    loop {
        if line + margin <= item && text.get(line + margin..).is_some_and(|rest| rest.starts_with('-')) {
            return Some(line + margin);
        }
        if line <= list {
            return None;
        }
        line = line_start(text, line.checked_sub(1)?);
    }
}

/// How far the lists of a text are indented below their key: by how many columns most of them are.
pub(super) fn list_indent(tree: &Tree, text: &str) -> usize {
    let mut counts = [0_usize; 5];
    for id in tree.ids() {
        let Some(Content::Mapping { entries, flow: false }) = tree.node(id).map(|node| &node.content) else {
            continue;
        };
        for (key, value) in entries {
            let (Some(key), Some(list)) = (tree.node(*key), tree.node(*value)) else { continue };
            let Content::Sequence { flow: false, .. } = &list.content else { continue };
            let Some(dash) = first_dash(text, list.range.start) else { continue };
            let by = column(text, dash).saturating_sub(column(text, key.range.start));
            if let Some(count) = counts.get_mut(by) {
                *count += 1;
            }
        }
    }
    let most = counts.iter().copied().max().filter(|most| *most > 0);
    most.and_then(|most| counts.iter().position(|count| *count == most)).unwrap_or(0)
}
