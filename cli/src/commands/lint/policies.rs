//! The policies that decide, and the labels by which they select namespaces.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use infer_core::lint::Input;
use infer_core::policy::{PolicySet, Snapshot};
use serde_json::Value;

use super::super::files;
use crate::failure::Failure;

/// Puts the policies of files in force.
pub(super) fn of_files(paths: &[PathBuf], snapshot: &mut Snapshot) -> Result<(), Failure> {
    let inputs = files::read(paths, true)?;
    if let Some((input, trouble)) =
        inputs.iter().find_map(|input| Some((input, input.file.troubles().first()?)))
    {
        let line = trouble.place.start.line;
        let message = format!("cannot read the policies in `{}`: line {line}: {}", input.name, trouble.what);
        return Err(Failure::user(anyhow::anyhow!(message)));
    }
    labels(&inputs, snapshot);
    let policies: Vec<_> = objects(&inputs).filter(|object| is_of_kind(object, "InferencePolicy")).collect();
    if policies.is_empty() {
        return Err(Failure::user(anyhow::anyhow!("the files of `--policy` hold no InferencePolicy")));
    }
    put_in_force(policies, snapshot)
}

/// Puts policies in force; one that is broken is an error here, where nobody waits for the others.
pub(super) fn put_in_force<'a>(
    policies: impl IntoIterator<Item = &'a Value>,
    snapshot: &mut Snapshot,
) -> Result<(), Failure> {
    let set = PolicySet::compile(policies, &PolicySet::default());
    for report in set.reports() {
        if let Some(error) = report.errors.first() {
            return Err(Failure::user(anyhow::anyhow!("policy `{}` cannot be read: {error}", report.name)));
        }
    }
    snapshot.policies = Arc::new(set);
    Ok(())
}

/// Takes the labels of the Namespaces among files.
pub(in crate::commands) fn labels(inputs: &[Input], snapshot: &mut Snapshot) {
    for namespace in objects(inputs).filter(|object| is_of_kind(object, "Namespace")) {
        label(namespace, snapshot);
    }
}

/// Takes the labels of a Namespace.
pub(super) fn label(namespace: &Value, snapshot: &mut Snapshot) {
    let Some(name) = namespace.pointer("/metadata/name").and_then(Value::as_str) else { return };
    let labels = namespace.pointer("/metadata/labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    let text = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let labels = text.chain([own_label(name)]).collect();
    snapshot.namespaces.insert(name.to_owned(), Arc::new(labels));
}

/// Gives a namespace of which nothing is known the one label that all have.
pub(in crate::commands) fn name_namespace(name: &str, snapshot: &mut Snapshot) {
    let labels = || Arc::new(BTreeMap::from([own_label(name)]));
    snapshot.namespaces.entry(name.to_owned()).or_insert_with(labels);
}

/// The label that the API server gives every namespace.
fn own_label(name: &str) -> (String, String) {
    ("kubernetes.io/metadata.name".to_owned(), name.to_owned())
}

fn objects(inputs: &[Input]) -> impl Iterator<Item = &Value> {
    inputs.iter().flat_map(|input| input.file.objects().iter().map(|object| input.file.value(object)))
}

/// Whether an object is of a kind.
pub(in crate::commands) fn is_of_kind(object: &Value, kind: &str) -> bool {
    object.get("kind").and_then(Value::as_str) == Some(kind)
}
