//! Logs: one JSON object a line on standard error, `RUST_LOG` says how much.

use tracing_subscriber::EnvFilter;

/// Decisions that did something, and everything that a person should look at; the rest by `RUST_LOG`.
const DEFAULT: &str = "warn,infer_webhook=info";

/// Starts the log. A second call in the same process, as tests make it, changes nothing.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let log = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let _ = log.try_init();
}
