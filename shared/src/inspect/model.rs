//! Which model a server loads, and from where.

use super::image::Entrypoint;
use super::settings::ServerSettings;
use super::{ServerKind, Told, is_placeholder};

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
    pub(super) fn of(settings: &ServerSettings<'_, '_>) -> Self {
        let server = settings.server;
        let text = |names: &[&str]| settings.text(names);
        let told = match server {
            ServerKind::Vllm => match positional(settings) {
                // The command's own word wins over `--model`.
                Told::Unset => text(&["model"]),
                told => told,
            },
            ServerKind::Sglang => text(&["model-path", "model"]),
            ServerKind::Tgi => text(&["model-id"]),
            ServerKind::TensorrtLlm => match positional(settings) {
                Told::Unset => text(&["model"]),
                told => told,
            },
            ServerKind::Jetstream => text(&["load-parameters-path", "model-id", "model-name"]),
            ServerKind::KserveHuggingFace => match text(&["model-id"]) {
                Told::Unset => text(&["model-dir"]).or_else(|| Told::Is("/mnt/models".to_owned())),
                told => told,
            },
            ServerKind::Triton => text(&["model-repository", "model-repo", "model-store"]),
            ServerKind::Nim => settings.variable("NIM_MODEL_NAME"),
            ServerKind::LlamaCpp => match text(&["hf-repo"]) {
                Told::Unset => text(&["model"]),
                told => told,
            },
            ServerKind::Ray => Told::Unknown,
        };
        match told {
            Told::Is(model) => Self::read(&model),
            Told::Unset => Self::Unset,
            Told::Unknown => Self::Unknown,
        }
    }

    /// What `model` names, as servers tell paths from Hub ids.
    pub(super) fn read(model: &str) -> Self {
        let model = model.trim();
        let is_path = |model: &str| ["/", "./", "../", "~"].iter().any(|start| model.starts_with(start));
        match () {
            () if is_placeholder(model) || model.is_empty() => Self::Unknown,
            // `gs://BUCKET_NAME/llama`.
            () if model.contains("//") && model.split('/').any(is_placeholder) => Self::Unknown,
            () if model.contains("://") => Self::Bucket(model.to_owned()),
            () if is_path(model) || model.matches('/').count() > 1 => Self::Path(model.to_owned()),
            () if is_hub_id(model) => Self::Hub(model.to_owned()),
            () => Self::Unknown,
        }
    }
}

/// The first word that is no option, where the program takes the model so.
fn positional(settings: &ServerSettings<'_, '_>) -> Told<String> {
    let arguments = settings.arguments;
    let module = arguments.program.iter().any(|word| word.contains("api_server"));
    if module || arguments.entrypoint == Some(Entrypoint::ApiServer) {
        return Told::Unset;
    }
    let mut words = arguments.positional.iter();
    let word = match words.next() {
        // `serve` repeated after an entrypoint that says it.
        Some(word) if word.text == "serve" && arguments.entrypoint.is_some() => words.next(),
        word => word,
    };
    match word {
        Some(word) if word.known => Told::Is(word.text.clone()),
        Some(_) => Told::Unknown,
        None => Told::Unset,
    }
}

/// `owner/name`, or the name of one of the Hub's oldest models; letters, digits, `.`, `_`, `-`, at most 96 characters
/// a part.
fn is_hub_id(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.len() <= 96
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    text.split('/').all(is_part)
}
