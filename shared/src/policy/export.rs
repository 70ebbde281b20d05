//! The simple part of a policy as `ValidatingAdmissionPolicy`: what the API server can judge itself, in CEL, without
//! knowing a model or a price.

use serde_json::{Value, json};

use super::compiled::{Compiled, Written};
use super::standing::OWN_NAMESPACES;
use super::{Action, PolicyError};
use crate::rules::{self, Rule};

/// A policy's simple part.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// A ValidatingAdmissionPolicy and its binding for each action.
    pub objects: Vec<Value>,
    /// What the API server cannot judge, a sentence each.
    pub left_out: Vec<String>,
}

/// Rule, CEL that holds for what is admitted, and what is said otherwise.
struct Validation {
    rule: &'static Rule,
    expression: String,
    message: String,
}

/// Writes the limits of accelerators, replicas and regions of `policy`, an InferencePolicy as a file or the API server
/// has it, for the API server itself. They hold for workloads whose containers ask for GPUs or TPUs: CEL does not
/// recognise a model server.
///
/// # Errors
///
/// Everything that is wrong with the policy.
pub fn export(policy: &Value) -> Result<Export, Vec<PolicyError>> {
    let written = Written::of(policy);
    let compiled = Compiled::of(&written)?;
    let mut export = Export { objects: Vec::new(), left_out: left_out(&compiled) };
    let validations: Vec<_> = validations(&compiled).collect();
    for action in [Action::Deny, Action::Warn, Action::Audit] {
        let of_action = validations.iter().filter(|validation| {
            let entry = compiled.entry(validation.rule).map(|(entry, _)| entry.action);
            entry.map(|entry| if entry == Action::Mutate { Action::Warn } else { entry }) == Some(action)
        });
        let of_action: Vec<_> = of_action.map(|validation| validation.as_json(&compiled.name)).collect();
        if !of_action.is_empty() {
            export.objects.extend(objects(&compiled.name, action, of_action, &written.spec));
        }
    }
    Ok(export)
}

fn validations(policy: &Compiled) -> impl Iterator<Item = Validation> {
    let limits = &policy.limits;
    let labels = |keys: &[&str], allowed: &[String]| {
        let allowed = cel(allowed);
        let each = keys.iter().map(|key| {
            let key = cel(key);
            format!(
                "(!has(variables.pod.nodeSelector) || !({key} in variables.pod.nodeSelector) || \
                 variables.pod.nodeSelector[{key}] in {allowed})"
            )
        });
        let each = each.collect::<Vec<_>>().join(" && ");
        // What was there before is not refused again.
        format!(
            "{each} || (request.operation == 'UPDATE' && has(variables.old.nodeSelector) && \
             has(variables.pod.nodeSelector) && variables.old.nodeSelector == variables.pod.nodeSelector)"
        )
    };
    let accelerators = limits.accelerators.as_ref().map(|allowed| {
        let allowed: Vec<_> = allowed.iter().cloned().collect();
        let keys = ["cloud.google.com/gke-accelerator", "cloud.google.com/gke-tpu-accelerator"];
        (
            "accelerator-not-allowed",
            labels(&keys, &allowed),
            format!("accelerators allowed: {}", allowed.join(", ")),
        )
    });
    let regions = limits.regions.as_ref().map(|allowed| {
        let allowed: Vec<_> = allowed.iter().cloned().collect();
        let keys = ["topology.kubernetes.io/region"];
        ("region-not-allowed", labels(&keys, &allowed), format!("regions allowed: {}", allowed.join(", ")))
    });
    let replicas = limits.replicas.map(|most| {
        let expression = format!(
            "!has(object.spec.replicas) || object.spec.replicas <= {most} || (request.operation == 'UPDATE' && \
             has(oldObject.spec.replicas) && object.spec.replicas <= oldObject.spec.replicas)"
        );
        ("too-many-replicas", expression, format!("at most {most} replicas"))
    });
    let simple = [accelerators, regions, replicas].into_iter().flatten();
    simple.filter_map(|(name, expression, message)| {
        Some(Validation { rule: rules::find(name)?, expression, message })
    })
}

impl Validation {
    fn as_json(&self, policy: &str) -> Value {
        let Self { rule, expression, message } = self;
        json!({
            "expression": expression,
            "message": format!("{} {} (policy {policy}): {message}", rule.id, rule.name),
            "reason": "Forbidden"
        })
    }
}

