//! Any bytes are a review, or refused with a reason.

#![no_main]

#[path = "../../tests/properties/check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|body: &[u8]| check::bytes(body));
