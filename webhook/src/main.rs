//! Admission webhook of `kubectl infer`.

use std::process::ExitCode;

use clap::Parser;
use infer_webhook::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    match infer_webhook::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
