//! `kubectl infer`: arguments → one call into `infer-core` → output.

mod arguments;
mod cluster;
mod commands;
mod completion;
mod environment;
mod failure;
mod output;
mod overlay;
mod program;
mod requirements;
mod select;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run()
}
