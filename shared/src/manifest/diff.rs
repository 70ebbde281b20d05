//! What today's catalog would make, against what a file holds.

use std::collections::BTreeMap;

use serde_json::Value;
use similar::TextDiff;
use thiserror::Error;

use super::comments::Surroundings;
use super::{ManifestError, ManifestRequest, generate, labels, yaml};
use crate::catalog::Catalog;
use crate::recommend::CurveSource;

/// Annotations that say which catalog made an object: a newer catalog that makes the same is no difference.
const VERSIONS: [&str; 2] = [labels::CATALOG_VERSION, labels::RECOMMENDER_VERSION];

/// What the API server and kubectl add to an object.
const SERVER_ANNOTATIONS: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"];
const SERVER_METADATA: [&str; 6] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// A file and what would be made instead of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Objects of either side, in the order of the file; those only the catalog makes come last.
    pub objects: Vec<ComparedObject>,
}

/// One object on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedObject {
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// How the sides differ.
    pub difference: Difference,
}

/// How the two sides of an object differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The same, apart from the catalog's version.
    None,
    /// Different: a unified diff, the file's lines with `-`, the catalog's with `+`.
    Changed(String),
    /// The catalog would not make it.
    OnlyInFile,
    /// The file does not hold it: the object as YAML.
    OnlyInCatalog(String),
}

/// Why nothing can be compared.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum DiffError {
    /// No YAML.
    #[error("the file is no YAML: {0}")]
    Malformed(String),
    /// Nothing in the file says what it was made from.
    #[error(
        "no Deployment of the file has the annotation `{}`: only manifests that `kubectl infer manifests \
         create` wrote can be compared",
        labels::REQUEST
    )]
    NoRequest,
    /// The annotation cannot be read.
    #[error("annotation `{}` of Deployment `{deployment}`: {message}", labels::REQUEST)]
    Request {
        /// The Deployment that carries it.
        deployment: String,
        /// What is wrong.
        message: String,
    },
    /// Today's catalog makes nothing of the request.
    #[error("today's catalog makes no manifest of Deployment `{deployment}`: {error}")]
    Manifest {
        /// The Deployment.
        deployment: String,
        /// Why.
        error: Box<ManifestError>,
    },
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_same(&self) -> bool {
        self.objects.iter().all(|object| object.difference == Difference::None)
    }

    /// All differences for people; empty when there is none.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for ComparedObject { kind, name, difference } in &self.objects {
            match difference {
                Difference::None => {}
                Difference::Changed(diff) => text.push_str(diff),
                Difference::OnlyInFile => {
                    text.push_str(&format!("--- file: {kind}/{name}\n+++ catalog: none\n"))
                }
                Difference::OnlyInCatalog(object) => {
                    text.push_str(&format!("--- file: none\n+++ catalog: {kind}/{name}\n"));
                    text.extend(object.lines().map(|line| format!("+{line}\n")));
                }
            }
        }
        text
    }
}

/// Curves for manifests: a latency target has to be held with what is known, estimates included; without one the fewest
/// accelerators that hold the model do where nobody measured, and nothing has to be computed.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// What was measured.
    pub measured: &'a dyn CurveSource,
    /// What was measured, and estimates where nobody did.
    pub known: &'a dyn CurveSource,
}

impl<'a> Sources<'a> {
    /// The curves that a request is answered with.
    pub fn of(&self, request: &ManifestRequest) -> &'a dyn CurveSource {
        if request.targets().is_empty() { self.measured } else { self.known }
    }
}

/// Asks the catalog again for every request that the file's Deployments carry, and compares object by object.
///
/// # Errors
/// A file that is no YAML or carries no request, and requests that the catalog no longer answers.
pub fn diff(catalog: &Catalog, sources: &Sources<'_>, file: &str) -> Result<Comparison, DiffError> {
    let in_file = documents(file)?;
    let mut made: BTreeMap<Key, Value> = BTreeMap::new();
    let mut order = Vec::new();
    for (of, request) in requests(&in_file)? {
        let deployment = of.name.clone();
        let set = generate(catalog, sources.of(&request), &request, &Surroundings::default());
        let objects =
            set.and_then(|set| set.objects.iter().map(super::Object::to_json).collect::<Result<Vec<_>, _>>());
        let objects = objects.map_err(|error| DiffError::Manifest { deployment, error: Box::new(error) })?;
        for object in objects {
            // Where the request names no namespace, `kubectl apply` put the objects beside the Deployment.
            let mut key = Key { is_live: of.is_live, ..Key::of(&object) };
            if of.is_live && key.kind != "ComputeClass" {
                key.namespace = of.namespace.clone();
            }
            order.push(key.clone());
            made.insert(key, object);
        }
    }
    let mut objects = Vec::new();
    for object in in_file {
        let key = Key::of(&object);
        let other = made.remove(&key);
        let object = match &other {
            Some(other) if key.is_live => as_written(object, other),
            _ => object,
        };
        objects.push(compared(key, Some(object), other)?);
    }
    for key in order {
        if let Some(object) = made.remove(&key) {
            objects.push(compared(key, None, Some(object))?);
        }
    }
    Ok(Comparison { objects })
}

