//! Whether an object may be changed or judged at all: the rules that keep a webhook from locking a cluster or from
//! rolling out what nobody touched.

use serde_json::Value;

use super::annotation::{RESYNC, own};
use super::{Operation, Request};
use crate::inspect::pod_templates;

/// Namespaces of the cluster's own parts: never changed, never judged.
pub(super) const OWN_NAMESPACES: [&str; 2] = ["kube-system", "kube-node-lease"];

/// Kinds whose templates cannot change after creation.
const IMMUTABLE: [&str; 3] = ["Pod", "Job", "JobSet"];

/// Kinds that are judged themselves, so that what their controllers make of them is not judged again.
const JUDGED_OWNERS: [&str; 9] = [
    "Deployment",
    "StatefulSet",
    "ReplicaSet",
    "DaemonSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "JobSet",
    "LeaderWorkerSet",
];

/// Why nothing is said about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skipped {
    /// No Pod of it serves a model, and it scales none.
    Unrelated,
    /// Deleted, connected to, or without an object.
    Operation,
    /// A part of the object that no rule speaks about, such as `status`.
    Subresource,
    /// In a namespace of the cluster itself.
    Namespace,
    /// On its way out.
    Deleting,
    /// A Pod that a kubelet mirrors from a file.
    Mirror,
    /// Made by a controller, from an object that is judged itself. What a controller owns is never changed: a
    /// ReplicaSet that no longer equals its Deployment's template makes the controller create others without end.
    Owned,
    /// The template did not change, or cannot.
    Unchanged,
}

impl Skipped {
    /// Name for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unrelated => "unrelated",
            Self::Operation => "operation",
            Self::Subresource => "subresource",
            Self::Namespace => "namespace",
            Self::Deleting => "deleting",
            Self::Mirror => "mirror",
            Self::Owned => "owned",
            Self::Unchanged => "unchanged",
        }
    }
}

/// The object that may be judged, or why it may not.
pub(super) fn judged<'a>(request: &Request<'a>) -> Result<&'a Value, Skipped> {
    if matches!(request.operation, Operation::Delete | Operation::Connect) {
        return Err(Skipped::Operation);
    }
    let object = request.object.ok_or(Skipped::Operation)?;
    if request.namespace.is_some_and(|namespace| OWN_NAMESPACES.contains(&namespace)) {
        return Err(Skipped::Namespace);
    }
    let metadata = object.get("metadata").unwrap_or(&Value::Null);
    if metadata.get("deletionTimestamp").is_some_and(|stamp| !stamp.is_null()) {
        return Err(Skipped::Deleting);
    }
    if own(object, "kubernetes.io/config.mirror").is_some() {
        return Err(Skipped::Mirror);
    }
    match controller(object) {
        Some(kind) if JUDGED_OWNERS.contains(&kind) && is_component(request.user) => Err(Skipped::Owned),
        _ => Ok(object),
    }
}

/// Whether the object that may be judged may also be changed, or why it may not.
pub(super) fn changeable(request: &Request<'_>, object: &Value) -> Result<(), Skipped> {
    if request.subresource.is_some() {
        return Err(Skipped::Subresource);
    }
    if controller(object).is_some() {
        return Err(Skipped::Owned);
    }
    let Some(old) = request.old_object.filter(|_| request.operation == Operation::Update) else {
        return Ok(());
    };
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    if IMMUTABLE.contains(&kind) {
        return Err(Skipped::Unchanged);
    }
    let is_template_same = if is_autoscaler(kind) {
        object.get("spec") == old.get("spec")
    } else {
        let values = |object| pod_templates(object).into_iter().map(|template| template.value);
        values(object).eq(values(old))
    };
    if is_template_same && !asks_for_resync(object, old) { Err(Skipped::Unchanged) } else { Ok(()) }
}

fn is_autoscaler(kind: &str) -> bool {
    matches!(kind, "HorizontalPodAutoscaler" | "ScaledObject")
}

fn asks_for_resync(object: &Value, old: &Value) -> bool {
    let asked = own(object, RESYNC);
    asked != own(old, RESYNC) && !matches!(asked, None | Some("" | "false"))
}

/// Kind of the controller that owns `object`.
fn controller(object: &Value) -> Option<&str> {
    let owners = object.get("metadata")?.get("ownerReferences")?.as_array()?;
    let controls = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
    Some(owners.iter().find(controls)?.get("kind").and_then(Value::as_str).unwrap_or_default())
}

/// Whether a part of the cluster asks. Names with this prefix are reserved to the cluster, so that a person who
/// writes an owner into a Pod does not get past a policy with it.
fn is_component(user: Option<&str>) -> bool {
    user.is_none_or(|user| user.starts_with("system:"))
}
