//! INF043: a compilation cache that never looks for what others added.

use super::cache::CompilationCache;
use crate::inspect::VolumeSource;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::storage::MountOptions;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF043.
pub(crate) static RULE: Rule = Rule {
    id: "INF043",
    name: "stale-compilation-cache",
    group: Group::Compilation,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "A compilation cache lies on a Cloud Storage FUSE volume whose metadata never expires",
    needs: "an inline volume with the mount options of weights on TPU",
    rationale: "Options for weights, which never change, hide what other replicas add to the cache until the Pod is \
                made anew.",
    fix: None,
    source: "cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-perf",
    check: Check::Workload(check),
    examples: examples!("INF043"),
};

/// Options that keep what is known for ever where they are -1.
const ENDLESS: [&str; 3] =
    ["metadata-cache:ttl-secs", "file-system:kernel-list-cache-ttl-secs", "metadata-cache:negative-ttl-secs"];

fn check(facts: &Facts<'_>) -> Vec<Found> {
    if !facts.is_tpu() {
        return Vec::new();
    }
    let caches = CompilationCache::of(facts.pod).into_iter().filter(|cache| !cache.is_read_only());
    let found = caches.filter_map(|cache| {
        let VolumeSource::Fuse { attributes, .. } = cache.volume.source else { return None };
        let options = MountOptions::of(attributes);
        let endless = ENDLESS.iter().find(|option| options.value(option) == Some("-1"))?;
        let what = format!(
            "`{}` lies on the volume `{}`, whose `{endless}` is endless",
            cache.variable, cache.volume.name
        );
        let remedy = "give the cache a volume of its own with `metadata-cache:negative-ttl-secs:0` and no endless \
                      lifetimes";
        Some(Found::new(cache.volume.at.clone(), what, remedy))
    });
    found.collect()
}
