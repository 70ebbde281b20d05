//! The report of a toy that predicts 10 ms a token, whatever it is asked, and knows one accelerator only.

use std::num::NonZeroUsize;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::catalog::Catalog;
use crate::curve::Banded;
use crate::measured::{Column, Experiment, MeasuredRow, MeasuredTable};

struct Toy;

impl Predictor for Toy {
    fn predict(&self, experiment: &Experiment) -> Result<Prediction, Unpredictable> {
        if experiment.configuration.accelerator != "nvidia-h100-80gb" {
            let accelerator = &experiment.configuration.accelerator;
            return Err(Unpredictable::because(format!("nothing is known of `{accelerator}`")));
        }
        Ok(Prediction {
            ttft_milliseconds: None,
            itl_milliseconds: Some(Banded::within_factor(10.0, 1.25)),
            ntpot_milliseconds: Some(Banded::within_factor(10.0, 1.25)),
            output_tokens_per_second: Some(Banded::within_factor(1000.0, 1.1)),
        })
    }
}

/// What was measured stands in the load: the toy's calibration is the mean of it.
struct Mean(f64);

impl Predictor for Mean {
    fn predict(&self, _: &Experiment) -> Result<Prediction, Unpredictable> {
        Ok(Prediction { itl_milliseconds: Some(Banded::within_factor(self.0, 1.1)), ..Prediction::default() })
    }
}

struct Means;

impl Refit for Means {
    fn refit(&self, kept: &[&MeasuredRow]) -> Result<Box<dyn Predictor + '_>, Unpredictable> {
        let figures: Vec<f64> = kept.iter().filter_map(|row| Some(row.figures.itl?.milliseconds())).collect();
        let mean = statistics::mean(&figures).ok_or_else(|| Unpredictable::because("no row is left"))?;
        Ok(Box::new(Mean(mean)))
    }
}

const HEADER: &str = "model,precision,server,accelerator,accelerators,input_tokens,output_tokens,load_kind,load,\
                      ttft_ms,itl_ms,ntpot_ms,output_tokens_per_s,tags,source";

fn table(rows: &[&str]) -> MeasuredTable {
    MeasuredTable::read("t.csv", &format!("{HEADER}\n{}\n", rows.join("\n"))).unwrap()
}

fn report(rows: &[&str]) -> Report {
    let table = table(rows);
    let predictions = predict(&Toy, &table.rows.iter().collect::<Vec<_>>(), NonZeroUsize::MIN);
    assess(&[table], &predictions, &GROUPED_BY)
}

const ITL_8: &str = "m/a,bf16,vllm,nvidia-h100-80gb,1,100,100,poisson,1,,8,,,,s";
const ITL_10: &str = "m/a,bf16,vllm,nvidia-h100-80gb,1,100,100,poisson,2,,10,,,,s";
const ITL_20: &str = "m/b,,vllm,nvidia-h100-80gb,1,100,100,poisson,2,,20,,,,s";
const UNKNOWN: &str = "m/b,fp8,vllm,nvidia-l4,1,100,100,poisson,2,,20,,,,s";
const BROKEN: &str = "m/b,fp8,vllm,nvidia-h100-80gb,one,100,100,poisson,2,,20,,,,s";

#[test]
fn errors_are_percent_and_ratios_and_coverage_plain_numbers() {
    let report = report(&[ITL_8, ITL_10, ITL_20]);
    let itl = &report.overall.metrics.itl;
    assert_eq!((report.overall.rows, report.overall.skipped, itl.n), (3, 0, 3));
    // 10 for 8, 10 and 20: errors of 25, 0 and 50 %.
    assert_eq!(itl.median_absolute_percentage_error, Some(25.0));
    assert_eq!(itl.mean_absolute_percentage_error, Some(25.0));
    assert_eq!(itl.p90_absolute_percentage_error, Some(45.0));
    assert_eq!(itl.median_ratio, Some(1.0));
    // The band of 8 to 12.5 holds two of them.
    assert_eq!(itl.band_coverage, Some(2.0 / 3.0));
    assert_eq!(report.overall.metrics.ttft.n, 0);
    assert_eq!(report.overall.metrics.ttft.median_absolute_percentage_error, None);
    assert_eq!(report.groups.len(), 2);
    assert_eq!(report.groups[0].metrics.itl.n, 2);
}

