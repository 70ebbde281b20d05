//! What is asked of a server: traffic lengths, latencies and the targets they have to meet.

mod latency;
mod targets;
mod traffic;

pub use latency::{Itl, LatencyMetric, Ntpot, Statistic, Ttft};
pub use targets::{TargetError, Targets};
pub use traffic::{Lengths, Traffic};
