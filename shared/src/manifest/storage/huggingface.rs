//! Weights downloaded from the Hugging Face Hub when a Pod starts.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};

use super::{StoragePlan, WeightCache, empty_dir, mount, variable, whole_gib};
use crate::catalog::{BootDisk, Machine};
use crate::manifest::request::HubCache;
use crate::manifest::resources::{server_memory_gib, share_memory_gib};
use crate::manifest::{ManifestError, Plan};

/// Secret and key of the Hub's token, as in the seeds.
pub(in crate::manifest) const TOKEN_SECRET: &str = "hf-secret";
pub(in crate::manifest) const TOKEN_KEY: &str = "hf_api_token";

/// Cache in RAM, as in the seeds.
pub(crate) const RAM_CACHE: &str = "/dev/shm/hf_cache";

/// Cache on the node's disk: a volume, so that a container that restarts finds what it has downloaded.
const DISK_CACHE: &str = "/hf-cache";
const DISK_VOLUME: &str = "hf-cache";

/// What a download takes beyond the weights: tokenizer, configuration, partial files.
const DOWNLOAD_OVERHEAD: f64 = 1.02;
const DOWNLOAD_EXTRA_GIB: f64 = 1.0;

/// Whole GiB that a download of `weights_gib` takes.
pub(crate) fn download_gib(weights_gib: f64) -> u64 {
    whole_gib(weights_gib * DOWNLOAD_OVERHEAD + DOWNLOAD_EXTRA_GIB)
}

/// GiB of ephemeral storage for what a server writes beside the weights: logs, compiled kernels.
const SCRATCH_GIB: u64 = 8;

/// Decides where the download goes, and what that adds to the Pod.
pub(super) fn plan(plan: &Plan<'_>, cache: HubCache) -> Result<StoragePlan, ManifestError> {
    let download_gib = download_gib(plan.weights_gib());
    let place = match cache {
        HubCache::Auto => automatic(plan, download_gib)?,
        HubCache::Disk if disk_holds(plan.machine, download_gib) && has_local_ssd(plan) => {
            WeightCache::LocalSsd
        }
        HubCache::Disk => WeightCache::BootDisk,
        HubCache::Ram if ram_holds(plan, download_gib) => WeightCache::Shm { gib: download_gib },
        HubCache::Ram => return Err(does_not_fit(plan)),
        HubCache::BootDisk => WeightCache::ComputeClass,
    };
    Ok(with_cache(plan, place, download_gib))
}

/// Local SSD, else a default boot disk, else RAM; then, below the seeds' 90 GiB, a boot disk that the
/// comments make larger.
///
/// A default node offers 44 GiB of its 100 GiB disk to requests. The seeds' rule of 90 GiB is the point
/// from which the kubelet evicts whatever was requested; between the two a Pod that requests what it uses
/// would wait for ever on a default node, while the machine's own RAM lies idle.
fn automatic(plan: &Plan<'_>, download_gib: u64) -> Result<WeightCache, ManifestError> {
    const EVICTED_FROM_GIB: f64 = 90.0;
    if disk_holds(plan.machine, download_gib) {
        return Ok(if has_local_ssd(plan) { WeightCache::LocalSsd } else { WeightCache::BootDisk });
    }
    if ram_holds(plan, download_gib) {
        return Ok(WeightCache::Shm { gib: download_gib });
    }
    if plan.weights_gib() < EVICTED_FROM_GIB { Ok(WeightCache::BootDisk) } else { Err(does_not_fit(plan)) }
}

fn with_cache(plan: &Plan<'_>, cache: WeightCache, download_gib: u64) -> StoragePlan {
    let in_ram = matches!(cache, WeightCache::Shm { .. });
    let home = if in_ram { RAM_CACHE } else { DISK_CACHE };
    let mut storage = StoragePlan {
        // The chunk cache of the Hub's transfer library would keep up to 10 GB a second time.
        env: vec![
            token(plan.model.gated),
            variable("HF_HOME", home),
            variable("HF_XET_CHUNK_CACHE_SIZE_BYTES", "0"),
        ],
        cache,
        ..StoragePlan::default()
    };
    if !in_ram {
        let ephemeral_gib = download_gib + SCRATCH_GIB;
        storage.volumes.push(empty_dir(DISK_VOLUME, download_gib, false));
        storage.mounts.push(mount(DISK_VOLUME, DISK_CACHE));
        storage.ephemeral_gib = Some(ephemeral_gib);
        let on_boot_disk = matches!(cache, WeightCache::BootDisk | WeightCache::ComputeClass);
        storage.boot_disk_gib = on_boot_disk.then(|| BootDisk::holding(ephemeral_gib as f64).gib);
    }
    storage
}

/// The Hub's token; a Pod of a gated model does not start without the Secret.
pub(in crate::manifest) fn token(gated: bool) -> EnvVar {
    let selector = SecretKeySelector {
        name: TOKEN_SECRET.to_owned(),
        key: TOKEN_KEY.to_owned(),
        optional: (!gated).then_some(true),
    };
    EnvVar {
        name: "HF_TOKEN".to_owned(),
        value: None,
        value_from: Some(EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() }),
    }
}

fn has_local_ssd(plan: &Plan<'_>) -> bool {
    plan.machine.bundled_local_ssd_gb.is_some()
}

fn disk_holds(machine: &Machine, download_gib: u64) -> bool {
    (download_gib + SCRATCH_GIB) as f64 <= machine.pod_ephemeral_gib()
}

fn ram_holds(plan: &Plan<'_>, download_gib: u64) -> bool {
    download_gib as f64 + server_memory_gib(plan) <= share_memory_gib(plan) as f64
}

fn does_not_fit(plan: &Plan<'_>) -> ManifestError {
    ManifestError::CacheDoesNotFit {
        machine: plan.machine.name.clone(),
        weights_gib: plan.weights_gib(),
        disk_gib: plan.machine.pod_ephemeral_gib(),
        memory_gib: share_memory_gib(plan) as f64,
    }
}
