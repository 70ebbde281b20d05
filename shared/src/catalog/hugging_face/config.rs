//! What most families' configurations have in common.

use serde_json::Value;

use super::super::{AttentionKind, FeedForwardKind};
use super::fields::Fields;
use super::shape::{Layer, Shape};
use super::{ConfigError, json};

pub(super) const DOCUMENT: &str = "config.json";

// What no model comes near: the deepest known has 126 layers, the widest 18,432 elements.
const MOST_LAYERS: u32 = 2_000;
const MOST_WIDTH: u32 = 1_000_000;
const MOST_HEADS: u32 = 8_192;
const MOST_HEAD_DIM: u32 = 65_536;
const MOST_EXPERTS: u32 = 100_000;
const MOST_VOCABULARY: u32 = 50_000_000;
const MOST_TOKENS: u32 = 1_000_000_000;

/// Objects in which multimodal models keep the dimensions of their language part.
const LANGUAGE_PARTS: [&str; 5] =
    ["text_config", "llm_config", "language_config", "language_model", "thinker_config"];

/// A parsed `config.json`.
pub(super) struct Config<'a> {
    /// The whole of it.
    pub(super) root: Fields<'a>,
    /// The language model in it; the whole, where it is nothing else.
    pub(super) text: Fields<'a>,
}

/// A parsed `config.json` before anybody looked into it.
pub(super) fn parse(text: &str) -> Result<Value, ConfigError> {
    json::parse(DOCUMENT, text)
}

impl<'a> Config<'a> {
    pub(super) fn of(value: &'a Value) -> Result<Self, ConfigError> {
        let root = Fields::of(DOCUMENT, value)?;
        let mut text = root.clone();
        while let Some(inner) = language_part(&text)? {
            text = inner;
        }
        Ok(Self { root, text })
    }

    pub(super) fn hidden(&self) -> Result<u32, ConfigError> {
        self.text.count("hidden_size", MOST_WIDTH)
    }

    pub(super) fn depth(&self) -> Result<u32, ConfigError> {
        self.text.count("num_hidden_layers", MOST_LAYERS)
    }

    /// Query heads.
    pub(super) fn heads(&self) -> Result<u32, ConfigError> {
        self.text.count("num_attention_heads", MOST_HEADS)
    }

    /// Key and value heads: as many as query heads unless said otherwise, never more.
    pub(super) fn kv_heads(&self) -> Result<u32, ConfigError> {
        let heads = self.heads()?;
        self.text.count_or("num_key_value_heads", heads, heads)
    }

    /// Width of a head, which most configurations leave to `hidden_size / num_attention_heads`.
    pub(super) fn head_dim(&self) -> Result<u32, ConfigError> {
        for name in ["head_dim", "attention_head_dim"] {
            if let Some(width) = self.text.maybe_count(name, MOST_HEAD_DIM)? {
                return Ok(width);
            }
        }
        let (hidden, heads) = (self.hidden()?, self.heads()?);
        if !hidden.is_multiple_of(heads) {
            return Err(self.text.refused(
                "num_attention_heads",
                &format!("a number that divides `hidden_size` ({hidden}), or `head_dim` beside it,"),
            ));
        }
        Ok(hidden / heads)
    }

    pub(super) fn width(&self, name: &str) -> Result<u32, ConfigError> {
        self.text.count(name, MOST_WIDTH)
    }

    /// A rank or a width of heads.
    pub(super) fn head_width(&self, name: &str) -> Result<u32, ConfigError> {
        self.text.count(name, MOST_HEAD_DIM)
    }

    pub(super) fn maybe_head_width(&self, name: &str) -> Result<Option<u32>, ConfigError> {
        self.text.maybe_count(name, MOST_HEAD_DIM)
    }

    pub(super) fn heads_in(&self, name: &str) -> Result<u32, ConfigError> {
        self.text.count(name, MOST_HEADS)
    }

    pub(super) fn maybe_heads_in(&self, name: &str) -> Result<Option<u32>, ConfigError> {
        self.text.maybe_count(name, MOST_HEADS)
    }

    pub(super) fn maybe_tokens(&self, name: &str) -> Result<Option<u32>, ConfigError> {
        self.text.maybe_count(name, MOST_TOKENS)
    }

    pub(super) fn tokens(&self, name: &str) -> Result<u32, ConfigError> {
        self.text.count(name, MOST_TOKENS)
    }

    /// Attention to every token.
    pub(super) fn full(&self) -> Result<AttentionKind, ConfigError> {
        Ok(full(self.heads()?, self.kv_heads()?, self.head_dim()?))
    }

    /// Attention to the latest tokens, as many as the field `window` says; to all, where that is no fewer than the
    /// model was made for or nothing is said.
    pub(super) fn windowed(&self, window: &str) -> Result<AttentionKind, ConfigError> {
        let tokens = self.maybe_tokens(window)?;
        let context = self.max_context_tokens()?;
        match tokens.filter(|tokens| *tokens < context) {
            Some(tokens) => Ok(sliding(tokens, self.heads()?, self.kv_heads()?, self.head_dim()?)),
            None => self.full(),
        }
    }

