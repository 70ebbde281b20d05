//! What inspection costs: `cargo bench -p infer-core --bench inspect`.
//!
//! A Pod without a server shall take at most 10 µs, a vLLM Deployment at most 30 µs.

use std::path::Path;

use divan::{Bencher, black_box};
use infer_core::inspect::inspect;
use serde_json::Value;

fn main() {
    divan::main();
}

fn manifest(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name).with_extension("yaml");
    let read = std::fs::read_to_string(path).ok().and_then(|text| serde_saphyr::from_str(&text).ok());
    read.unwrap_or_default()
}

#[divan::bench(args = [
    "not-inference-web",
    "vllm-equals-list",
    "vllm-script-continuations",
    "vllm-tpu-multi-host",
    "hpa-custom-metric",
])]
fn of(bencher: Bencher<'_, '_>, name: &str) {
    let object = manifest(name);
    bencher.bench(|| {
        black_box(inspect(black_box(&object)));
    });
}
