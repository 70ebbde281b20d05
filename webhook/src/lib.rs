//! Admission webhook of `kubectl infer`: a TLS server that turns the API server's reviews into decisions of
//! [`infer_core::policy`], and everything around it: certificates, watches, registration, metrics.
//!
//! [`run`] is the whole program.

mod admission;
mod catalog;
mod certificates;
mod cluster;
mod health;
mod logs;
mod metrics;
mod object;
mod objects;
mod options;
mod program;
mod readiness;
mod review;
mod server;
mod store;

pub use options::{CertificateSource, Options};
pub use program::run;
pub use review::{ReviewRequest, Unread, answer};
