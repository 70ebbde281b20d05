//! What a curve is of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::Precision;

/// How one replica spreads over its accelerators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parallelism {
    /// Tensor parallel size of the attention layers.
    pub tensor: u32,
    /// Attention data parallel size.
    #[serde(default = "one")]
    pub data: u32,
    /// Expert parallel size.
    #[serde(default = "one")]
    pub expert: u32,
}

fn one() -> u32 {
    1
}

impl Parallelism {
    /// Tensor parallel over all accelerators, nothing else.
    pub const fn tensor(accelerators: u32) -> Self {
        Self { tensor: accelerators, data: 1, expert: 1 }
    }
}

/// One replica of one model on one server: everything that decides its curve but the traffic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Configuration {
    /// Catalog id of the model whose dimensions are served.
    pub model: String,
    /// Precision of the weights; `None` where the source does not say.
    pub precision: Option<Precision>,
    /// Catalog name of the model server.
    pub server: String,
    /// Version as the catalog names it; `None` where the source does not say.
    pub server_version: Option<String>,
    /// Catalog id of the accelerator (GKE's label value where GKE has it).
    pub accelerator: String,
    /// Accelerators of one replica.
    pub accelerators: u32,
    /// How the replica spreads over them.
    pub parallelism: Parallelism,
    /// Server arguments that differ from the version's defaults, as the source states them; empty: defaults.
    pub engine_arguments: String,
}

impl fmt::Display for Configuration {
    /// `google/gemma-2-27b-it (bf16) on vllm v0.7.2, 4 × nvidia-l4`; what is unknown is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.model)?;
        if let Some(precision) = self.precision {
            write!(f, " ({precision})")?;
        }
        write!(f, " on {}", self.server)?;
        if let Some(version) = &self.server_version {
            write!(f, " {version}")?;
        }
        write!(f, ", {} × {}", self.accelerators, self.accelerator)
    }
}
