//! How a server's ranks lie on the accelerators of one Pod.

use serde_json::Value;

use crate::catalog::AcceleratorKind;
use crate::inspect::{Role, ServerKind, Told};
use crate::rules::Facts;
use crate::rules::arguments::reaches_server;

/// Ranks of a replica that is one Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Split {
    /// Tensor parallel size.
    pub(super) tensor: u32,
    /// Pipeline parallel size.
    pub(super) pipeline: u32,
    /// Data parallel ranks with accelerators of their own.
    pub(super) data: u32,
    /// Accelerators that the Pod asks for.
    pub(super) chips: u32,
    /// Devices that one of them is to the server.
    pub(super) devices_per_chip: u32,
}

impl Split {
    /// Devices that the server takes.
    pub(super) fn ranks(&self) -> u64 {
        u64::from(self.tensor) * u64::from(self.pipeline) * u64::from(self.data)
    }

    /// Devices that the Pod has.
    pub(super) fn devices(&self) -> u64 {
        u64::from(self.chips) * u64::from(self.devices_per_chip)
    }

    /// The split in words: `tensor parallel 4 × pipeline parallel 2`.
    pub(super) fn words(&self) -> String {
        let mut words = format!("tensor parallel {}", self.tensor);
        for (name, size) in [("pipeline", self.pipeline), ("data", self.data)] {
            if size > 1 {
                words += &format!(" × {name} parallel {size}");
            }
        }
        words
    }

    /// The split of the Pod, where the object tells all of it: a replica is this one Pod, nothing else of it takes part
    /// in the count, and the server's own parser reads the sizes.
    pub(super) fn of(facts: &Facts<'_>) -> Option<Self> {
        let pod = facts.pod;
        let parallelism = &pod.parallelism;
        let alone = pod.role == Role::Alone && pod.pods_per_replica == Told::Is(1);
        let one_machine = parallelism.machines.or_default(1) == Some(1);
        if !alone || !one_machine || !pod.arguments.complete || !reaches_server(pod) || spreads(facts) {
            return None;
        }
        let data = match pod.server {
            ServerKind::Vllm => match parallelism.data_local {
                Told::Unset => parallelism.data.or_default(1)?,
                told => told.or_default(1)?,
            },
            ServerKind::Sglang => parallelism.data.or_default(1)?,
            ServerKind::Tgi => 1,
            _ => return None,
        };
        let tensor = match (pod.server, parallelism.tensor) {
            // Its shards are as many as the devices that it finds.
            (ServerKind::Tgi, Told::Unset) => return None,
            (_, told) => told.or_default(1)?,
        };
        let pipeline = parallelism.pipeline.or_default(1)?;
        let chips = facts.accelerators_per_pod()?;
        let devices_per_chip = match facts.accelerator {
            Some(accelerator) => accelerator.devices_per_chip.unwrap_or(1),
            None if facts.is_tpu() => return None,
            None => 1,
        };
        let split = Self { tensor, pipeline, data, chips, devices_per_chip };
        (split.ranks() > 0 && chips > 0).then_some(split)
    }
}

/// Whether anything says that ranks are counted otherwise: Ray, several servers in one container, devices picked by
/// hand, roles of a disaggregated server, other kinds of parallelism, a part of a GPU.
fn spreads(facts: &Facts<'_>) -> bool {
    const OPTIONS: [&str; 12] = [
        "config",
        "nnodes",
        "dist-init-addr",
        "node-rank",
        "headless",
        "base-gpu-id",
        "gpu-id-step",
        "enable-dp-attention",
        "prefill-context-parallel-size",
        "disaggregation-mode",
        "device-ids",
        "cuda-graph-only",
    ];
    const PICKED: [&str; 5] = [
        "CUDA_VISIBLE_DEVICES",
        "NVIDIA_VISIBLE_DEVICES",
        "TPU_VISIBLE_CHIPS",
        "RAY_ADDRESS",
        "VLLM_HOST_IP",
    ];
    let pod = facts.pod;
    let container = pod.serving();
    let by_option = pod.arguments.options.iter().any(|option| {
        let data = option.name.strip_prefix("data-parallel-");
        OPTIONS.contains(&option.name.as_str())
            || data.is_some_and(|rest| !["size", "size-local"].contains(&rest))
    });
    let by_variable = PICKED.iter().any(|name| container.variable(name).is_some());
    let texts = ["command", "args"].into_iter().filter_map(|field| container.value.get(field)?.as_array());
    let texts: Vec<_> = texts.flatten().filter_map(Value::as_str).collect();
    let by_script = texts
        .iter()
        .any(|text| text.contains("ray ") || text.contains("CUDA_VISIBLE_DEVICES") || servers_in(text) > 1);
    let backend = pod.arguments.text(&["distributed-executor-backend"]);
    let by_ray = !matches!(backend, Told::Unset) && backend != Told::Is("mp".to_owned());
    by_option || by_variable || by_script || by_ray || is_partial(facts)
}

fn servers_in(text: &str) -> usize {
    ["vllm serve", "api_server", "sglang.launch_server"].iter().map(|name| text.matches(name).count()).sum()
}

/// Whether a device is a part of a chip, or shared with others.
pub(super) fn is_partial(facts: &Facts<'_>) -> bool {
    const LABELS: [&str; 3] = [
        "cloud.google.com/gke-gpu-partition-size",
        "cloud.google.com/gke-gpu-sharing-strategy",
        "cloud.google.com/gke-max-shared-clients-per-gpu",
    ];
    let selector = facts.pod.spec().get("nodeSelector");
    let labelled = LABELS.iter().any(|label| selector.is_some_and(|labels| labels.get(*label).is_some()));
    let resource = facts.pod.accelerator.as_ref().map(|request| request.resource.as_str());
    labelled || resource.is_some_and(|name| name != AcceleratorKind::Gpu.resource() && !facts.is_tpu())
}
