//! Measured curves as the catalog stores them.

use serde::{Deserialize, Serialize};

use super::Precision;
use super::entry::{Entry, Problem, Reference, Section, count, name, positive, traffic};
use crate::curve::{LoadKind, Origin, Parallelism};
use crate::workload::{Statistic, Traffic};

/// One measured curve: a configuration under one traffic, with its load points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
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
    /// Server arguments that the source states.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub engine_arguments: String,
    /// Lengths of the requests.
    pub traffic: Traffic,
    /// How load was put on.
    pub load_kind: LoadKind,
    /// Measured, digitised or published.
    pub origin: Origin,
    /// GKE machine type that the run used, where the source names it; absent: the recommender maps the
    /// accelerator and count to the smallest GKE machine that holds them, and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Statistic of the TTFT figures.
    #[serde(default)]
    pub ttft_statistic: Statistic,
    /// Statistic of the ITL figures.
    #[serde(default)]
    pub itl_statistic: Statistic,
    /// Marks of the source: `wip`, `gap-study`, `mtp-suspected`, and `published-knee` for a single point that the
    /// source itself names as the knee.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Who published the figures, where.
    pub source: String,
    /// Load points by rising load.
    pub points: Vec<ProfilePoint>,
}

/// One load point in the order of a table's columns:
/// `[load, ttft ms, itl ms, ntpot ms, output tokens/s]`, `~` where it was not measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(
    expecting = "a row [load, TTFT ms, ITL ms, NTPOT ms, output tokens/s] with ~ for what was not measured"
)]
pub struct ProfilePoint(
    /// Requests in flight, requests a second or requests at once, by the profile's load kind; absent where
    /// the source does not publish it.
    pub Option<f64>,
    /// TTFT in milliseconds.
    pub Option<f64>,
    /// ITL in milliseconds.
    pub Option<f64>,
    /// NTPOT in milliseconds.
    pub Option<f64>,
    /// Output tokens a second.
    pub Option<f64>,
);

impl Entry for Profile {
    const KIND: &'static str = "profile";

    fn key(&self) -> String {
        format!("{} ({}) from {}", self.slot(), self.tags.join(" "), self.source)
    }

    /// Configuration, traffic and load kind: a measurement of the user's own replaces the embedded ones of
    /// the same, whoever published them.
    fn slot(&self) -> String {
        let precision = self.precision.map_or("any", Precision::name);
        let version = self.server_version.as_deref().unwrap_or("any");
        let parallelism = self.parallelism.unwrap_or_else(|| Parallelism::tensor(self.accelerators));
        format!(
            "{} {precision} {} {version} {}×{} tp{} dp{} ep{} {}/{} {:?} {} {}",
            self.model,
            self.server,
            self.accelerators,
            self.accelerator,
            parallelism.tensor,
            parallelism.data,
            parallelism.expert,
            self.traffic.input_tokens,
            self.traffic.output_tokens,
            self.traffic.lengths,
            self.load_kind.name(),
            self.engine_arguments,
        )
    }

    fn validate(&self) -> Result<(), Problem> {
        name("model", &self.model)?;
        count("accelerators", self.accelerators.into(), 100_000)?;
        if let Some(parallelism) = self.parallelism {
            count("parallelism.tensor", parallelism.tensor.into(), 100_000)?;
            count("parallelism.data", parallelism.data.into(), 100_000)?;
            count("parallelism.expert", parallelism.expert.into(), 100_000)?;
        }
        traffic(&self.traffic)?;
        name("source", &self.source)?;
        if matches!(self.origin, Origin::Estimated | Origin::Corrected) {
            let is = self.origin.name();
            let message = format!("is `{is}`: a profile is `measured`, `digitised` or `published`");
            return Err(Problem::new("origin", message));
        }
        if self.points.is_empty() {
            return Err(Problem::new("points", "is empty: at least one load point is needed"));
        }
        for (index, point) in self.points.iter().enumerate() {
            point.validate().map_err(|problem| problem.within(&format!("points[{index}]")))?;
        }
        self.validate_order()
    }

    fn references(&self) -> Vec<Reference<'_>> {
        let mut references = vec![
            Reference { field: "model", section: Section::Models, name: &self.model },
            Reference { field: "server", section: Section::Servers, name: &self.server },
            Reference { field: "accelerator", section: Section::Accelerators, name: &self.accelerator },
        ];
        references.extend(self.machine.iter().map(|machine| Reference {
            field: "machine",
            section: Section::Machines,
            name: machine,
        }));
        references
    }
}

impl Profile {
    /// Points stand by rising load, each load once; where no loads were published their order is the source's.
    fn validate_order(&self) -> Result<(), Problem> {
        if self.load_kind == LoadKind::AtThroughput {
            return Ok(());
        }
        let mut last = 0.0;
        for (index, point) in self.points.iter().enumerate() {
            let Some(load) = point.0 else {
                let reason = "has no load: only `loadKind: at-throughput` goes without";
                return Err(Problem::new(format!("points[{index}].load"), reason));
            };
            if load <= last {
                let reason = format!("is {load} after {last}: points stand by rising load, each load once");
                return Err(Problem::new(format!("points[{index}].load"), reason));
            }
            last = load;
        }
        Ok(())
    }
}

impl ProfilePoint {
    fn validate(&self) -> Result<(), Problem> {
        const WEEK_MS: f64 = 7.0 * 24.0 * 3_600_000.0;
        let columns = [
            ("load", self.0, 1e7),
            ("ttft", self.1, WEEK_MS),
            ("itl", self.2, WEEK_MS),
            ("ntpot", self.3, WEEK_MS),
            ("outputTokensPerS", self.4, 1e9),
        ];
        for (column, value, most) in columns {
            if let Some(value) = value {
                positive(column, value, most)?;
            }
        }
        if [self.1, self.2, self.3, self.4].iter().all(Option::is_none) {
            return Err(Problem::new("1 to 4", "are all empty: a point has at least one figure"));
        }
        Ok(())
    }
}
