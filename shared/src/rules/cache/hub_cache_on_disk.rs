//! INF001: a download larger than the node's disk.

use serde_json::json;

use super::hub_cache::{HubCache, Medium};
use super::memory::{MemoryBudget, SHARED_MEMORY, shared_memory};
use crate::catalog::{AcceleratorKind, BootDisk, GIB};
use crate::inspect::{ModelSource, ServerKind, VolumeSource};
use crate::manifest::RAM_CACHE;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// The seeds' rule: from this size on a node with a default boot disk evicts the Pod while it downloads.
const EVICTED_FROM_GIB: f64 = 90.0;

/// A serving image where the catalog has no figure: they take 10 to 20 GB.
const IMAGE_GB: f64 = 10.0;

/// INF001.
pub(crate) static RULE: Rule = Rule {
    id: "INF001",
    name: "hub-cache-on-disk",
    group: Group::Cache,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The weights and the image exceed the node's ephemeral storage, and the Hub cache is not in RAM",
    needs: "the model's size and where the server keeps its downloads; with an accelerator or machine type, what \
            those machines offer, else 90 GiB of weights count as too many",
    rationale: "The server downloads the weights to the node's ephemeral storage, on GKE a boot disk of 100 GiB \
                where the machine brings no local SSD; the kubelet evicts the Pod when it runs full, and the \
                download begins anew on the next start.",
    fix: Some(
        "sets `HF_HOME=/dev/shm/hf_cache` and mounts `/dev/shm` in memory, where the memory limit holds weights and \
         server",
    ),
    source: "cloud.google.com/kubernetes-engine/docs/how-to/machine-learning/inference/inference-quickstart, \
             troubleshooting; cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes",
    check: Check::Workload(check),
    examples: examples!("INF001"),
};

/// Ephemeral storage, and how sure it is that the weights do not fit.
struct Disk {
    /// What holds too little, with its size.
    what: String,
    severity: Severity,
    /// Whether the node is likely to have this disk, so that the cache should not lie on it.
    is_likely: bool,
}

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let ModelSource::Hub(id) = &facts.pod.model else { return Vec::new() };
    let Some((_, checkpoint)) = facts.model else { return Vec::new() };
    if facts.is_patch() || !downloads_at_start(facts) {
        return Vec::new();
    }
    let Some(cache) = HubCache::of(facts.pod) else { return Vec::new() };
    let weights_gib = checkpoint.bytes as f64 / GIB;
    let disk = match cache.medium {
        Medium::Container => disk_too_small(facts, weights_gib),
        Medium::NodeDisk(volume) => match volume.source {
            VolumeSource::Disk { size_bytes: Some(size) } if size / GIB < weights_gib => Some(Disk {
                what: format!("the volume `{}` holds {:.0} GiB", volume.name, size / GIB),
                severity: Severity::Warning,
                is_likely: true,
            }),
            // Who sized the volume to the weights, on a node that nothing here knows, knows the node.
            VolumeSource::Disk { size_bytes: Some(_) } if facts.machines.is_empty() => None,
            _ => disk_too_small(facts, weights_gib),
        },
        _ => None,
    };
    let Some(disk) = disk else { return Vec::new() };
    let what = format!("`{id}` downloads {weights_gib:.0} GiB of weights; {}", disk.what);
    let container = facts.pod.serving();
    let found = Found::new(container.pointer(["env"]), what, remedy(facts)).with_severity(disk.severity);
    match fix(facts, &cache) {
        Some(fix) if disk.is_likely => vec![found.with_fix(fix)],
        _ => vec![found],
    }
}

/// Whether the server is one that downloads the weights as files when it starts.
fn downloads_at_start(facts: &Facts<'_>) -> bool {
    use ServerKind::{KserveHuggingFace, Sglang, Tgi, Vllm};
    let server = matches!(facts.pod.server, Vllm | Sglang | Tgi | KserveHuggingFace);
    let format = facts.pod.arguments.text(&["load-format"]);
    let as_files = format.known().is_none_or(|format| !matches!(format.as_str(), "dummy" | "runai_streamer"));
    server && as_files
}

