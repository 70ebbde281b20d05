//! INF025: a sidecar that does not hold its cache.

use serde_json::json;

use super::mount_options::MountOptions;
use super::weights::WeightsVolume;
use crate::catalog::GIB;
use crate::inspect::{PointerBuf, Volume, VolumeSource, parse_quantity};
use crate::manifest::bucket::{CACHE_VOLUME, SIDECAR_GIB};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

const MEMORY_LIMIT: &str = "gke-gcsfuse/memory-limit";
const MEMORY_REQUEST: &str = "gke-gcsfuse/memory-request";
const EPHEMERAL_LIMIT: &str = "gke-gcsfuse/ephemeral-storage-limit";

/// The sidecar's limits where no annotation says otherwise.
const DEFAULT_MEMORY_BYTES: f64 = 256.0 * 1024.0 * 1024.0;
const DEFAULT_EPHEMERAL_BYTES: f64 = 5.0 * GIB;

/// INF025.
pub(crate) static RULE: Rule = Rule {
    id: "INF025",
    name: "fuse-sidecar-resources",
    group: Group::Storage,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The limits of the Cloud Storage FUSE sidecar do not fit its cache",
    needs: "a cache volume `gke-gcsfuse-cache` with a size, or a model on an inline volume",
    rationale: "A cache in RAM counts against the sidecar's memory, a cache on disk against its ephemeral storage: \
                above the limit, 256Mi and 5Gi by default, the sidecar is killed or the Pod evicted. A limit of `0` \
                lets a cache in RAM grow past what the scheduler knows of.",
    fix: Some("raises a memory limit that nobody set, where each machine of the Pod has the memory"),
    source: "cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-sidecar",
    check: Check::Workload(check),
    examples: examples!("INF025"),
};

/// Limit of a resource of the sidecar.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    /// Nobody set it.
    Default(f64),
    /// The annotation is `0`.
    Lifted,
    Set(f64),
}

impl Limit {
    /// `None` where the annotation cannot be read.
    fn of(facts: &Facts<'_>, annotation: &str, default: f64) -> Option<Self> {
        let Some(text) = facts.pod.annotation(annotation) else { return Some(Self::Default(default)) };
        let bytes = parse_quantity(text)?;
        Some(if bytes == 0.0 { Self::Lifted } else { Self::Set(bytes) })
    }

    fn is_below(self, bytes: f64) -> bool {
        match self {
            Self::Default(limit) | Self::Set(limit) => limit < bytes,
            Self::Lifted => false,
        }
    }
}

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let pod = facts.pod;
    let mounts_bucket = pod.volumes.iter().any(|volume| matches!(volume.source, VolumeSource::Fuse { .. }));
    if !mounts_bucket {
        return Vec::new();
    }
    let cache = pod.volumes.iter().find(|volume| volume.name == CACHE_VOLUME);
    let found = match cache.map(|cache| (cache, cache.source)) {
        // The driver uses the volume only where a file cache is asked for.
        Some(_) if !caches_files(facts) => no_memory_limit(facts),
        Some((cache, VolumeSource::Memory { size_bytes })) => cache_in_memory(facts, cache, size_bytes),
        Some((cache, VolumeSource::Disk { size_bytes: Some(size) })) => cache_on_disk(facts, cache, size),
        None | Some((_, VolumeSource::Disk { size_bytes: None })) => {
            cache_of_the_driver(facts).or_else(|| no_memory_limit(facts))
        }
        // A volume of its own counts against nothing of the sidecar's.
        Some(_) => no_memory_limit(facts),
    };
    found.into_iter().collect()
}

/// Whether a volume of the Pod has its file cache turned on, or leaves that to a claim or a profile.
fn caches_files(facts: &Facts<'_>) -> bool {
    let asks = |source: VolumeSource<'_>| match source {
        VolumeSource::Fuse { attributes, .. } => {
            let options = MountOptions::of(attributes);
            options.follows_profile() || FileCache::of(options).is_some()
        }
        VolumeSource::Claim { .. } => true,
        _ => false,
    };
    facts.pod.volumes.iter().any(|volume| asks(volume.source))
}

