//! Weights read from a Cloud Storage bucket through GKE's FUSE driver, tuned for files that never change.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{CSIVolumeSource, Volume, VolumeMount};

use super::{BucketUri, SidecarNeeds, StoragePlan, WeightCache, empty_dir, mount, variable, whole_gib};
use crate::catalog::Machine;
use crate::manifest::resources::{server_memory_gib, share_memory_gib};
use crate::manifest::{ManifestError, Plan, names};

pub(crate) const DRIVER: &str = "gcsfuse.csi.storage.gke.io";

pub(crate) const MODEL_VOLUME: &str = "model";
/// Where the weights are mounted, as in the seeds.
pub(crate) const MODEL_PATH: &str = "/data";

/// Home of what a server keeps beside the weights. TGI's image has it at `/data`, which is read only here.
const WRITABLE_HOME: &str = "/tmp/hf_home";

const XLA_VOLUME: &str = "xla-cache";
const XLA_PATH: &str = "/xla-cache";

/// Name by which the driver knows the volume of its file cache.
pub(crate) const CACHE_VOLUME: &str = "gke-gcsfuse-cache";

/// Service account of Pods that name none.
pub(in crate::manifest) const DEFAULT_SERVICE_ACCOUNT: &str = "default";

/// Weights never change: what is known of them stays known.
pub(crate) const READ_ONLY_OPTIONS: [&str; 7] = [
    "implicit-dirs",
    "metadata-cache:ttl-secs:-1",
    "metadata-cache:stat-cache-max-size-mb:-1",
    "metadata-cache:type-cache-max-size-mb:-1",
    "metadata-cache:negative-ttl-secs:0",
    "file-system:kernel-list-cache-ttl-secs:-1",
    "read_ahead_kb=1024",
];

pub(crate) const FILE_CACHE_OPTIONS: [&str; 3] = [
    "file-cache:max-size-mb:-1",
    "file-cache:cache-file-for-range-read:true",
    "file-cache:enable-parallel-downloads:true",
];

/// Entries that other replicas write must be seen: the default lifetime of what is known, and none of what is
/// known to be missing.
const XLA_OPTIONS: [&str; 2] = ["implicit-dirs", "metadata-cache:negative-ttl-secs:0"];

/// Memory in GiB of the sidecar beside a cache in RAM; the driver's default of 256 MiB is killed on large
/// models.
pub(crate) const SIDECAR_GIB: u64 = 2;

/// Ephemeral storage in GiB of the sidecar beside a cache on disk: its buffers and logs.
const SIDECAR_EPHEMERAL_GIB: u64 = 5;

/// Decides the volumes and where the sidecar caches.
pub(super) fn plan(
    plan: &Plan<'_>,
    model: &BucketUri,
    xla_cache: Option<&BucketUri>,
    service_account: Option<&str>,
) -> Result<StoragePlan, ManifestError> {
    let service_account = service_account.unwrap_or(DEFAULT_SERVICE_ACCOUNT);
    names::check_service_account(service_account)?;
    let cache = cache_medium(plan);
    let sidecar = sidecar_needs(plan, cache);
    let mut storage = StoragePlan {
        path: Some(MODEL_PATH),
        volumes: vec![model_volume(MODEL_VOLUME, model, cache)],
        mounts: vec![VolumeMount { read_only: Some(true), ..mount(MODEL_VOLUME, MODEL_PATH) }],
        env: vec![variable("HF_HOME", WRITABLE_HOME)],
        template_annotations: annotations(plan, cache, sidecar),
        service_account: Some(service_account.to_owned()),
        sidecar: Some(sidecar),
        cache,
        ..StoragePlan::default()
    };
    storage.volumes.extend(cache_volume(cached_gib(plan), cache));
    if let Some(xla_cache) = xla_cache {
        check_xla_cache(plan, model, xla_cache)?;
        let options = XLA_OPTIONS.map(str::to_owned).to_vec();
        storage.volumes.push(fuse_volume(XLA_VOLUME, xla_cache, options, false));
        storage.mounts.push(mount(XLA_VOLUME, XLA_PATH));
        storage.env.push(variable("VLLM_XLA_CACHE_PATH", XLA_PATH));
    }
    Ok(storage)
}

fn check_xla_cache(plan: &Plan<'_>, model: &BucketUri, xla_cache: &BucketUri) -> Result<(), ManifestError> {
    if !plan.is_tpu() {
        Err(ManifestError::XlaCacheOnGpu { accelerator: plan.accelerator.id.clone() })
    } else if plan.server.name != "vllm" {
        Err(ManifestError::NoXlaCache { server: plan.server.display_name.clone() })
    } else if model.contains(xla_cache) && model.path().is_some() || model == xla_cache {
        Err(ManifestError::XlaCacheInModel(xla_cache.to_string()))
    } else {
        Ok(())
    }
}

fn cache_medium(plan: &Plan<'_>) -> WeightCache {
    let spare_gib = share_memory_gib(plan) as f64 - server_memory_gib(plan);
    cache_on(plan.machine, cached_gib(plan), spare_gib)
}

/// Size in GiB of a cache that holds the weights of the plan.
fn cached_gib(plan: &Plan<'_>) -> u64 {
    cache_gib(plan.weights_gib())
}

