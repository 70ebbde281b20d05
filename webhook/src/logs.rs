//! Logs: one JSON object a line on standard error, `RUST_LOG` says how much.
//!
//! What a person should look at is written at once. The lines about decisions, a thousand a second at times, are
//! written several at a time, at most [`DELAY`] later: one call of the system for each would cost as much as deciding.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Decisions that did something, and everything that a person should look at; the rest by `RUST_LOG`.
const DEFAULT: &str = "warn,infer_webhook=info";

/// How long a line may wait.
const DELAY: Duration = Duration::from_millis(50);

/// How many bytes may wait. Whoever adds to as many writes them, so that a slow reader slows the program down and
/// takes neither lines nor memory from it.
const WAITING: usize = 64 << 10;

/// Starts the log. A second call in the same process, as tests make it, changes nothing.
pub(crate) fn start() -> Log {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let log = Log::default();
    let lines = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .with_writer(log.clone());
    if lines.try_init().is_ok() {
        let log = log.clone();
        // It ends with the process.
        thread::spawn(move || {
            loop {
                thread::sleep(DELAY);
                log.write_out();
            }
        });
    }
    log
}

/// Lines on their way to standard error.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    waiting: Arc<Mutex<Vec<u8>>>,
}

impl Log {
    /// Writes what waits: before the program ends.
    pub(crate) fn write_out(&self) {
        write(&mut self.waiting());
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all of `lines`. Where nobody reads standard error any more, nobody can be told so.
fn write(lines: &mut Vec<u8>) {
    if !lines.is_empty() {
        let _ = io::stderr().write_all(lines);
        lines.clear();
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { log: self, may_wait: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line<'a> {
        Line { log: self, may_wait: *meta.level() >= Level::INFO }
    }
}

/// Where one line goes, which is written in one piece.
pub(crate) struct Line<'a> {
    log: &'a Log,
    may_wait: bool,
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.log.waiting();
        waiting.extend_from_slice(line);
        if !self.may_wait || waiting.len() >= WAITING {
            write(&mut waiting);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
