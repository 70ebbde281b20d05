//! INF076: a shell's `${X}` where no shell reads.

use serde_json::json;

use super::{elements, has_shell, texts};
use crate::inspect::{Container, PointerBuf};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF076.
pub(crate) static RULE: Rule = Rule {
    id: "INF076",
    name: "unexpanded-reference",
    group: Group::Arguments,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "`${NAME}` stands where Kubernetes expands only `$(NAME)`",
    needs: "a variable of that name in the container's own `env`: otherwise a template engine may fill it in",
    rationale: "The process receives the text as it is written, dollar sign and braces included.",
    fix: Some("writes `$(NAME)` for an argument whose variable stands in `env`"),
    source: "kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables",
    check: Check::Workload(check),
    examples: examples!("INF076"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let container = facts.pod.serving();
    if reads_by_itself(container) {
        return Vec::new();
    }
    let mut found: Vec<_> = container
        .environment
        .iter()
        .filter_map(|variable| {
            let text = variable.text?;
            let name = reference(container, text)?;
            let at = container.place_of(variable).with_trailing_token("value");
            Some(if name == variable.name {
                of_itself(at, name, text)
            } else {
                finding(at, name, text, None)
            })
        })
        .collect();
    if !has_shell(container) {
        let elements = ["command", "args"].into_iter().flat_map(|field| elements(container, field));
        found.extend(elements.filter_map(|element| {
            let name = reference(container, element.text)?;
            let fixed = element.text.replace(&format!("${{{name}}}"), &format!("$({name})"));
            Some(finding(element.at, name, element.text, Some(fixed)))
        }));
    }
    found
}

/// Whether something in the container expands texts a second time.
fn reads_by_itself(container: &Container<'_>) -> bool {
    let mut words = ["command", "args"].into_iter().flat_map(|field| texts(container, field));
    words.any(|text| text.contains("eval") || text.contains("envsubst"))
}

/// The variable of the container's own that `text` refers to in braces.
fn reference<'t>(container: &Container<'_>, text: &'t str) -> Option<&'t str> {
    // Most texts have none, and this is quicker said than that they have no `${`.
    if !text.contains('$') {
        return None;
    }
    let mut parts = text.split("${").skip(1);
    parts.find_map(|part| {
        let (name, _) = part.split_once('}')?;
        container.variable(name).map(|_| name)
    })
}

/// `LD_LIBRARY_PATH: ${LD_LIBRARY_PATH}:/usr/local/nvidia/lib64`: the image's value is lost, what is added counts. What
/// needed the image's value fails loudly; most images have none.
fn of_itself(at: PointerBuf, name: &str, text: &str) -> Found {
    let alone = text.trim() == format!("${{{name}}}");
    let (what, remedy) = if alone {
        let what = format!("`{text}` stays as it is unless something fills it in before it is applied");
        (what, "fill it in, or take the value from a Secret or a ConfigMap")
    } else {
        let what = format!("`${{{name}}}` in `{name}` stays as it is: the image's own value is not added to");
        (what, "leave it out, or set the variable in a script")
    };
    Found::new(at, what, remedy).with_severity(Severity::Information)
}

fn finding(at: PointerBuf, name: &str, text: &str, fixed: Option<String>) -> Found {
    let shown: String = text.chars().take(80).collect();
    let what =
        format!("`{shown}` is passed on as it stands: Kubernetes expands `$({name})`, not `${{{name}}}`");
    let remedy = format!("write `$({name})`, of a variable that stands before this one in `env`");
    let found = Found::new(at.clone(), what, remedy);
    match fixed {
        Some(fixed) => found.with_fix(Fix {
            summary: format!("write $({name})"),
            caution: Caution::Arguments,
            edits: vec![Edit::Set { at, value: json!(fixed) }],
        }),
        None => found,
    }
}
