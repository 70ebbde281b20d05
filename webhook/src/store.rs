//! What decisions rest on, replaced as a whole.

use std::sync::{Arc, PoisonError, RwLock};

use infer_core::policy::Snapshot;

/// Holds the one snapshot that is in force. A decision takes it once and works on that, whatever happens meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Store {
    // A lock that is held for the copy of a pointer: its cost is nothing beside TLS and JSON.
    current: RwLock<Arc<Snapshot>>,
}

impl Store {
    /// Starts with `snapshot`.
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Self { current: RwLock::new(Arc::new(snapshot)) }
    }

    /// What is in force.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts `snapshot` in force.
    pub(crate) fn replace(&self, snapshot: Snapshot) {
        let next = Arc::new(snapshot);
        let previous = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, next)
        };
        // Freed here, after the lock.
        drop(previous);
    }
}
