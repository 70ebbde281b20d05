//! Where Pods end up, and why not.

use crate::namespace::TestNamespace;
use crate::wait;
use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::{Event, Pod, PodCondition};
use kube::Api;
use kube::api::ListParams;
use std::ops::ControlFlow;
use std::time::Duration;

/// The scheduler answers at once; this is for slow machines.
const SCHEDULER: Duration = Duration::from_secs(60);

pub(crate) async fn wait_until_running(
    namespace: &TestNamespace<'_>,
    selector: &str,
    count: usize,
    deadline: Duration,
) -> Result<Vec<Pod>> {
    wait::until(&format!("{count} running Pods with {selector}"), deadline, async || {
        let pods = list(namespace, selector).await?;
        if pods.len() == count && pods.iter().all(is_ready) {
            return Ok(ControlFlow::Break(pods));
        }
        Ok(ControlFlow::Continue(describe(namespace, &pods).await?))
    })
    .await
}

pub(crate) async fn stays_pending(namespace: &TestNamespace<'_>, selector: &str) -> Result<String> {
    wait::until(&format!("the scheduler's refusal of Pods with {selector}"), SCHEDULER, async || {
        let pods = list(namespace, selector).await?;
        if let Some(pod) = pods.iter().find(|pod| node(pod).is_some()) {
            bail!("expected a Pod that fits nowhere, but: {}", state(pod));
        }
        let refusals: Vec<_> = pods.iter().filter_map(refusal).collect();
        Ok(match refusals.first() {
            Some(reason) if refusals.len() == pods.len() => ControlFlow::Break(reason.clone()),
            _ => ControlFlow::Continue(describe(namespace, &pods).await?),
        })
    })
    .await
}

/// Pods that are being deleted do not count.
async fn list(namespace: &TestNamespace<'_>, selector: &str) -> Result<Vec<Pod>> {
    namespace.control_plane().check()?;
    let pods: Api<Pod> = Api::namespaced(namespace.control_plane().client(), namespace.name());
    let mut pods = pods.list(&ListParams::default().labels(selector)).await?.items;
    pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
    Ok(pods)
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == kind)
}

fn phase(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.phase.as_deref()
}

fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

fn is_ready(pod: &Pod) -> bool {
    phase(pod) == Some("Running") && condition(pod, "Ready").is_some_and(|ready| ready.status == "True")
}

/// What the scheduler says when it finds no node.
fn refusal(pod: &Pod) -> Option<String> {
    let scheduled = condition(pod, "PodScheduled")?;
    let refused = scheduled.status == "False" && scheduled.reason.as_deref() == Some("Unschedulable");
    refused.then(|| scheduled.message.clone().unwrap_or_default())
}

fn state(pod: &Pod) -> String {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let phase = phase(pod).unwrap_or("without a phase");
    match (node(pod), refusal(pod)) {
        (Some(node), _) => format!("Pod {name} is {phase} on node {node}"),
        (None, Some(reason)) => format!("Pod {name} is {phase}: {reason}"),
        (None, None) => format!("Pod {name} is {phase}"),
    }
}

/// For errors: the Pods, and the warnings of the namespace, which tell why a controller made no Pods.
async fn describe(namespace: &TestNamespace<'_>, pods: &[Pod]) -> Result<String> {
    let events: Api<Event> = Api::namespaced(namespace.control_plane().client(), namespace.name());
    let events = events.list(&ListParams::default().fields("type=Warning")).await?;
    let warnings = events.items.iter().map(|event| {
        let (reason, message) = (event.reason.as_deref(), event.message.as_deref());
        format!("{}: {}", reason.unwrap_or_default(), message.unwrap_or_default())
    });
    let lines: Vec<String> = pods.iter().map(state).chain(warnings).collect();
    Ok(if lines.is_empty() { "no Pods".to_owned() } else { lines.join("\n") })
}
