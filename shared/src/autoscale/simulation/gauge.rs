//! What autoscalers read of a replica.

use super::curve::State;
use crate::catalog::MetricNames;

/// A gauge of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gauge {
    /// Requests being served: at most the server's seats.
    Running,
    /// Requests that wait in the server.
    Waiting,
    /// Both together, which has no cap.
    InFlight,
    /// Share of the KV cache in use, 0 to 1.
    CacheUse,
    /// Running requests in percent of the server's seats.
    SlotsUsed {
        /// Seats.
        seats: u32,
    },
}

impl Gauge {
    /// What a metric of this name reads, by the names of a server's version; `None` for any other.
    ///
    /// Cloud Monitoring's adapter writes a name between `prometheus.googleapis.com|` and `|gauge`.
    pub fn of_metric(name: &str, metrics: &MetricNames) -> Option<Self> {
        let stripped = name.strip_prefix("prometheus.googleapis.com|");
        let name = stripped.and_then(|rest| rest.strip_suffix("|gauge")).unwrap_or(name);
        let is = |known: &Option<String>| known.as_deref() == Some(name);
        match () {
            () if is(&metrics.running) => Some(Self::Running),
            () if is(&metrics.waiting) => Some(Self::Waiting),
            () if is(&metrics.kv_use) => Some(Self::CacheUse),
            () => None,
        }
    }

    pub(super) fn read(self, state: &State) -> f64 {
        match self {
            Self::Running => state.running,
            Self::Waiting => state.waiting,
            Self::InFlight => state.running + state.waiting,
            Self::CacheUse => state.cache_use.unwrap_or(0.0),
            Self::SlotsUsed { seats } => 100.0 * state.running / f64::from(seats.max(1)),
        }
    }
}
