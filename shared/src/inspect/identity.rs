//! Which object it is.

use serde_json::Value;

/// Names of an object, as far as it has them (an object of `generateName` has no name before it is stored).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// `apps/v1`.
    pub api_version: &'a str,
    /// `Deployment`.
    pub kind: &'a str,
    /// `metadata.name`.
    pub name: Option<&'a str>,
    /// `metadata.namespace`; absent in files that leave it to the command.
    pub namespace: Option<&'a str>,
}

impl<'a> Identity<'a> {
    /// Identity of `object`; `None` where it has no kind.
    pub fn of(object: &'a Value) -> Option<Self> {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str);
        Some(Self {
            api_version: text("/apiVersion")?,
            kind: text("/kind")?,
            name: text("/metadata/name"),
            namespace: text("/metadata/namespace"),
        })
    }
}
