//! The API server over HTTP: an answer with its warnings.

use anyhow::{Context, Result};
use axum::http::{HeaderMap, Method, Request, header};
use infer_tests::ControlPlane;
use kube::client::Body;
use serde_json::Value;

/// What the API server answers.
#[derive(Debug)]
pub(super) struct Answer {
    /// Status of HTTP.
    pub(super) status: u16,
    /// Warnings, as kubectl prints them.
    pub(super) warnings: Vec<String>,
    /// The object, or a `Status` with the reason why not.
    pub(super) body: Value,
}

/// Where the objects of a kind are.
pub(super) fn collection(kind: &str, namespace: &str) -> Result<String> {
    let (group, resource) = match kind {
        "Pod" => ("api/v1", "pods"),
        "ReplicationController" => ("api/v1", "replicationcontrollers"),
        "Deployment" => ("apis/apps/v1", "deployments"),
        "StatefulSet" => ("apis/apps/v1", "statefulsets"),
        "DaemonSet" => ("apis/apps/v1", "daemonsets"),
        "ReplicaSet" => ("apis/apps/v1", "replicasets"),
        "Job" => ("apis/batch/v1", "jobs"),
        "CronJob" => ("apis/batch/v1", "cronjobs"),
        "HorizontalPodAutoscaler" => ("apis/autoscaling/v2", "horizontalpodautoscalers"),
        "JobSet" => ("apis/jobset.x-k8s.io/v1alpha2", "jobsets"),
        "LeaderWorkerSet" => ("apis/leaderworkerset.x-k8s.io/v1", "leaderworkersets"),
        "ScaledObject" => ("apis/keda.sh/v1alpha1", "scaledobjects"),
        "PodMonitoring" => ("apis/monitoring.googleapis.com/v1", "podmonitorings"),
        "PersistentVolumeClaim" => ("api/v1", "persistentvolumeclaims"),
        "Service" => ("api/v1", "services"),
        _ => anyhow::bail!("no path is known for {kind}"),
    };
    Ok(format!("/{group}/namespaces/{namespace}/{resource}"))
}

/// Sends a request, without a body where it is null.
pub(super) fn send(
    control_plane: &ControlPlane,
    method: Method,
    path: &str,
    content_type: &str,
    body: &Value,
) -> Result<Answer> {
    let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, content_type)
        .body(Body::from(body))?;
    control_plane.block_on(async {
        let (head, body) = control_plane.client().send(request).await?.into_parts();
        let bytes = body.collect_bytes().await?;
        let body = serde_json::from_slice(&bytes).context("the answer is no JSON")?;
        Ok(Answer { status: head.status.as_u16(), warnings: warnings(&head.headers), body })
    })
}

/// `299 - "text"` → text.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::WARNING).into_iter().filter_map(|value| value.to_str().ok());
    let quoted = values.filter_map(|value| value.split_once('"')?.1.strip_suffix('"'));
    quoted.map(|text| text.replace("\\\"", "\"").replace("\\\\", "\\")).collect()
}
