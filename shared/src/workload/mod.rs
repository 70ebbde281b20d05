//! What is asked of a server: traffic lengths, latencies and the targets they have to meet.
//!
//! **Goodput** is the requests a second that meet every target, each request judged by itself; throughput counts
//! all. A curve of medians does not tell it: at its operating point half of the requests are above a target that
//! just holds.

mod latency;
mod targets;
mod traffic;

pub use latency::{Itl, LatencyMetric, Ntpot, Statistic, Ttft};
pub use targets::{TargetError, Targets};
pub use traffic::{Lengths, Traffic};
