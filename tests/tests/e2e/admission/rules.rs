//! Every rule with a fix that is made without being asked for, on every kind: what is stored is what the library
//! says, and a second admission leaves it alone.

use super::api::{collection, send};
use super::kinds::{KINDS, turned_into};
use super::{Admission, applied, becomes, generation};
use anyhow::{Context, Result, ensure};
use axum::http::Method;
use infer_core::rules::{Rule, rules};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Objects that trip a rule, named after it.
fn example(rule: &Rule) -> Result<Vec<Value>> {
    let mut objects: Vec<Value> = serde_saphyr::from_multiple(rule.examples.trips)?;
    let names: Vec<_> = objects.iter().filter_map(|object| object["metadata"]["name"].as_str()).collect();
    let (old, new) = (names.first().context("no name")?.to_string(), rule.id.to_lowercase());
    for object in &mut objects {
        let reference = &mut object["spec"]["scaleTargetRef"];
        if reference["name"] == old.as_str() {
            reference["name"] = json!(new);
        }
        if object["spec"]["scaleTargetRef"].is_null()
            && let Some(spec) = object["spec"].as_object_mut()
        {
            spec.remove("scaleTargetRef");
        }
        object["metadata"]["name"] = json!(new);
    }
    Ok(objects)
}

/// What the API server says of its own accord is not compared.
fn ours(warnings: &[String]) -> BTreeSet<&str> {
    let is_ours = |text: &&str| text.starts_with("INF") || text.starts_with("kubectl-infer.io");
    warnings.iter().map(String::as_str).filter(is_ours).collect()
}

/// Creates the object for real, and compares what is stored and said with what the library says.
fn is_admitted_as_rehearsed(admission: &Admission<'_>, object: &Value, others: &[Value]) -> Result<Value> {
    let (kind, name) = (object["kind"].as_str().unwrap_or_default(), &object["metadata"]["name"]);
    let what = format!("{kind} {name}");
    let rehearsal = admission.rehearse(object, others).with_context(|| what.clone())?;
    let answer = admission.accepts(object).with_context(|| what.clone())?;
    becomes(&what, &answer.body, &rehearsal.object)?;
    let expected = [rehearsal.mutation.warnings, rehearsal.validation.warnings].concat();
    assert_eq!(ours(&answer.warnings), ours(&expected), "{what}");
    let stored = admission.get(kind, name.as_str().unwrap_or_default())?;
    becomes(&what, &stored, &rehearsal.object)?;
    Ok(stored)
}

/// The same object again, and then with a request for new fixes: the specification stays.
fn second_admission_changes_nothing(admission: &Admission<'_>, stored: &Value) -> Result<()> {
    let (kind, name) = (stored["kind"].as_str().unwrap_or_default(), &stored["metadata"]["name"]);
    let collection = collection(kind, admission.namespace.name())?;
    let path = format!("{collection}/{}", name.as_str().unwrap_or_default());
    let control_plane = admission.namespace.control_plane();
    for resync in [Value::Null, json!("true")] {
        let patch = json!({ "metadata": { "annotations": { "kubectl-infer.io/resync": resync } } });
        let merge = "application/merge-patch+json";
        let answer = send(control_plane, Method::PATCH, &path, merge, &patch)?;
        ensure!(answer.status == 200, "{kind} {name}: {}", answer.body);
        // Of Deployments and what they make, annotations count into the generation.
        if !matches!(kind, "Deployment" | "DaemonSet") {
            assert_eq!(generation(&answer.body), generation(stored), "{kind} {name}");
        }
        assert_eq!(answer.body["spec"], stored["spec"], "{kind} {name}");
        assert_eq!(applied(&answer.body), applied(stored), "{kind} {name}");
    }
    Ok(())
}

