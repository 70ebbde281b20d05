//! The objects of an installation: the files of the kustomize base, as they are.

use anyhow::Context;
use serde_json::{Value, json};

use super::NAME;
use crate::failure::Failure;

/// In the order in which they are applied. The first is the definition of InferencePolicy.
const FILES: [&str; 9] = [
    include_str!("../../../../deploy/crds/inferencepolicies.kubectl-infer.io.yaml"),
    include_str!("../../../../deploy/kustomize/namespace.yaml"),
    include_str!("../../../../deploy/kustomize/priority-class.yaml"),
    include_str!("../../../../deploy/kustomize/service-account.yaml"),
    include_str!("../../../../deploy/kustomize/rbac.yaml"),
    include_str!("../../../../deploy/kustomize/network-policy.yaml"),
    include_str!("../../../../deploy/kustomize/disruption-budget.yaml"),
    include_str!("../../../../deploy/kustomize/service.yaml"),
    include_str!("../../../../deploy/kustomize/deployment.yaml"),
];

/// All objects of an installation in `namespace`.
pub(super) fn objects(namespace: &str) -> Result<Vec<Value>, Failure> {
    let mut objects = Vec::new();
    for file in FILES {
        let documents: Vec<Value> = serde_saphyr::from_multiple(file)
            .context("an object of the installation cannot be read")
            .map_err(Failure::unexpected)?;
        objects.extend(documents);
    }
    objects.iter_mut().for_each(|object| move_to(object, namespace));
    Ok(objects)
}

fn move_to(object: &mut Value, namespace: &str) {
    if object["kind"] == "Namespace" {
        object["metadata"]["name"] = json!(namespace);
    } else if object.pointer("/metadata/namespace").is_some() {
        object["metadata"]["namespace"] = json!(namespace);
    }
    for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        subject["namespace"] = json!(namespace);
    }
}

/// Sets image and replicas of the Deployment.
pub(super) fn adjust(objects: &mut [Value], image: Option<&str>, replicas: Option<u16>) {
    let Some(deployment) = objects.iter_mut().find(|object| object["kind"] == "Deployment") else { return };
    if let Some(replicas) = replicas {
        deployment["spec"]["replicas"] = json!(replicas);
    }
    if let (Some(image), Some(field)) =
        (image, deployment.pointer_mut("/spec/template/spec/containers/0/image"))
    {
        *field = json!(image);
    }
}

/// Whether an object of the cluster is one of an installation, whoever made it.
pub(super) fn is_ours(object: &kube::api::DynamicObject) -> bool {
    let labels = object.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get("app.kubernetes.io/name")).is_some_and(|name| name == NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_namespace_is_everywhere() {
        let text = serde_json::to_string(&objects("platform").unwrap()).unwrap();
        assert!(!text.contains(r#""namespace":"infer-webhook""#), "{text}");
        assert!(text.contains(r#""namespace":"platform""#));
    }

    /// kustomize reads its list, this program its own: both must have every file.
    #[test]
    fn every_file_of_the_base_is_here() {
        let base = include_str!("../../../../deploy/kustomize/kustomization.yaml");
        assert_eq!(base.lines().filter(|line| line.starts_with("- ")).count(), FILES.len());
    }

    #[test]
    fn image_and_replicas_are_those_of_the_flags() {
        let mut objects = objects(NAME).unwrap();
        adjust(&mut objects, Some("mirror/infer-webhook:v1"), Some(5));
        let deployment = objects.last().unwrap();
        assert_eq!(deployment["spec"]["replicas"], 5);
        let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(image, "mirror/infer-webhook:v1");
    }
}
