//! One change of a document as one change of its text.

use std::ops::Range;

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use super::step::Step;
use super::{Draft, NotPlaced};
use crate::documents::layout::{
    Found, column, content_end, dash, find, first_dash, is_empty, line_break, line_end, line_start,
    list_indent,
};
use crate::documents::tree::{Content, Node, NodeId};
use crate::documents::write;
use crate::inspect::Pointer;

/// Text in the place of a range of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

impl Splice {
    /// The change of the text that makes `step`.
    pub(super) fn of(draft: &Draft, step: &Step) -> Result<Self, NotPlaced> {
        match step {
            Step::Add { object, key, value } => draft.add(object, key, value),
            Step::Append { list, value } => draft.append(list, value),
            Step::Replace { at, value } => draft.replace(at, value),
            Step::Remove { at } => draft.remove(at),
        }
    }

    fn insert(at: usize, text: String) -> Self {
        Self { range: at..at, text }
    }
}

impl Draft {
    /// What stands exactly at a pointer, and nowhere else.
    fn only(&self, at: &Pointer) -> Result<(Found, &Node), NotPlaced> {
        let found = find(&self.tree, at).filter(|found| found.exact).ok_or(NotPlaced::Layout)?;
        let node = self.tree.node(found.node).ok_or(NotPlaced::Layout)?;
        if found.shared || matches!(node.content, Content::Alias(_)) {
            return Err(NotPlaced::Shared);
        }
        Ok((found, node))
    }

    fn range(&self, id: NodeId) -> Range<usize> {
        self.tree.node(id).map_or(0..0, |node| node.range.clone())
    }

    fn end(&self, id: NodeId) -> usize {
        content_end(&self.tree, &self.text, id)
    }

    /// Lines behind the line that `at` is on.
    fn lines_after(&self, at: usize, lines: &[String]) -> Splice {
        let line_break = line_break(&self.text);
        let text = lines.iter().flat_map(|line| [line_break, line.as_str()]).collect();
        Splice::insert(line_end(&self.text, at), text)
    }

    fn add(&self, object: &Pointer, key: &str, value: &Value) -> Result<Splice, NotPlaced> {
        let (found, node) = self.only(object)?;
        let Content::Mapping { entries, flow } = &node.content else { return Err(NotPlaced::Layout) };
        let (first, _) = entries.first().ok_or(NotPlaced::Layout)?;
        if *flow {
            let style = self.style(entries.iter().map(|(key, _)| *key));
            let key = write::scalar(&Value::String(key.to_owned()), style);
            let text = format!("{key}: {}", write::flow(value, self.flow_style()));
            let items: Vec<_> =
                entries.iter().map(|(key, value)| self.range(*key).start..self.end(*value)).collect();
            return self.in_flow(&items, &text);
        }
        let at = self.range(*first).start;
        let margin = column(&self.text, at);
        let fields = Map::from_iter([(key.to_owned(), value.clone())]);
        let lines = write::block(&Value::Object(fields), margin, list_indent(&self.tree, &self.text));
        // Names come first everywhere; on a line of its own, so that a dash keeps what it had.
        let before = line_start(&self.text, at);
        let alone = self.text.get(before..at).is_some_and(|before| before.bytes().all(|byte| byte == b' '));
        if key == "metadata" && alone {
            let line_break = line_break(&self.text);
            let text = lines.iter().flat_map(|line| [line.as_str(), line_break]).collect();
            return Ok(Splice::insert(before, text));
        }
        Ok(self.lines_after(self.end(found.node), &lines))
    }

    fn append(&self, list: &Pointer, value: &Value) -> Result<Splice, NotPlaced> {
        let (found, node) = self.only(list)?;
        let Content::Sequence { items, flow } = &node.content else { return Err(NotPlaced::Layout) };
        if *flow {
            let style = self.style(items.iter().copied());
            let items: Vec<_> = items.iter().map(|item| self.range(*item).start..self.end(*item)).collect();
            return self.in_flow(&items, &write::flow(value, style));
        }
        let dash = first_dash(&self.text, node.range.start).ok_or(NotPlaced::Layout)?;
        let margin = column(&self.text, dash);
        let lines = write::item(value, margin, list_indent(&self.tree, &self.text));
        Ok(self.lines_after(self.end(found.node), &lines))
    }

