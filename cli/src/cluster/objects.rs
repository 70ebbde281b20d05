//! Single objects of any kind: applied, deleted, named.

use anyhow::Context;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{GroupVersionKind, TypeMeta};
use serde_json::Value;

use crate::failure::Failure;

/// Who owns the fields.
const MANAGER: &str = "kubectl-infer";

/// What became of an object.
pub(crate) type Change = &'static str;

/// How objects are applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mode {
    pub(crate) dry_run: bool,
    pub(crate) force: bool,
}

/// `kind/name`, in small letters, as kubectl prints it.
pub(crate) fn label(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]).to_lowercase(), text(&object["metadata"]["name"]))
}

/// The API of an object, and its name.
pub(crate) fn api(client: &Client, object: &Value) -> Result<(Api<DynamicObject>, String), Failure> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let named = || Some((text("/apiVersion")?, text("/kind")?, text("/metadata/name")?));
    let (version, kind, name) = named().context("an object has no name").map_err(Failure::unexpected)?;
    let types = TypeMeta { api_version: version.to_owned(), kind: kind.to_owned() };
    let kind = GroupVersionKind::try_from(&types)
        .context("an object has no version")
        .map_err(Failure::unexpected)?;
    let resource = ApiResource::from_gvk(&kind);
    let api = match text("/metadata/namespace") {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    Ok((api, name.to_owned()))
}

/// The object as it is in the cluster.
pub(crate) async fn get(client: &Client, object: &Value) -> Result<Option<DynamicObject>, Failure> {
    let (api, name) = api(client, object)?;
    api.get_opt(&name).await.map_err(super::failure)
}

/// Applies an object on the server.
pub(crate) async fn apply(client: &Client, object: &Value, mode: Mode) -> Result<Change, Failure> {
    let before = get(client, object).await?;
    let (api, name) = api(client, object)?;
    let mut parameters = PatchParams::apply(MANAGER).validation_strict();
    parameters.dry_run = mode.dry_run;
    parameters.force = mode.force;
    let after = api.patch(&name, &parameters, &Patch::Apply(object)).await.map_err(|error| match error {
        kube::Error::Api(status) if status.is_conflict() => {
            Failure::user(anyhow::anyhow!("{}: {}", label(object), status.message)).hint(
                "`--force-conflicts` takes the fields over; an installation by helm is changed with helm",
            )
        }
        error => super::failure(error),
    })?;
    Ok(match before {
        None => "created",
        Some(before) if before.metadata.resource_version == after.metadata.resource_version => "unchanged",
        Some(_) => "configured",
    })
}

/// Deletes an object, if it is there.
pub(crate) async fn delete(client: &Client, object: &Value) -> Result<Change, Failure> {
    let (api, name) = api(client, object)?;
    match api.delete(&name, &DeleteParams::background()).await {
        Ok(_) => Ok("deleted"),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok("not found"),
        Err(error) => Err(super::failure(error)),
    }
}
