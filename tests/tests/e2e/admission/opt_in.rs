//! Who is called at all: with the selector that the program registers, in namespaces that asked for it, and never in
//! those of the cluster itself.

use super::{create, get, has_shared_memory, kubectl, server, until};
use anyhow::{Result, ensure};
use infer_tests::{ControlPlane, InferWebhook, TestNamespace, exclusive_registration};

const LABEL: &str = "kubectl-infer.io/admission";

fn is_changed(namespace: &TestNamespace<'_>) -> Result<bool> {
    let answer = create(namespace, &server("probe", 2), "dryRun=All")?;
    ensure!(answer.status == 201, "{}", answer.body);
    Ok(has_shared_memory(&answer.body["spec"]["template"]))
}

/// A label that is taken away again, whatever the test comes to.
struct Label<'a>(&'a ControlPlane, &'a str);

impl<'a> Label<'a> {
    fn set(control_plane: &'a ControlPlane, namespace: &'a str) -> Result<Self> {
        let output = control_plane
            .kubectl()?
            .args(["label", "namespace", namespace, &format!("{LABEL}=enabled")])
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(Self(control_plane, namespace))
    }
}

impl Drop for Label<'_> {
    fn drop(&mut self) {
        if let Ok(mut command) = self.0.kubectl() {
            drop(command.args(["label", "namespace", self.1, &format!("{LABEL}-")]).output());
        }
    }
}

#[test]
fn only_namespaces_with_the_label_and_as_long_as_they_have_it() -> Result<()> {
    let control_plane = ControlPlane::shared()?;
    let (asked, other) = (control_plane.namespace("asked")?, control_plane.namespace("not-asked")?);
    let (webhook, certificates) = InferWebhook::start(control_plane)?;
    let names = [asked.name(), other.name(), "kube-system"];
    let _registration = webhook.register_where_asked(control_plane, &names, &certificates)?;
    let _only = exclusive_registration();
    create(&asked, &server("before", 2), "")?;
    let before = get(&asked, "Deployment", "before")?;

    let label = Label::set(control_plane, asked.name())?;
    let _system = Label::set(control_plane, "kube-system")?;
    until("the namespace that asked is served", || Ok(is_changed(&asked)?.then_some(())))?;
    ensure!(!is_changed(&other)?, "a namespace that did not ask is served");
    let path = "/apis/apps/v1/namespaces/kube-system/deployments?dryRun=All";
    let object = server("probe", 2);
    let method = axum::http::Method::POST;
    let answer = super::api::send(control_plane, method, path, "application/json", &object)?;
    assert_eq!((answer.status, answer.warnings.len()), (201, 0), "{}", answer.body);
    ensure!(!has_shared_memory(&answer.body["spec"]["template"]), "kube-system was touched");

    // The label alone moves nothing.
    std::thread::sleep(super::CALM);
    let after = get(&asked, "Deployment", "before")?;
    assert_eq!(super::generation(&after), super::generation(&before));
    assert_eq!(super::list(&asked, "ReplicaSet")?.len(), 1);

    drop(label);
    until("the namespace that opted out is left alone", || Ok((!is_changed(&asked)?).then_some(())))?;
    kubectl(&asked, &["delete", "deployment", "before"])?;
    Ok(())
}
