//! What must hold of every estimate, whatever its constants, and that the constants are what the calibration makes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use infer_core::catalog::Catalog;
use infer_core::curve::{Configuration, Curve, Parallelism};
use infer_core::estimate::{Calibration, CannotEstimate, Estimator};
use infer_core::workload::{LatencyMetric, Lengths, Traffic};

fn configuration(model: &str, accelerator: &str, accelerators: u32) -> Configuration {
    Configuration {
        model: model.to_owned(),
        precision: None,
        server: "vllm".to_owned(),
        server_version: Some("v0.32.0".to_owned()),
        accelerator: accelerator.to_owned(),
        accelerators,
        parallelism: Parallelism::tensor(accelerators),
        engine_arguments: String::new(),
    }
}

const LLAMA: &str = "meta-llama/Llama-3.1-8B-Instruct";
const CHAT: Traffic = Traffic { input_tokens: 512.0, output_tokens: 128.0, lengths: Lengths::Fixed };

fn curve(
    catalog: &Catalog,
    configuration: &Configuration,
    traffic: &Traffic,
) -> Result<Curve, CannotEstimate> {
    Estimator::new(catalog, Calibration::embedded().unwrap()).curve(configuration, traffic)
}

fn highest(curve: &Curve) -> f64 {
    curve.points.iter().map(|point| point.output_tokens_per_second).fold(0.0, f64::max)
}

#[test]
fn the_same_question_has_the_same_answer() {
    let catalog = Catalog::embedded();
    let asked = configuration(LLAMA, "nvidia-l4", 1);
    assert_eq!(curve(&catalog, &asked, &CHAT).unwrap(), curve(&catalog, &asked, &CHAT).unwrap());
}

#[test]
fn more_load_makes_nobody_faster() {
    let catalog = Catalog::embedded();
    let curve = curve(&catalog, &configuration(LLAMA, "nvidia-h100-80gb", 1), &CHAT).unwrap();
    for metric in [LatencyMetric::Itl, LatencyMetric::Ntpot] {
        let latencies: Vec<f64> =
            curve.points.iter().filter_map(|point| point.latency_milliseconds(metric)).collect();
        assert_eq!(latencies.len(), curve.points.len() - 1, "all but the highest load have a latency");
        // The median of some hundred requests moves by a few percent.
        assert!(latencies.windows(2).all(|pair| pair[1] > 0.95 * pair[0]), "{metric}: {latencies:?}");
    }
}

#[test]
fn a_faster_chip_is_faster_and_more_of_them_give_more() {
    let catalog = Catalog::embedded();
    let rate = |accelerator: &str, accelerators: u32| {
        highest(&curve(&catalog, &configuration(LLAMA, accelerator, accelerators), &CHAT).unwrap())
    };
    let (l4, h100, two_h100) =
        (rate("nvidia-l4", 1), rate("nvidia-h100-80gb", 1), rate("nvidia-h100-80gb", 2));
    assert!(l4 < h100 && h100 < two_h100, "{l4} {h100} {two_h100}");
}

#[test]
fn longer_answers_do_not_raise_the_rate_of_requests() {
    let catalog = Catalog::embedded();
    let rate = |output_tokens: f64| {
        let traffic = Traffic { output_tokens, ..CHAT };
        let curve = curve(&catalog, &configuration(LLAMA, "nvidia-l4", 1), &traffic).unwrap();
        curve.points.last().unwrap().requests_per_second
    };
    assert!(rate(512.0) < rate(128.0));
}

#[test]
fn no_chip_gives_more_than_its_bandwidth_and_its_peak_allow() {
    let catalog = Catalog::embedded();
    let curve = curve(&catalog, &configuration(LLAMA, "nvidia-h100-80gb", 1), &CHAT).unwrap();
    // 2 operations a parameter and token at 989 TFLOP/s, whatever the batch.
    let parameters = catalog.find_model(LLAMA).unwrap().model.parameters as f64;
    let top = curve.points.last().unwrap();
    let tokens = top.input_tokens_per_second + top.output_tokens_per_second;
    assert!(tokens * 2.0 * parameters < 989e12, "{tokens} tokens a second");
    // 16 GB of weights at 3.35 TB/s, once for each token of one request.
    let itl = curve.points[0].latency_milliseconds(LatencyMetric::Itl).unwrap();
    assert!(itl > 1e3 * 2.0 * parameters / 3.35e12, "{itl} ms");
}

#[test]
fn what_does_not_fit_or_is_unknown_is_an_error_that_says_so() {
    let catalog = Catalog::embedded();
    let refused =
        |configuration: &Configuration| curve(&catalog, configuration, &CHAT).unwrap_err().to_string();
    let large = refused(&configuration("meta-llama/Llama-3.1-70B-Instruct", "nvidia-l4", 1));
    assert!(large.contains("GiB"), "{large}");
    let unknown = refused(&configuration("meta-llama/Llama-9", "nvidia-l4", 1));
    assert!(unknown.contains("Llama-9"), "{unknown}");
    let endless = Traffic { input_tokens: 1e9, ..CHAT };
    assert!(curve(&catalog, &configuration(LLAMA, "nvidia-l4", 1), &endless).is_err());
}

#[test]
fn bands_are_wider_for_chips_that_nobody_measured() {
    let catalog = Catalog::embedded();
    let width = |accelerator: &str| {
        let curve = curve(&catalog, &configuration(LLAMA, accelerator, 1), &CHAT).unwrap();
        let band = curve.bands.unwrap().itl;
        assert!(band.low < 1.0 && band.high > 1.0, "{band:?}");
        band.high / band.low
    };
    assert!(width("nvidia-h100-80gb") < width("tpu-v6e-slice"));
}

#[test]
fn the_constants_file_is_read_and_written_as_it_is() {
    let text = include_str!("../data/estimator.json");
    assert_eq!(Calibration::read(text).unwrap().write().unwrap(), text);
    let refused = Calibration::read("{}").unwrap_err().to_string();
    assert!(refused.starts_with("these are no constants of the estimator"), "{refused}");
}