/// Objects of a file: YAML documents, with those of `List`s.
fn documents(file: &str) -> Result<Vec<Value>, DiffError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(file).map_err(|error| DiffError::Malformed(error.to_string()))?;
    let mut objects = Vec::new();
    for document in documents {
        match document {
            Value::Object(mut list) if list.get("kind").and_then(Value::as_str) == Some("List") => {
                if let Some(Value::Array(items)) = list.remove("items") {
                    objects.extend(items);
                }
            }
            Value::Null => {}
            object => objects.push(object),
        }
    }
    Ok(objects)
}

fn requests(objects: &[Value]) -> Result<Vec<(Key, ManifestRequest)>, DiffError> {
    let mut requests = Vec::new();
    for object in objects {
        let annotation = object.pointer("/metadata/annotations").and_then(|all| all.get(labels::REQUEST));
        let Some(text) = annotation.and_then(Value::as_str) else { continue };
        let deployment = Key::of(object);
        match serde_json::from_str(text) {
            Ok(request) => requests.push((deployment, request)),
            Err(error) => {
                let message = error.to_string();
                return Err(DiffError::Request { deployment: deployment.name, message });
            }
        }
    }
    if requests.is_empty() { Err(DiffError::NoRequest) } else { Ok(requests) }
}

/// What tells the objects of a file apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    namespace: String,
    kind: String,
    name: String,
    /// Whether it was read from a cluster, which fills in what nobody wrote.
    is_live: bool,
}

impl Key {
    fn of(object: &Value) -> Self {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            namespace: text("/metadata/namespace"),
            kind: text("/kind"),
            name: text("/metadata/name"),
            is_live: object.pointer("/metadata/uid").is_some(),
        }
    }
}

/// An object of a cluster without the defaults that the API server fills in: only the fields that `written` has.
/// Items of lists are compared in their order; where their number differs they stay as they are.
fn as_written(live: Value, written: &Value) -> Value {
    match (live, written) {
        (Value::Object(live), Value::Object(written)) => {
            let known = live.into_iter().filter_map(|(field, value)| {
                let like = written.get(&field)?;
                Some((field, as_written(value, like)))
            });
            Value::Object(known.collect())
        }
        (Value::Array(live), Value::Array(written)) if live.len() == written.len() => {
            Value::Array(live.into_iter().zip(written).map(|(item, like)| as_written(item, like)).collect())
        }
        (live, _) => live,
    }
}

fn compared(
    Key { kind, name, .. }: Key,
    file: Option<Value>,
    catalog: Option<Value>,
) -> Result<ComparedObject, DiffError> {
    let render = |object: Value| {
        yaml::to_yaml(&[yaml::in_reading_order(comparable(object))])
            .map_err(|error| DiffError::Malformed(error.to_string()))
    };
    let difference = match (file.map(render).transpose()?, catalog.map(render).transpose()?) {
        (Some(file), Some(catalog)) if file == catalog => Difference::None,
        (Some(file), Some(catalog)) => {
            let diff = TextDiff::from_lines(&file, &catalog);
            let (from, to) = (format!("file: {kind}/{name}"), format!("catalog: {kind}/{name}"));
            Difference::Changed(diff.unified_diff().header(&from, &to).to_string())
        }
        (None, Some(catalog)) => Difference::OnlyInCatalog(catalog),
        (_, None) => Difference::OnlyInFile,
    };
    Ok(ComparedObject { kind, name, difference })
}

/// The object without what says nothing about what was asked of the cluster.
fn comparable(mut object: Value) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.shift_remove("status");
    }
    if let Some(metadata) = object.pointer_mut("/metadata").and_then(Value::as_object_mut) {
        for field in SERVER_METADATA {
            metadata.shift_remove(field);
        }
    }
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        for annotation in VERSIONS.iter().chain(&SERVER_ANNOTATIONS) {
            annotations.shift_remove(*annotation);
        }
    }
    object
}
