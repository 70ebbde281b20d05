//! From a request to a verdict.

use std::borrow::Cow;

use json_patch::Patch;
use serde_json::Value;

use super::annotation::{Author, IGNORE};
use super::case::{Case, Standards};
use super::mend::mend;
use super::standing::{self, Skipped};
use super::{
    Consequence, InForce, Judgement, Operation, Phase, Request, Snapshot, Verdict, provenance, text,
};
use crate::catalog::CatalogError;
use crate::inspect::inspect;
use crate::rules::{ObjectKey, Questions, Scope, apply};

/// The decision on `request`.
///
/// At [`Phase::Mutate`] the fixes are made until none is left; the object says in its annotations what was done, or
/// why nothing was. A Pod, a Job or a JobSet is changed when it is created only, another template when it is created
/// or changed, and never what a controller owns, what is being deleted, or a subresource.
///
/// At [`Phase::Validate`] what is wrong with the final object is said, and refused where a policy says so, but only
/// for what the request brings about: a change is never refused for what was wrong before it, so that a finalizer
/// can be removed, a label set and a workload scaled down whatever policy came after it.
///
/// # Errors
///
/// The catalog cannot be read. An error is never a skip: the caller answers with a failure.
pub fn decide(phase: Phase, request: &Request<'_>, snapshot: &Snapshot) -> Result<Verdict, CatalogError> {
    match (phase, request.subresource) {
        (Phase::Validate, Some("scale")) => scale(request, snapshot),
        (_, Some(_)) => Ok(Verdict::skipped(Skipped::Subresource)),
        (Phase::Mutate, None) => match request.object {
            Some(object) => mutate(request, Cow::Borrowed(object), snapshot),
            None => Ok(Verdict::skipped(Skipped::Operation)),
        },
        (Phase::Validate, None) => validate(request, snapshot),
    }
}

/// [`decide`] about `object`, which nobody needs afterwards: its fixes are tried in it instead of in a copy. `request`
/// has no object of its own.
///
/// # Errors
///
/// As [`decide`].
pub fn decide_about(
    phase: Phase,
    request: &Request<'_>,
    object: Option<Value>,
    snapshot: &Snapshot,
) -> Result<Verdict, CatalogError> {
    match (phase, request.subresource, object) {
        (Phase::Mutate, None, Some(object)) => mutate(request, Cow::Owned(object), snapshot),
        (_, _, object) => decide(phase, &Request { object: object.as_ref(), ..*request }, snapshot),
    }
}

/// What admission as a whole would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsal {
    /// What the mutating webhook answers.
    pub mutation: Verdict,
    /// What the validating webhook answers to the changed object.
    pub validation: Verdict,
    /// The changed object.
    pub object: Value,
}

/// What admission would do with `request`: the object changed and then judged, as the API server asks.
///
/// # Errors
///
/// As [`decide`].
pub fn rehearse(request: &Request<'_>, snapshot: &Snapshot) -> Result<Rehearsal, CatalogError> {
    let mutation = decide(Phase::Mutate, request, snapshot)?;
    let mut object = request.object.cloned().unwrap_or_default();
    // A patch of our own always applies to what it was made of; a property test holds it to that.
    if json_patch::patch(&mut object, &mutation.patch).is_err() {
        object = request.object.cloned().unwrap_or_default();
    }
    let final_request = Request { object: request.object.map(|_| &object), ..*request };
    let validation = decide(Phase::Validate, &final_request, snapshot)?;
    Ok(Rehearsal { mutation, validation, object })
}

