//! Everything that a decision rests on, at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::rules::Neighbours;

/// Everything that a decision rests on, at one moment. It is never changed, only replaced by another, so that one
/// decision never sees half of a change.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// Labels of each namespace.
    pub namespaces: BTreeMap<String, Arc<BTreeMap<String, String>>>,
    /// Inference workloads and autoscalers of the cluster, or of the file.
    pub neighbours: Neighbours,
}
