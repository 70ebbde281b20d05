//! Names of modules, as lists of what is or is not quantized give them, and which weights they mean.

use std::ops::{BitAnd, BitOr};

/// A set of the parts of a layer or a model that can have a format of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Parts(u16);

impl Parts {
    pub(super) const NONE: Self = Self(0);
    pub(super) const QUERY: Self = Self(1);
    pub(super) const KEY_VALUE: Self = Self(1 << 1);
    pub(super) const OUTPUT: Self = Self(1 << 2);
    pub(super) const INDEX: Self = Self(1 << 3);
    pub(super) const MIXER: Self = Self(1 << 4);
    pub(super) const DENSE: Self = Self(1 << 5);
    pub(super) const SHARED: Self = Self(1 << 6);
    pub(super) const EXPERTS: Self = Self(1 << 7);
    pub(super) const EMBEDDING: Self = Self(1 << 8);
    pub(super) const HEAD: Self = Self(1 << 9);

    pub(super) const ATTENTION: Self =
        Self(Self::QUERY.0 | Self::KEY_VALUE.0 | Self::OUTPUT.0 | Self::INDEX.0);
    pub(super) const FEED_FORWARD: Self = Self(Self::DENSE.0 | Self::SHARED.0 | Self::EXPERTS.0);
    /// All linear layers of a decoder layer; routers are never quantized.
    pub(super) const OF_A_LAYER: Self = Self(Self::ATTENTION.0 | Self::MIXER.0 | Self::FEED_FORWARD.0);

    pub(super) fn has(self, part: Self) -> bool {
        self & part == part
    }
}

impl BitOr for Parts {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Parts {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The layers that a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layers {
    All,
    One(u32),
    /// `layers.1*` means 1, 10 to 19, 100 to 199 and so on.
    StartingWith(u32),
}

impl Layers {
    pub(super) fn has(self, index: u32) -> bool {
        match self {
            Self::All => true,
            Self::One(layer) => layer == index,
            Self::StartingWith(start) => {
                std::iter::successors(Some(index), |number| (*number >= 10).then_some(number / 10))
                    .any(|number| number == start)
            }
        }
    }
}

/// What a module's name, a pattern with `*` or a simple regular expression (`re:…`) means. A name that means no
/// weights that are counted (norms, routers, vision towers) gives no parts.
pub(super) fn meaning(name: &str) -> (Layers, Parts) {
    let name = name.trim_start_matches("re:").replace('\\', "").to_lowercase();
    // Towers have layers of their own, and so have what predicts ahead.
    if ["vision", "visual", "projector", "audio", "mtp"].iter().any(|word| name.contains(word)) {
        return (Layers::All, Parts::NONE);
    }
    let (layers, rest) = layers_in(&name);
    (layers, parts_in(rest, layers != Layers::All))
}

/// Splits `model.layers.12.mlp.gate` into the layer and `mlp.gate`.
fn layers_in(name: &str) -> (Layers, &str) {
    let Some((_, after)) = name.split_once("layers.") else { return (Layers::All, name) };
    let digits = after.len() - after.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (number, rest) = after.split_at(digits);
    let layers = match number.parse() {
        Ok(number) if rest.starts_with('*') => Layers::StartingWith(number),
        Ok(number) => Layers::One(number),
        Err(_) => Layers::All,
    };
    (layers, rest)
}

fn parts_in(rest: &str, in_one_layer: bool) -> Parts {
    let bare = rest.trim_matches(|letter| matches!(letter, '.' | '*' | '$' | '^'));
    let has = |words: &[&str]| words.iter().any(|word| bare.contains(word));
    let ends = |words: &[&str]| words.iter().any(|word| bare == *word || bare.ends_with(&format!(".{word}")));
    if bare.is_empty() {
        return if in_one_layer { Parts::OF_A_LAYER } else { Parts::NONE };
    }
    if has(&["norm", "bias", "conv1d"])
        || ends(&[
            "gate",
            "router",
            "shared_expert_gate",
            "in_proj_a",
            "in_proj_b",
            "in_proj_ba",
            "weights_proj",
        ])
    {
        return Parts::NONE;
    }
    if bare == "linear" {
        return Parts::OF_A_LAYER | Parts::HEAD;
    }
    if ends(&["lm_head", "head"]) {
        return Parts::HEAD;
    }
    if has(&["embed"]) {
        return Parts::EMBEDDING;
    }
    if has(&["shared_expert", "shared_mlp"]) {
        return Parts::SHARED;
    }
    if has(&["experts"]) {
        return Parts::EXPERTS;
    }
    if has(&["linear_attn", "mamba", "in_proj", "out_proj"]) {
        return Parts::MIXER;
    }
    if has(&["gate_proj", "up_proj", "down_proj", "gate_up_proj", "_proj"])
        && has(&["mlp", "ffn", "feed_forward"])
    {
        return Parts::DENSE;
    }
    if has(&["up_proj", "down_proj"]) {
        return Parts::DENSE;
    }
    if has(&["mlp", "ffn", "feed_forward", "block_sparse_moe"]) {
        return Parts::FEED_FORWARD;
    }
    attention_parts(bare, &has)
}

fn attention_parts(bare: &str, has: &impl Fn(&[&str]) -> bool) -> Parts {
    if has(&["indexer"]) {
        return Parts::INDEX;
    }
    if has(&["qkv"]) {
        return Parts::QUERY | Parts::KEY_VALUE;
    }
    if has(&["kv_a", "kv_b", "k_proj", "v_proj", "wkv"]) {
        return Parts::KEY_VALUE;
    }
    if has(&["q_a", "q_b", "q_proj", "wq"]) {
        return Parts::QUERY;
    }
    if has(&["o_proj", "o_a", "o_b", ".wo"]) {
        return Parts::OUTPUT;
    }
    if has(&["attn", "attention"]) {
        return Parts::ATTENTION;
    }
    if bare == "mixer" { Parts::OF_A_LAYER } else { Parts::NONE }
}

#[cfg(test)]
mod tests {
    use super::{Layers, Parts, meaning};

