//! Container images: their parts, the server that they carry, its version.

use super::{ServerKind, Told, is_placeholder};

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

/// What an image starts where no command is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrypoint {
    /// `vllm serve`, which takes the model as a word of its own.
    VllmServe,
    /// `python3 -m vllm.entrypoints.openai.api_server`, which takes the model as `--model` only.
    ApiServer,
    /// Another server's launcher, or one that the tag does not tell.
    Other,
}

/// Words of an image's name that say that it stands beside a server, or only looks like one.
const BESIDE: [&str; 30] = [
    "router",
    "proxy",
    "gateway",
    "sidecar",
    "sim",
    "simulator",
    "simulated",
    "mock",
    "fake",
    "bench",
    "benchmark",
    "benchmarks",
    "client",
    "epp",
    "scheduler",
    "controller",
    "operator",
    "exporter",
    "autoscaler",
    "downloader",
    "converter",
    "loader",
    "init",
    "render",
    "test",
    "tests",
    "webui",
    "ui",
    "webhook",
    "dashboard",
];

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

    /// Last part of the repository: `vllm-openai`.
    pub fn name(&self) -> &'a str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the reference stands for one that is filled in later.
    pub fn is_placeholder(&self) -> bool {
        is_placeholder(self.reference)
    }

    /// The server that the image carries by its name.
    pub(super) fn server(&self) -> Option<ServerKind> {
        if self.stands_beside() {
            return None;
        }
        let name = self.name();
        let has = |part: &str| name.contains(part);
        // Triton's own image carries vLLM or TensorRT-LLM as its back end; what it starts is Triton.
        match () {
            () if has("tritonserver") || has("triton-server") => Some(ServerKind::Triton),
            () if self.is_nim() => Some(ServerKind::Nim),
            () if has("vllm") => Some(ServerKind::Vllm),
            () if has("sglang") => Some(ServerKind::Sglang),
            () if has("text-generation-inference") => Some(ServerKind::Tgi),
            () if has("jetstream") || has("maxengine") => Some(ServerKind::Jetstream),
            () if has("trtllm") || has("tensorrt-llm") || has("tensorrt_llm") => {
                Some(ServerKind::TensorrtLlm)
            }
            () if self.repository.ends_with("tensorrt-llm/release") => Some(ServerKind::TensorrtLlm),
            () if has("huggingfaceserver") => Some(ServerKind::KserveHuggingFace),
            () if has("ray-llm") || has("ray-ml-llm") => Some(ServerKind::Ray),
            () if has("llama.cpp") || has("llama-cpp") || has("llama-server") || self.is_ollama() => {
                Some(ServerKind::LlamaCpp)
            }
            () => None,
        }
    }

    /// Whether the name says that the image stands beside a server, or only looks like one.
    pub(super) fn stands_beside(&self) -> bool {
        self.name().split(['-', '_', '.']).any(|part| BESIDE.contains(&part))
    }

    /// Whether the image is Ollama's.
    pub fn is_ollama(&self) -> bool {
        self.repository.rsplit('/').next() == Some("ollama")
    }

    fn is_nim(&self) -> bool {
        self.repository.starts_with("nvcr.io/nim/") || self.repository.contains("/nim/")
    }

    /// Whether the image is a server's own, or a mirror of it, whose tags are the server's versions. An image of
    /// another name has versions of its own.
    fn is_upstream(&self) -> bool {
        const NAMES: [&str; 10] = [
            "vllm-openai",
            "vllm-tpu",
            "vllm-openai-rocm",
            "vllm-openai-cpu",
            "sglang",
            "text-generation-inference",
            "vllm-cpu-release-repo",
            "huggingfaceserver",
            "maxengine-server",
            "jetstream-http",
        ];
        NAMES.contains(&self.name()) || self.repository.ends_with("tensorrt-llm/release")
    }

    /// Version of the server, as far as the tag tells: `v0.9.0` of `vllm/vllm-openai:v0.9.0-cu128`. Unset where there
    /// is no tag; unknown for `latest`, `nightly` and tags of somebody's own.
    pub(super) fn version(&self) -> Told<String> {
        if self.is_placeholder() {
            return Told::Unknown;
        }
        let Some(tag) = self.tag else {
            return if self.digest.is_some() { Told::Unknown } else { Told::Unset };
        };
        // AMD's: `rocm6.3.1_vllm_0.8.5_20250521`.
        let named = tag.split_once("vllm_").map(|(_, version)| version);
        let version = match named {
            Some(version) => release(version).map(|version| format!("v{version}")),
            None if self.is_upstream() => {
                let bare = tag.strip_prefix('v').unwrap_or(tag);
                release(bare).map(|version| tag[..tag.len() - bare.len()].to_owned() + version)
            }
            None => None,
        };
        version.map_or(Told::Unknown, Told::Is)
    }

    /// What the image starts where no command is written.
    pub(super) fn entrypoint(&self) -> Entrypoint {
        if self.name() != "vllm-openai" {
            return Entrypoint::Other;
        }
        let version = self.version();
        let Some(version) = version.known() else { return Entrypoint::Other };
        let mut parts = version.trim_start_matches('v').split('.');
        let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
        match (number(), number(), number()) {
            (0, 0..=10, _) | (0, 11, 0) => Entrypoint::ApiServer,
            // It changed in a patch release of 0.11.
            (0, 11, _) => Entrypoint::Other,
            _ => Entrypoint::VllmServe,
        }
    }
}

