//! INF023: a Cloud Storage FUSE volume without its sidecar.

use serde_json::json;

use crate::inspect::VolumeSource;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// Annotation of a Pod template that asks for the sidecar.
const ANNOTATION: &str = "gke-gcsfuse/volumes";

/// Name of the sidecar, for templates that bring it themselves.
const SIDECAR: &str = "gke-gcsfuse-sidecar";

/// INF023.
pub(crate) static RULE: Rule = Rule {
    id: "INF023",
    name: "fuse-without-annotation",
    group: Group::Storage,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "A Pod template mounts a Cloud Storage FUSE volume without the annotation `gke-gcsfuse/volumes: \"true\"`",
    needs: "an inline volume of the driver; volumes by claim are left alone",
    rationale: "GKE injects the sidecar that mounts the bucket into Pods that carry the annotation on the template; \
                without it the Pod stays in ContainerCreating.",
    fix: Some("sets the annotation on the Pod template"),
    source: "cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-setup",
    check: Check::Workload(check),
    examples: examples!("INF023"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let pod = facts.pod;
    let fuse = pod.volumes.iter().find(|volume| {
        matches!(volume.source, VolumeSource::Fuse { .. })
            && pod
                .containers
                .iter()
                .flat_map(|container| &container.mounts)
                .any(|mount| mount.volume == volume.name)
    });
    let Some(volume) = fuse else { return Vec::new() };
    if pod.containers.iter().any(|container| container.name == SIDECAR) {
        return Vec::new();
    }
    let at = pod.pointer(["metadata", "annotations", ANNOTATION]);
    let remedy = format!("set the annotation `{ANNOTATION}: \"true\"` on the Pod template");
    let caution = match pod.annotation(ANNOTATION) {
        Some("true" | "True") => return Vec::new(),
        Some(_) => Caution::Overwrites,
        None => Caution::Safe,
    };
    let on_workload = facts.workload.annotation(ANNOTATION).is_some() && caution == Caution::Safe;
    let elsewhere =
        if on_workload { "; it stands on the workload, where the driver does not look" } else { "" };
    let what = format!(
        "the volume `{}` needs the annotation `{ANNOTATION}` on the Pod template{elsewhere}",
        volume.name
    );
    let fix = Fix {
        summary: format!("annotate the Pod template with {ANNOTATION}"),
        caution,
        edits: vec![Edit::Set { at: at.clone(), value: json!("true") }],
    };
    vec![Found::new(at, what, remedy).with_fix(fix)]
}
