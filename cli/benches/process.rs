//! Whole processes as a user waits for them: wall time and memory of each command, and the size of the program.
//!
//! `cargo bench -p kubectl-infer`. The budget is 30 ms and 40 MiB a command, 20 MiB of program; memory is measured
//! by GNU time (`/usr/bin/time`) where it is installed.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot be made has no figure")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-infer");

/// Runs of each command that count, after one that does not.
const RUNS: usize = 21;

/// What `explain` reads.
const MANIFEST: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/gemma.yaml");

const COMMANDS: &[&str] = &[
    "version",
    "models list",
    "list",
    "list -o json",
    "list --model openai/gpt-oss-120b --target-ttft-milliseconds 500",
    "list --model openai/gpt-oss-120b --target-ttft-milliseconds 1",
    "accelerators list --model google/gemma-2-27b-it",
    "benchmarks list --model openai/gpt-oss-120b --model-server vllm",
    "manifests create --model google/gemma-2-27b-it --accelerator-type nvidia-l4 --target-ntpot-milliseconds 200",
    "manifests create --model Qwen/QwQ-32B --accelerator-type nvidia-l4",
    // Nobody measured it: its curve is estimated.
    "manifests create --model Qwen/Qwen3-32B --accelerator-type nvidia-l4 --target-ntpot-milliseconds 200",
    "autoscaling setup --autoscaler prometheus-adapter",
    concat!("autoscaling explain -f ", env!("CARGO_TARGET_TMPDIR"), "/gemma.yaml"),
    // A day at a second, of five fleets.
    "autoscaling simulate --model google/gemma-2-27b-it --model-server vllm --accelerator-type nvidia-l4 \
     --target-ntpot-milliseconds 200 --pattern diurnal --peak-request-rate 20",
];

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let create = "manifests create --model google/gemma-2-27b-it --accelerator-type nvidia-l4 \
                  --target-ntpot-milliseconds 200 --output-path";
    let create: Vec<&str> = create.split_whitespace().chain([MANIFEST]).collect();
    wall(&create);
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    println!("program: {:.1} MiB", mib(std::fs::metadata(PROGRAM).unwrap().len()));
    println!("{:>9} {:>9} {:>9} {:>9}  command", "min ms", "median ms", "max ms", "peak MiB");
    for line in COMMANDS {
        let arguments: Vec<&str> = line.split(' ').collect();
        let mut walls: Vec<Duration> = (0..=RUNS).map(|_| wall(&arguments)).skip(1).collect();
        walls.sort();
        let at = |index: usize| walls[index].as_secs_f64() * 1000.0;
        let peak = peak_kib(&arguments).map_or("-".to_owned(), |kib| format!("{:.1}", mib(kib * 1024)));
        println!("{:>9.1} {:>9.1} {:>9.1} {peak:>9}  {line}", at(0), at(RUNS / 2), at(RUNS - 1));
    }
}

fn wall(arguments: &[&str]) -> Duration {
    let start = Instant::now();
    let status = Command::new(PROGRAM).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    // An answer or the reason why there is none.
    assert!(matches!(status.unwrap().code(), Some(0 | 1)), "{arguments:?}");
    start.elapsed()
}

fn peak_kib(arguments: &[&str]) -> Option<u64> {
    let mut command = Command::new("/usr/bin/time");
    let output =
        command.args(["-q", "-f", "%M", PROGRAM]).args(arguments).stdout(Stdio::null()).output().ok()?;
    String::from_utf8(output.stderr).ok()?.lines().last()?.parse().ok()
}
