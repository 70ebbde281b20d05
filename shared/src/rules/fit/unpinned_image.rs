//! INF060: an image that is another one tomorrow.

use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF060.
pub(crate) static RULE: Rule = Rule {
    id: "INF060",
    name: "unpinned-image",
    group: Group::Fit,
    severity: Severity::Information,
    scope: Scope::Everywhere,
    summary: "The server's image has no tag, or one that moves",
    needs: "an image that is no placeholder",
    rationale: "A new replica may run another version than the others: flags come and go, metrics are renamed, and \
                nothing here can tell which version the other rules should judge by.",
    fix: None,
    source: "kubernetes.io/docs/concepts/containers/images",
    check: Check::Workload(check),
    examples: examples!("INF060"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let image = &facts.pod.image;
    let stands_for_another = image.reference.contains(['$', '{', '<', ' '])
        || image.repository.chars().any(|c| c.is_ascii_uppercase())
        || image.reference.contains("replaced-by");
    if image.reference.is_empty() || image.digest.is_some() || stands_for_another {
        return Vec::new();
    }
    let what = match image.tag {
        // Google's containers of Hugging Face servers carry the version in their name.
        None if image.repository.contains("deeplearning-platform-release/") => return Vec::new(),
        None => format!("`{}` has no tag", image.reference),
        Some(tag @ ("latest" | "nightly" | "main" | "master" | "dev")) => {
            format!("`{tag}` of `{}` moves", image.repository)
        }
        Some(_) => return Vec::new(),
    };
    vec![Found::new(facts.pod.serving().pointer(["image"]), what, "name a version, or a digest")]
}
