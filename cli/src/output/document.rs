//! JSON and YAML.

use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;

/// Indented JSON with a line feed at the end.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(Failure::unexpected)?;
    text.push('\n');
    Ok(text)
}

/// One YAML document.
pub(crate) fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    serde_saphyr::to_string(value).map_err(Failure::unexpected)
}

/// One YAML document an item, as gcloud prints lists.
pub(super) fn yaml_stream(items: impl Iterator<Item = Value>) -> Result<String, Failure> {
    items.map(|item| Ok(format!("---\n{}", yaml(&item)?))).collect()
}