/// The ephemeral storage that does not hold the weights; `None` where it does or may.
fn disk_too_small(facts: &Facts<'_>, weights_gib: f64) -> Option<Disk> {
    let warning = |what| Some(Disk { what, severity: Severity::Warning, is_likely: true });
    let resources = facts.pod.serving().resources;
    if let Some(limit) = resources.ephemeral_limit_bytes.map(|bytes| bytes / GIB) {
        if limit < weights_gib {
            return warning(format!("the container's ephemeral storage is limited to {limit:.0} GiB"));
        }
        return None;
    }
    // What is requested is there: the scheduler looks for such a node. A ComputeClass, or a label for local SSD,
    // says that the node's disk is not the default one.
    let requested = resources.ephemeral_request_bytes.is_some_and(|bytes| bytes / GIB >= weights_gib);
    if requested || facts.pod.node.compute_class.is_some() || selects_local_ssd(facts) {
        return None;
    }
    let image_gib = image_gb(facts) * 1e9 / GIB;
    let needed_gib = weights_gib + image_gib;
    let default = BootDisk::DEFAULT;
    if facts.machines.is_empty() {
        return (weights_gib >= EVICTED_FROM_GIB).then(|| disk_of_unknown_node(facts, weights_gib));
    }
    if facts.machines.iter().any(|machine| machine.bundled_local_ssd_gb.is_some()) {
        let usable = facts.machines.iter().map(|machine| machine.pod_ephemeral_gib()).reduce(f64::max)?;
        return (needed_gib > usable)
            .then(|| {
                format!("with {image_gib:.0} GiB of image that exceeds the {usable:.0} GiB of the machine's local SSD")
            })
            .and_then(warning);
    }
    let evicts = default.evicts_above_gib();
    let promised = default.allocatable_gib();
    if needed_gib > evicts {
        let disk = default.gib;
        return warning(format!(
            "with {image_gib:.0} GiB of image that exceeds the {evicts:.0} GiB at which the kubelet evicts from a boot \
             disk of {disk} GiB, the default"
        ));
    }
    (needed_gib > promised).then(|| Disk {
        what: format!("a default boot disk of {} GiB promises {promised:.0} GiB to Pods", default.gib),
        severity: Severity::Information,
        is_likely: false,
    })
}

/// The disk of a node of which nothing more is told. How large it is by default is known of GKE alone.
fn disk_of_unknown_node(facts: &Facts<'_>, weights_gib: f64) -> Disk {
    let gib = BootDisk::DEFAULT.gib;
    let is_likely = !is_of_another_kind(facts, weights_gib);
    let what = match is_on_gke(facts) {
        true => format!("a node's disk of {gib} GiB, GKE's default, holds less than {EVICTED_FROM_GIB}"),
        false => format!("disks of nodes are often of {gib} GiB or less, and the image takes its part"),
    };
    let severity = if is_likely { Severity::Warning } else { Severity::Information };
    Disk { what, severity, is_likely }
}

fn is_on_gke(facts: &Facts<'_>) -> bool {
    facts.is_tpu() || facts.has_mark_of_gke() || facts.background.settings.gke_version.is_some()
}

/// Share of the weights that no chip of 40 GiB holds beside anything else. Machines with larger chips bring local SSD.
const LARGE_CHIP_GIB: f64 = 36.0;

/// Whether the node is likely to have another disk than GKE's default: it is chosen by labels that are not GKE's, its
/// accelerators are claimed or none of GKE's, or they are too large for machines without local SSD.
fn is_of_another_kind(facts: &Facts<'_>, weights_gib: f64) -> bool {
    let pod = facts.pod;
    let claimed = pod.spec().get("resourceClaims").is_some();
    let chosen = claimed || pod.node.constrained_otherwise || !pod.node.machines.is_empty();
    let resource = pod.accelerator.as_ref().map(|request| request.resource.as_str());
    let kinds = [AcceleratorKind::Gpu, AcceleratorKind::Tpu];
    let foreign = resource.is_some_and(|name| kinds.iter().all(|kind| kind.resource() != name));
    let pods = pod.pods_per_replica.or_default(1).unwrap_or(1);
    let chips = facts.accelerators_per_pod().map(|chips| f64::from(chips) * f64::from(pods));
    let large = !facts.is_tpu() && chips.is_some_and(|chips| weights_gib > chips * LARGE_CHIP_GIB);
    chosen || foreign || large
}

