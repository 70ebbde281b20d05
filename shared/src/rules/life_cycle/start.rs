//! How long a server takes from its start until it answers.

use crate::inspect::{ModelSource, Probe, ProbeHandler, Role, ServerKind, Sharing, Told, VolumeSource};
use crate::rules::Facts;

/// Fastest download from the Hub, in bytes a second: a line of 10 Gbit/s with nobody else on it.
const FASTEST_DOWNLOAD: f64 = 1.0e9;

/// Fastest read into the accelerators, in bytes a second: a local NVMe disk, or a tuned bucket mount.
const FASTEST_LOAD: f64 = 4.0e9;

/// Seconds that imports, memory profiling and graph capture take at least, whatever the model.
const LEAST_GPU_SECONDS: f64 = 40.0;

/// The same where graphs are not captured.
const LEAST_EAGER_SECONDS: f64 = 20.0;

/// Seconds of a first compilation on TPU at least: 10 to 30 minutes are usual, small models on newer servers take half.
const LEAST_TPU_SECONDS: f64 = 300.0;

/// What a start is given where nothing stops it: as in the manifests of this project, a gigabit line, a slow disk, ten
/// minutes for the rest, forty on TPU.
const SLOW_DOWNLOAD: f64 = 100e6;
const SLOW_LOAD: f64 = 300e6;
const SLOW_GPU_SECONDS: f64 = 600.0;
const SLOW_TPU_SECONDS: f64 = 2400.0;

/// How long a start takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Start {
    /// Seconds at the very least.
    pub(super) least_seconds: f64,
    /// Seconds to give it.
    pub(super) generous_seconds: f64,
    /// Of what the least is made, in words.
    pub(super) words: String,
}

impl Start {
    /// The start of the server that `probe` asks; `None` where the probe asks something else, or nothing is known of
    /// such a server.
    pub(super) fn of(facts: &Facts<'_>, probe: &Probe<'_>) -> Option<Self> {
        let serves = matches!(facts.pod.server, ServerKind::Vllm | ServerKind::Sglang | ServerKind::Tgi);
        if !serves || facts.pod.accelerator.is_none() || !asks_server(facts, probe) {
            return None;
        }
        let bytes = facts.model.map(|(_, checkpoint)| checkpoint.bytes as f64);
        let weights = bytes.unwrap_or_default();
        let download = if downloads(facts) { weights } else { 0.0 };
        let compiles = facts.is_tpu() && facts.pod.server == ServerKind::Vllm && compiles_anew(facts);
        let eager = facts.pod.arguments.option(&["enforce-eager", "disable-cuda-graph"]).is_some();
        let fixed = match (compiles, eager) {
            (true, _) => LEAST_TPU_SECONDS,
            (false, true) => LEAST_EAGER_SECONDS,
            (false, false) => LEAST_GPU_SECONDS,
        };
        let slow = if facts.is_tpu() { SLOW_TPU_SECONDS } else { SLOW_GPU_SECONDS };
        let least_seconds = download / FASTEST_DOWNLOAD + weights / FASTEST_LOAD + fixed;
        // A model of unknown size is given half an hour.
        let unknown = if bytes.is_none() { 1200.0 } else { 0.0 };
        let generous_seconds = weights / SLOW_DOWNLOAD + weights / SLOW_LOAD + slow + unknown;
        let of = match (download > 0.0, weights > 0.0) {
            (true, _) => format!("downloading {:.0} GB at 1 GB/s and loading it at 4 GB/s", weights / 1e9),
            (false, true) => format!("loading {:.0} GB at 4 GB/s", weights / 1e9),
            (false, false) => "any start".to_owned(),
        };
        let rest = match (compiles, eager) {
            (true, _) => "compiling for TPU",
            (false, true) => "imports and profiling",
            (false, false) => "imports, profiling and graph capture",
        };
        let words = format!("{of}, and {fixed:.0} s of {rest}");
        Some(Self { least_seconds, generous_seconds, words })
    }
}

/// Whether the probe asks the server itself, not a container beside it.
fn asks_server(facts: &Facts<'_>, probe: &Probe<'_>) -> bool {
    let pod = facts.pod;
    let by_network = matches!(probe.handler, ProbeHandler::Http { .. } | ProbeHandler::Tcp { .. });
    let port = probe.port().and_then(|port| pod.serving().port_number(port));
    let Some(port) = port.filter(|_| by_network && pod.role != Role::Worker) else { return false };
    let others = pod.containers.iter().filter(|container| container.at != pod.serving().at);
    let answered_beside = others.flat_map(|container| container.ports()).any(|other| other.number == port);
    !answered_beside && pod.server_port() == Told::Is(port)
}

/// Whether every start downloads the weights: they come from the Hub, and nothing that outlives the Pod keeps them.
fn downloads(facts: &Facts<'_>) -> bool {
    let cache = facts.pod.hub_cache();
    let lost = match &cache.path {
        Told::Is(path) => match facts.pod.sharing_of(path) {
            Sharing::Container => true,
            // A claim is there at the second start; what an init container fetched is there at the first.
            Sharing::Pod => facts.pod.volume_of(path).is_some_and(|volume| {
                !matches!(volume.source, VolumeSource::Claim { .. }) && !facts.pod.is_mounted_beside(volume)
            }),
            Sharing::Shared | Sharing::ReadOnly | Sharing::Unknown => false,
        },
        Told::Unset => true,
        Told::Unknown => false,
    };
    lost && matches!(facts.pod.model, ModelSource::Hub(_))
}

fn compiles_anew(facts: &Facts<'_>) -> bool {
    let caches = facts.pod.compilation_caches();
    let eager = facts.pod.arguments.option(&["enforce-eager"]).is_some();
    caches.is_empty() && !eager && !facts.pod.variables.inherits()
}

/// The threshold that gives a probe of this period `seconds`.
pub(super) fn threshold(seconds: f64, period_seconds: u32) -> u32 {
    // The cast saturates.
    (seconds / f64::from(period_seconds.max(1))).ceil() as u32
}
