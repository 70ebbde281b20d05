//! The program from end to end: what it exits with, and who is told what.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::commands;
use crate::failure::Failure;

/// Parses, executes and prints.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and usage errors; a reader who left early has nothing to be told.
            let _ = error.print();
            return exit_code(error.exit_code());
        }
    };
    let status = commands::execute(arguments).and_then(|outcome| {
        outcome.destination.write(&outcome.text)?;
        if let Some(remark) = outcome.remark {
            say(format_args!("{remark}\n"));
        }
        Ok(outcome.status)
    });
    match status {
        Ok(status) => ExitCode::from(status),
        Err(failure) => tell(&failure),
    }
}

fn tell(failure: &Failure) -> ExitCode {
    say(format_args!("{}", printable(&failure.to_string())));
    ExitCode::from(failure.status())
}

/// Names that were not found come from anywhere: their control characters must not steer a terminal, nor their
/// length bury the message.
fn printable(text: &str) -> String {
    const LONGEST_LINE: usize = 2000;
    let mut printable = String::with_capacity(text.len().min(LONGEST_LINE));
    for line in text.split_inclusive('\n') {
        for letter in line.chars().take(LONGEST_LINE) {
            if letter.is_control() && letter != '\n' && letter != '\t' {
                printable.extend(letter.escape_default());
            } else {
                printable.push(letter);
            }
        }
        let left_out = line.chars().count().saturating_sub(LONGEST_LINE);
        if left_out > 0 {
            printable.push_str(&format!(" … ({left_out} more characters)\n"));
        }
    }
    printable
}

fn say(message: std::fmt::Arguments<'_>) {
    // Standard error may be closed too; the exit status still tells.
    let _ = io::stderr().lock().write_fmt(message);
}

fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(2))
}
