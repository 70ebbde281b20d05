//! What an autoscaler makes of a day's traffic: replicas, latency and cost over time.
//!
//! A [`Trace`] of requests a second meets replicas that serve as a [`ServingCurve`] says; an autoscaler sees their
//! gauges late, decides as the real controller does ([`super::controller`]), and what it adds serves after its start
//! ([`Delays`]). [`simulate`] plays one [`Fleet`]; fleets under the same [`Scenario`] can be compared.
//!
//! What is simplified, and how it errs:
//! * Requests flow: a replica holds so many in flight and finishes as many a second as its curve says at that number
//!   (Little's law gives both at every load that was measured). Past the curve's highest throughput it finishes no
//!   more and the rest waits, first come first served.
//! * Arrivals are Poisson, drawn once for all fleets, and spread evenly over the ready replicas, as a Service does in
//!   the mean. What waits stays where it waits; a balancer that looks at queues does better.
//! * Latencies are those of the curve's statistic (P50 of most), at the load that a request meets when it arrives.
//! * A replica that goes finishes what it has, costs nothing more, and is no longer seen.

mod curve;
mod fleet;
mod gauge;
mod outcome;
mod run;
#[cfg(test)]
mod tests;
mod trace;

pub use curve::{NotSimulated, ServingCurve};
pub use fleet::{Fleet, Scaling};
pub use gauge::Gauge;
pub use outcome::{Outcome, Sample};
pub use run::{Delays, Scenario, simulate};
pub use trace::{Pattern, Trace, TraceError};
