//! Which model a server loads, and from where.

use super::{Arguments, Container, ServerKind};

/// Where a server takes its model from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// `owner/name` on the Hugging Face Hub.
    Hub(String),
    /// A path in the container.
    Path(String),
    /// `gs://…` or `s3://…`, read by the server itself.
    Bucket(String),
    /// Nothing is written: the server's own default, or what the image brings.
    Unset,
    /// It cannot be told from the object.
    Unknown,
}

impl ModelSource {
    pub(super) fn of(server: ServerKind, container: &Container<'_>, arguments: &Arguments) -> Self {
        let _ = (server, container);
        match arguments.text(&["model", "model-path", "model-id"]) {
            super::Told::Is(model) => Self::read(model),
            super::Told::Unknown => Self::Unknown,
            super::Told::Unset => match arguments.positional.first() {
                Some(model) => Self::read(model.clone()),
                None => Self::Unset,
            },
        }
    }

    fn read(model: String) -> Self {
        if model.contains("://") {
            Self::Bucket(model)
        } else if model.starts_with(['/', '.']) {
            Self::Path(model)
        } else {
            Self::Hub(model)
        }
    }
}
