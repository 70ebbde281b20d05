//! `autoscaling simulate`: what it says of traffic, and what of traffic and autoscalers that make no sense.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

use std::fs;
use std::path::Path;

use program::{Run, infer_in};
use serde_json::Value;

/// A replica whose curve was measured, and rows of a figure each.
const QUESTION: &[&str] = &[
    "autoscaling",
    "simulate",
    "--model=google/gemma-2-27b-it",
    "--model-server=vllm",
    "--model-server-version=v0.7.2",
    "--accelerator-type=nvidia-l4",
    "--target-ntpot-milliseconds=200",
    "--provenance=measured",
];

const STEP: &[&str] = &["--pattern=step", "--peak-request-rate=6"];

fn simulate(folder: &Path, flags: &[&str]) -> Run {
    infer_in(folder, &[QUESTION, flags].concat())
}

fn fleets(folder: &Path, flags: &[&str]) -> Vec<Value> {
    let list: Value =
        serde_json::from_str(&simulate(folder, &[flags, &["-o", "json"]].concat()).succeeded()).unwrap();
    list["items"].as_array().unwrap().clone()
}

#[test]
fn an_autoscaler_stands_beside_other_thresholds_and_fixed_replicas() {
    let folder = tempfile::tempdir().unwrap();
    let found = fleets(folder.path(), &[STEP, &["--compare-threshold=400", "--compare-replicas=1"]].concat());
    let names: Vec<&str> = found.iter().map(|fleet| fleet["fleet"].as_str().unwrap()).collect();
    assert_eq!(names, ["threshold 49", "threshold 400", "1 replica, fixed"], "{found:?}");
    let within = |at: usize| found[at]["percentWithinTargets"].as_f64().unwrap();
    // A threshold above what a replica has in flight at its target, and one replica for three, serve late.
    assert!(within(0) > within(1) && within(1) > within(2), "{found:?}");
    let most = |at: usize| found[at]["mostReplicas"].as_f64().unwrap();
    assert!(most(0) > 1.0 && most(2) == 1.0, "{found:?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_of_table_plot_and_course() {
    let folder = tempfile::tempdir().unwrap();
    let run = |seed: &str, name: &str| {
        let (plot, course) = (format!("--plot={name}.svg"), format!("--course={name}.csv"));
        let table = simulate(folder.path(), &[STEP, &["--seed", seed, &plot, &course]].concat()).succeeded();
        let read = |ending: &str| fs::read_to_string(folder.path().join(format!("{name}.{ending}"))).unwrap();
        (table, read("svg"), read("csv"))
    };
    let first = run("7", "a");
    assert!(first.1.starts_with("<svg ") && first.2.lines().count() > 10, "{first:?}");
    assert_eq!(first, run("7", "b"));
    assert_ne!(first.2, run("8", "c").2);
    simulate(folder.path(), &[STEP, &["--plot=d.png"]].concat()).succeeded();
    assert!(fs::read(folder.path().join("d.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn a_trace_is_played_to_an_autoscaler_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..60).map(|minute| format!("{},{}\n", minute * 60, minute / 10)).collect();
    fs::write(folder.path().join("day.csv"), format!("seconds,requestsPerSecond\n{rows}")).unwrap();
    fs::write(folder.path().join("hpa.yaml"), hpa("autoscaling/v2", "1", "5", "20")).unwrap();
    let found = fleets(folder.path(), &["--trace=day.csv", "--filename=hpa.yaml"]);
    assert_eq!(found[0]["fleet"], "h", "{found:?}");
    let most = found[0]["mostReplicas"].as_f64().unwrap();
    assert!((2.0..=5.0).contains(&most), "{found:?}");
}

fn hpa(version: &str, least: &str, most: &str, threshold: &str) -> String {
    format!(
        "apiVersion: {version}
kind: HorizontalPodAutoscaler
metadata: {{name: h}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: d}}
  minReplicas: {least}
  maxReplicas: {most}
  metrics:
  - type: External
    external:
      metric: {{name: vllm_requests_in_flight}}
      target: {{type: AverageValue, averageValue: '{threshold}'}}
"
    )
}

#[test]
fn traces_that_say_nothing_sensible_are_refused_with_the_line() {
    const HEADER: &str = "seconds,requestsPerSecond\n";
    let long = format!("0,1\n{}\n", "9".repeat(400));
    for (rows, says) in [
        ("0,1\n60,2\n180,3\n", "line 4: 120 s after the row before, where rows are 60 s apart"),
        ("0,1\n60,NaN\n", "line 3: the rate is `NaN`"),
        ("0,1\n60,inf\n", "line 3: the rate is `inf`"),
        ("0,1\n60,-2\n", "line 3: the rate is `-2`"),
        ("0,1\n60,\n", "line 3: the rate is ``"),
        ("0,1\n60,2e6\n", "a number of requests a second from 0 to a million is wanted"),
        ("0,1\nNaN,2\n", "line 3: the time is `NaN`"),
        ("0,1\nnoon,2\n", "line 3: the time is `noon`"),
        ("0,1\n60,2\n30,3\n", "line 4: time 30 comes after 60: sort the rows by time"),
        ("0,1\n60,2\n60,3\n", "line 4: time 60 comes after 60"),
        ("0,1\n0.5,2\n", "rows are 0.5 s apart: whole seconds are wanted"),
        ("0,1\n9999999999,2\n", "at most 744 are simulated"),
        ("0,0\n60,0\n", "every rate is 0"),
        ("0,1\n60\n", "line 3"),
        (&long, "line 3"),
        ("", "the trace has no rows"),
    ] {
        refused(&format!("{HEADER}{rows}"), says);
    }
    refused("", "the trace has no rows");
    refused("a,b\n1,2\n", "the header has no column `seconds`: it is `a,b`");
    refused(&"1".repeat(17 << 20), "it is larger than 16777216 bytes");
}

/// A trace is refused in one short message, and nothing is written.
#[track_caller]
fn refused(trace: &str, says: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("trace.csv"), trace).unwrap();
    let message = simulate(folder.path(), &["--trace=trace.csv", "--plot=p.svg", "--course=c.csv"]).failed(1);
    assert!(message.contains(says) && message.len() < 500, "{message}");
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[test]
fn autoscalers_that_cannot_be_played_are_refused_with_the_field() {
    for (text, says) in [
        (hpa("autoscaling/v2", "5", "2", "20"), "`spec.minReplicas` (5) is above `spec.maxReplicas` (2)"),
        (hpa("autoscaling/v2", "1", "5", "0"), "averageValue"),
        (hpa("autoscaling/v2", "1", "5", "-20"), "averageValue"),
        (hpa("autoscaling/v2", "1", "5", "many"), "averageValue"),
        (hpa("autoscaling/v2beta2", "1", "5", "20"), "its version is `autoscaling/v2beta2`"),
        (hpa("autoscaling/v1", "1", "5", "20"), "its version is `autoscaling/v1`"),
        (
            hpa("autoscaling/v2", "1", "5", "20").replace("vllm_requests_in_flight", "nobody_knows"),
            "nobody_knows",
        ),
        ("kind: Deployment".to_owned(), "HorizontalPodAutoscaler"),
        (
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nspec: [\n".to_owned(),
            "cannot read `hpa.yaml`",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("hpa.yaml"), &text).unwrap();
        let run = simulate(folder.path(), &[STEP, &["--filename=hpa.yaml"]].concat());
        assert!(run.status == 1 && run.stdout.is_empty() && run.stderr.contains(says), "{text}{run:?}");
    }
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, says) in [
        (vec![], "--trace"),
        (vec!["--pattern=step"], "--peak-request-rate"),
        (vec!["--pattern=sawtooth"], "step, diurnal, burst"),
        ([STEP, &["--trace=t.csv"]].concat(), "cannot be used with"),
        ([STEP, &["--threshold=0"]].concat(), "must be a number above 0"),
        ([STEP, &["--threshold=-1"]].concat(), "must be a number above 0"),
        ([STEP, &["--min-replicas=0"]].concat(), "must be a whole number from 1"),
        ([STEP, &["--lowest-request-rate=7"]].concat(), "the lowest rate (7) is above the highest (6)"),
        ([STEP, &["--duration=60d"]].concat(), "--duration"),
        (vec!["--pattern=step", "--peak-request-rate=NaN"], "--peak-request-rate"),
    ] {
        let run = simulate(folder.path(), &flags);
        assert!(run.status == 2 && run.stdout.is_empty() && run.stderr.contains(says), "{flags:?} {run:?}");
    }
    let run = simulate(folder.path(), &[STEP, &["--min-replicas=5", "--max-replicas=2"]].concat());
    assert!(run.stderr.contains("(5) is above") && run.stdout.is_empty(), "{run:?}");
}
