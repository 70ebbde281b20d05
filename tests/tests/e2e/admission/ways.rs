//! The ways in which people and tools change an object: each is mended where the template changes, and none takes a
//! fix away, makes a conflict, or needs a second roll-out.

use super::api::{Answer, collection, send};
use super::{Admission, applied, generation, get, has_shared_memory, server};
use crate::cluster::fed;
use anyhow::{Result, ensure};
use axum::http::Method;
use serde_json::{Value, json};

fn path(admission: &Admission<'_>, name: &str, query: &str) -> Result<String> {
    Ok(format!("{}/{name}?{query}", collection("Deployment", admission.namespace.name())?))
}

fn request(
    admission: &Admission<'_>,
    method: Method,
    path: &str,
    content_type: &str,
    body: &Value,
) -> Result<Answer> {
    let answer = send(admission.namespace.control_plane(), method, path, content_type, body)?;
    ensure!(answer.status == 200, "{path}: {}", answer.body);
    Ok(answer)
}

/// Content type and body of each way to let the server of a Deployment run on two GPUs.
fn changes(stored: &Value) -> Vec<(Method, &'static str, Value)> {
    let name = stored["metadata"]["name"].as_str().unwrap_or_default();
    let wanted = server(name, 2);
    let container = &wanted["spec"]["template"]["spec"]["containers"][0];
    let mut replaced = stored.clone();
    // Controllers write its status meanwhile.
    if let Some(metadata) = replaced["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    replaced["spec"]["template"]["spec"]["containers"][0]["args"] = container["args"].clone();
    replaced["spec"]["template"]["spec"]["containers"][0]["resources"] = container["resources"].clone();
    let containers = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
    let strategic = json!({ "spec": { "template": { "spec": { "containers": [{
        "name": "server", "args": container["args"], "resources": container["resources"],
    }] } } } });
    let at = "/spec/template/spec/containers/0";
    let operations = json!([
        { "op": "replace", "path": format!("{at}/args"), "value": container["args"] },
        { "op": "replace", "path": format!("{at}/resources"), "value": container["resources"] },
    ]);
    vec![
        (Method::PUT, "application/json", replaced),
        (Method::PATCH, "application/merge-patch+json", containers),
        (Method::PATCH, "application/strategic-merge-patch+json", strategic),
        (Method::PATCH, "application/json-patch+json", operations),
        (Method::PATCH, "application/apply-patch+yaml", wanted),
    ]
}

#[test]
fn every_change_of_a_template_is_mended_in_one_roll_out() -> Result<()> {
    let admission = Admission::start("changes")?;
    for (index, way) in ["put", "merge", "strategic", "json", "apply"].into_iter().enumerate() {
        let stored = admission.accepts(&server(way, 1))?.body;
        ensure!(!has_shared_memory(&stored["spec"]["template"]), "{way}: {stored}");
        let (method, content_type, body) = changes(&stored).swap_remove(index);
        let parameters = "fieldManager=kubectl&force=true";
        let parameters = if way == "apply" { parameters } else { "fieldManager=kubectl" };

        let dry = path(&admission, way, &format!("dryRun=All&{parameters}"))?;
        let tried = request(&admission, method.clone(), &dry, content_type, &body)?.body;
        ensure!(has_shared_memory(&tried["spec"]["template"]), "{way}, dry run: {tried}");
        assert_eq!(admission.get("Deployment", way)?["spec"], stored["spec"], "{way}: stored by a dry run");

        let changed = path(&admission, way, parameters)?;
        let changed = request(&admission, method, &changed, content_type, &body)?.body;
        ensure!(has_shared_memory(&changed["spec"]["template"]), "{way}: {changed}");
        ensure!(applied(&changed).contains("INF005"), "{way}: {changed}");
        assert_eq!(changed["spec"], tried["spec"], "{way}");
        let now = admission.get("Deployment", way)?;
        assert_eq!(now["spec"], changed["spec"], "{way}");
    }
    Ok(())
}

/// What is in the cluster is replaced by what is in Git, again and again.
#[test]
fn the_authors_own_text_again_changes_nothing() -> Result<()> {
    let admission = Admission::start("again")?;
    let text = server("server", 2);
    let stored = admission.accepts(&text)?.body;
    ensure!(has_shared_memory(&stored["spec"]["template"]), "{stored}");
    for _ in 0..2 {
        let replaced = path(&admission, "server", "")?;
        let replaced = request(&admission, Method::PUT, &replaced, "application/json", &text)?.body;
        assert_eq!(replaced["spec"], stored["spec"]);
        assert_eq!(applied(&replaced), applied(&stored));
    }
    assert_eq!(super::list(&admission.namespace, "ReplicaSet")?.len(), 1);
    Ok(())
}

#[test]
fn server_side_apply_again_has_no_conflict() -> Result<()> {
    let admission = Admission::start("server-side")?;
    let text = server("server", 2);
    let mut seen = Vec::new();
    // The second manager owns the same fields; without `force` a conflict would be an error.
    for manager in ["argocd", "argocd", "flux", "argocd"] {
        let path = path(&admission, "server", &format!("fieldManager={manager}"))?;
        let control_plane = admission.namespace.control_plane();
        let answer = send(control_plane, Method::PATCH, &path, "application/apply-patch+yaml", &text)?;
        ensure!(matches!(answer.status, 200 | 201), "{manager}: {}", answer.body);
        ensure!(has_shared_memory(&answer.body["spec"]["template"]), "{manager}: {}", answer.body);
        seen.push((generation(&answer.body), answer.body["spec"].clone()));
    }
    ensure!(seen.iter().all(|one| one == &seen[0]), "{seen:#?}");
    Ok(())
}

/// Standard output of `kubectl VERB --filename=-` about an object. `diff` fails where there is a difference.
fn kubectl_with(admission: &Admission<'_>, verb: &str, object: &Value) -> Result<String> {
    let output = fed(admission.namespace.kubectl()?.args([verb, "--filename=-"]), &object.to_string())?;
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{verb}: {said}{errors}");
    Ok(said.into_owned())
}

#[test]
fn kubectl_apply_again_and_after_an_edit() -> Result<()> {
    let admission = Admission::start("kubectl-apply")?;
    let mut object = server("server", 2);
    assert_eq!(kubectl_with(&admission, "apply", &object)?, "deployment.apps/server created\n");
    assert_eq!(kubectl_with(&admission, "apply", &object)?, "deployment.apps/server unchanged\n");

    object["spec"]["template"]["spec"]["containers"][0]["image"] = json!("vllm/vllm-openai:v0.9.2");
    assert_eq!(kubectl_with(&admission, "apply", &object)?, "deployment.apps/server configured\n");
    assert_eq!(kubectl_with(&admission, "apply", &object)?, "deployment.apps/server unchanged\n");
    // What `kubectl diff` and deployment tools compare: nothing is left to apply.
    assert_eq!(kubectl_with(&admission, "diff", &object)?, "");
    let stored = get(&admission.namespace, "Deployment", "server")?;
    super::until("the edit has a ReplicaSet of its own", || {
        let sets = super::list(&admission.namespace, "ReplicaSet")?.len();
        ensure!(sets <= 2, "{sets} ReplicaSets for two templates");
        Ok((sets == 2).then_some(()))
    })?;
    ensure!(has_shared_memory(&stored["spec"]["template"]), "{stored}");
    Ok(())
}

#[test]
fn scale_leaves_the_template_alone_and_is_judged() -> Result<()> {
    let admission = Admission::start("scale")?;
    let stored = admission.accepts(&server("server", 2))?.body;
    let scale = |replicas: u32, query: &str| -> Result<Answer> {
        let path = path(&admission, "server/scale", query)?;
        let patch = json!({ "spec": { "replicas": replicas } });
        let merge = "application/merge-patch+json";
        send(admission.namespace.control_plane(), Method::PATCH, &path, merge, &patch)
    };
    for (replicas, query) in [(3, "dryRun=All"), (2, "")] {
        let answer = scale(replicas, query)?;
        ensure!(answer.status == 200, "{}", answer.body);
        let now = admission.get("Deployment", "server")?;
        let expected = if query.is_empty() { replicas } else { 1 };
        assert_eq!(now["spec"]["replicas"], expected);
        assert_eq!(now["spec"]["template"], stored["spec"]["template"]);
    }

    let mut many = server("many", 2);
    many["spec"]["replicas"] = json!(9);
    admission.enforce("few-to-scale", "limits: { replicas: 3 }", &many)?;
    super::until("too many are refused", || {
        let answer = scale(9, "dryRun=All")?;
        let message = answer.body["message"].as_str().unwrap_or_default().to_owned();
        Ok((answer.status == 403 || message.contains("few-to-scale")).then_some(()))
    })?;
    let output =
        admission.namespace.kubectl()?.args(["scale", "deployment/server", "--replicas=9"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success() && said.contains("(policy few-to-scale)"), "{said}");
    for replicas in ["3", "0"] {
        admission.kubectl(&["scale", "deployment/server", &format!("--replicas={replicas}")])?;
    }
    assert_eq!(admission.get("Deployment", "server")?["spec"]["template"], stored["spec"]["template"]);
    Ok(())
}
