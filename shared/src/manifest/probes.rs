//! When a server counts as starting, ready, stuck, and when it may go.

use k8s_openapi::api::core::v1::{HTTPGetAction, Lifecycle, LifecycleHandler, Probe, SleepAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::Plan;
use super::request::Storage;

/// Name of the container's port that the API and its health answer on.
pub(super) const API_PORT: &str = "http";

/// Seconds that a start may take where the catalog has no entry.
const UNKNOWN_START_SECONDS: f64 = 3600.0;

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
    let seconds = plan.start_times.map_or(UNKNOWN_START_SECONDS, |times| {
        let download = if downloads(plan) { bytes / times.hub_bytes_per_second } else { 0.0 };
        download + bytes / times.load_bytes_per_second + times.longest_engine_seconds
    });
    let minutes = (seconds / 60.0).ceil();
    // A week caps what an absurd size in an overlay asks for; the cast is exact below it.
    minutes.min(7.0 * 24.0 * 60.0) as i32 * 60
}

/// The assumptions behind [`startup_seconds`], in words.
pub(super) fn startup_reason(plan: &Plan<'_>) -> String {
    const MEGABYTE: f64 = 1e6;
    let Some(times) = plan.start_times else { return "an hour for all of it".to_owned() };
    let download = if downloads(plan) {
        format!("downloaded at {} MB/s, ", times.hub_bytes_per_second / MEGABYTE)
    } else {
        String::new()
    };
    format!(
        "{download}loaded at {} MB/s, and {} minutes for the rest",
        times.load_bytes_per_second / MEGABYTE,
        times.longest_engine_seconds / 60.0
    )
}

const fn downloads(plan: &Plan<'_>) -> bool {
    matches!(plan.request.storage, Storage::HuggingFace { .. })
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