/// The policy and its binding.
fn objects(policy: &str, action: Action, validations: Vec<Value>, spec: &Value) -> [Value; 2] {
    let name = format!("kubectl-infer-{policy}-{action}");
    let selector =
        |field: &str| spec.get(field).filter(|value| !value.is_null()).cloned().unwrap_or(json!({}));
    let does = match action {
        Action::Deny => "Deny",
        Action::Warn => "Warn",
        _ => "Audit",
    };
    let labels = json!({"app.kubernetes.io/managed-by": "kubectl-infer", "kubectl-infer.io/policy": policy});
    let rule = |groups: &str, versions: &str, resources: &[&str]| {
        json!({"apiGroups": [groups], "apiVersions": [versions], "operations": ["CREATE", "UPDATE"],
            "resources": resources})
    };
    let resources = json!([
        rule("", "v1", &["pods"]),
        rule("apps", "v1", &["deployments", "statefulsets", "daemonsets", "replicasets"]),
        rule("batch", "v1", &["jobs", "cronjobs"])
    ]);
    let elsewhere = json!({"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": OWN_NAMESPACES}
    ]});
    let pod_of = |object: &str| {
        format!(
            "{object}.kind == 'Pod' ? {object}.spec : ({object}.kind == 'CronJob' ? \
             {object}.spec.jobTemplate.spec.template.spec : {object}.spec.template.spec)"
        )
    };
    let old = format!("oldObject == null ? ({}) : ({})", pod_of("object"), pod_of("oldObject"));
    let has_accelerator = "variables.pod.containers.exists(c, has(c.resources) && has(c.resources.limits) && \
         ('nvidia.com/gpu' in c.resources.limits || 'google.com/tpu' in c.resources.limits))";
    // What a controller makes of an object that was judged is not judged again. Names with this prefix are reserved to
    // the cluster: a person who writes an owner into a Pod does not get past.
    let is_owned = "request.userInfo.username.startsWith('system:') && has(object.metadata.ownerReferences) && \
         object.metadata.ownerReferences.exists(o, has(o.controller) && o.controller)";
    let exempt = format!("!({has_accelerator}) || ({is_owned}) || has(object.metadata.deletionTimestamp)");
    let validations: Vec<_> = validations
        .into_iter()
        .map(|mut validation| {
            let expression = validation["expression"].as_str().unwrap_or_default().to_owned();
            validation["expression"] = json!(format!("{exempt} || {expression}"));
            validation
        })
        .collect();
    [
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"namespaceSelector": elsewhere, "resourceRules": resources},
                "variables": [
                    {"name": "pod", "expression": pod_of("object")},
                    {"name": "old", "expression": old}
                ],
                "validations": validations
            }
        }),
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "policyName": name,
                "validationActions": [does],
                "matchResources": {
                    "namespaceSelector": selector("namespaceSelector"),
                    "objectSelector": selector("workloadSelector")
                }
            }
        }),
    ]
}

/// What of a policy only the webhook can judge.
fn left_out(policy: &Compiled) -> Vec<String> {
    let exported = ["accelerator-not-allowed", "region-not-allowed", "too-many-replicas"];
    let rules = policy.rules.keys().filter_map(|id| rules::find(id));
    let rules = rules.filter(|rule| !exported.contains(&rule.name));
    let mut left_out: Vec<_> =
        rules.map(|rule| format!("{} {}: only the webhook knows this", rule.id, rule.name)).collect();
    left_out.extend(
        policy
            .groups
            .keys()
            .map(|group| format!("group {}: only the webhook knows its rules, but for limits", group.name())),
    );
    if policy.limits.usd_per_hour.is_some() {
        left_out.push("limits.usdPerHour: the API server knows no prices".to_owned());
    }
    for (field, is_limited) in [
        ("limits.accelerators", policy.limits.accelerators.is_some()),
        ("limits.regions", policy.limits.regions.is_some()),
    ] {
        if is_limited {
            left_out.push(format!(
                "{field}: what is chosen otherwise than by `nodeSelector` is judged by the webhook only"
            ));
        }
    }
    if policy.limits.replicas.is_some() {
        left_out.push("limits.replicas: an autoscaler's maximum is judged by the webhook only".to_owned());
    }
    if policy.has_exemptions() {
        left_out
            .push("exemptions: the API server knows no day; name their namespaces in the binding".to_owned());
    }
    left_out
}

/// A value as CEL writes it; its strings are JSON's.
fn cel(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
