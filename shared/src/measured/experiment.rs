//! What was run.

use crate::curve::{Configuration, EngineArguments};
use crate::workload::{Statistic, Traffic};

/// Everything about a measured point but what came out: all that a prediction may rest on.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Model, server, accelerators, and how one replica spreads over them. The precision is `None` for that of the
    /// stock checkpoint.
    pub configuration: Configuration,
    /// [`Configuration::engine_arguments`], read.
    pub engine: EngineArguments,
    /// Lengths of the requests.
    pub traffic: Traffic,
    /// How load was put on, and how much.
    pub load: OfferedLoad,
    /// Statistic of the TTFT that is asked.
    pub ttft_statistic: Statistic,
    /// Statistic of the ITL and NTPOT that are asked.
    pub itl_statistic: Statistic,
}

/// The load of a measured point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OfferedLoad {
    /// Closed loop: requests in flight, all sent at once at first.
    InFlight(f64),
    /// Poisson arrivals: requests a second.
    Poisson(f64),
    /// Arrivals at even distances: requests a second.
    Constant(f64),
    /// Requests sent at once.
    Burst(f64),
    /// Everything at once and more than the server can batch; only the throughput was measured.
    Offline,
    /// Open loop at an unknown rate: the latency at this many output tokens a second is asked.
    AtThroughput(f64),
}

impl OfferedLoad {
    /// What tables write.
    pub const KINDS: [&'static str; 6] =
        ["closed", "poisson", "constant", "burst", "offline", "at_throughput"];

    /// One of [`Self::KINDS`].
    pub const fn kind(self) -> &'static str {
        match self {
            Self::InFlight(_) => "closed",
            Self::Poisson(_) => "poisson",
            Self::Constant(_) => "constant",
            Self::Burst(_) => "burst",
            Self::Offline => "offline",
            Self::AtThroughput(_) => "at_throughput",
        }
    }

    /// The number, whatever it counts.
    pub const fn amount(self) -> Option<f64> {
        match self {
            Self::InFlight(amount)
            | Self::Poisson(amount)
            | Self::Constant(amount)
            | Self::Burst(amount)
            | Self::AtThroughput(amount) => Some(amount),
            Self::Offline => None,
        }
    }
}
