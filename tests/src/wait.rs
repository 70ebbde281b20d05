//! Waiting with a deadline, and saying what was missing when it passes.

use anyhow::{Result, bail};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Short, so that waiting adds little to a test; the API server is on this machine.
const INTERVAL: Duration = Duration::from_millis(50);

/// Probes until the answer is `Break(value)`. `Continue(state)` says what is still missing: the last one is
/// part of the error.
pub(crate) async fn until<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Result<ControlFlow<T, String>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        match probe().await? {
            ControlFlow::Break(value) => return Ok(value),
            ControlFlow::Continue(state) if start.elapsed() > deadline => {
                bail!("{what}: not within {} s. Last seen: {state}", deadline.as_secs())
            }
            ControlFlow::Continue(_) => tokio::time::sleep(INTERVAL).await,
        }
    }
}
