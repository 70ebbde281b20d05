//! INF001: a download larger than the node's disk.

use serde_json::json;

use crate::catalog::{BootDisk, GIB};
use crate::inspect::{ModelSource, PointerBuf, VolumeSource};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// The seeds' rule: from this size on a node with a default boot disk evicts the Pod while it downloads.
const EVICTED_FROM_GIB: f64 = 90.0;

/// Cache in RAM, as the Inference Quickstart names it.
const RAM_CACHE: &str = "/dev/shm/hf_cache";

/// INF001.
pub(crate) static RULE: Rule = Rule {
    id: "INF001",
    name: "hub-cache-on-disk",
    group: Group::Cache,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The weights do not fit the node's ephemeral storage, and `HF_HOME` is not in RAM",
    needs: "the model's size; with a machine type or accelerator also the node's disk",
    rationale: "The server downloads the weights to the node's boot disk, 100 GiB by default; the kubelet evicts the \
                Pod when the disk runs full, and the download begins anew on the next start.",
    fix: Some(
        "sets `HF_HOME=/dev/shm/hf_cache` and mounts `/dev/shm` in memory, where the memory limit holds both",
    ),
    source: "cloud.google.com/kubernetes-engine/docs/how-to/machine-learning/inference/inference-quickstart, \
             troubleshooting",
    check: Check::Workload(check),
    examples: examples!("INF001"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let ModelSource::Hub(id) = &facts.pod.model else { return Vec::new() };
    let Some((_, checkpoint)) = facts.model else { return Vec::new() };
    let container = facts.pod.serving();
    if container.variable("HF_HOME").is_some() {
        return Vec::new();
    }
    let weights_gib = checkpoint.bytes as f64 / GIB;
    if weights_gib < EVICTED_FROM_GIB || container.resources.ephemeral_request_bytes.is_some() {
        return Vec::new();
    }
    let shm = facts.pod.volume_of("/dev/shm").map(|volume| volume.source);
    let what = format!(
        "`{id}` has {weights_gib:.0} GiB of weights, a node's default boot disk of {} GiB holds {EVICTED_FROM_GIB} GiB",
        BootDisk::DEFAULT.gib
    );
    let found = Found::new(container.pointer(["env"]), what, "set `HF_HOME` to `/dev/shm/hf_cache`");
    if !matches!(shm, None | Some(VolumeSource::Memory { .. })) {
        return vec![found];
    }
    let mut edits = vec![Edit::Append {
        list: container.pointer(["env"]),
        value: json!({"name": "HF_HOME", "value": RAM_CACHE}),
    }];
    if shm.is_none() {
        edits.extend(memory_volume(facts, container.pointer(["volumeMounts"])));
    }
    vec![found.with_fix(Fix {
        summary: format!("set HF_HOME to {RAM_CACHE}"),
        caution: Caution::Safe,
        edits,
    })]
}

fn memory_volume(facts: &Facts<'_>, mounts: PointerBuf) -> [Edit; 2] {
    [
        Edit::Append {
            list: facts.pod.pointer(["spec", "volumes"]),
            value: json!({"name": "dshm", "emptyDir": {"medium": "Memory"}}),
        },
        Edit::Append { list: mounts, value: json!({"name": "dshm", "mountPath": "/dev/shm"}) },
    ]
}
