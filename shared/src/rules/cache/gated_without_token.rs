//! INF007: a gated model and no token.

use serde_json::json;

use super::hub_cache::{HubCache, Medium};
use crate::inspect::{Container, EnvironmentValue, ModelSource};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::storage::model_bucket;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF007.
pub(crate) static RULE: Rule = Rule {
    id: "INF007",
    name: "gated-without-token",
    group: Group::Cache,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The server downloads a gated model and nothing gives it a token",
    needs: "a model that the catalog knows as gated",
    rationale: "The Hub answers 401 to downloads of a gated model without the token of a user who accepted its \
                licence: the server crash-loops.",
    // The reference is optional: where the weights come from somewhere that this rule does not see, a missing Secret
    // must not keep the Pod from starting, as a required one would.
    fix: Some("sets `HF_TOKEN` from the policy's Secret, `hf-secret` with key `hf_api_token` by default"),
    source: "huggingface.co/docs/hub/models-gated; kubernetes.io/docs/concepts/configuration/secret, optional Secrets",
    check: Check::Workload(check),
    examples: examples!("INF007"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let ModelSource::Hub(id) = &facts.pod.model else { return Vec::new() };
    let Some((model, _)) = facts.model else { return Vec::new() };
    // An alias may be a copy or a fine-tune of someone else, whom nobody has to ask.
    let owner = |id: &str| id.split_once('/').map(|(owner, _)| owner.to_ascii_lowercase());
    let is_gated = model.gated && owner(id).is_some() && owner(id) == owner(&model.id);
    let container = facts.pod.serving();
    if !is_gated
        || facts.is_patch()
        || facts.pod.hub_token().is_some()
        || may_have_token(container)
        || !downloads(facts)
    {
        return Vec::new();
    }
    let settings = facts.background.settings;
    let (secret, key) = (&settings.token_secret, &settings.token_key);
    let value = json!({
        "name": "HF_TOKEN",
        "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": true}},
    });
    let what = format!("`{id}` is gated, and the container has no token");
    let remedy = format!("set `HF_TOKEN` from key `{key}` of Secret `{secret}`");
    let fix = Fix {
        summary: format!("set HF_TOKEN from Secret {secret}"),
        caution: Caution::Safe,
        edits: vec![Edit::Append { list: container.pointer(["env"]), value }],
    };
    vec![Found::new(container.pointer(["env"]), what, remedy).with_fix(fix)]
}

/// Whether a token may reach the container by a way of its image's own: a variable of another name, a login.
fn may_have_token(container: &Container<'_>) -> bool {
    // Not the sort of `MAX_TOTAL_TOKENS`.
    let names_token = |name: &str| name.ends_with("TOKEN") || name.contains("TOKEN_");
    let variable = container.environment.iter().any(|variable| names_token(variable.name));
    let argument = ["_TOKEN", "-token=", "--hf-token", "login", "hf auth"]
        .iter()
        .any(|word| container.command_line_mentions(word));
    variable || argument
}

/// Whether the weights come from the Hub itself, and were not there before.
fn downloads(facts: &Facts<'_>) -> bool {
    let pod = facts.pod;
    let container = pod.serving();
    let offline = |variable: &str| container.variable(variable).is_some();
    let elsewhere = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_ENDPOINT", "VLLM_USE_MODELSCOPE"];
    let offline = elsewhere.into_iter().any(offline)
        || container.environment.iter().any(|variable| {
            // Some images take the token under a name of their own from the same Secret.
            variable.value == EnvironmentValue::Secret
        });
    let dummy = pod.arguments.text(&["load-format"]).known().is_some_and(|format| format == "dummy");
    // The weights are to come from the bucket; what is missing for that is another finding.
    let bucket = model_bucket(facts).is_some();
    !offline && !dummy && !bucket && HubCache::of(pod).is_some_and(|cache| is_fresh(facts, &cache))
}

/// Whether nothing put the weights there before: no volume that outlives the Pod, none that another container fills.
fn is_fresh(facts: &Facts<'_>, cache: &HubCache<'_>) -> bool {
    match cache.medium {
        Medium::Container | Medium::SmallSharedMemory => true,
        Medium::NodeDisk(volume) | Medium::Memory(volume) => !facts.pod.is_mounted_beside(volume),
        Medium::Elsewhere | Medium::Fuse { .. } => false,
    }
}
