//! From a latency target to a ranked, priced choice of accelerator and server, and the manifests that run it.
//!
//! The crate is pure: no network, no clock, no environment, and no files but the catalog embedded in it.
//! The same input gives the same bytes on every machine. The data goes one way:
//!
//! [`catalog`] (what is known) and [`workload`] (what is asked) → [`curve`] (how latency follows load) →
//! [`recommend`] (what meets the target, at which price) → [`manifest`] (Kubernetes objects and comments).

pub mod accuracy;
pub mod attach;
pub mod autoscale;
pub mod catalog;
pub mod curve;
pub mod documents;
pub mod estimate;
pub mod explain;
pub mod inspect;
pub mod lint;
pub mod manifest;
pub mod measured;
mod parallel;
pub mod plot;
pub mod policy;
pub mod recommend;
pub mod rollout;
pub mod rules;
pub mod workload;
