//! What curves cost: `cargo bench -p infer-core --bench estimate`.
//!
//! The curve of one configuration shall take at most 10 ms for P50 and P90 and at most 60 ms for P99, the list of a
//! model over every machine, count and server at most a second on two cores.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use divan::{Bencher, black_box};
use infer_core::catalog::Catalog;
use infer_core::curve::{Configuration, Parallelism};
use infer_core::estimate::{Calibration, Conditions, Estimator};
use infer_core::recommend::{Known, Requirements, recommend};
use infer_core::workload::{Lengths, Percentile, Traffic};

fn main() {
    divan::main();
}

const CODE: Traffic = Traffic { input_tokens: 1024.0, output_tokens: 1024.0, lengths: Lengths::Fixed };

fn configuration(model: &str, server: &str, accelerator: &str, accelerators: u32) -> Configuration {
    Configuration {
        model: model.to_owned(),
        precision: None,
        server: server.to_owned(),
        server_version: None,
        accelerator: accelerator.to_owned(),
        accelerators,
        parallelism: Parallelism::tensor(accelerators),
        engine_arguments: String::new(),
    }
}

/// Twelve loads of an 8-billion-parameter model on one H100, with the most seats of all servers.
#[divan::bench(args = [Percentile::P50, Percentile::P90, Percentile::P99], consts = [0, 1])]
fn curve_of_a_small_model<const LONG: usize>(bencher: Bencher<'_, '_>, percentile: Percentile) {
    let catalog = Catalog::embedded();
    let conditions = Conditions { percentile, ..Conditions::default() };
    let estimator = Estimator::new(&catalog, Calibration::embedded().unwrap()).under(conditions).unwrap();
    let asked = configuration("meta-llama/Llama-3.1-8B-Instruct", "vllm", "nvidia-h100-80gb", 1);
    let traffic = if LONG == 1 { CODE } else { Traffic::SHAREGPT };
    bencher.bench(|| estimator.curve(black_box(&asked), &traffic).unwrap());
}

/// Twelve loads of the largest kind of model.
#[divan::bench(args = ["vllm", "sglang", "trtllm"])]
fn curve_of_a_large_model(bencher: Bencher<'_, '_>, server: &str) {
    let catalog = Catalog::embedded();
    let estimator = Estimator::new(&catalog, Calibration::embedded().unwrap());
    let asked = configuration("deepseek-ai/DeepSeek-V3", server, "nvidia-h200-141gb", 8);
    bencher.bench(|| estimator.curve(black_box(&asked), &Traffic::SHAREGPT).unwrap());
}

/// Every machine, count and server, with what was measured.
#[divan::bench(args = ["google/gemma-3-27b-it", "openai/gpt-oss-120b"], sample_count = 10)]
fn list(bencher: Bencher<'_, '_>, model: &str) {
    let catalog = Catalog::embedded();
    let estimator = Estimator::new(&catalog, Calibration::embedded().unwrap());
    let known = Known::new(&catalog, &estimator);
    let requirements = Requirements { model: Some(model.to_owned()), ..Requirements::default() };
    bencher.bench(|| recommend(&catalog, &known, black_box(&requirements)).unwrap());
}
