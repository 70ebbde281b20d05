//! kubectl-infer.
fn main() {}
