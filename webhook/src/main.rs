//! Admission webhook of `kubectl infer`.

use std::process::ExitCode;

use clap::Parser;
use infer_webhook::Options;
use mimalloc::MiMalloc;

/// Reading a review makes some thousand small allocations, and musl's allocator, which a static program would have,
/// takes a lock for each.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