    /// A new entry behind the last of a collection in brackets or braces: on a line of its own where the last is.
    fn in_flow(&self, items: &[Range<usize>], text: &str) -> Result<Splice, NotPlaced> {
        let last = items.last().ok_or(NotPlaced::Layout)?;
        let line = line_start(&self.text, last.start);
        let before = self.text.get(line..last.start).unwrap_or_default();
        if before.trim().is_empty() && line > 0 {
            return Ok(Splice::insert(last.end, format!(",{}{before}{text}", line_break(&self.text))));
        }
        Ok(Splice::insert(last.end, format!(", {text}")))
    }

    fn replace(&self, at: &Pointer, value: &Value) -> Result<Splice, NotPlaced> {
        let (found, node) = self.only(at)?;
        let is_collection = |value: &Value| match value {
            Value::Object(fields) => !fields.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => false,
        };
        if self.is_vacant(found.node)
            && is_collection(value)
            && let Some(splice) = self.fill(&found, value)
        {
            return Ok(splice);
        }
        match &node.content {
            Content::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => {
                Err(NotPlaced::Block)
            }
            Content::Scalar { .. } if is_empty(&self.tree, found.node) => {
                let colon = self.colon(&found).ok_or(NotPlaced::Layout)?;
                Ok(Splice::insert(colon, format!(" {}", write::flow(value, self.flow_style()))))
            }
            Content::Scalar { style, .. } if !is_collection(value) => {
                Ok(Splice { range: node.range.clone(), text: write::scalar(value, *style) })
            }
            Content::Scalar { .. }
            | Content::Mapping { flow: true, .. }
            | Content::Sequence { flow: true, .. } => {
                Ok(Splice { range: node.range.clone(), text: write::flow(value, self.flow_style()) })
            }
            _ => Err(NotPlaced::Layout),
        }
    }

    /// Whether nothing is lost with the node's text: `key:`, `key: null`, `key: {}`.
    fn is_vacant(&self, id: NodeId) -> bool {
        match self.tree.node(id).map(|node| &node.content) {
            Some(Content::Scalar { text, style: ScalarStyle::Plain, .. }) => {
                matches!(text.as_str(), "" | "~" | "null")
            }
            Some(Content::Mapping { entries, flow: true }) => entries.is_empty(),
            Some(Content::Sequence { items, flow: true }) => items.is_empty(),
            _ => false,
        }
    }

    /// A collection in block style below its key, in the place of nothing; `None` inside braces or brackets.
    fn fill(&self, found: &Found, value: &Value) -> Option<Splice> {
        let parent = self.tree.node(found.parent?)?;
        let Content::Mapping { flow: false, .. } = parent.content else { return None };
        let indent = list_indent(&self.tree, &self.text);
        let key = column(&self.text, self.range(found.key?).start);
        let by = if value.is_array() { indent } else { 2 };
        let lines = write::block(value, key + by, indent);
        let from = self.colon(found)?;
        let mut inserted = self.lines_after(from, &lines);
        if !is_empty(&self.tree, found.node) {
            let range = self.range(found.node);
            let rest = self.text.get(range.end..inserted.range.start)?;
            inserted.text.insert_str(0, rest);
            inserted.range.start = from;
        }
        Some(inserted)
    }

    /// Behind the colon of a found key.
    fn colon(&self, found: &Found) -> Option<usize> {
        let end = self.range(found.key?).end;
        self.text.get(end..)?.find(':').map(|at| end + at + 1)
    }

