//! The most requests that a replica runs at once.

use std::fmt;

/// What keeps a replica from running more requests at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    /// The scheduler's limit on sequences, of all data parallel ranks.
    Seats(u64),
    /// The KV cache, full of requests of the mean length.
    Cache {
        /// Requests it holds.
        requests: u64,
        /// Tokens of each.
        tokens: u64,
    },
}

impl Ceiling {
    /// Requests at once.
    pub const fn requests(self) -> u64 {
        match self {
            Self::Seats(requests) | Self::Cache { requests, .. } => requests,
        }
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seats(seats) => write!(f, "{seats} seats"),
            Self::Cache { requests, tokens } => {
                write!(f, "a KV cache that holds about {requests} requests of {tokens} tokens")
            }
        }
    }
}

/// The most that a replica runs at once: the least of its ceilings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// Seats of all ranks; `None`: no limit of its own, or an unknown one.
    pub seats: Option<u64>,
    /// Requests of the mean resident length that the cache holds, and that length.
    pub cache: Option<(u64, u64)>,
}

impl Reach {
    /// The ceiling that a replica meets first.
    pub fn ceiling(&self) -> Option<Ceiling> {
        let seats = self.seats.map(Ceiling::Seats);
        let cache = self.cache.map(|(requests, tokens)| Ceiling::Cache { requests: requests.max(1), tokens });
        seats.into_iter().chain(cache).min_by_key(|ceiling| ceiling.requests())
    }

    /// Requests that a replica runs at once at most.
    pub fn requests(&self) -> Option<f64> {
        // Far below 2^53.
        self.ceiling().map(|ceiling| ceiling.requests() as f64)
    }
}