fn mutate(
    request: &Request<'_>,
    object: Cow<'_, Value>,
    snapshot: &Snapshot,
) -> Result<Verdict, CatalogError> {
    let asked = Request { object: Some(&object), ..*request };
    let case = standing::judged(&asked).and_then(|object| {
        standing::changeable(&asked, object)?;
        Case::of_judged(object, &asked, snapshot)
    });
    let case = match case {
        Ok(case) => case,
        Err(reason) => return Ok(Verdict::skipped(reason)),
    };
    // What cannot be fixed is judged once, in the final object.
    let judgements = case.judge(Questions::with_fixes(Scope::Everywhere))?;
    let standards = case.standards;
    let mut mended = mend(Scope::Everywhere, object, judgements, &standards)?;
    let mut operations = mended.take_operations();
    let release = snapshot.catalog.release()?;
    let notes = provenance::edits(&mended.object, &mended.fixed, &mended.left, &release.version);
    // An object whose metadata is no object cannot be annotated; the API server refuses it anyway.
    if !notes.is_empty()
        && let Ok(noted) = apply(&notes, mended.object.to_mut())
    {
        operations.extend(noted.0);
    }
    let warnings: Vec<_> = mended.fixed.iter().filter_map(overwritten).collect();
    let unfixed = mended.left.into_iter().filter(|judgement| judgement.unfixed.is_some());
    let judgements = mended.fixed.into_iter().chain(unfixed).collect();
    Ok(Verdict::of(judgements, Patch(operations), None, warnings))
}

/// What is said of a fix that took the place of the author's own words; the final object no longer shows it.
fn overwritten(judgement: &Judgement) -> Option<String> {
    use crate::rules::Caution;
    let fix = judgement.finding.fix.as_ref().filter(|fix| fix.caution != Caution::Safe)?;
    let rule = judgement.finding.rule;
    let by = judgement.decided_by();
    Some(format!("{} {} ({by}) changed what was written: {}", rule.id, rule.name, fix.summary))
}

fn validate(request: &Request<'_>, snapshot: &Snapshot) -> Result<Verdict, CatalogError> {
    let case = match Case::of(request, snapshot) {
        Ok(case) => case,
        Err(reason) => return Ok(Verdict::skipped(reason)),
    };
    let mut judgements = case.judge(Questions::all(Scope::Everywhere))?;
    let Case { object, standards: Standards { author, in_force, .. }, .. } = case;
    let is_denied = |judgement: &Judgement| judgement.consequence == Consequence::Denied;
    if judgements.iter().any(is_denied)
        && let Some(old) = request.old_object.filter(|_| request.operation == Operation::Update)
    {
        let before = denied_before(request, old, object, snapshot)?;
        for judgement in judgements.iter_mut().filter(|judgement| is_denied(judgement)) {
            if before.iter().any(|old| is_same(old, judgement)) {
                judgement.consequence = Consequence::Warned;
            }
        }
    }
    let unread = unread(&in_force, request, object);
    let denial = denial(&judgements, unread.refusals);
    let warnings = unread.warnings.into_iter().chain(warnings(&author, &judgements));
    let mut verdict = Verdict::of(judgements, Patch::default(), denial, warnings);
    if let Some(reason) = author.reason {
        verdict.audit.insert("ignore-reason".to_owned(), text::cut(&reason, text::WARNING_BYTES));
    }
    Ok(verdict)
}

/// What the object would have been refused for as it was, by the policies of today.
///
/// What its author ignored then does not count, so that taking the annotation away refuses nothing; its labels do,
/// so that a workload cannot be created under labels that no policy selects and relabelled afterwards. Fewer replicas
/// are no news: the old object is judged with the new number where that is smaller.
fn denied_before(
    request: &Request<'_>,
    old: &Value,
    object: &Value,
    snapshot: &Snapshot,
) -> Result<Vec<Judgement>, CatalogError> {
    let old = with_fewer_replicas(old, object);
    let subject = inspect(&old);
    let in_force = snapshot.in_force(request, &old, &subject);
    let standards = Standards { author: Author::default(), in_force, snapshot };
    let judgements = standards.judge(Questions::all(Scope::Everywhere), &subject)?;
    Ok(judgements.into_iter().filter(|judgement| judgement.consequence == Consequence::Denied).collect())
}

fn is_same(old: &Judgement, new: &Judgement) -> bool {
    old.finding.rule == new.finding.rule
        && old.finding.at == new.finding.at
        && old.finding.what == new.finding.what
}

/// `old` with the numbers of replicas that `object` lowers.
fn with_fewer_replicas<'a>(old: &'a Value, object: &Value) -> Cow<'a, Value> {
    const COUNTS: [&str; 5] = [
        "/spec/replicas",
        "/spec/minReplicas",
        "/spec/maxReplicas",
        "/spec/minReplicaCount",
        "/spec/maxReplicaCount",
    ];
    let mut old = Cow::Borrowed(old);
    for at in COUNTS {
        let count = |value: &Value| value.pointer(at).and_then(Value::as_u64);
        let (Some(before), Some(after)) = (count(&old), count(object)) else { continue };
        if after < before
            && let Some(place) = old.to_mut().pointer_mut(at)
        {
            *place = after.into();
        }
    }
    old
}

