//! What the families read: a model layer by layer.

use super::super::{Architecture, AttentionKind, AttentionLayers, FeedForwardKind, FeedForwardLayers};

/// A model's dimensions as its configuration gives them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub(super) hidden: u32,
    pub(super) vocabulary: u32,
    pub(super) tied_embeddings: bool,
    pub(super) max_context_tokens: u32,
    pub(super) layers: Vec<Layer>,
    pub(super) per_layer_embedding: Option<u32>,
}

/// One layer of the configuration; of a hybrid that counts mixers and MLPs apart it has one of the two.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) attention: Option<AttentionKind>,
    pub(super) feed_forward: Option<FeedForwardKind>,
}

impl Layer {
    pub(super) fn of(attention: AttentionKind, feed_forward: FeedForwardKind) -> Self {
        Self { attention: Some(attention), feed_forward: Some(feed_forward) }
    }
}

impl Shape {
    /// The catalog's description: layers of the same kind together, in the order in which the kinds first appear.
    pub(super) fn architecture(&self, name: &str) -> Architecture {
        let mut attention: Vec<AttentionLayers> = Vec::new();
        let mut feed_forward: Vec<FeedForwardLayers> = Vec::new();
        for layer in &self.layers {
            if let Some(kind) = &layer.attention {
                match attention.iter_mut().find(|group| group.kind == *kind) {
                    Some(group) => group.layers += 1,
                    None => attention.push(AttentionLayers { layers: 1, kind: kind.clone() }),
                }
            }
            if let Some(kind) = &layer.feed_forward {
                match feed_forward.iter_mut().find(|group| group.kind == *kind) {
                    Some(group) => group.layers += 1,
                    None => feed_forward.push(FeedForwardLayers { layers: 1, kind: kind.clone() }),
                }
            }
        }
        Architecture {
            name: name.to_owned(),
            hidden: self.hidden,
            vocabulary: self.vocabulary,
            tied_embeddings: self.tied_embeddings,
            attention,
            feed_forward,
            per_layer_embedding: self.per_layer_embedding,
        }
    }
}
