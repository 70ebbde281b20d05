//! Which model server a container runs.

use super::{Container, Told};

/// A model server that rules know by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerKind {
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// Hugging Face's Text Generation Inference.
    Tgi,
    /// JetStream with MaxText or PyTorch.
    Jetstream,
    /// TensorRT-LLM's own server.
    TensorrtLlm,
    /// NVIDIA Triton.
    Triton,
    /// NVIDIA NIM.
    Nim,
    /// KServe's Hugging Face server.
    KserveHuggingFace,
    /// Ray Serve, whatever it serves with.
    Ray,
    /// llama.cpp's server or Ollama.
    LlamaCpp,
}

impl ServerKind {
    /// Name of the server in the catalog; `None` where the catalog has none.
    pub const fn catalog_name(self) -> Option<&'static str> {
        match self {
            Self::Vllm => Some("vllm"),
            Self::Sglang => Some("sglang"),
            Self::Tgi => Some("tgi"),
            Self::Jetstream => Some("jetstream"),
            Self::TensorrtLlm => Some("tensorrt-llm"),
            Self::Triton | Self::Nim | Self::KserveHuggingFace | Self::Ray | Self::LlamaCpp => None,
        }
    }

    /// The server that `container` runs.
    pub(super) fn of(container: &Container<'_>) -> Option<Self> {
        let image = container.image?;
        const KNOWN: [(&str, ServerKind); 3] = [
            ("vllm", ServerKind::Vllm),
            ("sglang", ServerKind::Sglang),
            ("text-generation-inference", ServerKind::Tgi),
        ];
        KNOWN.iter().find(|(part, _)| image.contains(part)).map(|(_, server)| *server)
    }
}

/// A container image reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image<'a> {
    /// As written.
    pub reference: &'a str,
    /// Without tag and digest.
    pub repository: &'a str,
    /// Tag.
    pub tag: Option<&'a str>,
    /// Digest with its algorithm.
    pub digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    pub(super) fn parse(reference: &'a str) -> Self {
        let (named, digest) = match reference.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (reference, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let name_start = named.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match named[name_start..].find(':') {
            Some(colon) => (&named[..name_start + colon], Some(&named[name_start + colon + 1..])),
            None => (named, None),
        };
        Self { reference, repository, tag, digest }
    }

    /// Version that the tag names: `v0.9.0` of `vllm/vllm-openai:v0.9.0`.
    pub(super) fn version(&self) -> Told<String> {
        match self.tag {
            Some(tag) if tag.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) => {
                Told::Is(tag.to_owned())
            }
            Some(_) => Told::Unknown,
            None => Told::Unset,
        }
    }
}