#[test]
fn what_cannot_be_predicted_is_listed_and_counts_as_an_infinite_error() {
    let report = report(&[ITL_10, UNKNOWN, BROKEN]);
    let itl = &report.overall.metrics.itl;
    assert_eq!((report.overall.rows, report.overall.skipped, itl.n, itl.unpredicted), (3, 2, 3, 2));
    assert_eq!(itl.median_absolute_percentage_error, Some(f64::INFINITY));
    assert_eq!(itl.median_ratio, Some(1.0));
    assert_eq!(itl.band_coverage, Some(1.0 / 3.0));
    let skipped: Vec<(usize, &str)> =
        report.skipped.iter().map(|row| (row.at.row, row.reason.as_str())).collect();
    let reasons = [
        (2, "nothing is known of `nvidia-l4`"),
        (3, "column `accelerators` is `one`: a whole number from 1 to 100000 is accepted"),
    ];
    assert_eq!(skipped, reasons);
    assert!(report.notes.contains(
        &"ITL: 2 of 3 measured figures have no prediction and count as infinite errors".to_owned()
    ));
    // The broken row still belongs to its group.
    assert_eq!(report.groups.len(), 3);
}

#[test]
fn the_json_has_the_documented_form_and_null_for_what_is_infinite() {
    let json = serde_json::to_value(report(&[ITL_10, UNKNOWN, ITL_20])).unwrap();
    let nothing = json!({
        "n": 0, "medianAbsolutePercentageError": null, "meanAbsolutePercentageError": null,
        "p90AbsolutePercentageError": null, "medianRatio": null, "bandCoverage": null,
    });
    let infinite = json!({
        "n": 1, "unpredicted": 1, "medianAbsolutePercentageError": null, "meanAbsolutePercentageError": null,
        "p90AbsolutePercentageError": null, "medianRatio": null, "bandCoverage": 0.0,
    });
    assert_eq!(json["overall"]["rows"], 3);
    assert_eq!(json["overall"]["skipped"], 1);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&json["overall"]["metrics"]), ["ttft", "itl", "ntpot", "throughput"]);
    let groups = json["groups"].as_array().unwrap();
    assert_eq!(keys(&groups[0]), ["model", "precision", "accelerator", "server", "rows", "metrics"]);
    assert_eq!(groups[1]["precision"], Value::Null);
    assert_eq!(groups[1]["metrics"]["itl"]["medianAbsolutePercentageError"], 50.0);
    assert_eq!(groups[2]["metrics"]["itl"], infinite);
    assert_eq!(groups[2]["metrics"]["ttft"], nothing);
    let skipped =
        json!([{"row": 2, "reason": "nothing is known of `nvidia-l4`", "file": "t.csv", "line": 3}]);
    assert_eq!(json["skipped"], skipped);
}

#[test]
fn of_a_saturated_row_only_the_throughput_counts() {
    let report = report(&["m/a,bf16,vllm,nvidia-h100-80gb,1,100,100,poisson,50,9000,10,99,2000,saturated,s"]);
    let metrics = &report.overall.metrics;
    assert_eq!([metrics.ttft.n, metrics.itl.n, metrics.ntpot.n, metrics.throughput.n], [0, 0, 0, 1]);
    assert_eq!(metrics.throughput.median_absolute_percentage_error, Some(50.0));
    assert_eq!(report.notes, ["1 row tagged `saturated`: scored for throughput only"]);
}

#[test]
fn a_throughput_that_is_the_question_is_no_answer() {
    let row = "m/a,bf16,vllm,nvidia-h100-80gb,1,226,195,at_throughput,800,,,20,800,,s";
    let metrics = report(&[row]).overall.metrics;
    assert_eq!([metrics.ntpot.n, metrics.throughput.n], [1, 0]);
    let plateau = row.replace(",,s", ",saturated,s");
    let metrics = report(&[&plateau]).overall.metrics;
    assert_eq!([metrics.ntpot.n, metrics.throughput.n], [0, 1]);
    assert_eq!(metrics.throughput.median_ratio, Some(1.25));
}

#[test]
fn a_closed_loop_without_throughput_is_scored_by_littles_law_and_that_is_said() {
    // 10 ms + 99 · 10 ms: 8 in flight give 800 tokens a second.
    let row = "m/a,bf16,vllm,nvidia-h100-80gb,1,100,100,closed,8,10,10,,,,s";
    let report = report(&[row]);
    let throughput = &report.overall.metrics.throughput;
    assert_eq!((throughput.n, throughput.derived), (1, 1));
    assert!((throughput.median_ratio.unwrap() - 1.25).abs() < 1e-12);
    assert!(report.notes[0].starts_with("1 row without a measured throughput"), "{:?}", report.notes);
    // The toy says nothing of TTFT, which was measured.
    assert_eq!(report.overall.metrics.ttft.unpredicted, 1);
    assert_eq!(report.overall.skipped, 0);
}