fn cache_in_memory(facts: &Facts<'_>, cache: &Volume<'_>, size_bytes: Option<f64>) -> Option<Found> {
    let limit = Limit::of(facts, MEMORY_LIMIT, DEFAULT_MEMORY_BYTES)?;
    let at = facts.pod.pointer(["metadata", "annotations", MEMORY_LIMIT]);
    if limit == Limit::Lifted {
        let what = format!("the cache `{}` is in RAM and the sidecar has no memory limit", cache.name);
        let remedy = format!(
            "set `{MEMORY_REQUEST}` and `{MEMORY_LIMIT}` to the size of the weights and {SIDECAR_GIB} GiB"
        );
        let requested = facts.pod.annotation(MEMORY_REQUEST).is_some();
        return (!requested).then(|| Found::new(at, what, remedy).with_severity(Severity::Information));
    }
    // Without a size of its own the cache takes what it gets; that of the default limit holds no model.
    let size = match (size_bytes, limit) {
        (Some(size), _) => size,
        (None, Limit::Default(_)) => return Some(default_limit(at, cache)),
        (None, _) => return None,
    };
    if !limit.is_below(size) {
        return None;
    }
    let needed_gib = (size / GIB).ceil() + SIDECAR_GIB as f64;
    let what = match limit {
        Limit::Set(bytes) => format!(
            "the cache `{}` takes {:.0} GiB of RAM, the sidecar's memory limit is {:.1} GiB",
            cache.name,
            size / GIB,
            bytes / GIB
        ),
        _ => format!(
            "the cache `{}` takes {:.0} GiB of RAM, the sidecar's default limit is 256Mi",
            cache.name,
            size / GIB
        ),
    };
    let found =
        Found::new(at, what, format!("set `{MEMORY_REQUEST}` and `{MEMORY_LIMIT}` to {needed_gib:.0}Gi"));
    match memory_fix(facts, limit, needed_gib) {
        Some(fix) => Some(found.with_fix(fix)),
        None => Some(found),
    }
}

fn default_limit(at: PointerBuf, cache: &Volume<'_>) -> Found {
    let what =
        format!("the cache `{}` is in RAM, and the sidecar's default memory limit is 256Mi", cache.name);
    let remedy = format!(
        "set `{MEMORY_REQUEST}` and `{MEMORY_LIMIT}` to the size of the weights and {SIDECAR_GIB} GiB"
    );
    Found::new(at, what, remedy)
}

/// Request and limit of the sidecar, where nobody set them and each machine has the memory beside the server's.
fn memory_fix(facts: &Facts<'_>, limit: Limit, needed_gib: f64) -> Option<Fix> {
    let server_gib = facts.pod.serving().resources.memory_request_bytes? / GIB;
    let fits = facts.machines.iter().all(|machine| machine.pod_memory_gib() >= server_gib + needed_gib);
    let unset = matches!(limit, Limit::Default(_)) && facts.pod.annotation(MEMORY_REQUEST).is_none();
    if !unset || !fits || facts.machines.is_empty() {
        return None;
    }
    let edits = [MEMORY_REQUEST, MEMORY_LIMIT].map(|annotation| Edit::Set {
        at: facts.pod.pointer(["metadata", "annotations", annotation]),
        value: json!(format!("{needed_gib:.0}Gi")),
    });
    Some(Fix {
        summary: format!("give the sidecar {needed_gib:.0}Gi of memory"),
        caution: Caution::Safe,
        edits: edits.to_vec(),
    })
}

fn cache_on_disk(facts: &Facts<'_>, cache: &Volume<'_>, size: f64) -> Option<Found> {
    let limit = Limit::of(facts, EPHEMERAL_LIMIT, DEFAULT_EPHEMERAL_BYTES)?;
    if !limit.is_below(size) {
        return no_memory_limit(facts);
    }
    let limit_gib = match limit {
        Limit::Default(bytes) | Limit::Set(bytes) => bytes / GIB,
        Limit::Lifted => return None,
    };
    let needed_gib = (size / GIB).ceil() + DEFAULT_EPHEMERAL_BYTES / GIB;
    let at = facts.pod.pointer(["metadata", "annotations", EPHEMERAL_LIMIT]);
    let what = format!(
        "the cache `{}` takes {:.0} GiB of disk, the sidecar's ephemeral storage is limited to {limit_gib:.0} GiB",
        cache.name,
        size / GIB
    );
    Some(Found::new(at, what, format!("set `{EPHEMERAL_LIMIT}` to {needed_gib:.0}Gi")))
}

