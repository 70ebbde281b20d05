//! What scrapes the metrics of a workload: its own labels and ports.

use serde_json::{Value, json};

use super::{AttachError, AttachRequest};
use crate::autoscale::Expression;
use crate::catalog::{Server, Signal, SignalScope};
use crate::inspect::Container;
use crate::rules::Facts;

/// Argument by which JetStream is told the port of its metrics.
const PROMETHEUS_PORT: &str = "prometheus_port";

/// A selector that the Pods do not match would scrape nothing.
pub(super) fn check_labels(facts: &Facts<'_>, name: &str) -> Result<(), AttachError> {
    let selector = facts.workload.object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let labels = facts.pod.template.pointer("/metadata/labels");
    let missing = selector
        .into_iter()
        .flatten()
        .find(|(label, value)| labels.and_then(|labels| labels.get(label.as_str())) != Some(value));
    match (selector, missing) {
        (Some(_), None) => Ok(()),
        (_, Some((label, value))) => {
            let value = value.as_str().unwrap_or_default();
            Err(AttachError::Label { workload: name.to_owned(), label: format!("{label}: {value}") })
        }
        (None, None) => {
            Err(AttachError::Label { workload: name.to_owned(), label: "of any kind".to_owned() })
        }
    }
}

/// Metrics that an argument switches on, or off.
pub(super) fn check_switched_on(
    facts: &Facts<'_>,
    exported: &[&Signal],
    server: &Server,
    name: &str,
) -> Result<(), AttachError> {
    let says = |word: &str| {
        let word = word.trim_start_matches('-');
        facts.pod.containers.iter().any(|container| container.command_line_mentions(word))
    };
    let off = |how: String| AttachError::SwitchedOff {
        server: server.display_name.clone(),
        workload: name.to_owned(),
        how,
    };
    for signal in exported {
        if let Some(flag) = signal.not_with.as_deref().filter(|flag| says(flag)) {
            return Err(off(format!("it runs with `{flag}`; remove it")));
        }
        let needs = signal.needs.as_deref().filter(|needs| !needs.contains(' '));
        if let Some(flag) = needs.filter(|flag| facts.pod.arguments.complete && !says(flag)) {
            let example = if flag == PROMETHEUS_PORT { "prometheus_port=9100" } else { flag };
            return Err(off(format!("add `{example}` to its arguments")));
        }
    }
    Ok(())
}

/// The PodMonitoring of the workload.
pub(super) fn object(
    facts: &Facts<'_>,
    server: &Server,
    request: &AttachRequest,
    name: &str,
    namespace: Option<&str>,
) -> Result<Value, AttachError> {
    let mut metadata = json!({"name": facts.workload.identity.name.unwrap_or_default()});
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    let selector = facts.workload.object.pointer("/spec/selector/matchLabels").cloned().unwrap_or_default();
    Ok(json!({
        "apiVersion": "monitoring.googleapis.com/v1", "kind": "PodMonitoring", "metadata": metadata,
        "spec": {
            "selector": {"matchLabels": selector},
            "endpoints": [{
                "port": port(facts, server, request, name)?, "path": server.metrics_path,
                "interval": format!("{}s", request.options.scrape_seconds()),
            }],
            "targetLabels": {"metadata": ["pod", "container", "node"]},
        },
    }))
}

/// Port of the metrics, by the name that the container gives it, else by number.
fn port(
    facts: &Facts<'_>,
    server: &Server,
    request: &AttachRequest,
    name: &str,
) -> Result<Value, AttachError> {
    let ports = ports(facts);
    let named = |number: u16| {
        let found = ports.iter().find(|(_, known)| *known == u64::from(number));
        found.filter(|(name, _)| !name.is_empty()).map_or(json!(number), |(name, _)| json!(name))
    };
    if let Some(asked) = &request.metrics_port {
        let is_named = ports.iter().any(|(name, _)| name == asked);
        let number = asked.parse::<u16>().ok().filter(|number| *number > 0);
        return match number {
            _ if is_named => Ok(json!(asked)),
            Some(number)
                if ports.is_empty() || ports.iter().any(|(_, known)| *known == u64::from(number)) =>
            {
                Ok(named(number))
            }
            _ => Err(AttachError::Port {
                workload: name.to_owned(),
                port: asked.clone(),
                known: ports
                    .iter()
                    .map(|(name, number)| format!("{name} {number}").trim().to_owned())
                    .collect(),
            }),
        };
    }
    let told = facts.pod.containers.iter().find_map(prometheus_port);
    let api = || facts.pod.arguments.number::<u16>(&["port"]).known().copied().unwrap_or(server.port);
    let metrics = server.metrics_port.filter(|_| server.metrics_port != Some(server.port));
    Ok(named(told.or(metrics).unwrap_or_else(api)))
}

/// `prometheus_port=9100` of a container's arguments, whatever stands before it.
fn prometheus_port(container: &Container<'_>) -> Option<u16> {
    let words = ["command", "args"].iter().filter_map(|field| container.value.get(*field)?.as_array());
    words.flatten().filter_map(Value::as_str).find_map(|word| {
        let (_, value) = word.split_once(PROMETHEUS_PORT)?;
        let digits: String =
            value.trim_start_matches(['=', ' ']).chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    })
}

fn ports(facts: &Facts<'_>) -> Vec<(String, u64)> {
    let lists = facts.pod.containers.iter().filter_map(|container| container.value.get("ports")?.as_array());
    let ports = lists.flatten().filter_map(|port| {
        let name = port.get("name").and_then(Value::as_str).unwrap_or_default();
        Some((name.to_owned(), port.get("containerPort")?.as_u64()?))
    });
    ports.collect()
}

/// The container that has the accelerators, which the series of chips are labelled with; else the server's.
pub(super) fn accelerated_container<'a>(facts: &Facts<'a>) -> &'a str {
    let with = facts.pod.containers.iter().find(|container| container.accelerator.is_some());
    with.unwrap_or(facts.pod.serving()).name
}

/// Whether an expression reads metrics of chips.
pub(super) fn is_of_chips(expression: &Expression<'_>) -> bool {
    expression.signals().iter().any(|signal| signal.scope == SignalScope::Chip)
}
