//! The most that a configuration gave with everything sent at once, as the catalog stores it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Precision;
use super::entry::{Entry, Problem, Reference, Section, count, name, positive};
use crate::curve::Parallelism;

/// Throughputs of one configuration under maximum load, without any latency: too little for a curve, enough to hold an
/// estimate against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ceiling {
    /// Catalog id of the model.
    pub model: String,
    /// Precision of the weights; absent where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// Catalog name of the server.
    pub server: String,
    /// Canonical server version; absent where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// Catalog id of the accelerator.
    pub accelerator: String,
    /// Accelerators of the replica.
    pub accelerators: u32,
    /// How it spread over them; absent: tensor parallel over all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<Parallelism>,
    /// Marks: `pipeline-parallel` where the accelerators beside the tensor parallel ones are stages of a pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Who published the figures, where.
    pub source: String,
    /// Throughput by lengths.
    pub points: Vec<CeilingPoint>,
}

/// One throughput in the order of a table's columns: `[input tokens, output tokens, output tokens/s]`; every request
/// has these lengths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "a row [input tokens, output tokens, output tokens/s]")]
pub struct CeilingPoint(
    /// Tokens of a prompt.
    pub f64,
    /// Tokens of an answer.
    pub f64,
    /// Output tokens a second of the replica.
    pub f64,
);

impl Entry for Ceiling {
    const KIND: &'static str = "ceiling";

    fn key(&self) -> String {
        let precision = self.precision.map_or("any", Precision::name);
        let version = self.server_version.as_deref().unwrap_or("any");
        let parallelism = self.parallelism.unwrap_or_else(|| Parallelism::tensor(self.accelerators));
        format!(
            "{} {precision} {} {version} {}×{} tp{} dp{} ep{} from {}",
            self.model,
            self.server,
            self.accelerators,
            self.accelerator,
            parallelism.tensor,
            parallelism.data,
            parallelism.expert,
            self.source,
        )
    }

    fn validate(&self) -> Result<(), Problem> {
        name("model", &self.model)?;
        count("accelerators", self.accelerators.into(), 100_000)?;
        name("source", &self.source)?;
        if self.points.is_empty() {
            return Err(Problem::new("points", "is empty: at least one throughput is needed"));
        }
        let mut seen = BTreeSet::new();
        for (index, CeilingPoint(input, output, throughput)) in self.points.iter().enumerate() {
            let within = |problem: Problem| problem.within(&format!("points[{index}]"));
            positive("inputTokens", *input, 1e8).map_err(within)?;
            positive("outputTokens", *output, 1e8).map_err(within)?;
            positive("outputTokensPerS", *throughput, 1e9).map_err(within)?;
            if !seen.insert((input.to_bits(), output.to_bits())) {
                let reason =
                    format!("is {input} in, {output} out once more: each pair of lengths stands once");
                return Err(Problem::new(format!("points[{index}]"), reason));
            }
        }
        Ok(())
    }

    fn references(&self) -> Vec<Reference<'_>> {
        vec![
            Reference { field: "model", section: Section::Models, name: &self.model },
            Reference { field: "server", section: Section::Servers, name: &self.server },
            Reference { field: "accelerator", section: Section::Accelerators, name: &self.accelerator },
        ]
    }
}
