//! Runs the built program as a user would, away from the user's own settings.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What one run said.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit status.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output of a run that succeeded without a word on standard error.
    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self.stdout
    }

    /// Standard error of a run that failed without a word on standard output.
    #[track_caller]
    pub(crate) fn failed(self, status: i32) -> String {
        assert_eq!((self.status, self.stdout.as_str()), (status, ""), "{}", self.stderr);
        self.stderr
    }
}

/// The program, not yet started.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-infer"));
    command.env_clear().env("PATH", "").env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

/// Runs it.
pub(crate) fn infer<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Run {
    Run::of(command().args(arguments).output().unwrap())
}

/// Runs it in a folder.
pub(crate) fn infer_in<S: AsRef<std::ffi::OsStr>>(folder: &Path, arguments: &[S]) -> Run {
    Run::of(command().args(arguments).current_dir(folder).output().unwrap())
}

/// Runs a prepared command.
pub(crate) fn run(command: &mut Command) -> Run {
    Run::of(command.output().unwrap())
}

/// A path of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
