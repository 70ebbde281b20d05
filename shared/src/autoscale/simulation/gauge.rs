//! What autoscalers read of a replica.

use super::curve::State;
use crate::autoscale::{Expression, newest};
use crate::catalog::{Meaning, Signal};

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
    /// Running requests as a share of the server's seats, 0 to 1.
    SlotsUsed {
        /// Seats.
        seats: u32,
    },
}

impl Gauge {
    /// What a metric of this name reads, by the signals that the server exports; `None` for any other.
    ///
    /// Cloud Monitoring's adapter writes a name between `prometheus.googleapis.com|` and `|gauge`; names of
    /// prometheus-adapter and KEDA are those that this project gives ([`Expression::metric_name`]).
    pub fn of_metric(name: &str, signals: &[&Signal], seats: u32) -> Option<Self> {
        let stripped = name.strip_prefix("prometheus.googleapis.com|");
        let name = stripped.and_then(|rest| rest.strip_suffix("|gauge")).unwrap_or(name);
        let of = |meaning: Meaning| newest(signals, meaning);
        let sum = of(Meaning::Running).zip(of(Meaning::Waiting));
        if sum.is_some_and(|(one, other)| Expression::Sum(vec![one, other]).metric_name() == name) {
            return Some(Self::InFlight);
        }
        let is_it =
            |signal: &&&Signal| signal.metric == name || Expression::One(signal).metric_name() == name;
        match signals.iter().find(is_it)?.meaning {
            Meaning::Running => Some(Self::Running),
            Meaning::Waiting => Some(Self::Waiting),
            Meaning::KvUse => Some(Self::CacheUse),
            Meaning::SlotsUsed => Some(Self::SlotsUsed { seats }),
            _ => None,
        }
    }

    pub(super) fn read(self, state: &State) -> f64 {
        match self {
            Self::Running => state.running,
            Self::Waiting => state.waiting,
            Self::InFlight => state.running + state.waiting,
            Self::CacheUse => state.cache_use.unwrap_or(0.0),
            Self::SlotsUsed { seats } => state.running / f64::from(seats.max(1)),
        }
    }
}
