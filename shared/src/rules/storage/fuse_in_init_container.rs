//! INF028: an init container that waits for a sidecar which starts after it.

use super::gke_version::{GkeVersion, NATIVE_SIDECARS};
use crate::inspect::VolumeSource;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Settings, Severity};

/// INF028.
pub(crate) static RULE: Rule = Rule {
    id: "INF028",
    name: "fuse-in-init-container",
    group: Group::Storage,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "An init container mounts a Cloud Storage FUSE volume on a GKE without native sidecars",
    needs: "the cluster's GKE version, from the policy or `lint --gke-version`",
    rationale: "Before GKE 1.29 the sidecar that serves the mount starts after all init containers: an init container \
                that reads the mount hangs.",
    fix: None,
    source: "cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-setup; \
             github.com/GoogleCloudPlatform/gcs-fuse-csi-driver, docs/releases.md, 1.2.0",
    check: Check::Workload(check),
    examples: examples!("INF028", before_native_sidecars),
};

fn before_native_sidecars() -> Settings {
    Settings { gke_version: Some("1.28.9-gke.1209000".to_owned()), ..Settings::default() }
}

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let declared = facts.background.settings.gke_version.as_deref().and_then(GkeVersion::parse);
    if declared.is_none_or(|version| version >= NATIVE_SIDECARS) {
        return Vec::new();
    }
    let is_fuse = |name: &str| {
        let volume = facts.pod.volumes.iter().find(|volume| volume.name == name);
        volume.is_some_and(|volume| matches!(volume.source, VolumeSource::Fuse { .. }))
    };
    let init = facts.pod.containers.iter().filter(|container| container.is_init && !container.runs_along);
    let mounts = init.flat_map(|container| container.mounts.iter().map(move |mount| (container, mount)));
    let found = mounts.filter(|(_, mount)| is_fuse(mount.volume)).map(|(container, mount)| {
        let what = format!(
            "the init container `{}` mounts the Cloud Storage FUSE volume `{}`, which is served only after it",
            container.name, mount.volume
        );
        Found::new(mount.at.clone(), what, "upgrade every node to GKE 1.29, or do the work in a Job before")
    });
    found.collect()
}
