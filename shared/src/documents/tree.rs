//! A document as a tree that knows where each part of it stands.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

/// Index of a node in its tree.
pub(super) type NodeId = usize;

/// A part of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Its text: for block collections from the first key or dash to somewhere behind the last content.
    pub(super) range: Range<usize>,
    /// What it is.
    pub(super) content: Content,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// A text, number, boolean or null.
    Scalar {
        /// After quotes and escapes.
        text: String,
        /// How it is written.
        style: ScalarStyle,
        /// Its tag of YAML's core (`str` of `!!str`).
        tag: Option<String>,
    },
    /// A list.
    Sequence {
        /// Its items.
        items: Vec<NodeId>,
        /// In brackets.
        flow: bool,
    },
    /// An object.
    Mapping {
        /// Keys and values in the order written; a key may stand twice.
        entries: Vec<(NodeId, NodeId)>,
        /// In braces.
        flow: bool,
    },
    /// What an anchor names.
    Alias(NodeId),
}

/// A document as a tree.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    root: Option<NodeId>,
}

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// Byte of the text.
    pub(super) at: usize,
    /// What is wrong.
    pub(super) message: String,
}

impl Tree {
    /// The first document of `text` that holds anything; others may follow only after `...`, and are not read.
    pub(super) fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut builder = Builder::default();
        let options = granit_parser::options! { emit_comments: false };
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| SyntaxError {
                at: error.marker().byte_offset().unwrap_or_default().min(text.len()),
                message: error.info(),
            })?;
            builder.take(event, &span);
        }
        Ok(builder.tree)
    }

    /// The document's own node; `None` where there are only comments.
    pub(super) fn root(&self) -> Option<NodeId> {
        self.root
    }

    /// A node.
    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// All nodes, in the order of the text.
    pub(super) fn ids(&self) -> std::ops::Range<NodeId> {
        0..self.nodes.len()
    }

    /// A scalar's text.
    pub(super) fn scalar(&self, id: NodeId) -> Option<&str> {
        match &self.node(id)?.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

#[derive(Default)]
struct Builder {
    tree: Tree,
    /// Collections that are not yet closed; with the key whose value has not come yet.
    open: Vec<(NodeId, Option<NodeId>)>,
    anchors: HashMap<usize, NodeId>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) {
        let range = span.byte_range().unwrap_or_default();
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.and_then(|tag| tag.core_suffix().map(str::to_owned));
                let content = Content::Scalar { text: text.into_owned(), style, tag };
                let id = self.add(range, content, anchor);
                self.attach(id);
            }
            Event::SequenceStart(style, anchor, _) => {
                let flow = style == StructureStyle::Flow;
                let id = self.add(range, Content::Sequence { items: Vec::new(), flow }, anchor);
                self.open.push((id, None));
            }
            Event::MappingStart(style, anchor, _) => {
                let flow = style == StructureStyle::Flow;
                let id = self.add(range, Content::Mapping { entries: Vec::new(), flow }, anchor);
                self.open.push((id, None));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((id, _)) = self.open.pop() else { return };
                if let Some(node) = self.tree.nodes.get_mut(id) {
                    node.range.end = range.end.max(node.range.start);
                }
                self.attach(id);
            }
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor).copied() else { return };
                let id = self.add(range, Content::Alias(target), 0);
                self.attach(id);
            }
            _ => {}
        }
    }

    fn add(&mut self, range: Range<usize>, content: Content, anchor: usize) -> NodeId {
        let id = self.tree.nodes.len();
        self.tree.nodes.push(Node { range, content });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    /// Puts a finished node where it belongs.
    fn attach(&mut self, id: NodeId) {
        let Some((parent, key)) = self.open.last_mut() else {
            self.tree.root.get_or_insert(id);
            return;
        };
        match self.tree.nodes.get_mut(*parent).map(|node| &mut node.content) {
            Some(Content::Sequence { items, .. }) => items.push(id),
            Some(Content::Mapping { entries, .. }) => match key.take() {
                Some(key) => entries.push((key, id)),
                None => *key = Some(id),
            },
            _ => {}
        }
    }
}
