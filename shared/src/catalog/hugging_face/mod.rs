//! A model's `config.json` on Hugging Face → a [`Model`] of the catalog.
//!
//! Each family of architectures is one file in `families/`. A configuration is read layer by layer; parameters are
//! counted from the dimensions, bytes from what `quantization_config` and `hf_quant_config.json` say of each part.

mod config;
mod error;
mod families;
mod fields;
mod json;
mod module;
mod quantization;
mod shape;
mod vision;

#[cfg(test)]
mod tests;

pub use error::ConfigError;

use self::config::Config;
use self::families::{ALL, Family};
use self::quantization::Storage;
use super::entry::Entry;
use super::{Checkpoint, Evidence, Model};

/// Most bytes that a configuration may have: the longest known, which names each of 6,000 experts, has 1 MiB.
pub const MAX_CONFIG_BYTES: usize = 8 * 1024 * 1024;

/// The model that the text of a `config.json` describes, with one checkpoint: the one that the configuration is of.
///
/// `id` is the Hugging Face id that the model shall have; `quantization_json` the text of the
/// `hf_quant_config.json` beside the configuration, where there is one.
///
/// Parameters are those of the language model, counted from its dimensions (biases and norms left out): without a
/// vision or audio tower, and without layers that predict tokens ahead. The checkpoint's bytes are what a server
/// loads: these parameters as they are stored, and a vision tower, where there is one, in 16 bits.
///
/// # Errors
/// A document that is too large or no JSON, an architecture that is not known, or a field that is missing or makes
/// no sense: which one, where, and what would be accepted.
pub fn model_from_config(
    id: &str,
    config_json: &str,
    quantization_json: Option<&str>,
) -> Result<Model, ConfigError> {
    let value = config::parse(config_json)?;
    let config = Config::of(&value)?;
    let (class, family) = family_of(&config)?;
    let shape = (family.read)(&config)?;
    let storage = Storage::read(&config, quantization_json)?;
    let stored = storage.of(&shape);
    let architecture = shape.architecture(class);
    let vision = vision::parameters(&config);
    // Both far below 2^53 for every model that passes the check at the end.
    let bytes = (stored.bytes + 2.0 * vision as f64) as u64;
    let mut unverified = vec!["gated".to_owned(), "checkpoints.bytes".to_owned()];
    let mut disagreements = Vec::new();
    if vision > 0 {
        disagreements.push(format!(
            "Multimodal: dimensions and parameters are those of the language part; the size has about {:.2} billion \
             parameters of a vision tower too.",
            vision as f64 / 1e9
        ));
    }
    unverified.sort();
    let model = Model {
        id: id.to_owned(),
        aliases: Vec::new(),
        parameters: architecture.parameters(),
        active_parameters: architecture.active_parameters(),
        max_context_tokens: shape.max_context_tokens.into(),
        gated: false,
        architecture,
        checkpoints: vec![Checkpoint {
            id: id.to_owned(),
            precision: stored.precision,
            bytes,
            loaded_bytes: None,
            cache_element: storage.cache_element,
            evidence: None,
        }],
        evidence: Evidence { source: format!("config.json of {id}"), unverified, disagreements },
    };
    model
        .validate()
        .map_err(|problem| ConfigError::Implausible { field: problem.field, reason: problem.reason })?;
    Ok(model)
}

/// The family that the configuration names by class, or by type where it names no class.
fn family_of<'a>(config: &Config<'a>) -> Result<(&'a str, &'static Family), ConfigError> {
    let (root, text) = (&config.root, &config.text);
    let known = || ALL.iter().flat_map(|family| family.classes).copied().collect();
    let classes = [root.texts("architectures")?, text.texts("architectures")?];
    let classes: Vec<&str> = classes.into_iter().flatten().flatten().collect();
    for class in &classes {
        if let Some(family) = ALL.iter().find(|family| family.classes.contains(class)) {
            return Ok((class, family));
        }
    }
    if let Some(class) = classes.first() {
        return Err(ConfigError::UnknownArchitecture {
            field: "architectures",
            name: class.chars().take(200).collect(),
            known: known(),
        });
    }
    let kind = match root.text("model_type")? {
        Some(kind) => Some(kind),
        None => text.text("model_type")?,
    };
    let kind =
        kind.ok_or_else(|| root.missing("architectures", "a list with the name of the model's class"))?;
    let family = ALL.iter().find(|family| family.model_types.contains(&kind));
    let class = family.and_then(|family| family.classes.first().copied());
    class.zip(family.copied()).ok_or_else(|| ConfigError::UnknownArchitecture {
        field: "model_type",
        name: kind.chars().take(200).collect(),
        known: known(),
    })
}