    #[test]
    fn a_name_means_the_weights_that_it_holds() {
        let table = [
            ("model.layers.3.self_attn.q_b_proj", Layers::One(3), Parts::QUERY),
            ("model.layers.3.self_attn.kv_a_proj_with_mqa", Layers::One(3), Parts::KEY_VALUE),
            ("model.layers.3.self_attn.o_proj", Layers::One(3), Parts::OUTPUT),
            ("model.layers.0.self_attn.indexer*", Layers::One(0), Parts::INDEX),
            ("model.layers.10.self_attn*", Layers::One(10), Parts::ATTENTION),
            ("model.layers.1*", Layers::StartingWith(1), Parts::OF_A_LAYER),
            ("model.layers.1.*", Layers::One(1), Parts::OF_A_LAYER),
            ("model.layers.5.mlp.gate", Layers::One(5), Parts::NONE),
            ("model.layers.5.input_layernorm", Layers::One(5), Parts::NONE),
            ("*.mlp.shared_expert.*", Layers::All, Parts::SHARED),
            ("re:.*shared_experts.*", Layers::All, Parts::SHARED),
            ("re:.*self_attn.*", Layers::All, Parts::ATTENTION),
            (r"re:.*mlp\.(gate|up|gate_up|down)_proj.*", Layers::All, Parts::DENSE),
            ("layers.7.ffn.experts", Layers::One(7), Parts::EXPERTS),
            ("backbone.layers.1.mixer.experts.0.down_proj", Layers::One(1), Parts::EXPERTS),
            ("backbone.layers.0.mixer.in_proj", Layers::One(0), Parts::MIXER),
            ("backbone.layers.7.mixer.q_proj", Layers::One(7), Parts::QUERY),
            ("model.language_model.layers.0.linear_attn*", Layers::One(0), Parts::MIXER),
            ("model.language_model.layers.0.linear_attn.in_proj_a", Layers::One(0), Parts::NONE),
            ("model.layers.*.mlp.router", Layers::All, Parts::NONE),
            ("model.visual*", Layers::All, Parts::NONE),
            ("vision_tower.encoder.layers.0.mlp.fc1", Layers::All, Parts::NONE),
            ("mtp.layers.0*", Layers::One(0), Parts::NONE),
            ("lm_head", Layers::All, Parts::HEAD),
            ("head", Layers::All, Parts::HEAD),
            ("model.embed_tokens", Layers::All, Parts::EMBEDDING),
            ("Linear", Layers::All, Parts::OF_A_LAYER | Parts::HEAD),
        ];
        for (name, layers, parts) in table {
            assert_eq!(meaning(name).1, parts, "{name}");
            assert!(parts == Parts::NONE || meaning(name).0 == layers, "{name}");
        }
    }

    #[test]
    fn a_number_with_a_star_means_all_that_start_with_it() {
        let layers = Layers::StartingWith(1);
        let hits: Vec<u32> = (0..25).filter(|index| layers.has(*index)).collect();
        assert_eq!(hits, [1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    }
}
