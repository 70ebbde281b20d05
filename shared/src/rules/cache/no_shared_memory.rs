//! INF005: tensor parallelism in the 64 MB of `/dev/shm`.

use super::memory::{SHARED_MEMORY, shared_memory};
use crate::catalog::GIB;
use crate::inspect::ServerKind;
use crate::manifest::collectives_gib;
use crate::recommend::server_host_gib;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Facts, Fix, Group, Rule, Scope, Severity};

/// INF005.
pub(crate) static RULE: Rule = Rule {
    id: "INF005",
    name: "no-shared-memory",
    group: Group::Cache,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "A tensor-parallel server on GPUs has no memory volume at `/dev/shm`",
    needs: "a tensor parallel size above 1 on several GPUs of one Pod",
    rationale: "The server's processes and NCCL exchange data through `/dev/shm`, which has 64 MB without a volume: \
                the server fails at start or under load with `No space left on device`.",
    fix: Some("mounts `/dev/shm` in memory, of a size that the memory limit holds"),
    source: "docs.vllm.ai, deployment with Docker and Kubernetes; docs.nvidia.com, NCCL, troubleshooting: shared memory",
    check: Check::Workload(check),
    examples: examples!("INF005"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    use ServerKind::{Sglang, TensorrtLlm, Tgi, Vllm};
    let pod = facts.pod;
    let container = pod.serving();
    let tensor = pod.parallelism.tensor.known().copied().unwrap_or(1);
    let accelerators = facts.accelerators_per_pod().unwrap_or(1);
    let gpus = pod.accelerator.is_some() && !facts.is_tpu() && accelerators > 1;
    let server = matches!(pod.server, Vllm | Sglang | Tgi | TensorrtLlm);
    // A mount at `/dev` brings its own.
    let mounted = container.mount_of(SHARED_MEMORY).is_some();
    let remounted = container.command_line_mentions(SHARED_MEMORY);
    if tensor < 2 || !gpus || !server || mounted || remounted || pod.shares_memory_of_node() {
        return Vec::new();
    }
    let at = container.pointer(["volumeMounts"]);
    let what =
        format!("tensor parallelism of {tensor} without a memory volume at `/dev/shm`, which then has 64 MB");
    let found = Found::new(at, what, "mount an `emptyDir` with `medium: Memory` at `/dev/shm`");
    let limit_gib = container.resources.memory_limit_bytes.map(|bytes| bytes / GIB);
    // Without a limit the node's memory is the limit; the usual size is then a small part of it.
    let spare = limit_gib.map_or(f64::MAX, |limit| limit - server_host_gib(accelerators));
    if spare < 2.0 {
        return vec![found];
    }
    let edits = shared_memory(facts, collectives_gib(accelerators, spare as u64));
    vec![found.with_fix(Fix {
        summary: "mount /dev/shm in memory".to_owned(),
        caution: Caution::Safe,
        edits,
    })]
}
