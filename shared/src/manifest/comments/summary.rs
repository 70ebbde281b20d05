//! What the manifest is and why.

use super::{Comment, Steps};
use crate::manifest::storage::WeightCache;
use crate::manifest::{explain, probes};

impl Steps<'_> {
    /// Configuration, figures with their provenance, and what was decided from them.
    pub(super) fn summary(&self) -> Comment {
        let plan = self.plan;
        let mut text = vec![format!(
            "{} ({}) with {} {} on {} x {}, sized for machine type {}{}.",
            plan.checkpoint.id,
            plan.quantize_at_load.unwrap_or(plan.checkpoint.precision),
            plan.server.display_name,
            plan.version.version,
            plan.accelerators,
            plan.accelerator.id,
            plan.machine.name,
            if plan.request.spot { " on Spot capacity" } else { "" },
        )];
        text.push(self.figures());
        text.extend(explain::cost(plan, self.autoscaling).map(|cost| format!("Cost: {cost}.")));
        text.extend(self.autoscaling());
        text.extend(self.context());
        text.push(self.cache());
        text.push(format!(
            "A start may take {} minutes before it counts as failed: {:.0} GiB of weights, {}.",
            probes::startup_seconds(plan) / 60,
            plan.weights_gib(),
            probes::startup_reason(plan)
        ));
        text.extend(self.unverified());
        text.extend(plan.notes.iter().map(|note| format!("Note: {note}.")));
        Comment { title: "What this is".to_owned(), text, commands: Vec::new() }
    }

    /// What the manifest rests on without a source that confirms it.
    fn unverified(&self) -> Option<String> {
        let plan = self.plan;
        let entries = [
            (format!("model {}", plan.model.id), Some(&plan.model.evidence)),
            (format!("weights {}", plan.checkpoint.id), plan.checkpoint.evidence.as_ref()),
            (format!("{} {}", plan.server.display_name, plan.version.version), Some(&plan.version.evidence)),
            (format!("accelerator {}", plan.accelerator.id), Some(&plan.accelerator.evidence)),
            (format!("machine type {}", plan.machine.name), Some(&plan.machine.evidence)),
        ];
        let doubtful = entries.into_iter().filter_map(|(entry, evidence)| {
            let fields = evidence?.unverified_fields()?;
            Some(format!("{entry} ({fields})"))
        });
        let doubtful: Vec<String> = doubtful.collect();
        (!doubtful.is_empty())
            .then(|| format!("No source confirms these entries of the catalog: {}.", doubtful.join("; ")))
    }

    fn figures(&self) -> String {
        match &self.plan.recommendation {
            Some(found) => {
                format!(
                    "Figures of a replica, {}. Source: {}.",
                    explain::operating_point(found),
                    explain::provenance(found)
                )
            }
            None => {
                "Nobody measured this configuration: it fits in memory, how fast it is is unknown.".to_owned()
            }
        }
    }

    /// Why the threshold is what it is, in numbers.
    fn autoscaling(&self) -> Vec<String> {
        let Some(autoscaling) = self.autoscaling else { return Vec::new() };
        let mut text = vec![explain::aim(self.plan, autoscaling)];
        text.extend(autoscaling.held.iter().map(explain::held));
        text.push(explain::replica_range(self.plan, autoscaling));
        text.push(explain::steps(autoscaling));
        text
    }

    fn context(&self) -> Option<String> {
        let tokens = self.plan.max_context_tokens?;
        let made_for = self.plan.model.max_context_tokens;
        (tokens < made_for).then(|| {
            format!(
                "The context is limited to {tokens} tokens by the accelerators' memory; the model was made \
                 for {made_for}."
            )
        })
    }

    fn cache(&self) -> String {
        let default_gib = crate::catalog::BootDisk::DEFAULT.allocatable_gib();
        match self.storage.cache {
            WeightCache::BootDisk
                if self.storage.ephemeral_gib.is_some_and(|gib| gib as f64 > default_gib) =>
            {
                format!(
                    "The weights are downloaded to the node's boot disk, of which the Pod requests more \
                     than the {default_gib:.0} GiB that a default node offers: without the larger disk of \
                     the node pool below it stays Pending."
                )
            }
            WeightCache::BootDisk => "The weights are downloaded to the node's boot disk.".to_owned(),
            WeightCache::ComputeClass => format!(
                "The weights are downloaded to a boot disk of {} GiB, which the ComputeClass asks for.",
                self.storage.boot_disk_gib.unwrap_or_default()
            ),
            WeightCache::LocalSsd => {
                "The weights are kept on the local SSD that the machine brings.".to_owned()
            }
            WeightCache::Shm { gib } => format!(
                "The weights are downloaded to RAM (HF_HOME=/dev/shm/hf_cache, {gib} GiB of the memory \
                 limit): the boot disk of a default node offers {default_gib:.0} GiB to Pods."
            ),
            WeightCache::SidecarMemory { gib } => {
                format!(
                    "The weights are cached in {gib} GiB of the FUSE sidecar's memory, which its \
                     annotations request."
                )
            }
            WeightCache::None => "The weights are read from the bucket without a cache: neither disk nor \
                                  memory holds them twice."
                .to_owned(),
        }
    }
}