fn image_gb(facts: &Facts<'_>) -> f64 {
    let kind = if facts.is_tpu() { AcceleratorKind::Tpu } else { AcceleratorKind::Gpu };
    facts.version.and_then(|version| version.image(kind)?.size_gb).unwrap_or(IMAGE_GB)
}

/// GKE's labels of nodes whose local SSD is ephemeral storage, or that are chosen for their disk.
fn selects_local_ssd(facts: &Facts<'_>) -> bool {
    let selector = facts.pod.spec().get("nodeSelector").and_then(|labels| labels.as_object());
    let label =
        |key: &String| key.contains("local-ssd") || key.contains("local-nvme") || key.contains("boot-disk");
    selector.is_some_and(|labels| labels.keys().any(label))
}

fn remedy(facts: &Facts<'_>) -> String {
    let disk = match is_on_gke(facts) {
        true => {
            "request the space as `ephemeral-storage` from a node pool or ComputeClass with a larger disk"
        }
        false => "request the space as `ephemeral-storage`, so that only a node with such a disk is taken",
    };
    let Some(budget) = MemoryBudget::of(facts) else { return disk.to_owned() };
    let needed = budget.needed_gib().ceil();
    match budget.limit_gib {
        Some(limit) if limit >= needed => {
            format!("set `HF_HOME={RAM_CACHE}` with `{SHARED_MEMORY}` in memory, or {disk}")
        }
        Some(limit) => format!(
            "{disk}; in RAM, weights and server take {needed} GiB, and the memory limit is {limit:.0} GiB"
        ),
        None => format!("{disk}; or set `HF_HOME={RAM_CACHE}` and request and limit {needed} GiB of memory"),
    }
}

/// The cache in RAM, where the memory is there and nothing of the author's stands in the way.
fn fix(facts: &Facts<'_>, cache: &HubCache<'_>) -> Option<Fix> {
    let budget = MemoryBudget::of(facts)?;
    let container = facts.pod.serving();
    let reads_hf_home = matches!(facts.pod.server, ServerKind::Vllm | ServerKind::Sglang);
    if !budget.holds() || !reads_hf_home || handles_shared_memory(facts) || facts.pod.shares_memory_of_node()
    {
        return None;
    }
    let gib = budget.shared_memory_gib();
    let mut caution = Caution::Safe;
    let own = container.variable("HF_HOME").filter(|_| !facts.pod.variables.is_set_by_script("HF_HOME"));
    let mut edits = match (cache.set_by, own) {
        (None, None) => {
            let value = json!({"name": "HF_HOME", "value": RAM_CACHE});
            vec![Edit::Append { list: container.pointer(["env"]), value }]
        }
        (Some("HF_HOME"), Some(variable)) if variable.text.is_some() => {
            caution = Caution::Overwrites;
            vec![Edit::Set {
                at: container.place_of(variable).with_trailing_token("value"),
                value: json!(RAM_CACHE),
            }]
        }
        _ => return None,
    };
    // A volume at the default place would stay where it is, and empty.
    if cache.set_by.is_none() && !matches!(cache.medium, Medium::Container) {
        caution = Caution::Overwrites;
    }
    match container.mount_of(SHARED_MEMORY) {
        None => edits.extend(shared_memory(facts, gib)),
        Some(_) => {
            let volume = facts.pod.volume_of(SHARED_MEMORY)?;
            let VolumeSource::Memory { size_bytes } = volume.source else { return None };
            if size_bytes.is_some_and(|size| size / GIB < budget.download_gib as f64) {
                caution = Caution::Overwrites;
                let at =
                    volume.at.concat(&crate::inspect::PointerBuf::from_tokens(["emptyDir", "sizeLimit"]));
                edits.push(Edit::Set { at, value: json!(format!("{gib}Gi")) });
            }
        }
    }
    Some(Fix { summary: format!("set HF_HOME to {RAM_CACHE}"), caution, edits })
}

/// Whether a script handles `/dev/shm` itself; some empty it when they start, the cache with it.
fn handles_shared_memory(facts: &Facts<'_>) -> bool {
    facts.pod.empties_shm || facts.pod.serving().command_line_mentions(SHARED_MEMORY)
}
