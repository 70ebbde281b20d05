//! INF042: a compilation cache that cannot be written.

use super::cache::CompilationCache;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF042.
pub(crate) static RULE: Rule = Rule {
    id: "INF042",
    name: "read-only-compilation-cache",
    group: Group::Compilation,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "A compilation cache lies in a read-only mount",
    needs: "a variable that names the cache's directory, and its mount",
    rationale: "Nothing that is compiled can be kept: each start compiles for as long as the first, or fails when it \
                cannot make the directory.",
    fix: None,
    source: "docs.vllm.ai, environment variables; docs.jax.dev, persistent compilation cache",
    check: Check::Workload(check),
    examples: examples!("INF042"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let caches = CompilationCache::of(facts.pod).into_iter().filter(CompilationCache::is_read_only);
    let found = caches.map(|cache| {
        let what = format!("`{}` lies in `{}`, which is mounted read-only", cache.variable, cache.mount.path);
        Found::new(cache.pointer().clone(), what, "give the cache a writable volume of its own")
    });
    found.collect()
}
