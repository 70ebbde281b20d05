//! What the files hold: policies in force, and objects under them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use infer_core::catalog::Catalog;
use infer_core::documents::{FileObject, TroubleKind};
use infer_core::inspect::PointerBuf;
use infer_core::lint::{Input, ObjectName, surroundings};
use infer_core::policy::{PolicySet, Rehearsal, Request, Skipped, Snapshot, rehearse, spending};
use infer_core::rules::NamespaceSum;
use serde_json::Value;

use super::super::files;
use super::super::lint::now;
use super::super::lint::policies::{is_of_kind, labels, name_namespace};
use crate::arguments::PolicyFiles;
use crate::failure::Failure;
use crate::output::{Outcome, printable};

/// Files, policies and what is known beside each file.
pub(super) struct Situation<'a> {
    inputs: Vec<Input>,
    snapshots: Vec<Arc<Snapshot>>,
    /// Namespace of objects that name none.
    namespace: Option<&'a str>,
    now: i64,
    /// What cannot be read, a sentence each.
    pub(super) problems: Vec<String>,
}

/// An object of a file.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    input: &'a Input,
    object: &'a FileObject,
    pub(super) value: &'a Value,
    pub(super) snapshot: &'a Snapshot,
    pub(super) request: Request<'a>,
}

impl<'a> Situation<'a> {
    /// Reads the files and puts their policies in force. A document or policy that cannot be read hides no other: as
    /// at admission, what a broken policy would have refused is refused.
    pub(super) fn read(
        catalog: Catalog,
        namespace: Option<&'a str>,
        options: &PolicyFiles,
    ) -> Result<Self, Failure> {
        let inputs = files::read(&options.filename, options.recursive)?;
        let mut problems = troubles(&inputs);
        let mut known = Snapshot { catalog: Arc::new(catalog), ..Snapshot::default() };
        labels(&inputs, &mut known);
        let values =
            || inputs.iter().flat_map(|input| input.file.objects().iter().map(|it| input.file.value(it)));
        let named = values().filter_map(|value| value.pointer("/metadata/namespace")?.as_str());
        named.chain(namespace).for_each(|name| name_namespace(name, &mut known));
        let policies = PolicySet::compile(values().filter(|value| is_policy(value)), &PolicySet::default());
        for report in policies.reports() {
            let errors = report.errors.iter().map(|error| format!("policy `{}`: {error}", report.name));
            problems.extend(errors);
        }
        known.policies = Arc::new(policies);
        let snapshots = surroundings(&inputs, &known);
        Ok(Self { inputs, snapshots, namespace, now: now(), problems })
    }

    /// All objects, in the order of the files.
    pub(super) fn objects(&self) -> impl Iterator<Item = Object<'_>> {
        let files = self.inputs.iter().zip(&self.snapshots);
        files.flat_map(move |(input, snapshot)| {
            input.file.objects().iter().map(move |object| {
                let value = input.file.value(object);
                let mut request = Request::create(value, self.now);
                request.namespace = request.namespace.or(self.namespace);
                Object { input, object, value, snapshot, request }
            })
        })
    }

    /// The policies, as they are written.
    pub(super) fn policies(&self) -> impl Iterator<Item = Object<'_>> {
        self.objects().filter(|object| is_policy(object.value))
    }

    /// What admission does with every inference workload and autoscaler.
    pub(super) fn rehearsals(&self) -> Result<Vec<(Object<'_>, Rehearsal)>, Failure> {
        let mut rehearsals = Vec::new();
        for object in self.objects() {
            let rehearsal = rehearse(&object.request, object.snapshot).map_err(Failure::user)?;
            if rehearsal.validation.skipped.is_none() {
                rehearsals.push((object, rehearsal));
            }
        }
        Ok(rehearsals)
    }

    /// Says, beside the outcome, what could not be read.
    pub(super) fn outcome(&self, text: String, status: u8) -> Outcome {
        let said: Vec<_> =
            self.problems.iter().map(|problem| format!("error: {}", printable(problem))).collect();
        match said.is_empty() {
            true => Outcome { status, ..Outcome::print(text) },
            false => Outcome { status: 2, remark: Some(Cow::Owned(said.join("\n"))), ..Outcome::print(text) },
        }
    }
}

/// What the admitted workloads come to, by namespace.
pub(super) fn sums(
    rehearsals: &[(Object<'_>, Rehearsal)],
) -> Result<BTreeMap<String, NamespaceSum>, Failure> {
    let admitted = rehearsals.iter().filter(|(_, rehearsal)| rehearsal.validation.is_allowed());
    spending(admitted.map(|(object, _)| (object.request, object.snapshot))).map_err(Failure::user)
}

impl Object<'_> {
    /// Name of the object, with the namespace that it is taken to be in.
    pub(super) fn name(&self) -> ObjectName {
        ObjectName { namespace: self.request.namespace.map(str::to_owned), ..ObjectName::of(self.value) }
    }

    /// File of the object.
    pub(super) fn file(&self) -> &str {
        &self.input.name
    }

    /// Line on which the object begins.
    pub(super) fn line(&self) -> usize {
        self.input.file.place_of(self.object, &PointerBuf::root()).start.line
    }
}

/// `Deployment serving/llama`.
pub(super) fn called(name: &ObjectName) -> String {
    let own = name.name.as_deref().unwrap_or("(no name)");
    match &name.namespace {
        Some(namespace) => format!("{} {namespace}/{own}", name.kind),
        None => format!("{} {own}", name.kind),
    }
}

/// Whether no rule can have anything to say about an object.
pub(super) fn is_silent(skipped: Skipped) -> bool {
    skipped == Skipped::Unrelated
}

fn is_policy(value: &Value) -> bool {
    let group = value.get("apiVersion").and_then(Value::as_str);
    is_of_kind(value, "InferencePolicy") && group.is_some_and(|group| group.starts_with("kubectl-infer.io/"))
}

fn troubles(inputs: &[Input]) -> Vec<String> {
    let troubles = inputs.iter().flat_map(|input| input.file.troubles().iter().map(move |it| (input, it)));
    // Of a key that stands twice the API server keeps the later one, as is done here.
    let unread = troubles.filter(|(_, trouble)| trouble.kind != TroubleKind::DuplicateKey);
    unread
        .map(|(input, trouble)| {
            let at = trouble.place.start;
            format!("{}:{}:{}: {}", input.name, at.line, at.column, trouble.what)
        })
        .collect()
}
