//! The annotation that names a model's bucket, and what it takes to mount it.

use serde_json::{Value, json};

use crate::catalog::GIB;
use crate::inspect::{ModelSource, ServerKind, VolumeSource};
use crate::manifest::bucket::{self, CACHE_VOLUME, MODEL_PATH, MODEL_VOLUME};
use crate::manifest::{BucketUri, ManifestError, SidecarNeeds, WeightCache};
use crate::rules::{CacheMedium, Edit, Facts};

/// Annotation that names the model's directory in a bucket.
pub(super) const ANNOTATION: &str = "kubectl-infer.io/model-bucket-uri";

/// Processors of a Pod whose machine is not known.
const USUAL_VCPUS: f64 = 8.0;

/// The bucket that the workload's annotation names; `None` without the annotation.
pub(in crate::rules) fn named(facts: &Facts<'_>) -> Option<Result<BucketUri, ManifestError>> {
    facts.pod.annotation(ANNOTATION).or_else(|| facts.workload.annotation(ANNOTATION)).map(BucketUri::parse)
}

/// Path in the serving container at which `bucket` is mounted.
pub(super) fn mounted_at<'a>(facts: &Facts<'a>, bucket: &BucketUri) -> Option<&'a str> {
    let mounts = facts.pod.serving().mounts.iter();
    mounts
        .into_iter()
        .find(|mount| {
            let volume = facts.pod.volumes.iter().find(|volume| volume.name == mount.volume);
            let source = volume.map(|volume| volume.source);
            matches!(source, Some(VolumeSource::Fuse { bucket: Some(name), .. }) if name == bucket.bucket())
        })
        .map(|mount| mount.path)
}

/// Whether the volume, mount and argument can be added beside what the author wrote.
pub(super) fn can_be_added(facts: &Facts<'_>, bucket: &BucketUri) -> bool {
    let pod = facts.pod;
    let server = matches!(pod.server, ServerKind::Vllm | ServerKind::Sglang);
    let from_hub = matches!(pod.model, ModelSource::Hub(_));
    let free = pod.serving().mounts.iter().all(|mount| !mount.path.starts_with(MODEL_PATH));
    let named = pod.volumes.iter().any(|volume| volume.name == MODEL_VOLUME || volume.name == CACHE_VOLUME);
    let own_sidecar = pod.annotation("gke-gcsfuse/volumes").is_some();
    server && from_hub && free && !named && !own_sidecar && !bucket.is_placeholder()
}

/// Volume, mount, cache and sidecar of `bucket`.
pub(super) fn edits(facts: &Facts<'_>, bucket: &BucketUri) -> Vec<Edit> {
    let pod = facts.pod;
    let weights_gib = facts.model.map(|(_, checkpoint)| checkpoint.bytes as f64 / GIB);
    let cached_gib = bucket::cache_gib(weights_gib.unwrap_or_default());
    let cache = weights_gib.map_or(WeightCache::None, |_| cache(facts, cached_gib));
    let volumes =
        [Some(bucket::model_volume(MODEL_VOLUME, bucket, cache)), bucket::cache_volume(cached_gib, cache)];
    let volumes = volumes.into_iter().flatten().filter_map(|volume| serde_json::to_value(volume).ok());
    let list = pod.pointer(["spec", "volumes"]);
    let mut edits: Vec<Edit> = volumes.map(|value| Edit::Append { list: list.clone(), value }).collect();
    edits.push(Edit::Append {
        list: pod.serving().pointer(["volumeMounts"]),
        value: json!({"name": MODEL_VOLUME, "mountPath": MODEL_PATH, "readOnly": true}),
    });
    let vcpus = vcpus(facts);
    let annotations =
        bucket::sidecar_annotations(cached_gib, cache, SidecarNeeds::beside(cache, vcpus), vcpus);
    let absent = annotations.into_iter().filter(|(key, _)| pod.annotation(key).is_none());
    edits.extend(absent.map(|(key, value)| {
        let at = pod.pointer(["metadata", "annotations", key.as_str()]);
        Edit::Set { at, value: Value::String(value) }
    }));
    edits
}

/// Where the sidecar caches, such that it is the same on every machine on which the Pod may land.
fn cache(facts: &Facts<'_>, cached_gib: u64) -> WeightCache {
    let Some(requested) = facts.pod.serving().resources.memory_request_bytes else {
        return WeightCache::None;
    };
    let mut media = facts.machines.iter().map(|machine| {
        let spare_gib = machine.pod_memory_gib() - requested / GIB;
        let cache = bucket::cache_on(machine, cached_gib, spare_gib);
        match facts.background.settings.cache_medium {
            Some(CacheMedium::Disk) if cache != WeightCache::LocalSsd => WeightCache::None,
            Some(CacheMedium::Memory) if cache == WeightCache::LocalSsd => WeightCache::None,
            _ => cache,
        }
    });
    let first = media.next().unwrap_or(WeightCache::None);
    if media.all(|other| other == first) { first } else { WeightCache::None }
}

/// Processors of the Pod's share of the least of its machines.
fn vcpus(facts: &Facts<'_>) -> f64 {
    let asked = f64::from(facts.accelerators_per_pod().unwrap_or(1));
    let shares =
        facts.machines.iter().map(|machine| machine.pod_vcpus() * (asked / machine.accelerators).min(1.0));
    shares.reduce(f64::min).unwrap_or(USUAL_VCPUS)
}
