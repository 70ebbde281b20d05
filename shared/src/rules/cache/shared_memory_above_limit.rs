//! INF004: a volume in memory that may grow past the memory limit.

use crate::catalog::GIB;
use crate::inspect::{PointerBuf, VolumeSource};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF004.
pub(crate) static RULE: Rule = Rule {
    id: "INF004",
    name: "shared-memory-above-limit",
    group: Group::Cache,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "A memory volume's `sizeLimit` exceeds the memory limit of the container that writes it",
    needs: "both limits",
    rationale: "What is written to a memory volume counts against the container's memory limit: it is killed before \
                the volume is full, and not told that the volume is.",
    fix: None,
    source: "kubernetes.io/docs/concepts/storage/volumes, emptyDir",
    check: Check::Workload(check),
    examples: examples!("INF004"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let container = facts.pod.serving();
    let Some(limit) = container.resources.memory_limit_bytes else { return Vec::new() };
    let mounted = |name: &str| container.mounts.iter().any(|mount| mount.volume == name && !mount.read_only);
    let larger = facts.pod.volumes.iter().filter_map(|volume| match volume.source {
        VolumeSource::Memory { size_bytes: Some(size) } if size > limit && mounted(volume.name) => {
            Some((volume, size))
        }
        _ => None,
    });
    let found = larger.map(|(volume, size)| {
        let at = volume.at.concat(&PointerBuf::from_tokens(["emptyDir", "sizeLimit"]));
        let (size, limit) = (size / GIB, limit / GIB);
        let what = format!(
            "the memory volume `{}` may grow to {size:.0} GiB, the container's memory limit is {limit:.0} GiB",
            volume.name
        );
        Found::new(at, what, "lower `sizeLimit` below the memory limit, or raise the memory limit")
    });
    found.collect()
}
