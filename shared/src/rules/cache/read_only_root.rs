//! INF009: a download into a file system that cannot be written to.

use super::hub_cache::{HubCache, Medium};
use crate::inspect::{Container, ModelSource, Mount};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF009.
pub(crate) static RULE: Rule = Rule {
    id: "INF009",
    name: "read-only-root",
    group: Group::Cache,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The server downloads from the Hub into a root file system that is read-only",
    needs: "where the server keeps its downloads, and a container none of whose writable volumes may be a home",
    rationale: "The download ends in `Read-only file system`: the server exits, and the Pod restarts without end.",
    fix: None,
    source: "kubernetes.io/docs/tasks/configure-pod-container/security-context, readOnlyRootFilesystem; \
             huggingface.co/docs/huggingface_hub, environment variables, HF_HOME",
    check: Check::Workload(check),
    examples: examples!("INF009"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    const READ_ONLY: &str = "/securityContext/readOnlyRootFilesystem";
    let container = facts.pod.serving();
    let ModelSource::Hub(id) = &facts.pod.model else { return Vec::new() };
    let is_read_only = container.value.pointer(READ_ONLY).is_some_and(|only| only == true);
    let is_offline = container.variable("HF_HUB_OFFLINE").is_some();
    let Some(cache) = HubCache::of(facts.pod).filter(|_| is_read_only && !is_offline) else {
        return Vec::new();
    };
    if !matches!(cache.medium, Medium::Container) || has_other_home(container) {
        return Vec::new();
    }
    let what =
        format!("`{id}` is downloaded to `{}`, and the root file system is read-only", cache.directory);
    let at = container.pointer(["securityContext", "readOnlyRootFilesystem"]);
    vec![Found::new(at, what, "mount a volume there, or set `HF_HOME` to one that is mounted")]
}

/// Whether a volume may be the home of the user that the image runs as, which nothing here tells.
fn has_other_home(container: &Container<'_>) -> bool {
    let is_scratch = |mount: &Mount<'_>| {
        let beside = ["/dev/shm", "/tmp", "/run", "/var", "/etc"];
        beside.iter().any(|path| mount.path.starts_with(path))
    };
    container.mounts.iter().any(|mount| !mount.read_only && !is_scratch(mount))
}