/// The release at the beginning of a tag: `0.8.5.post1` of `0.8.5.post1-cu124`. It has two numbers at least, and
/// commits after a tag (`0.9.2.dev10+gabc`) belong to it.
fn release(text: &str) -> Option<&str> {
    let end = text.find(['-', '_', '+']).unwrap_or(text.len());
    let version = &text[..end];
    let mut parts = version.split('.');
    let is_number =
        |part: &str| !part.is_empty() && part.len() < 6 && part.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = parts.by_ref().take(2).filter(|part| is_number(part)).count();
    let rest_is_fine = parts.all(|part| {
        let digits = part.trim_start_matches("post").trim_start_matches("dev").trim_start_matches("rc");
        is_number(digits) || part.split_once("rc").is_some_and(|(a, b)| is_number(a) && is_number(b))
    });
    (numbers == 2 && rest_is_fine).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::{Entrypoint, Image};
    use crate::inspect::{ServerKind, Told};

    fn version(reference: &str) -> Told<String> {
        Image::parse(reference).version()
    }

    #[test]
    fn versions_of_upstream_tags() {
        for (reference, expected) in [
            ("vllm/vllm-openai:v0.9.0", "v0.9.0"),
            ("localhost:5000/vllm/vllm-openai:v0.9.0", "v0.9.0"),
            ("vllm/vllm-openai:0.8.5.post1", "0.8.5.post1"),
            ("vllm/vllm-openai:v0.6.3.dev116", "v0.6.3.dev116"),
            ("vllm/vllm-openai:v0.10.1rc1", "v0.10.1rc1"),
            ("lmsysorg/sglang:v0.4.6.post1-cu124", "v0.4.6.post1"),
            ("ghcr.io/huggingface/text-generation-inference:2.4.0-rocm", "2.4.0"),
            ("rocm/vllm:rocm6.3.1_vllm_0.8.5_20250521", "v0.8.5"),
            ("vllm/vllm-tpu:v0.27.0", "v0.27.0"),
            ("us-docker.pkg.dev/cloud-tpu-images/inference/maxengine-server:v0.2.2", "v0.2.2"),
            ("vllm/vllm-openai:v0.9.0@sha256:00", "v0.9.0"),
        ] {
            assert_eq!(version(reference), Told::Is(expected.to_owned()), "{reference}");
        }
    }

    #[test]
    fn tags_that_name_no_version_are_unknown() {
        for reference in [
            "vllm/vllm-openai:latest",
            "vllm/vllm-openai:nightly-0123456789abcdef",
            "vllm/vllm-openai:gptoss",
            "vllm/vllm-openai@sha256:00",
            "example.com/team/vllm-server:v3.1",
            "us-docker.pkg.dev/vertex-ai/vertex-vision-model-garden-dockers/pytorch-vllm-serve:20250312_0916_RC01",
        ] {
            assert_eq!(version(reference), Told::Unknown, "{reference}");
        }
        assert_eq!(version("vllm/vllm-openai"), Told::Unset);
        assert_eq!(version("localhost:5000/vllm-openai"), Told::Unset);
    }

    #[test]
    fn images_beside_a_server_carry_none() {
        for reference in [
            "lmcache/lmstack-router:latest",
            "ghcr.io/llm-d/llm-d-inference-sim:v0.3.0",
            "example.com/vllm-router:1",
            "lmsysorg/sglang-router:latest",
            "example.com/vllm-benchmark:1",
            "nginx:1.27",
        ] {
            assert_eq!(Image::parse(reference).server(), None, "{reference}");
        }
        let server = |reference: &str| Image::parse(reference).server();
        assert_eq!(server("nvcr.io/nim/meta/llama-3.1-8b-instruct:1.3.3"), Some(ServerKind::Nim));
        assert_eq!(server("nvcr.io/nvidia/tritonserver:25.03-vllm-python-py3"), Some(ServerKind::Triton));
        assert_eq!(server("lmcache/vllm-openai:latest"), Some(ServerKind::Vllm));
    }

    #[test]
    fn the_entrypoint_follows_the_version() {
        let entry = |reference: &str| Image::parse(reference).entrypoint();
        assert_eq!(entry("vllm/vllm-openai:v0.9.0"), Entrypoint::ApiServer);
        assert_eq!(entry("vllm/vllm-openai:v0.32.0"), Entrypoint::VllmServe);
        assert_eq!(entry("vllm/vllm-openai:latest"), Entrypoint::Other);
    }
}
