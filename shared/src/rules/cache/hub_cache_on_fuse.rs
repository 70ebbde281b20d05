//! INF006: a Hub cache in a bucket.

use super::hub_cache::{HubCache, Medium};
use crate::inspect::{ModelSource, VolumeSource};
use crate::rules::compilation::most_replicas;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF006.
pub(crate) static RULE: Rule = Rule {
    id: "INF006",
    name: "hub-cache-on-fuse",
    group: Group::Cache,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The server downloads from the Hub into a writable Cloud Storage FUSE mount",
    needs: "where the server keeps its downloads",
    rationale: "The Hub's cache works with file locks, symbolic links and renames, which a bucket does not have: \
                replicas that start together write over each other, and every byte goes through the bucket before it \
                is read.",
    fix: None,
    source: "cloud.google.com/storage/docs/cloud-storage-fuse/overview, differences from a POSIX file system; \
             huggingface.co/docs/huggingface_hub/guides/manage-cache",
    check: Check::Workload(check),
    examples: examples!("INF006"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let ModelSource::Hub(id) = &facts.pod.model else { return Vec::new() };
    let Some(cache) = HubCache::of(facts.pod) else { return Vec::new() };
    let Medium::Fuse { volume, mount } = cache.medium else { return Vec::new() };
    // A read-only cache was filled before: nothing is downloaded into it.
    let read_only = matches!(volume.source, VolumeSource::Fuse { read_only: true, .. });
    if read_only || mount.read_only {
        return Vec::new();
    }
    let what = format!("`{id}` is downloaded into the Cloud Storage FUSE mount `{}`", mount.path);
    let remedy = "copy the model into the bucket once and serve it by its path from a read-only mount, or keep the Hub \
                  cache on the node";
    let found = Found::new(mount.at.clone(), what, remedy);
    // One replica is slow at its first start, and Google's own samples do so; nobody writes over it.
    let several = most_replicas(facts).is_some_and(|replicas| replicas > 1);
    vec![if several { found } else { found.with_severity(Severity::Information) }]
}
