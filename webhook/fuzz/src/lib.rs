//! What the webhook does with bytes, without the server around it: its own two files, compiled without TLS, HTTP and the
//! client of the cluster, which would take most of the time and all be instrumented.

#[path = "../../src/object.rs"]
mod object;
#[path = "../../src/review.rs"]
mod review;

pub use review::{ReviewRequest, Unread, answer};
