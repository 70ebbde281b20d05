//! When a server counts as starting, ready, stuck, and when it may go.

use k8s_openapi::api::core::v1::{HTTPGetAction, Lifecycle, LifecycleHandler, Probe, SleepAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Plan;
use super::request::Storage;

/// Name of the container's port that the API and its health answer on.
pub(super) const API_PORT: &str = "http";

/// Slowest download that still counts as progress, in bytes a second: a gigabit line, a fifth spare.
const DOWNLOAD_BYTES_PER_SECOND: f64 = 100e6;

/// Slowest read from local disk, RAM or a tuned bucket mount into the accelerators, in bytes a second.
const LOAD_BYTES_PER_SECOND: f64 = 300e6;

/// Seconds for everything that does not grow with the weights. GPU: imports, kernel compilation, graph
/// capture. TPU: a first compilation takes 10 to 30 minutes.
const GPU_START_SECONDS: f64 = 600.0;
const TPU_START_SECONDS: f64 = 2400.0;

const STARTUP_PERIOD_SECONDS: i32 = 10;

/// How long a Pod that is going away still answers, so that balancers forget it and running requests end; and
/// what the server then has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drain {
    /// Seconds of sleep before the server is told to stop.
    pub(super) sleep_seconds: i64,
    /// Seconds until it is killed, the sleep included.
    pub(super) grace_seconds: i64,
}

impl Drain {
    /// Spot nodes are taken away 15 seconds after the notice for Pods of users.
    pub(super) const fn of(spot: bool) -> Self {
        if spot {
            Self { sleep_seconds: 10, grace_seconds: 15 }
        } else {
            Self { sleep_seconds: 60, grace_seconds: 90 }
        }
    }
}

/// Seconds that a start may take, in whole minutes: download where there is one, load, and the fixed part.
pub(super) fn startup_seconds(plan: &Plan<'_>) -> i32 {
    let bytes = plan.checkpoint.bytes as f64;
    let download = if downloads(plan) { bytes / DOWNLOAD_BYTES_PER_SECOND } else { 0.0 };
    let fixed = fixed_seconds(plan);
    let minutes = ((download + bytes / LOAD_BYTES_PER_SECOND + fixed) / 60.0).ceil();
    // A week caps what an absurd size in an overlay asks for; the cast is exact below it.
    minutes.min(7.0 * 24.0 * 60.0) as i32 * 60
}

/// The assumptions behind [`startup_seconds`], in words.
pub(super) fn startup_reason(plan: &Plan<'_>) -> String {
    const MEGABYTE: f64 = 1e6;
    let download = if downloads(plan) {
        format!("downloaded at {} MB/s, ", DOWNLOAD_BYTES_PER_SECOND / MEGABYTE)
    } else {
        String::new()
    };
    format!(
        "{download}loaded at {} MB/s, and {} minutes for the rest",
        LOAD_BYTES_PER_SECOND / MEGABYTE,
        fixed_seconds(plan) / 60.0
    )
}

const fn downloads(plan: &Plan<'_>) -> bool {
    matches!(plan.request.storage, Storage::HuggingFace { .. })
}

fn fixed_seconds(plan: &Plan<'_>) -> f64 {
    if plan.is_tpu() { TPU_START_SECONDS } else { GPU_START_SECONDS }
}

/// Holds the other two probes back until the server has answered once, or gives up after the budget.
pub(super) fn startup(plan: &Plan<'_>) -> Probe {
    Probe {
        period_seconds: Some(STARTUP_PERIOD_SECONDS),
        timeout_seconds: Some(5),
        failure_threshold: Some(startup_seconds(plan) / STARTUP_PERIOD_SECONDS),
        ..health(plan)
    }
}

/// Takes the Pod out of the Service within 15 seconds.
pub(super) fn readiness(plan: &Plan<'_>) -> Probe {
    Probe { period_seconds: Some(5), timeout_seconds: Some(5), failure_threshold: Some(3), ..health(plan) }
}

/// Restarts a server that has not answered for two minutes; a server under load answers late, not never,
/// and a restart costs the whole start again.
pub(super) fn liveness(plan: &Plan<'_>) -> Probe {
    Probe { period_seconds: Some(15), timeout_seconds: Some(10), failure_threshold: Some(8), ..health(plan) }
}

/// Sleeps before the server is stopped.
pub(super) fn lifecycle(drain: Drain) -> Lifecycle {
    let sleep = SleepAction { seconds: drain.sleep_seconds };
    let handler = LifecycleHandler { sleep: Some(sleep), ..LifecycleHandler::default() };
    Lifecycle { pre_stop: Some(handler), ..Lifecycle::default() }
}

fn health(plan: &Plan<'_>) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(plan.server.health_path.clone()),
            port: IntOrString::String(API_PORT.to_owned()),
            ..HTTPGetAction::default()
        }),
        ..Probe::default()
    }
}
