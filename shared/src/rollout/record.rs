//! What a rollout remembers between its steps.

use serde::{Deserialize, Serialize};

/// How the cache is warmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The workload serves nothing: its own first replica compiles.
    FirstReplica,
    /// The workload serves: a temporary copy of one replica compiles.
    Copy,
    /// The workload serves and may be scaled to one replica meanwhile.
    CapacityDrop,
}

/// How far a rollout has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// One replica fills the cache.
    Warming,
    /// The cache is warm: the others start.
    Starting,
    /// All are ready: autoscalers are let go.
    Releasing,
}

/// A rollout under way, as it stands in the annotation of the Deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// How the cache is warmed.
    pub way: Way,
    /// Replicas to end with.
    pub replicas: u32,
    /// Revision of the Deployment whose cache is warmed; another revision compiles anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// How far it has come.
    pub stage: Stage,
}
