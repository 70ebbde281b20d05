//! The application that a RayService serves, which stands in it as a text.

use serde_json::Value;

use super::{ModelSource, Parallelism, Told};

/// `spec.serveConfigV2` of a RayService.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServeConfig<'a> {
    text: &'a str,
}

impl<'a> ServeConfig<'a> {
    /// The configuration of `object`, where it serves a language model.
    pub(super) fn of(object: &'a Value) -> Option<Self> {
        if object.get("kind")?.as_str()? != "RayService" {
            return None;
        }
        let text = object.get("spec")?.get("serveConfigV2")?.as_str()?;
        let serves =
            ["vllm", "ray.serve.llm", "llm_configs", "sglang"].iter().any(|word| text.contains(word));
        serves.then_some(Self { text })
    }

    /// The one value that all lines with one of `keys` agree on.
    fn value(&self, keys: &[&str]) -> Told<&'a str> {
        let mut found = Told::Unset;
        for line in self.text.lines() {
            let line = line.trim_start_matches([' ', '-', '\t']);
            let Some((key, value)) = line.split_once(':') else { continue };
            if !keys.contains(&key.trim_matches(['"', '\''])) {
                continue;
            }
            let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            found = match found {
                Told::Unset if !value.is_empty() => Told::Is(value),
                Told::Is(before) if before == value => found,
                _ => Told::Unknown,
            };
        }
        found
    }

    pub(super) fn model(&self) -> ModelSource {
        let named = self.value(&["model_source", "MODEL_ID"]).or_else(|| self.value(&["model_id", "model"]));
        match named {
            Told::Is(model) => ModelSource::read(model),
            Told::Unset | Told::Unknown => ModelSource::Unknown,
        }
    }

    pub(super) fn parallelism(&self) -> Parallelism {
        let number = |keys: &[&str]| match self.value(keys) {
            // A script of the author's own may split it by other means.
            Told::Unset | Told::Unknown => Told::Unknown,
            Told::Is(text) => text.parse().map_or(Told::Unknown, Told::Is),
        };
        Parallelism {
            tensor: number(&["tensor_parallel_size", "TENSOR_PARALLELISM"]),
            pipeline: number(&["pipeline_parallel_size", "PIPELINE_PARALLELISM"]),
            data: Told::Unknown,
            data_local: Told::Unknown,
            machines: Told::Unknown,
            expert: Told::Unknown,
        }
    }
}
