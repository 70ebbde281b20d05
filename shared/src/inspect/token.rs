//! The token for the Hugging Face Hub.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ArgumentValue, EnvironmentValue, PointerBuf, ServingPod, Volume, VolumeSource};

/// Where a server takes its token for the Hub from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubToken<'a> {
    /// How it is given.
    pub source: TokenSource<'a>,
    /// Where that stands in the object.
    pub at: PointerBuf,
}

/// How a token is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource<'a> {
    /// A text in the object, in a variable; it may be a placeholder.
    Literal(&'a str),
    /// A text in the object, on the command line.
    Argument(String),
    /// A key of a Secret, by a variable.
    Secret,
    /// A reference that the object does not explain, or `envFrom`, which may or may not have it.
    Reference,
    /// A file of a mounted Secret or of another volume that may hold it.
    Mounted,
}

/// Variables that the Hub's client and the servers read.
const VARIABLES: [&str; 4] = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HF_API_TOKEN"];

impl<'a> ServingPod<'a> {
    /// Where the server takes its token for the Hub from; `None` where nothing in the template can give it one.
    pub fn hub_token(&self) -> Option<HubToken<'a>> {
        let container = self.serving();
        let variable = VARIABLES.iter().find_map(|name| container.variable(name));
        if let Some(variable) = variable {
            let source = match variable.value {
                EnvironmentValue::Secret => TokenSource::Secret,
                EnvironmentValue::Literal(text) => TokenSource::Literal(text),
                EnvironmentValue::Reference => TokenSource::Reference,
            };
            return Some(HubToken { source, at: container.place_of(variable) });
        }
        if VARIABLES.iter().any(|name| self.variables.is_set_by_script(name)) {
            return Some(HubToken { source: TokenSource::Reference, at: container.pointer(["args"]) });
        }
        if let Some(option) = self.arguments.option(&["hf-token"]) {
            let source = match &option.value {
                ArgumentValue::Literal(text) => TokenSource::Argument(text.clone()),
                ArgumentValue::Switch | ArgumentValue::Unknown => TokenSource::Reference,
            };
            return Some(HubToken { source, at: option.at.pointer().clone() });
        }
        if self.variables.inherits() {
            return Some(HubToken { source: TokenSource::Reference, at: container.pointer(["envFrom"]) });
        }
        self.mounted_token()
    }

    /// A mounted Secret may hold the token whatever its name; so may the file that `HF_TOKEN_PATH` names, or one that
    /// a script reads.
    fn mounted_token(&self) -> Option<HubToken<'a>> {
        let container = self.serving();
        if let Some(variable) = container.variable("HF_TOKEN_PATH") {
            return Some(HubToken { source: TokenSource::Mounted, at: container.place_of(variable) });
        }
        let holds_secret = |volume: &&Volume<'_>| match volume.source {
            VolumeSource::Configuration => volume.value.get("secret").is_some() || has_secret(volume.value),
            VolumeSource::Other => volume.value.get("csi").is_some(),
            _ => false,
        };
        let secrets: BTreeSet<_> =
            self.volumes.iter().filter(holds_secret).map(|volume| volume.name).collect();
        let mount = container.mounts.iter().find(|mount| secrets.contains(mount.volume))?;
        Some(HubToken { source: TokenSource::Mounted, at: mount.at.clone() })
    }
}

fn has_secret(volume: &Value) -> bool {
    let sources = volume.pointer("/projected/sources").and_then(Value::as_array);
    sources.into_iter().flatten().any(|source| source.get("secret").is_some())
}
