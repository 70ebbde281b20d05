//! Measured curves as the catalog stores them.

use serde::{Deserialize, Serialize};

use super::Precision;
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
    /// Marks of the source: `wip`, `gap-study`, `mtp-suspected`.
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