#[test]
fn rows_are_grouped_by_what_is_asked_and_numbers_stand_by_size() {
    let rows = [16, 8, 128, 8].map(|load| ITL_10.replace("poisson,2", &format!("poisson,{load}")));
    let table = table(&rows.each_ref().map(String::as_str));
    let predictions = predict(&Toy, &table.rows.iter().collect::<Vec<_>>(), NonZeroUsize::MIN);
    let report = assess(&[table], &predictions, &[Column::Load, Column::ServerVersion]);
    let loads: Vec<_> = report.groups.iter().map(|group| (group.key[0].1.as_deref(), group.rows)).collect();
    assert_eq!(loads, [(Some("8"), 2), (Some("16"), 1), (Some("128"), 1)]);
    let json = serde_json::to_value(&report.groups[0]).unwrap();
    assert_eq!(json["serverVersion"], Value::Null);
}

#[test]
fn what_a_row_belongs_with_has_no_part_in_its_prediction() {
    let of = |model: &str, precision: &str, accelerator: &str, source: &str, itl: u32| {
        format!("{model},{precision},vllm,{accelerator},1,100,100,closed,8,,{itl},,,,{source}")
    };
    let rows = [
        of("google/gemma-2-27b-it", "bf16", "nvidia-l4", "a@1 x", 10),
        // The same group by other names: the stock checkpoint is bf16.
        of("gemma-2-27b-it", "", "nvidia-l4", "b", 30),
        of("m/unknown", "", "nvidia-l4", "a@2 y", 50),
        of("m/unknown", "", "nvidia-h100-80gb", "b", 70),
    ];
    let table = table(&rows.each_ref().map(String::as_str));
    let all: Vec<&MeasuredRow> = table.rows.iter().collect();
    let predicted = |by: LeaveOut, threads: usize| {
        let threads = NonZeroUsize::new(threads).unwrap();
        let (predictions, refits) = left_out(&Means, &table.rows, &all, by, &Catalog::embedded(), threads);
        let values: Vec<f64> = predictions
            .into_iter()
            .map(|prediction| prediction.unwrap().itl_milliseconds.unwrap().value)
            .collect();
        (values, refits)
    };
    for threads in [1, 3] {
        assert_eq!(predicted(LeaveOut::Group, threads), (vec![60.0, 60.0, 110.0 / 3.0, 30.0], 3));
        assert_eq!(predicted(LeaveOut::Accelerator, threads), (vec![70.0, 70.0, 70.0, 30.0], 2));
        assert_eq!(predicted(LeaveOut::Source, threads), (vec![50.0, 30.0, 50.0, 30.0], 2));
    }
    let (predictions, _) = left_out(
        &Means,
        &table.rows[..1],
        &all[..1],
        LeaveOut::Source,
        &Catalog::embedded(),
        NonZeroUsize::MIN,
    );
    assert_eq!(predictions, [Err(Unpredictable::because("no row is left"))]);
}

proptest! {
    /// Groups are a partition: their counts add up, and every figure of the whole lies among those of the parts.
    #[test]
    fn groups_add_up_to_the_whole(rows in prop::collection::vec((0..3_usize, 1..100_u32, any::<bool>()), 1..30)) {
        let rows: Vec<String> = rows
            .into_iter()
            .map(|(model, itl, known)| {
                let accelerator = if known { "nvidia-h100-80gb" } else { "nvidia-l4" };
                format!("m/{model},bf16,vllm,{accelerator},1,100,100,poisson,1,,{itl},,,,s")
            })
            .collect();
        let report = report(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        let whole = &report.overall.metrics.itl;
        let parts: Vec<&Score> = report.groups.iter().map(|group| &group.metrics.itl).collect();
        prop_assert_eq!(whole.n, parts.iter().map(|part| part.n).sum::<usize>());
        prop_assert_eq!(whole.unpredicted, parts.iter().map(|part| part.unpredicted).sum::<usize>());
        prop_assert_eq!(report.overall.skipped, report.skipped.len());
        let inside = |score: &Score| score.band_coverage.unwrap() * score.n as f64;
        let together: f64 = parts.iter().map(|part| inside(part)).sum();
        prop_assert!((inside(whole) - together).abs() < 1e-9);
        let medians: Vec<f64> =
            parts.iter().map(|part| part.median_absolute_percentage_error.unwrap()).collect();
        let median = whole.median_absolute_percentage_error.unwrap();
        let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
        let most = medians.iter().copied().fold(0.0, f64::max);
        prop_assert!(least <= median && median <= most);
    }
}
