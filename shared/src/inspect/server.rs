//! Which model server a container runs.

/// A model server that rules know by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// Name as a person writes it.
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::Vllm => "vLLM",
            Self::Sglang => "SGLang",
            Self::Tgi => "Text Generation Inference",
            Self::Jetstream => "JetStream",
            Self::TensorrtLlm => "TensorRT-LLM",
            Self::Triton => "Triton",
            Self::Nim => "NIM",
            Self::KserveHuggingFace => "KServe's Hugging Face server",
            Self::Ray => "Ray Serve",
            Self::LlamaCpp => "llama.cpp",
        }
    }

    /// What answers once the server serves, of servers that the catalog does not have; `None` where that is not one path.
    /// Sources: the KServe inference protocol, version 2; docs.nvidia.com/nim, API reference; llama.cpp, tools/server.
    pub const fn health_path(self) -> Option<&'static str> {
        match self {
            Self::Triton | Self::KserveHuggingFace => Some("/v2/health/ready"),
            Self::Nim => Some("/v1/health/ready"),
            Self::LlamaCpp => Some("/health"),
            Self::Vllm | Self::Sglang | Self::Tgi | Self::Jetstream | Self::TensorrtLlm | Self::Ray => None,
        }
    }

    /// Port that it listens on where its arguments name none; `None` where that depends on the image.
    pub const fn default_port(self) -> Option<u16> {
        match self {
            Self::Vllm | Self::TensorrtLlm | Self::Triton | Self::Nim | Self::Ray => Some(8000),
            Self::Sglang => Some(30000),
            // The image sets PORT=80.
            Self::Tgi => Some(80),
            Self::Jetstream => Some(9000),
            Self::KserveHuggingFace => Some(8080),
            Self::LlamaCpp => None,
        }
    }
}
