//! INF040: replicas that write one compilation cache at once.

use super::cache::{CompilationCache, most_replicas};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{
    AutoscalerFacts, Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Settings, Severity, SharedXlaCache,
};

/// INF040.
pub(crate) static RULE: Rule = Rule {
    id: "INF040",
    name: "shared-compilation-cache",
    group: Group::Compilation,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "Several TPU replicas write to one XLA compilation cache",
    needs: "a cache on a volume that replicas share and can write, and more than one replica or an autoscaler",
    rationale: "Replicas that start together on an empty cache compile the same programs and write over each other's \
                entries; the first compilation takes 10 to 30 minutes. One replica that fills it first is enough.",
    fix: Some("removes the variable where the policy says so: each replica then compiles for itself"),
    source: "cloud.google.com/kubernetes-engine/docs/how-to/machine-learning/inference/inference-quickstart, \
             troubleshooting",
    check: Check::Both { workload: of_workload, autoscaler: of_autoscaler },
    examples: examples!("INF040", removed_by_policy),
};

fn removed_by_policy() -> Settings {
    Settings { shared_xla_cache: SharedXlaCache::Remove, ..Settings::default() }
}

fn of_workload(facts: &Facts<'_>) -> Vec<Found> {
    let shared = shared(facts);
    if shared.is_empty() {
        return Vec::new();
    }
    // The autoscalers are looked up only now: most Pods need not know them.
    let Some(replicas) = most_replicas(facts).filter(|replicas| *replicas > 1) else { return Vec::new() };
    shared.iter().map(|cache| found(facts, cache, replicas)).collect()
}

/// An autoscaler that is applied after its workload makes many of one.
fn of_autoscaler(facts: &AutoscalerFacts<'_>) -> Vec<Found> {
    let most = facts.autoscaler.most_replicas().filter(|most| *most > 1);
    let Some(most) = most else { return Vec::new() };
    let caches = facts.target.iter().filter_map(|target| Some((target, shared(target).into_iter().next()?)));
    let found = caches.map(|(target, cache)| {
        let (what, remedy) = words(target, &cache, most);
        Found::new(facts.autoscaler.most_replicas_at(), what, remedy)
    });
    found.collect()
}

/// Caches that every replica on TPU writes to.
fn shared<'a>(facts: &'a Facts<'_>) -> Vec<CompilationCache<'a>> {
    if !facts.is_tpu() {
        return Vec::new();
    }
    CompilationCache::of(facts.pod).into_iter().filter(|cache| cache.is_shared(facts)).collect()
}

fn found(facts: &Facts<'_>, cache: &CompilationCache<'_>, replicas: u32) -> Found {
    let (what, remedy) = words(facts, cache, replicas);
    let found = Found::new(cache.pointer().clone(), what, remedy);
    let entry = cache.at.as_ref().and_then(|at| Some((at, facts.workload.object.pointer(at.as_str())?)));
    match (facts.background.settings.shared_xla_cache, entry) {
        (SharedXlaCache::Remove, Some((at, entry))) => found.with_fix(Fix {
            summary: format!("remove {}", cache.variable),
            caution: Caution::Overwrites,
            edits: vec![Edit::Remove { at: at.clone(), found: entry.clone() }],
        }),
        _ => found,
    }
}

/// What is wrong, and what to do.
fn words(facts: &Facts<'_>, cache: &CompilationCache<'_>, replicas: u32) -> (String, String) {
    let what = format!(
        "up to {replicas} replicas write to the cache that `{}` names, on the volume `{}`",
        cache.variable, cache.volume.name
    );
    let name = facts.workload.identity.name.unwrap_or("NAME");
    let remedy = format!(
        "fill the cache with one replica before there are more, as `kubectl infer rollout {name} --replicas {replicas}` \
         does, or remove the variable"
    );
    (what, remedy)
}
