//! What must be there before this replica asks for requests.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// What is still missing before this replica is ready. Shared by all parts of the program.
#[derive(Debug, Clone)]
pub(crate) struct Readiness {
    missing: Arc<Mutex<BTreeSet<String>>>,
    ready: watch::Sender<bool>,
}

impl Readiness {
    /// Ready once every one of `conditions` is [`Readiness::met`].
    pub(crate) fn awaiting<'a>(conditions: impl IntoIterator<Item = &'a str>) -> Self {
        let missing: BTreeSet<_> = conditions.into_iter().map(str::to_owned).collect();
        let ready = watch::Sender::new(missing.is_empty());
        Self { missing: Arc::new(Mutex::new(missing)), ready }
    }

    /// `condition` must be met too.
    pub(crate) fn require(&self, condition: &str) {
        self.change(|missing| missing.insert(condition.to_owned()));
    }

    /// `condition` is met.
    pub(crate) fn met(&self, condition: &str) {
        self.change(|missing| missing.remove(condition));
    }

    /// What is missing, in alphabetical order; empty when ready.
    pub(crate) fn missing(&self) -> Vec<String> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Waits until nothing is missing.
    pub(crate) async fn wait(&self) {
        // The sender lives in `self`, so that the channel cannot be closed.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<String>) -> bool) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut missing);
        self.ready.send_replace(missing.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_nothing_is_missing() {
        let readiness = Readiness::awaiting(["certificate", "policies"]);
        readiness.met("certificate");
        assert_eq!(readiness.missing(), ["policies"]);
        readiness.met("policies");
        assert!(readiness.missing().is_empty());
        readiness.require("end of the drain");
        assert_eq!(readiness.missing(), ["end of the drain"]);
    }
}
