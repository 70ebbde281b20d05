//! Conditions in CEL that the API server checks by itself, so that it does not even call for other objects, and a
//! webhook that is down cannot stand in the way of them.

use serde_json::{Value, json};

/// Names of model servers, as they stand in images and commands. Wider than what inspection takes for a server: a
/// call too many is answered with nothing, a call too few is a workload that nobody looked at.
const SERVERS: &str = "(?i)vllm|sglang|text-generation|tgi|huggingface|jetstream|maxtext|maxengine|tensorrt|trtllm|\
                       triton|nim|nvcr|ollama|llama|llm|ray|pytorch|transformers|deepspeed|model|infer|serve";

/// The object is not on its way out.
fn stays() -> Value {
    json!({
        "name": "is-not-being-deleted",
        "expression": "!has(object.metadata.deletionTimestamp)",
    })
}

/// No kubelet mirrors it from a file.
fn is_no_mirror() -> Value {
    json!({
        "name": "is-not-a-mirror-pod",
        "expression": "!has(object.metadata.annotations) || \
                       !('kubernetes.io/config.mirror' in object.metadata.annotations)",
    })
}

/// No controller owns it: a ReplicaSet that no longer equals its Deployment's template makes its controller create
/// others without end.
fn has_no_controller() -> Value {
    json!({
        "name": "is-not-owned-by-a-controller",
        "expression": "!has(object.metadata.ownerReferences) || \
                       !object.metadata.ownerReferences.exists(owner, has(owner.controller) && owner.controller)",
    })
}

/// No part of the cluster makes it from an object that is judged itself. Without this condition a webhook that is
/// down would keep a workload from replacing its Pods. A person who writes an owner into a Pod does not get past it:
/// names with `system:` are reserved to the cluster.
fn is_not_judged_already() -> Value {
    json!({
        "name": "is-not-made-from-what-was-judged",
        "expression": "!request.userInfo.username.startsWith('system:') || \
                       !has(object.metadata.ownerReferences) || \
                       !object.metadata.ownerReferences.exists(owner, has(owner.controller) && owner.controller && \
                       owner.kind in ['Deployment', 'StatefulSet', 'ReplicaSet', 'DaemonSet', \
                       'ReplicationController', 'Job', 'CronJob', 'JobSet', 'LeaderWorkerSet'])",
    })
}

/// It may run a model server. Autoscalers, and kinds with several templates, which are rare, always may.
fn may_serve() -> Value {
    let template = "request.kind.kind in ['HorizontalPodAutoscaler', 'ScaledObject', 'JobSet', \
                    'LeaderWorkerSet'] || \
                    [request.kind.kind == 'Pod' ? object : request.kind.kind == 'CronJob' ? \
                    object.spec.jobTemplate.spec.template : object.spec.template].exists(pod, ";
    let annotated = "(has(object.metadata.annotations) && \
                     object.metadata.annotations.exists(key, key.startsWith('kubectl-infer.io/'))) || \
                     (has(pod.metadata) && has(pod.metadata.annotations) && \
                     pod.metadata.annotations.exists(key, key.startsWith('kubectl-infer.io/')))";
    let claims = "has(pod.spec.resourceClaims)";
    let asks = |amounts: &str| {
        format!(
            "(has(container.resources) && has(container.resources.{amounts}) && \
                 container.resources.{amounts}.exists(name, name.contains('/')))"
        )
    };
    let named = format!(
        "(has(container.image) && container.image.matches('{SERVERS}')) || \
         (has(container.command) && container.command.exists(word, word.matches('{SERVERS}'))) || \
         (has(container.args) && container.args.exists(word, word.matches('{SERVERS}')))"
    );
    let container = format!("{} || {} || {named}", asks("limits"), asks("requests"));
    // A server may run as a native sidecar, which stands among the init containers.
    let containers = format!(
        "(has(pod.spec.containers) && pod.spec.containers.exists(container, {container})) || \
         (has(pod.spec.initContainers) && pod.spec.initContainers.exists(container, {container}))"
    );
    json!({
        "name": "may-serve-a-model",
        "expression": format!("{template}{annotated} || {claims} || {containers})"),
    })
}

/// A scale asks for more replicas: fewer are never refused.
fn asks_for_more() -> Value {
    let replicas = |object: &str| {
        format!("(has({object}.spec) && has({object}.spec.replicas) ? {object}.spec.replicas : 0)")
    };
    let (after, before) = (replicas("object"), replicas("oldObject"));
    json!({ "name": "asks-for-more-replicas", "expression": format!("{after} > {before}") })
}

/// Conditions of the webhook that changes objects.
pub(super) fn mutating() -> Value {
    json!([stays(), is_no_mirror(), has_no_controller(), may_serve()])
}

/// Conditions of the webhook that judges objects. What a controller owns is judged too where its owner is of a kind
/// that is not, such as an operator's own.
pub(super) fn validating() -> Value {
    json!([stays(), is_no_mirror(), is_not_judged_already(), may_serve()])
}

/// Conditions of the webhook that judges scales.
pub(super) fn scaling() -> Value {
    json!([stays(), asks_for_more()])
}
