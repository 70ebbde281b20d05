//! INF002: a Hub cache in the 64 MB that every container has as `/dev/shm`.

use super::hub_cache::{HubCache, Medium};
use super::memory::{MemoryBudget, shared_memory};
use crate::inspect::ModelSource;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Facts, Fix, Group, Rule, Scope, Severity};

/// INF002.
pub(crate) static RULE: Rule = Rule {
    id: "INF002",
    name: "ram-cache-without-volume",
    group: Group::Cache,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The Hub cache lies under `/dev/shm`, where no memory volume is mounted",
    needs: "where the server keeps its downloads",
    rationale: "Without a volume `/dev/shm` has 64 MB: the download fails with `No space left on device`.",
    fix: Some("mounts `/dev/shm` in memory, where the memory limit holds weights and server"),
    source: "kubernetes.io/docs/concepts/storage/volumes, emptyDir; \
             cloud.google.com/kubernetes-engine/docs/how-to/machine-learning/inference/inference-quickstart",
    check: Check::Workload(check),
    examples: examples!("INF002"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    if !matches!(facts.pod.model, ModelSource::Hub(_)) {
        return Vec::new();
    }
    let Some(cache) = HubCache::of(facts.pod) else { return Vec::new() };
    let Medium::SmallSharedMemory = cache.medium else { return Vec::new() };
    let directory = &cache.directory;
    let at = facts.pod.serving().pointer(["volumeMounts"]);
    let what = format!("the Hub cache is `{directory}`, and `/dev/shm` has 64 MB without a memory volume");
    let remedy = "mount an `emptyDir` with `medium: Memory` at `/dev/shm`";
    let Some(budget) = MemoryBudget::of(facts) else { return vec![Found::new(at, what, remedy)] };
    if budget.holds() {
        let edits = shared_memory(facts, budget.shared_memory_gib());
        let summary = "mount /dev/shm in memory".to_owned();
        return vec![Found::new(at, what, remedy).with_fix(Fix { summary, caution: Caution::Safe, edits })];
    }
    let needed = budget.needed_gib().ceil();
    vec![Found::new(
        at,
        what,
        format!("{remedy}, and request and limit {needed} GiB of memory for it and the server"),
    )]
}
