//! What must hold of every estimate, whatever its constants, and that the constants are what the calibration makes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use infer_core::catalog::Catalog;
use infer_core::curve::{Configuration, Curve, Origin, Parallelism};
use infer_core::estimate::{Calibration, CannotEstimate, Conditions, Estimator};
use infer_core::measured::{MeasuredRow, MeasuredTable};
use infer_core::recommend::{CurveSource, Known, Question};
use infer_core::workload::{LatencyMetric, LengthSource, Lengths, Traffic};

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

/// Closed loops of Llama on two L4, with an ITL and a TTFT.
fn table(rows: &[(u32, f64, f64)]) -> MeasuredTable {
    let mut text =
        "model,server,accelerator,accelerators,input_tokens,output_tokens,load_kind,load,itl_ms,ttft_ms\n"
            .to_owned();
    for (load, itl, ttft) in rows {
        text += &format!("{LLAMA},vllm,nvidia-l4,2,512,128,closed,{load},{itl},{ttft}\n");
    }
    MeasuredTable::read("own.csv", &text).unwrap()
}

/// Rows of a server that is `factor` times as slow as the estimator thinks.
fn slower(estimator: &Estimator<'_>, factor: f64) -> MeasuredTable {
    let asked = table(&[(4, 1.0, 1.0), (8, 1.0, 1.0), (16, 1.0, 1.0), (32, 1.0, 1.0)]);
    let measured = |row: &MeasuredRow| {
        let predicted = estimator.predict_experiment(&row.experiment).unwrap();
        let load = row.experiment.load.amount().unwrap() as u32;
        let figure = |banded: Option<infer_core::curve::Banded>| banded.unwrap().value * factor;
        (load, figure(predicted.itl_milliseconds), figure(predicted.ttft_milliseconds))
    };
    table(&asked.rows.iter().map(measured).collect::<Vec<_>>())
}

#[test]
fn measurements_shift_the_curve_of_their_replica_and_narrow_its_intervals() {
    let catalog = Catalog::embedded();
    let plain = Estimator::new(&catalog, Calibration::embedded().unwrap());
    let measured = slower(&plain, 1.5);
    let (corrected, silent) = plain.clone().corrected_by(&measured.rows.iter().collect::<Vec<_>>());
    assert_eq!(silent, []);
    let asked = configuration(LLAMA, "nvidia-l4", 2);
    let before = plain.curve(&asked, &CHAT).unwrap();
    let after = corrected.curve(&asked, &CHAT).unwrap();
    assert_eq!((before.provenance.origin, after.provenance.origin), (Origin::Estimated, Origin::Corrected));
    assert_eq!(after.provenance.source, "own.csv");
    for (before, after) in before.points.iter().zip(&after.points).take(11) {
        let itl = |point: &infer_core::curve::LoadPoint| point.itl.unwrap().milliseconds();
        // Four rows say most of it, not all.
        let shift = itl(after) / itl(before);
        assert!((1.35..1.5).contains(&shift), "{shift}");
        let slower = after.output_tokens_per_second / before.output_tokens_per_second;
        assert!((1.0 / 1.5..1.0 / 1.3).contains(&slower), "{slower}");
        assert!((slower - after.requests_per_second / before.requests_per_second).abs() < 1e-9);
    }
    let width = |curve: &Curve| {
        let bands = curve.bands.unwrap();
        [bands.ttft, bands.itl, bands.throughput].map(|band| (band.high / band.low).ln())
    };
    for (before, after) in width(&before).into_iter().zip(width(&after)) {
        assert!(after < 0.9 * before, "{after} of {before}");
    }
    // Nothing is known of another replica.
    let other = configuration(LLAMA, "nvidia-l4", 1);
    assert_eq!(corrected.curve(&other, &CHAT).unwrap(), plain.curve(&other, &CHAT).unwrap());
}

#[test]
fn more_measurements_weigh_more() {
    let catalog = Catalog::embedded();
    let plain = Estimator::new(&catalog, Calibration::embedded().unwrap());
    let measured = slower(&plain, 1.5);
    let highest_with = |rows: usize| {
        let rows: Vec<&MeasuredRow> = measured.rows.iter().take(rows).collect();
        highest(
            &plain.clone().corrected_by(&rows).0.curve(&configuration(LLAMA, "nvidia-l4", 2), &CHAT).unwrap(),
        )
    };
    assert!(highest_with(0) > highest_with(1) && highest_with(1) > highest_with(4));
}

#[test]
fn what_was_measured_in_a_closed_loop_is_compared_as_if_requests_came_by_themselves() {
    let catalog = Catalog::embedded();
    let estimator = Estimator::new(&catalog, Calibration::embedded().unwrap());
    let question = Question {
        model: Some("openai/gpt-oss-120b"),
        server: Some("vllm"),
        accelerator: Some("nvidia-h100-80gb"),
        traffic: Some(Traffic { input_tokens: 1024.0, output_tokens: 1024.0, lengths: Lengths::Fixed }),
        ..Question::default()
    };
    let curves = Known::new(&catalog, &estimator).curves(&question).unwrap();
    let serving = curves.iter().filter(|curve| curve.traffic.serves(&question.traffic.unwrap()));
    let serving: Vec<&Curve> = serving.collect();
    assert!(serving.iter().all(|curve| curve.load_kind.is_open_loop()));
    let corrected = serving.iter().filter(|curve| curve.provenance.origin == Origin::Corrected);
    assert!(
        corrected.clone().any(|curve| curve.provenance.source == "aiconfigurator-core"),
        "{corrected:#?}"
    );
}

#[test]
fn observed_lengths_are_not_their_mean() {
    let catalog = Catalog::embedded();
    let asked = configuration(LLAMA, "nvidia-l4", 1);
    // A mean of 512/128, most of it in one request of four.
    let lengths = LengthSource::parse("100,60\n100,60\n100,60\n1748,332\n").unwrap();
    assert_eq!(lengths.traffic(), CHAT);
    let conditions = Conditions { lengths: Some(lengths), ..Conditions::default() };
    let of_mean = Estimator::new(&catalog, Calibration::embedded().unwrap());
    let observed = of_mean.clone().under(conditions).unwrap();
    let ttft = |estimator: &Estimator<'_>| {
        estimator.curve(&asked, &CHAT).unwrap().points[0].ttft.unwrap().milliseconds()
    };
    assert!(ttft(&observed) < 0.9 * ttft(&of_mean), "{} of {}", ttft(&observed), ttft(&of_mean));
}