#[test]
fn examples_are_stored_as_the_library_says() -> Result<()> {
    let admission = Admission::start("rules")?;
    let mut mended = BTreeSet::new();
    // The API server refuses the example of INF059 unless it is mended first; it has a test of its own.
    for rule in rules().filter(|rule| rule.id != "INF059") {
        let objects = example(rule)?;
        let mut others = Vec::new();
        for object in &objects {
            // What other objects say about it reaches the webhook by watch, at its own time.
            let is_autoscaler = !object["spec"]["scaleTargetRef"].is_null();
            if is_autoscaler || object["spec"]["template"].is_null() {
                continue;
            }
            let stored = is_admitted_as_rehearsed(&admission, object, &others)?;
            mended.extend(applied(&stored).split(',').map(str::to_owned));
            if !applied(&stored).is_empty() {
                second_admission_changes_nothing(&admission, &stored)?;
            }
            others.push(stored);
        }
    }
    for rule in ["INF001", "INF002", "INF005", "INF007", "INF020", "INF023", "INF024", "INF025", "INF027"] {
        ensure!(mended.contains(rule), "nothing was mended by {rule}: {mended:?}");
    }
    Ok(())
}

#[test]
fn an_autoscaler_is_mended_once_its_target_is_known() -> Result<()> {
    let admission = Admission::start("autoscaler")?;
    let rule = infer_core::rules::find("no-scaling-behavior").context("no such rule")?;
    let objects = example(rule)?;
    let target = admission.accepts(&objects[0])?.body;
    super::until("the autoscaler's target is known", || {
        let answer = admission.dry_run(&objects[1])?;
        Ok(applied(&answer.body).contains("INF101").then_some(()))
    })?;
    let stored = is_admitted_as_rehearsed(&admission, &objects[1], &[target])?;
    ensure!(stored["spec"]["behavior"]["scaleDown"].is_object(), "{stored}");
    second_admission_changes_nothing(&admission, &stored)
}

#[test]
fn every_kind_is_mended_as_a_deployment_is() -> Result<()> {
    let admission = Admission::start("kinds")?;
    let (mut compared, mut changed) = (0, BTreeSet::new());
    for rule in rules().filter(|rule| rule.fix.is_some() && rule.id != "INF059") {
        for deployment in example(rule)?.iter().filter(|object| object["kind"] == "Deployment") {
            for kind in KINDS {
                let object = turned_into(kind, deployment)?;
                let what = format!("{kind} of {}", rule.id);
                let rehearsal = admission.rehearse(&object, &[]).with_context(|| what.clone())?;
                let answer = admission.dry_run(&object)?;
                ensure!(answer.status == 201, "{what}: {}", answer.body);
                becomes(&what, &answer.body, &rehearsal.object)?;
                if !matches!(applied(&answer.body), "" | "none") {
                    changed.insert(kind);
                }
                compared += 1;
            }
        }
    }
    ensure!(compared > 60, "only {compared} compared");
    ensure!(changed.len() == KINDS.len(), "changed were only {changed:?}");
    Ok(())
}

/// Objects are changed before they are validated.
#[test]
fn what_the_api_server_would_refuse_is_mended_first() -> Result<()> {
    let admission = Admission::start("refused")?;
    let object = example(rules().find(|rule| rule.id == "INF059").context("no INF059")?)?.remove(0);
    let by_itself = super::create(&admission.plain, &object, "dryRun=All")?;
    assert_eq!(by_itself.status, 422, "{}", by_itself.body);

    let stored = admission.accepts(&object)?.body;
    ensure!(applied(&stored).contains("INF059"), "{stored}");
    second_admission_changes_nothing(&admission, &stored)
}

/// Their templates cannot change once they are there, so that they must be right at once.
#[test]
fn what_cannot_change_later_is_mended_at_its_creation() -> Result<()> {
    let admission = Admission::start("immutable")?;
    for kind in KINDS {
        let mut object = turned_into(kind, &super::server("several", 2))?;
        object["metadata"]["name"] = json!(kind.to_lowercase());
        let stored = is_admitted_as_rehearsed(&admission, &object, &[])?;
        ensure!(super::has_shared_memory(super::kinds::template(&stored)), "{kind}: {stored}");
        second_admission_changes_nothing(&admission, &stored)?;
    }
    Ok(())
}
