//! Admission webhook of `kubectl infer`.

fn main() {}
