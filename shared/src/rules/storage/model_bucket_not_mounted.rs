//! INF020: a bucket that the workload names and nothing mounts.

use super::model_bucket::{self, ANNOTATION, can_be_added, mounted_at};
use crate::manifest::BucketUri;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Facts, Fix, Group, Rule, Scope, Severity};

/// INF020.
pub(crate) static RULE: Rule = Rule {
    id: "INF020",
    name: "model-bucket-not-mounted",
    group: Group::Storage,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The annotation `kubectl-infer.io/model-bucket-uri` names a bucket that the server does not mount",
    needs: "the annotation, on the workload or the Pod template",
    rationale: "The annotation says that the weights lie in the bucket; the server would download them from the Hub at \
                every start.",
    fix: Some(
        "adds the volume with the mount options for weights, a read-only mount at `/data`, the sidecar's annotations \
         and, where the machine has room, its cache",
    ),
    source: "cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-perf, inference serving",
    check: Check::Workload(check),
    examples: examples!("INF020"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(Ok(bucket)) = model_bucket::named(facts) else { return Vec::new() };
    if mounted_at(facts, &bucket).is_some() {
        return Vec::new();
    }
    let at = facts.pod.pointer(["spec", "volumes"]);
    let found = Found::new(
        at,
        format!("`{ANNOTATION}` names `{bucket}`, which is not mounted"),
        remedy(facts, &bucket),
    );
    if !can_be_added(facts, &bucket) {
        return vec![found];
    }
    let fix = Fix {
        summary: format!("mount {bucket} at /data"),
        caution: Caution::Safe,
        edits: model_bucket::edits(facts, &bucket),
    };
    vec![found.with_fix(fix)]
}

fn remedy(facts: &Facts<'_>, bucket: &BucketUri) -> String {
    let account =
        facts.pod.spec().get("serviceAccountName").and_then(|name| name.as_str()).unwrap_or("default");
    let namespace = facts.workload.identity.namespace.unwrap_or("NAMESPACE");
    format!(
        "mount it read-only through Cloud Storage FUSE, and grant roles/storage.objectViewer on `{}` to the service \
         account `{account}`: principal://iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/\
         PROJECT.svc.id.goog/subject/ns/{namespace}/sa/{account}",
        bucket.bucket()
    )
}