/// A file cache without a volume of its own, or without a size: the driver keeps it on the node's disk, within the
/// sidecar's ephemeral storage.
fn cache_of_the_driver(facts: &Facts<'_>) -> Option<Found> {
    let limit = Limit::of(facts, EPHEMERAL_LIMIT, DEFAULT_EPHEMERAL_BYTES)?;
    let (volume, capacity) = facts.pod.volumes.iter().find_map(|volume| {
        let VolumeSource::Fuse { attributes, .. } = volume.source else { return None };
        Some((volume, FileCache::of(MountOptions::of(attributes))?))
    })?;
    let at = facts.pod.pointer(["metadata", "annotations", EPHEMERAL_LIMIT]);
    let (Limit::Default(limit_bytes) | Limit::Set(limit_bytes)) = limit else { return None };
    let limit_gib = limit_bytes / GIB;
    match capacity {
        FileCache::Of(bytes) if limit.is_below(bytes) => {
            let what = format!(
                "the file cache of the volume `{}` takes {:.0} GiB of disk, the sidecar's ephemeral storage is limited to \
                 {limit_gib:.0} GiB",
                volume.name,
                bytes / GIB
            );
            let remedy =
                format!("raise `{EPHEMERAL_LIMIT}`, or give the cache a volume `{CACHE_VOLUME}` in memory");
            Some(Found::new(at, what, remedy))
        }
        FileCache::Endless if matches!(limit, Limit::Default(_)) => {
            let what = format!(
                "the file cache of the volume `{}` has no size and lies on the node's disk, where the sidecar may use {limit_gib:.0} \
                 GiB by default",
                volume.name
            );
            let remedy = format!(
                "set `{EPHEMERAL_LIMIT}` to more than the weights, or give the cache a volume `{CACHE_VOLUME}` in memory"
            );
            Some(Found::new(at, what, remedy).with_severity(Severity::Information))
        }
        FileCache::Of(_) | FileCache::Endless => None,
    }
}

/// Size of a volume's file cache.
#[derive(Debug, Clone, Copy, PartialEq)]
enum FileCache {
    Of(f64),
    /// As much as the disk has.
    Endless,
}

impl FileCache {
    /// `None` where it is off, by default or by the author, or cannot be read.
    fn of(options: MountOptions<'_>) -> Option<Self> {
        const MIB: f64 = 1024.0 * 1024.0;
        match options.value("file-cache:max-size-mb")? {
            "-1" => Some(Self::Endless),
            // The mount option counts MiB, the attribute is a quantity.
            text => match text.parse::<u32>() {
                Ok(mib) => (mib > 0).then(|| Self::Of(f64::from(mib) * MIB)),
                Err(_) => parse_quantity(text).filter(|bytes| *bytes > 0.0).map(Self::Of),
            },
        }
    }
}

/// A model behind the sidecar's default limit. What the fix lets it take beyond its request is small.
fn no_memory_limit(facts: &Facts<'_>) -> Option<Found> {
    WeightsVolume::of(facts.pod)?;
    let unset =
        facts.pod.annotation(MEMORY_LIMIT).is_none() && facts.pod.annotation(MEMORY_REQUEST).is_none();
    if !unset {
        return None;
    }
    let limit = format!("{SIDECAR_GIB}Gi");
    let at = |annotation: &str| facts.pod.pointer(["metadata", "annotations", annotation]);
    let set = |annotation: &str, value: &str| Edit::Set { at: at(annotation), value: json!(value) };
    let fix = Fix {
        summary: format!("limit the sidecar to {limit} of memory"),
        caution: Caution::Safe,
        edits: vec![set(MEMORY_REQUEST, "256Mi"), set(MEMORY_LIMIT, &limit)],
    };
    let what =
        "the sidecar that reads the model has the default memory limit of 256Mi, which large models exceed";
    let found = Found::new(at(MEMORY_LIMIT), what, format!("set `{MEMORY_LIMIT}` to {limit}"));
    Some(found.with_severity(Severity::Information).with_fix(fix))
}
