//! Namespaces, policies and workloads from files, in place of a cluster.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use infer_core::catalog::Catalog;
use infer_core::policy::{PolicySet, Snapshot};
use serde_json::Value;

/// What decisions rest on, with the objects of the files at `paths`.
///
/// # Errors
///
/// A file cannot be read.
pub(crate) fn read(paths: &[PathBuf], catalog: Arc<Catalog>) -> anyhow::Result<Snapshot> {
    let mut snapshot = Snapshot { catalog, ..Snapshot::default() };
    let mut policies = Vec::new();
    for path in paths {
        let objects = documents(path).with_context(|| format!("cannot read objects `{}`", path.display()))?;
        let (found, others): (Vec<_>, Vec<_>) = objects
            .into_iter()
            .partition(|object| object.get("kind").and_then(Value::as_str) == Some("InferencePolicy"));
        policies.extend(found);
        others.into_iter().for_each(|object| insert(&mut snapshot, object));
    }
    let set = PolicySet::compile(&policies, &PolicySet::default());
    for report in set.reports() {
        for error in &report.errors {
            tracing::error!(policy = report.name, %error, "policy is broken");
        }
    }
    snapshot.policies = Arc::new(set);
    Ok(snapshot)
}

fn documents(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text = fs::read_to_string(path)?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text)?;
    Ok(documents.into_iter().filter(Value::is_object).collect())
}

fn insert(snapshot: &mut Snapshot, object: Value) {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str);
    match (text("/kind"), text("/metadata/name")) {
        (Some("Namespace"), Some(name)) => {
            let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
            let labels = labels.into_iter().flatten();
            let labels: BTreeMap<_, _> =
                labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
            snapshot.namespaces.insert(name.to_owned(), Arc::new(labels));
        }
        _ => snapshot.neighbours.insert(Arc::new(object)),
    }
}