/// Size in GiB of a cache that holds `weights_gib`.
pub(crate) fn cache_gib(weights_gib: f64) -> u64 {
    whole_gib(weights_gib) + 1
}

/// Local SSD where the machine brings enough of it, else the sidecar's memory where `spare_gib` of the Pod's share
/// hold it, else no cache: the server reads every byte of the weights once, so that a cache only speeds up the next
/// start on the same node.
pub(crate) fn cache_on(machine: &Machine, cached_gib: u64, spare_gib: f64) -> WeightCache {
    let on_disk_gib = (cached_gib + SIDECAR_EPHEMERAL_GIB) as f64;
    if machine.bundled_local_ssd_gb.is_some() && on_disk_gib <= machine.pod_ephemeral_gib() {
        WeightCache::LocalSsd
    } else if (cached_gib + SIDECAR_GIB) as f64 <= spare_gib {
        WeightCache::SidecarMemory { gib: cached_gib }
    } else {
        WeightCache::None
    }
}

/// A cache in RAM counts against the sidecar: without request and limit that hold it, it escapes the
/// scheduler.
fn sidecar_needs(plan: &Plan<'_>, cache: WeightCache) -> SidecarNeeds {
    SidecarNeeds::beside(cache, plan.machine.pod_vcpus() * plan.machine_share())
}

impl SidecarNeeds {
    /// What the sidecar of a cache takes in a Pod of `vcpus` processors.
    pub(crate) fn beside(cache: WeightCache, vcpus: f64) -> Self {
        let cached_gib = match cache {
            WeightCache::SidecarMemory { gib } => gib,
            _ => 0,
        };
        Self {
            memory_gib: cached_gib + SIDECAR_GIB,
            requested_millicores: if vcpus < 8.0 { 250 } else { 1000 },
        }
    }
}

fn annotations(plan: &Plan<'_>, cache: WeightCache, sidecar: SidecarNeeds) -> BTreeMap<String, String> {
    let vcpus = plan.machine.pod_vcpus() * plan.machine_share();
    sidecar_annotations(cached_gib(plan), cache, sidecar, vcpus)
}

/// Annotations of a Pod template that ask for the sidecar, in a Pod of `vcpus` processors.
pub(crate) fn sidecar_annotations(
    cached_gib: u64,
    cache: WeightCache,
    sidecar: SidecarNeeds,
    vcpus: f64,
) -> BTreeMap<String, String> {
    let memory = format!("{}Gi", sidecar.memory_gib);
    // Half of the Pod's processors while it loads: the server has little to do until then.
    let cores = (vcpus / 2.0).clamp(1.0, 16.0).floor();
    let mut annotations = BTreeMap::from([
        ("volumes", "true".to_owned()),
        ("cpu-request", format!("{}m", sidecar.requested_millicores)),
        ("cpu-limit", format!("{cores:.0}")),
        ("memory-request", memory.clone()),
        ("memory-limit", memory),
    ]);
    if cache == WeightCache::LocalSsd {
        let gib = cached_gib + SIDECAR_EPHEMERAL_GIB;
        annotations.insert("ephemeral-storage-request", format!("{gib}Gi"));
        annotations.insert("ephemeral-storage-limit", format!("{gib}Gi"));
    }
    annotations.into_iter().map(|(key, value)| (format!("gke-gcsfuse/{key}"), value)).collect()
}

/// The volume of the weights, tuned for files that never change.
pub(crate) fn model_volume(name: &str, model: &BucketUri, cache: WeightCache) -> Volume {
    let cached: &[&str] = if cache == WeightCache::None { &[] } else { &FILE_CACHE_OPTIONS };
    let options = READ_ONLY_OPTIONS.iter().chain(cached).map(|option| (*option).to_owned());
    fuse_volume(name, model, options.collect(), true)
}

/// The volume of the sidecar's cache of `cached_gib`, where it has one.
pub(crate) fn cache_volume(cached_gib: u64, cache: WeightCache) -> Option<Volume> {
    match cache {
        WeightCache::LocalSsd => Some(empty_dir(CACHE_VOLUME, cached_gib, false)),
        WeightCache::SidecarMemory { gib } => Some(empty_dir(CACHE_VOLUME, gib, true)),
        _ => None,
    }
}

fn fuse_volume(name: &str, uri: &BucketUri, mut options: Vec<String>, read_only: bool) -> Volume {
    options.extend(uri.path().map(|path| format!("only-dir:{path}")));
    let mut attributes = BTreeMap::from([
        ("bucketName".to_owned(), uri.bucket().to_owned()),
        ("mountOptions".to_owned(), options.join(",")),
        ("skipCSIBucketAccessCheck".to_owned(), "true".to_owned()),
    ]);
    if read_only {
        attributes.insert("gcsfuseMetadataPrefetchOnMount".to_owned(), "true".to_owned());
    }
    Volume {
        name: name.to_owned(),
        csi: Some(CSIVolumeSource {
            driver: DRIVER.to_owned(),
            read_only: Some(read_only),
            volume_attributes: Some(attributes),
            ..CSIVolumeSource::default()
        }),
        ..Volume::default()
    }
}
