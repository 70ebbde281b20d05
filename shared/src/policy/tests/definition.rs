//! The definition of the custom resource, as the cluster gets it.

use std::path::Path;

use kube::CustomResourceExt;
use serde_json::Value;

use super::super::InferencePolicy;

fn definition() -> Value {
    serde_json::to_value(InferencePolicy::crd()).unwrap()
}

#[test]
fn the_file_in_deploy_is_what_the_types_say() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds/inferencepolicies.kubectl-infer.io.yaml");
    let yaml = serde_saphyr::to_string(&definition()).unwrap();
    let text = format!(
        "# Made from the types in `shared/src/policy/resource.rs` by `UPDATE_DOCS=1 cargo test -p infer-core \
         definition`.\n{yaml}"
    );
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, text, "`UPDATE_DOCS=1` writes what the types say now");
}

/// Formats of ours that the API server knows; it warns whoever installs another.
const FORMATS: [&str; 4] = ["int32", "int64", "double", "date-time"];

/// What the API server demands of a structural schema, of those things that a derived one gets wrong.
#[test]
fn the_schema_is_structural() {
    fn check(schema: &Value, at: &str) {
        let Some(schema) = schema.as_object() else { panic!("{at} is no schema: {schema}") };
        assert!(schema.contains_key("type") || schema.contains_key("x-kubernetes-int-or-string"), "{at}");
        for absent in ["$ref", "oneOf", "anyOf", "allOf", "not", "definitions", "$defs"] {
            assert!(!schema.contains_key(absent), "{at} has `{absent}`");
        }
        let format = schema.get("format").and_then(Value::as_str);
        assert!(format.is_none_or(|format| FORMATS.contains(&format)), "{at} has the format {format:?}");
        let properties = schema.get("properties").and_then(Value::as_object);
        assert!(properties.is_none() || !schema.contains_key("additionalProperties"), "{at}");
        for (name, property) in properties.into_iter().flatten() {
            assert!(property.get("description").is_some() || name == "metadata" || at == ".", "{at}.{name}");
            check(property, &format!("{at}.{name}"));
        }
        if let Some(items) = schema.get("items") {
            check(items, &format!("{at}[]"));
        }
    }
    let definition = definition();
    let version = &definition["spec"]["versions"][0];
    check(&version["schema"]["openAPIV3Schema"], ".");
    assert!(version["subresources"]["status"].is_object());
}