    fn remove(&self, at: &Pointer) -> Result<Splice, NotPlaced> {
        let (found, _) = self.only(at)?;
        let parent = found.parent.and_then(|parent| self.tree.node(parent)).ok_or(NotPlaced::Layout)?;
        let (siblings, flow): (Vec<Range<usize>>, bool) = match &parent.content {
            Content::Mapping { entries, flow } => {
                let of = |(key, value): &(NodeId, NodeId)| {
                    let key = self.range(*key);
                    key.start..self.end(*value).max(key.end)
                };
                (entries.iter().map(of).collect(), *flow)
            }
            Content::Sequence { items, flow } => {
                (items.iter().map(|item| self.range(*item).start..self.end(*item)).collect(), *flow)
            }
            _ => return Err(NotPlaced::Layout),
        };
        let start = self.range(found.key.unwrap_or(found.node)).start;
        let index = siblings.iter().position(|sibling| sibling.start == start).ok_or(NotPlaced::Layout)?;
        if siblings.len() == 1 {
            return Err(NotPlaced::Layout);
        }
        if flow {
            return self.out_of_flow(&siblings, index);
        }
        self.lines_out(&found, parent.range.start, &siblings, index)
    }

    fn out_of_flow(&self, siblings: &[Range<usize>], index: usize) -> Result<Splice, NotPlaced> {
        let it = siblings.get(index).ok_or(NotPlaced::Layout)?;
        let range =
            match (siblings.get(index + 1), index.checked_sub(1).and_then(|before| siblings.get(before))) {
                (Some(next), _) => it.start..next.start,
                (None, Some(previous)) => previous.end..it.end,
                (None, None) => it.clone(),
            };
        self.without_comment(range)
    }

    /// Whole lines, with the dash of an item. The first key behind a dash gives its place to the next.
    fn lines_out(
        &self,
        found: &Found,
        parent: usize,
        siblings: &[Range<usize>],
        index: usize,
    ) -> Result<Splice, NotPlaced> {
        let it = siblings.get(index).ok_or(NotPlaced::Layout)?;
        let start = match found.key {
            Some(_) => it.start,
            None => {
                let first = first_dash(&self.text, parent);
                first.and_then(|first| dash(&self.text, first, it.start)).ok_or(NotPlaced::Layout)?
            }
        };
        let line = line_start(&self.text, start);
        let before = self.text.get(line..start).unwrap_or_default();
        if !before.bytes().all(|byte| byte == b' ') {
            let next = siblings.get(index + 1).filter(|_| found.key.is_some()).ok_or(NotPlaced::Layout)?;
            return self.without_comment(it.start..next.start);
        }
        let end = line_end(&self.text, it.end);
        let rest = self.text.get(end..).unwrap_or_default();
        let line_break = ["\r\n", "\n"].into_iter().find(|line_break| rest.starts_with(line_break));
        Ok(match line_break {
            Some(line_break) => Splice { range: line..end + line_break.len(), text: String::new() },
            // The last line of a file without a final line break.
            None => {
                let before = self.text.get(..line).unwrap_or_default();
                let before = before.strip_suffix('\n').unwrap_or(before);
                let before = before.strip_suffix('\r').unwrap_or(before);
                Splice { range: before.len()..end, text: String::new() }
            }
        })
    }

    fn without_comment(&self, range: Range<usize>) -> Result<Splice, NotPlaced> {
        match self.text.get(range.clone()) {
            Some(text) if !text.contains('#') => Ok(Splice { range, text: String::new() }),
            _ => Err(NotPlaced::Layout),
        }
    }

    /// Quotes of the first text among `nodes`, for one beside them.
    fn style(&self, nodes: impl Iterator<Item = NodeId>) -> ScalarStyle {
        let mut styles = nodes.filter_map(|id| match &self.tree.node(id)?.content {
            Content::Scalar { style, .. } => Some(*style),
            _ => None,
        });
        styles.next().unwrap_or_else(|| self.flow_style())
    }

    /// JSON's quotes in JSON.
    fn flow_style(&self) -> ScalarStyle {
        match self.tree.root().and_then(|root| self.tree.node(root)).map(|root| &root.content) {
            Some(Content::Mapping { flow: true, .. }) => ScalarStyle::DoubleQuoted,
            _ => ScalarStyle::Plain,
        }
    }
}
