//! INF041: a TPU server that compiles at every start.

use super::cache::VARIABLES;
use crate::inspect::ServerKind;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF041.
pub(crate) static RULE: Rule = Rule {
    id: "INF041",
    name: "no-compilation-cache",
    group: Group::Compilation,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "A TPU server has no compilation cache that outlives its Pod",
    needs: "vLLM or JetStream on TPU",
    rationale: "XLA compiles for 10 to 30 minutes at the first start; with a cache later starts take 1 to 3.",
    fix: None,
    source: "cloud.google.com/kubernetes-engine/docs/how-to/machine-learning/inference/inference-quickstart, \
             troubleshooting; docs.vllm.ai, TPU",
    check: Check::Workload(check),
    examples: examples!("INF041"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let container = facts.pod.serving();
    let compiles = matches!(facts.pod.server, ServerKind::Vllm | ServerKind::Jetstream);
    if !facts.is_tpu() || !compiles || container.value.get("envFrom").is_some() {
        return Vec::new();
    }
    let by_variable = VARIABLES
        .iter()
        .any(|name| container.variable(name).is_some() || container.command_line_mentions(name));
    let by_argument = ["compilation_cache", "compilation-cache", "jax_cache"];
    let by_argument = by_argument.iter().any(|text| container.command_line_mentions(text));
    // vLLM's default lies below the home directory.
    let by_mount = container.mounts.iter().any(|mount| mount.path.contains("cache"));
    if by_variable || by_argument || by_mount {
        return Vec::new();
    }
    let what = "XLA compiles anew at every start of a Pod, for want of a cache that outlives it";
    let remedy = "mount a volume of its own, writable, and name a directory in it by `VLLM_XLA_CACHE_PATH` \
                  (`JAX_COMPILATION_CACHE_DIR` for JetStream)";
    vec![Found::new(container.pointer(["env"]), what, remedy)]
}
