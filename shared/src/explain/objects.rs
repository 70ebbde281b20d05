//! What can be told from the object as a whole: its version, bounds, target, and what a controller wrote into its status.

use serde_json::Value;

use super::{AutoscalerKind, Statement, Verdict};
use crate::inspect::{Autoscaler, Subject};
use crate::rules::Facts;

/// `HorizontalPodAutoscaler llm/gemma`.
pub(super) fn name_of(autoscaler: &Autoscaler<'_>) -> String {
    let identity = &autoscaler.identity;
    let namespace = identity.namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    format!("{} {namespace}{}", identity.kind, identity.name.unwrap_or("without a name"))
}

/// Fewest replicas: 1 of an HPA that does not say, 0 of a ScaledObject.
pub(super) fn least_replicas(autoscaler: &Autoscaler<'_>) -> u32 {
    let default = u32::from(autoscaler.kind == AutoscalerKind::Horizontal);
    autoscaler.idle_replicas.or(autoscaler.min_replicas).unwrap_or(default)
}

/// Version, bounds and target.
pub(super) fn statements(
    autoscaler: &Autoscaler<'_>,
    subject: Option<&Subject<'_>>,
    facts: Option<&Facts<'_>>,
) -> Vec<Statement> {
    let mut statements: Vec<Statement> = version(autoscaler.identity.api_version).into_iter().collect();
    statements.extend(bounds(autoscaler));
    statements.push(target(autoscaler, subject, facts));
    statements
}

fn version(api_version: &str) -> Option<Statement> {
    match api_version {
        "autoscaling/v1" => Some(Statement {
            advice: Some("write it as `autoscaling/v2` to scale by the server's metrics".to_owned()),
            ..Statement::note("`autoscaling/v1` knows one metric, the processors, and no behaviour")
        }),
        "autoscaling/v2beta1" => Some(Statement::bad(
            "`autoscaling/v2beta1` is gone since Kubernetes 1.25: the API server refuses it",
            "write it as `autoscaling/v2`: `metricName` and `targetAverageValue` became `metric.name` and `target`",
        )),
        "autoscaling/v2beta2" => Some(Statement::bad(
            "`autoscaling/v2beta2` is gone since Kubernetes 1.26: the API server refuses it",
            "write `autoscaling/v2`: the fields are the same",
        )),
        _ => None,
    }
}

fn bounds(autoscaler: &Autoscaler<'_>) -> Vec<Statement> {
    let is_horizontal = autoscaler.kind == AutoscalerKind::Horizontal;
    let (least, most) = (least_replicas(autoscaler), autoscaler.most_replicas());
    let mut statements = Vec::new();
    match most {
        Some(most) if most < least => statements.push(Statement::bad(
            format!("at least {least} replicas, and at most {most}: the API server refuses it"),
            "raise the most or lower the least",
        )),
        Some(most) if most == least => {
            statements.push(Statement::note(format!("at least and at most {most}: it never scales")));
        }
        None => statements.push(Statement::bad("it has no `maxReplicas`, which an HPA needs", "set it")),
        Some(_) => {}
    }
    if is_horizontal && autoscaler.min_replicas == Some(0) {
        statements.push(Statement::bad(
            "`minReplicas: 0` needs the alpha feature HPAScaleToZero, which no managed cluster has",
            "set 1, or scale by KEDA, which can go to 0",
        ));
    }
    statements
}

fn target(
    autoscaler: &Autoscaler<'_>,
    subject: Option<&Subject<'_>>,
    facts: Option<&Facts<'_>>,
) -> Statement {
    let name = format!("{} `{}`", autoscaler.target_kind, autoscaler.target_name);
    match (subject, facts) {
        (None, _) => Statement {
            advice: Some("give the file with the workload too, or ask the cluster".to_owned()),
            ..Statement::unknown(format!("{name} is not there, or runs no model server"))
        },
        (Some(_), None) => Statement::unknown(format!("{name} runs no model server that is known here")),
        (Some(_), Some(facts)) if facts.version.is_none() => {
            let server = facts.pod.server.display_name();
            let version = facts.pod.version.known().map(|version| format!(" {version}"));
            Statement::unknown(format!(
                "{name} runs {server}{}, a version that the catalog does not have",
                version.unwrap_or_default()
            ))
        }
        (Some(_), Some(_)) => Statement::good(format!("{name} is there")),
    }
}

/// What holds of several metrics together.
pub(super) fn together(autoscaler: &Autoscaler<'_>) -> Option<Statement> {
    let metrics = autoscaler.metrics.len();
    (metrics > 1).then(|| {
        Statement::note(format!(
            "of {metrics} metrics the largest proposal wins; while one of them cannot be read, no replica goes"
        ))
    })
}

/// What the controllers wrote into the status.
pub(super) fn conditions(object: &Value) -> Vec<Statement> {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().filter_map(condition).collect()
}

fn condition(condition: &Value) -> Option<Statement> {
    let text = |name: &str| condition.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, status, reason, message) = (text("type"), text("status"), text("reason"), text("message"));
    let says = format!("the controller says {reason}: {message}");
    let advice = match (kind, status, reason) {
        ("ScalingActive", "False", "ScalingDisabled") => {
            return Some(Statement::note("nothing scales while the target has 0 replicas"));
        }
        ("ScalingActive", "False", _) => cause(message),
        ("AbleToScale", "False", _) => "see whether the target is there and may be scaled".to_owned(),
        ("Ready", "False", _) => {
            "`kubectl describe` the ScaledObject shows what its operator says".to_owned()
        }
        ("ScalingLimited", "True", "TooManyReplicas") => {
            let note = Statement::note(format!("{reason}: the load asks for more than the most replicas"));
            return Some(note);
        }
        _ => return None,
    };
    Some(Statement { verdict: Verdict::Bad, says, advice: Some(advice) })
}

/// What most likely makes the controller unable to read a metric.
pub(super) fn cause(message: &str) -> String {
    let has = |text: &str| message.contains(text);
    if has("could not find the requested resource")
        || has("no custom metrics API")
        || has("the server is currently unable")
    {
        "no adapter serves this API of metrics, or it is down: `kubectl infer autoscaling setup` writes what is needed"
            .to_owned()
    } else if has("forbidden") {
        "the HPA controller may not read the API: the adapter's role bindings are missing".to_owned()
    } else if has("could not find the metric") {
        "the adapter knows no such metric: none of its rules makes it (`kubectl infer autoscaling setup` writes them), or \
         nothing that exports it was scraped yet"
            .to_owned()
    } else if has("no metrics returned")
        || has("not found")
        || has("unable to fetch metrics")
        || has("no matches")
    {
        "the adapter has no value: nothing scrapes the Pods, the name or the labels of the selector are wrong, or no \
         replica is ready"
            .to_owned()
    } else {
        "`kubectl describe hpa` shows its events".to_owned()
    }
}
