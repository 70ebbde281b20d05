//! INF026: an option that the cluster's driver does not know.

use super::gke_version::{FEATURES, GkeVersion};
use super::mount_options::MountOptions;
use crate::inspect::{PointerBuf, VolumeSource};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Settings, Severity};

/// INF026.
pub(crate) static RULE: Rule = Rule {
    id: "INF026",
    name: "fuse-feature-too-new",
    group: Group::Storage,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "A Cloud Storage FUSE volume asks for something that the declared GKE version does not have",
    needs: "the cluster's GKE version, from the policy or `lint --gke-version`",
    rationale: "The driver refuses a mount option that it does not know and the Pod does not start; an unknown volume \
                attribute is without effect.",
    fix: None,
    source: "github.com/GoogleCloudPlatform/gcs-fuse-csi-driver, docs/releases.md; \
             cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-perf",
    check: Check::Workload(check),
    examples: examples!("INF026", on_an_old_cluster),
};

fn on_an_old_cluster() -> Settings {
    Settings { gke_version: Some("1.30.1-gke.1156000".to_owned()), ..Settings::default() }
}

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let declared = facts.background.settings.gke_version.as_deref().and_then(GkeVersion::parse);
    let Some(declared) = declared else { return Vec::new() };
    let mut found = Vec::new();
    for volume in &facts.pod.volumes {
        let VolumeSource::Fuse { attributes, .. } = volume.source else { continue };
        let options = MountOptions::of(attributes);
        let asked = FEATURES.iter().filter(|feature| options.value(feature.name).is_some_and(is_on));
        found.extend(asked.filter_map(|feature| {
            let since = feature.missing_in(declared)?;
            let at = volume.at.concat(&PointerBuf::from_tokens(["csi", "volumeAttributes"]));
            let what = format!("`{}` of the volume `{}` needs GKE {since}", feature.name, volume.name);
            Some(Found::new(at, what, "upgrade the cluster, or leave the option out"))
        }));
    }
    found
}

fn is_on(value: &str) -> bool {
    !matches!(value, "0" | "false" | "False")
}