/// The workload behind a `scale` subresource with the number of replicas that is asked for.
fn scale(request: &Request<'_>, snapshot: &Snapshot) -> Result<Verdict, CatalogError> {
    let scales = match standing::judged(request) {
        Ok(object) => [Some(object), request.old_object],
        Err(reason) => return Ok(Verdict::skipped(reason)),
    };
    let replicas = |scale: &Value| scale.pointer("/spec/replicas").cloned();
    let [Some(after), before] = scales.map(|scale| scale.and_then(replicas)) else {
        return Ok(Verdict::skipped(Skipped::Unrelated));
    };
    let Some(workload) = scaled(request).and_then(|key| snapshot.neighbours.find(&key)) else {
        return Ok(Verdict::skipped(Skipped::Unrelated));
    };
    let with = |replicas: Value| {
        let mut workload = workload.clone();
        if let Some(spec) = workload.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("replicas".to_owned(), replicas);
        }
        workload
    };
    let old = before.map_or_else(|| workload.clone(), with);
    let object = with(after);
    let request = Request { subresource: None, object: Some(&object), old_object: Some(&old), ..*request };
    validate(&request, snapshot)
}

fn scaled(request: &Request<'_>) -> Option<ObjectKey> {
    let kind = match request.resource? {
        "deployments" => "Deployment",
        "statefulsets" => "StatefulSet",
        "replicasets" => "ReplicaSet",
        "replicationcontrollers" => "ReplicationController",
        "leaderworkersets" => "LeaderWorkerSet",
        _ => return None,
    };
    let name = request.object?.pointer("/metadata/name").and_then(Value::as_str)?;
    let namespace = request.namespace.unwrap_or_default();
    Some(ObjectKey { namespace: namespace.to_owned(), kind: kind.to_owned(), name: name.to_owned() })
}

/// What has to be said of policies that cannot be read.
#[derive(Debug, Default)]
struct Unread {
    refusals: Vec<String>,
    warnings: Vec<String>,
}

/// What the broken policies mean for `object`: an error is never a skip. Where one that refuses selects the object,
/// what is new or changed is refused.
fn unread(in_force: &InForce<'_>, request: &Request<'_>, object: &Value) -> Unread {
    let mut unread = Unread::default();
    if in_force.broken().is_empty() {
        return unread;
    }
    let old = request.old_object.filter(|_| request.operation == Operation::Update);
    let is_changed = old.is_none_or(|old| with_fewer_replicas(old, object).get("spec") != object.get("spec"));
    for broken in in_force.broken() {
        let (name, error) = (&broken.name, &broken.error);
        if broken.enforces && broken.selectors.is_some() && is_changed {
            unread.refusals.push(format!(
                "policy {name} cannot be read, and what it selects is not admitted until it can: {error}"
            ));
        } else {
            unread.warnings.push(format!("policy {name} cannot be read and is not in force: {error}"));
        }
    }
    unread
}

fn denial(judgements: &[Judgement], unread: Vec<String>) -> Option<String> {
    let denied = judgements.iter().filter(|judgement| judgement.consequence == Consequence::Denied);
    let mut reasons: Vec<_> = denied.map(Judgement::denial).chain(unread).collect();
    reasons.dedup();
    match reasons.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("{} reasons:\n- {}", several.len(), several.join("\n- "))),
    }
}

/// Warnings about the final object, what matters most first.
fn warnings(author: &Author, judgements: &[Judgement]) -> Vec<String> {
    let unknown = author.unknown.iter().map(|word| {
        format!("{IGNORE} names no rule in `{word}`; `kubectl infer rules list` prints those there are")
    });
    let mut warned: Vec<_> =
        judgements.iter().filter(|judgement| judgement.consequence == Consequence::Warned).collect();
    warned.sort_by_key(|judgement| std::cmp::Reverse(judgement.finding.severity));
    unknown.chain(warned.into_iter().map(Judgement::warning)).collect()
}
