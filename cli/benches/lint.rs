//! Documents a second that `lint` checks, as a whole process over a folder of files: reading, rules, output.
//!
//! `cargo bench -p kubectl-infer --bench lint`. The budget is 2,000 documents a second.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot be made has no figure")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-infer");

/// Documents of one file that are no inference, for each that is.
const OTHERS: usize = 1;

/// Files of the folder.
const FILES: usize = 200;

/// Runs that count, after one that does not.
const RUNS: usize = 5;

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let samples = samples();
    let (mut documents, mut bytes) = (0, 0);
    for number in 0..FILES {
        let mut file = String::new();
        for (index, sample) in samples.iter().enumerate() {
            // Names of their own, so that each is another workload.
            let sample =
                sample.replacen("metadata:\n  name: ", &format!("metadata:\n  name: x{number}-{index}-"), 1);
            documents += 1 + sample.matches("\n---\n").count();
            file.push_str(&format!("{sample}\n---\n"));
            for other in 0..OTHERS {
                documents += 1;
                file.push_str(&format!(
                    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{number}-{index}-{other}\ndata:\n  a: b\n---\n"
                ));
            }
        }
        bytes += file.len();
        fs::write(folder.path().join(format!("{number}.yaml")), file).unwrap();
    }
    println!("{documents} documents, {:.1} MB", bytes as f64 / 1e6);
    for arguments in [&["-o", "json"][..], &["--diff"]] {
        let mut walls: Vec<Duration> = (0..=RUNS).map(|_| wall(folder.path(), arguments)).skip(1).collect();
        walls.sort();
        let median = walls[RUNS / 2].as_secs_f64();
        println!("{:>9.0} documents/s  lint {}", documents as f64 / median, arguments.join(" "));
    }
}

/// The samples of the documentation.
fn samples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/samples");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn wall(folder: &Path, arguments: &[&str]) -> Duration {
    let start = Instant::now();
    let mut command = Command::new(PROGRAM);
    let status = command.args(["lint", "-f"]).arg(folder).args(arguments).stdout(Stdio::null()).status();
    assert_eq!(status.unwrap().code(), Some(1), "{arguments:?}");
    start.elapsed()
}
