//! INF003: a Hub cache in RAM that holds less than the weights.

use super::hub_cache::{HubCache, Medium};
use super::memory::MemoryBudget;
use crate::catalog::GIB;
use crate::inspect::{ModelSource, VolumeSource};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF003.
pub(crate) static RULE: Rule = Rule {
    id: "INF003",
    name: "ram-cache-too-large",
    group: Group::Cache,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The Hub cache lies in RAM, and its volume, the memory limit or the machine does not hold the weights",
    needs: "the model's size, the accelerators of the Pod, and where the server keeps its downloads",
    rationale: "A volume in memory counts against the container's memory limit: the container is killed while it \
                downloads. Above the volume's own `sizeLimit` the download fails.",
    fix: None,
    source: "kubernetes.io/docs/concepts/storage/volumes, emptyDir",
    check: Check::Workload(check),
    examples: examples!("INF003"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let ModelSource::Hub(id) = &facts.pod.model else { return Vec::new() };
    let Some(Medium::Memory(volume)) = HubCache::of(facts.pod).map(|cache| cache.medium) else {
        return Vec::new();
    };
    let VolumeSource::Memory { size_bytes } = volume.source else { return Vec::new() };
    let Some(budget) = MemoryBudget::of(facts) else { return Vec::new() };
    let container = facts.pod.serving();
    let weights = budget.weights_gib;
    let needed = budget.needed_gib().ceil();
    if let Some(size) = size_bytes.map(|bytes| bytes / GIB).filter(|size| *size < weights) {
        let at = volume.at.concat(&crate::inspect::PointerBuf::from_tokens(["emptyDir", "sizeLimit"]));
        let what = format!(
            "`{id}` has {weights:.0} GiB of weights, the volume `{}` holds {size:.0} GiB",
            volume.name
        );
        let remedy = format!("raise `sizeLimit` to {}Gi", budget.download_gib);
        return vec![Found::new(at, what, remedy).with_severity(Severity::Error)];
    }
    let at = container.pointer(["resources", "limits", "memory"]);
    if let Some(limit) = budget.limit_gib.filter(|limit| *limit < needed) {
        let what = format!(
            "`{id}` has {weights:.0} GiB of weights in RAM, with the server {needed} GiB; the memory limit is {limit:.0} \
             GiB"
        );
        let remedy = format!("raise the memory limit and request to {needed}Gi, or keep the cache on disk");
        let severity = if limit < weights { Severity::Error } else { Severity::Warning };
        return vec![Found::new(at, what, remedy).with_severity(severity)];
    }
    let largest = facts.machines.iter().map(|machine| machine.pod_memory_gib()).reduce(f64::max);
    let Some(largest) = largest.filter(|gib| *gib < needed) else { return Vec::new() };
    let what = format!(
        "`{id}` has {weights:.0} GiB of weights in RAM, with the server {needed} GiB; no machine with this accelerator \
         gives a Pod more than {largest:.0} GiB"
    );
    vec![Found::new(at, what, "keep the cache on disk, or read the weights from a bucket")]
}
