//! Whether the simulated scheduler decides as a recorded one did:
//! `cargo run --release -p infer-core --example schedule-replay -- FILE…`.
//!
//! Says for each recording how many steps agree and shows the first that does not. Exit status 1 if anything
//! differs or a file is no recording, 2 without a file.

use std::process::ExitCode;

use infer_core::estimate::scheduler::{Agreement, Recording};

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("Name at least one recording: `schedule-replay FILE…`");
        return ExitCode::from(2);
    }
    let mut agree = true;
    for file in &files {
        match replay(file) {
            Ok(agreement) => {
                agree &= agreement.is_complete();
                report(file, &agreement);
            }
            Err(problem) => {
                agree = false;
                eprintln!("{file}: {problem}");
            }
        }
    }
    if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn replay(file: &str) -> Result<Agreement, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("The file cannot be read: {error}"))?;
    Recording::parse(&text).and_then(|recording| recording.replay()).map_err(|error| error.to_string())
}

fn report(file: &str, agreement: &Agreement) {
    let Agreement { steps, agreeing, requests, agreeing_requests, .. } = agreement;
    println!("{file}: {agreeing} of {steps} steps and {agreeing_requests} of {requests} requests agree");
    if let Some(first) = &agreement.first {
        println!("The first difference is at {first}");
    }
}
