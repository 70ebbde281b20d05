//! INF024: weights in a bucket, mounted as if they changed.

use serde_json::json;

use super::gke_version::{FEATURES, GkeVersion};
use super::mount_options::option_name;
use super::weights::WeightsVolume;
use crate::inspect::{PointerBuf, VolumeSource};
use crate::manifest::bucket::{CACHE_VOLUME, FILE_CACHE_OPTIONS, READ_ONLY_OPTIONS};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF024.
pub(crate) static RULE: Rule = Rule {
    id: "INF024",
    name: "fuse-mount-options",
    group: Group::Storage,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "A Cloud Storage FUSE volume that holds only weights lacks mount options for files that never change",
    needs: "a model path on an inline volume that nothing writes to; volumes by claim are left alone, since their \
            StorageClass may tune itself",
    rationale: "By default the driver asks the bucket again for what it knows and reads ahead little; tuned, Pods of a \
                70B model start up to seven times faster by Google's measurement.",
    fix: Some("adds the missing options after the author's own, which stay as they are"),
    source: "cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-perf, inference serving",
    check: Check::Workload(check),
    examples: examples!("INF024"),
};

/// From this version on the driver has all of the options.
const ALL_OPTIONS: GkeVersion = GkeVersion::new(32, 1, 1_357_001);

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(weights) = WeightsVolume::of(facts.pod) else { return Vec::new() };
    let options = weights.options;
    if weights.may_be_written(facts.pod) || options.follows_profile() || !options.can_grow() || too_old(facts)
    {
        return Vec::new();
    }
    let absent = |option: &&&str| !options.sets(option_name(option));
    let mut missing: Vec<&str> = READ_ONLY_OPTIONS.iter().filter(absent).copied().collect();
    if caches_files(facts) && !options.sets("file-cache:max-size-mb") {
        missing.extend(FILE_CACHE_OPTIONS.iter().filter(absent));
    }
    if missing.is_empty() {
        return Vec::new();
    }
    let at = weights.volume.at.concat(&PointerBuf::from_tokens(["csi", "volumeAttributes", "mountOptions"]));
    let what = format!(
        "the volume `{}` holds weights, which never change, and is mounted without {}",
        weights.volume.name,
        missing.iter().map(|option| format!("`{option}`")).collect::<Vec<_>>().join(", ")
    );
    let fix = Fix {
        summary: format!("add {} mount options to the volume {}", missing.len(), weights.volume.name),
        caution: Caution::Safe,
        edits: vec![Edit::Set { at: at.clone(), value: json!(options.with(&missing)) }],
    };
    vec![Found::new(at, what, "add them to `mountOptions`, separated by commas without spaces").with_fix(fix)]
}

/// Whether the declared GKE may refuse an option.
fn too_old(facts: &Facts<'_>) -> bool {
    let declared = facts.background.settings.gke_version.as_deref().and_then(GkeVersion::parse);
    declared.is_some_and(|version| {
        version < ALL_OPTIONS || FEATURES.iter().any(|feature| feature.missing_in(version).is_some())
    })
}

/// Whether the author gave the sidecar a cache of a size: then the file cache cannot outgrow it.
fn caches_files(facts: &Facts<'_>) -> bool {
    facts.pod.volumes.iter().any(|volume| {
        let sized = VolumeSource::Memory { size_bytes: None } != volume.source
            && VolumeSource::Disk { size_bytes: None } != volume.source;
        volume.name == CACHE_VOLUME && sized
    })
}