    /// A gated MLP.
    pub(super) fn gated(&self) -> Result<FeedForwardKind, ConfigError> {
        Ok(gated(self.width("intermediate_size")?))
    }

    pub(super) fn experts_in(&self, names: &[&str]) -> Result<u32, ConfigError> {
        self.text.count_of(names, MOST_EXPERTS)
    }

    /// Experts with a gate: their number and the active ones under any of these names, all of the width in
    /// `intermediate`.
    pub(super) fn experts(
        &self,
        all: &[&str],
        active: &[&str],
        intermediate: &str,
        shared_intermediate: u32,
    ) -> Result<FeedForwardKind, ConfigError> {
        let experts = self.experts_in(all)?;
        Ok(FeedForwardKind::Experts {
            experts,
            experts_active: self.text.count_of(active, experts)?,
            intermediate: self.width(intermediate)?,
            shared_intermediate,
            matrices: 3,
            expert_hidden: None,
        })
    }

    /// Width of the experts that every token passes through: their number times the width of one.
    pub(super) fn shared(&self, number: &[&str], intermediate: &str) -> Result<u32, ConfigError> {
        let Some(name) = number.iter().find(|name| self.text.has(name)) else { return Ok(0) };
        let number = self.text.count_or_none(name, MOST_EXPERTS)?;
        Ok(number.saturating_mul(self.text.count(intermediate, MOST_WIDTH)?))
    }

    pub(super) fn maybe_width(&self, name: &str) -> Result<u32, ConfigError> {
        self.text.count_or_none(name, MOST_WIDTH)
    }

    pub(super) fn max_context_tokens(&self) -> Result<u32, ConfigError> {
        self.text.count("max_position_embeddings", MOST_TOKENS)
    }

    pub(super) fn vocabulary(&self) -> Result<u32, ConfigError> {
        self.text.count("vocab_size", MOST_VOCABULARY)
    }

    /// Multimodal models say it in either part; the outer wins, as their own classes have it.
    pub(super) fn tied(&self, default: bool) -> Result<bool, ConfigError> {
        const NAME: &str = "tie_word_embeddings";
        let outer = self.root.has(NAME).then(|| self.root.flag(NAME, default));
        outer.unwrap_or_else(|| self.text.flag(NAME, default))
    }

    /// A list that has one entry for each layer, if it is there.
    pub(super) fn layer_texts(&self, name: &str) -> Result<Option<Vec<&'a str>>, ConfigError> {
        let depth = self.depth()?;
        let Some(texts) = self.text.texts(name)? else { return Ok(None) };
        if texts.len() != depth as usize {
            return Err(self
                .text
                .refused(name, &format!("as many entries as `num_hidden_layers` ({depth})")));
        }
        Ok(Some(texts))
    }

    /// The shape of `depth` layers that `layer` makes of their index.
    pub(super) fn shape(
        &self,
        tied_by_default: bool,
        layer: impl Fn(u32) -> Result<Layer, ConfigError>,
    ) -> Result<Shape, ConfigError> {
        let layers = (0..self.depth()?).map(layer).collect::<Result<_, _>>()?;
        self.shape_of(tied_by_default, layers)
    }

    pub(super) fn shape_of(&self, tied_by_default: bool, layers: Vec<Layer>) -> Result<Shape, ConfigError> {
        Ok(Shape {
            hidden: self.hidden()?,
            vocabulary: self.vocabulary()?,
            tied_embeddings: self.tied(tied_by_default)?,
            max_context_tokens: self.max_context_tokens()?,
            layers,
            per_layer_embedding: None,
        })
    }
}

fn language_part<'a>(fields: &Fields<'a>) -> Result<Option<Fields<'a>>, ConfigError> {
    // An object without a width of its own is a wrapper.
    if fields.has("hidden_size") {
        return Ok(None);
    }
    let name = LANGUAGE_PARTS.iter().find(|name| fields.value(name).is_some_and(Value::is_object));
    name.map_or(Ok(None), |name| fields.object(name))
}

pub(super) const fn full(heads: u32, kv_heads: u32, head_dim: u32) -> AttentionKind {
    AttentionKind::Full {
        heads,
        kv_heads,
        head_dim,
        output_gate: false,
        values_are_keys: false,
        shares_cache: false,
    }
}

pub(super) const fn sliding(window: u32, heads: u32, kv_heads: u32, head_dim: u32) -> AttentionKind {
    AttentionKind::Sliding {
        window,
        heads,
        kv_heads,
        head_dim,
        output_gate: false,
        values_are_keys: false,
        shares_cache: false,
    }
}

pub(super) const fn gated(intermediate: u32) -> FeedForwardKind {
    FeedForwardKind::Dense { intermediate, matrices: 3 }
}
