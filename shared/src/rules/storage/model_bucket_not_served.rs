//! INF021: a server that downloads the model whose bucket the workload names.

use serde_json::{Value, json};

use super::model_bucket::{self, can_be_added, mounted_at};
use crate::inspect::{ModelSource, PointerBuf};
use crate::manifest::bucket::MODEL_PATH;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// INF021.
pub(crate) static RULE: Rule = Rule {
    id: "INF021",
    name: "model-bucket-not-served",
    group: Group::Storage,
    severity: Severity::Warning,
    scope: Scope::Everywhere,
    summary: "The server loads a model from the Hub although `kubectl-infer.io/model-bucket-uri` names its bucket",
    needs: "the annotation, and a model argument that is a Hub id",
    rationale: "The weights are downloaded at every start while their copy in the bucket lies unused.",
    fix: Some(
        "sets the model argument to the mount and keeps the served name, where the policy lets arguments change",
    ),
    source: "cloud.google.com/kubernetes-engine/docs/how-to/machine-learning/inference/inference-quickstart",
    check: Check::Workload(check),
    examples: examples!("INF021"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some(Ok(bucket)) = model_bucket::named(facts) else { return Vec::new() };
    let ModelSource::Hub(id) = &facts.pod.model else { return Vec::new() };
    let mounted = mounted_at(facts, &bucket);
    let path = mounted.unwrap_or(MODEL_PATH);
    let place = words_naming(facts, id);
    let at = place.first().map_or_else(|| facts.pod.serving().pointer(["args"]), |(at, _)| at.clone());
    let what = format!("the server loads `{id}` from the Hub, its copy in `{bucket}` lies unused");
    let found = Found::new(at, what, format!("name the mount `{path}` as the model"));
    let [(at, prefix)] = place.as_slice() else { return vec![found] };
    let mut edits = match mounted {
        Some(_) => Vec::new(),
        None if can_be_added(facts, &bucket) => model_bucket::edits(facts, &bucket),
        None => return vec![found],
    };
    edits.push(Edit::Set { at: at.clone(), value: json!(format!("{prefix}{path}")) });
    // Clients name the model; that it moved is not theirs to notice.
    if facts.pod.arguments.option(&["served-model-name"]).is_none() {
        let Some((list, _)) = at.split_back() else { return vec![found] };
        edits.push(Edit::Append { list: list.to_buf(), value: json!(format!("--served-model-name={id}")) });
    }
    let fix = Fix { summary: format!("serve the model from {path}"), caution: Caution::Arguments, edits };
    vec![found.with_fix(fix)]
}

/// Elements of the command line that are the model's id, alone or after `--model=`: where they stand, and what stands
/// before the id.
fn words_naming<'a>(facts: &Facts<'a>, id: &str) -> Vec<(PointerBuf, &'a str)> {
    let container = facts.pod.serving();
    let words = ["command", "args"].into_iter().flat_map(|field| {
        let list = container.value.get(field).and_then(Value::as_array);
        let list = list.into_iter().flatten().enumerate();
        list.map(move |(index, word)| (field, index, word.as_str().unwrap_or_default()))
    });
    let naming = words.filter_map(|(field, index, word)| {
        let prefix = word.strip_suffix(id)?;
        let option = matches!(prefix, "" | "--model=" | "--model-path=" | "--model_path=");
        option.then(|| (container.pointer([field, &index.to_string()]), prefix))
    });
    naming.collect()
}
