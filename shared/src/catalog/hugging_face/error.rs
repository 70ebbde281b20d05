//! What can be wrong with a `config.json`.

use thiserror::Error;

use super::MAX_CONFIG_BYTES;

/// A configuration that does not describe a model that the catalog could hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// More text than any model's configuration has.
    #[error(
        "{document}: {bytes} bytes are too many for a model's configuration, at most {MAX_CONFIG_BYTES} are read"
    )]
    TooLarge {
        /// `config.json` or `hf_quant_config.json`.
        document: &'static str,
        /// Its size.
        bytes: usize,
    },
    /// The text is no JSON.
    #[error("{document}: {message}")]
    Malformed {
        /// `config.json` or `hf_quant_config.json`.
        document: &'static str,
        /// What is wrong, with line and column.
        message: String,
    },
    /// A field that the architecture needs is not there.
    #[error("{document}: field `{field}` is missing: {accepted} is accepted")]
    Missing {
        /// `config.json` or `hf_quant_config.json`.
        document: &'static str,
        /// Path of the field.
        field: String,
        /// What would be accepted.
        accepted: String,
    },
    /// A field has a value that makes no sense.
    #[error("{document}: field `{field}` is {found}: {accepted} is accepted")]
    Invalid {
        /// `config.json` or `hf_quant_config.json`.
        document: &'static str,
        /// Path of the field.
        field: String,
        /// What stands there, shortened.
        found: String,
        /// What would be accepted.
        accepted: String,
    },
    /// Nobody taught this reader the architecture.
    #[error(
        "config.json: field `{field}` names the architecture `{name}`, which is not known. Known are {}. A model of \
         another architecture can be described in a catalog file by its dimensions",
        known.join(", ")
    )]
    UnknownArchitecture {
        /// Field that names it.
        field: &'static str,
        /// Its name.
        name: String,
        /// Architectures that there are.
        known: Vec<&'static str>,
    },
    /// Every field makes sense for itself, the model that they make does not.
    #[error("config.json describes a model whose `{field}` {reason}")]
    Implausible {
        /// Field of the catalog's model.
        field: String,
        /// Its value, and what would be accepted.
        reason: String,
    },
}
