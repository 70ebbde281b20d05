//! Any object is answered, its patch applies, and a second admission changes nothing more.

#![no_main]

#[allow(dead_code, reason = "the other target uses it")]
#[path = "../../tests/properties/check.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Ok(object) = serde_json::from_slice(body) {
        check::object(&object);
    }
});
