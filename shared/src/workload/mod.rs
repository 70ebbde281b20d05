//! What is asked of a server: traffic lengths, arrivals, latencies and the targets they have to meet.
//!
//! **Goodput** is the requests a second that meet every target, each request judged by itself; throughput counts
//! all. A curve of medians does not tell it: at its operating point half of the requests are above a target that
//! just holds.

mod arrivals;
mod latency;
mod lengths;
mod random;
mod targets;
mod traffic;

pub use arrivals::{ArrivalTimes, Arrivals};
pub use latency::{Itl, LatencyMetric, Ntpot, Statistic, Ttft};
pub use lengths::{LengthError, LengthSource, MOST_TOKENS, MeanAndP90, RequestLengths};
pub use random::Random;
pub use targets::{Percentile, TargetError, Targets};
pub use traffic::{Lengths, Traffic};
