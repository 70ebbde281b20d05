//! The forms of real manifests, and what a naive reader gets wrong about them.

mod command_lines;
mod serving_containers;
mod settings;

use serde_json::Value;

use super::{ServingPod, Subject, Told, inspect};

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// A Deployment of one container, written as its fields.
fn deployment(container: &str) -> Value {
    let container = container.trim_matches('\n').replace('\n', "\n          ");
    yaml(&format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: server}}\nspec:\n  template:\n    spec:\n      containers:\n        - name: server\n          {container}\n"
    ))
}

/// What the only serving Pod of `object` looks like to `look`.
fn serving<R>(object: &Value, look: impl FnOnce(&ServingPod<'_>) -> R) -> R {
    match inspect(object) {
        Subject::Workload(workload) => look(&workload.pods[0]),
        other => panic!("not a workload: {other:?}"),
    }
}

fn is<T>(value: impl Into<T>) -> Told<T> {
    Told::Is(value.into())
}
