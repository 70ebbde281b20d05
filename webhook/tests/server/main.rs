//! The real program, over TLS, without a cluster: what it answers to bad input, and that no review is lost or wrongly
//! answered while something goes wrong beside it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod bad_input;
mod client;
mod faults;
mod load;
mod mounted;
mod process;
