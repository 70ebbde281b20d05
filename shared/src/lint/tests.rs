//! What lint says equals what admission says, and what it fixes stays the author's file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::policy::{Consequence, Phase, Snapshot, annotation, decide};
use crate::rules::{Settings, rules};

fn input(name: &str, text: &str) -> Input {
    Input { name: name.to_owned(), folder: String::new(), file: SourceFile::read(text.to_owned()) }
}

/// Every example of a rule that needs no policy, the corpus, and the samples of the documentation.
fn files() -> Vec<Input> {
    let examples = rules().filter(|rule| (rule.examples.settings)() == Settings::default());
    let mut files: Vec<_> = examples
        .flat_map(|rule| {
            [("trips", rule.examples.trips), ("passes", rule.examples.passes)].map(|file| (rule, file))
        })
        .map(|(rule, (name, text))| input(&format!("{}/{name}", rule.id), text))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in [root.join("tests/corpus"), root.join("../docs/samples")] {
        for path in yaml_files(&folder) {
            files.push(input(&path.display().to_string(), &std::fs::read_to_string(&path).unwrap()));
        }
    }
    files
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let folders: Vec<_> =
        paths.iter().filter(|path| path.is_dir()).flat_map(|path| yaml_files(path)).collect();
    let files =
        paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.chain(folders).collect()
}

fn alone(input: &Input) -> Arc<Snapshot> {
    surroundings(std::slice::from_ref(input), &Snapshot::default()).remove(0)
}

#[test]
fn a_file_is_told_what_its_objects_are_told_at_admission() {
    let mut compared = 0;
    for input in files() {
        let snapshot = alone(&input);
        for object in input.file.objects() {
            let value = input.file.value(object);
            let request = Request::create(value, 0);
            let verdict = decide(Phase::Validate, &request, &snapshot).unwrap();
            let survey = look(&input.file, object, &snapshot, 0).unwrap();
            let said = survey.iter().flat_map(|survey| &survey.judgements);
            let said: Vec<_> =
                said.filter(|judgement| judgement.finding.rule.scope == Scope::Everywhere).cloned().collect();
            assert_eq!(said, verdict.judgements, "{}", input.name);
            compared += said.len();
        }
    }
    assert!(compared > 5, "only {compared} findings compared");
}

#[test]
fn a_fixed_file_holds_what_admission_would_store() {
    let mut placed = 0;
    for input in files() {
        let snapshot = alone(&input);
        let fixed = fix(&input, &snapshot, 0).unwrap();
        if !fixed.unplaced.is_empty()
            || fixed.placed.iter().any(|one| one.finding.rule.scope == Scope::LintOnly)
        {
            continue;
        }
        placed += fixed.placed.len();
        let after = SourceFile::read(fixed.text);
        assert_eq!(after.objects().len(), input.file.objects().len(), "{}", input.name);
        for (before, after_object) in input.file.objects().iter().zip(after.objects()) {
            let value = input.file.value(before);
            let verdict = decide(Phase::Mutate, &Request::create(value, 0), &snapshot).unwrap();
            let mut stored = value.clone();
            json_patch::patch(&mut stored, &verdict.patch).unwrap();
            assert_eq!(without_notes(after.value(after_object)), without_notes(&stored), "{}", input.name);
        }
    }
    assert!(placed > 2, "only {placed} fixes placed");
}

/// The object without what admission notes about itself.
fn without_notes(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut)
    {
        for note in [annotation::APPLIED, annotation::NOT_APPLIED, annotation::CATALOG] {
            annotations.shift_remove(note);
        }
        if annotations.is_empty() {
            metadata.shift_remove("annotations");
        }
    }
    object
}

#[test]
fn fixes_add_lines_and_leave_no_other_changed() {
    let mut unplaced = Vec::new();
    let mut placed = 0;
    for input in files() {
        let fixed = fix(&input, &alone(&input), 0).unwrap();
        placed += fixed.placed.len();
        unplaced.extend(fixed.unplaced.iter().map(|fix| (input.name.clone(), fix.judgement.finding.rule.id)));
        let safe = fixed.placed.iter().flat_map(|judgement| &judgement.finding.fix);
        if safe.flat_map(|fix| &fix.edits).any(|edit| !matches!(edit, crate::rules::Edit::Append { .. })) {
            continue;
        }
        let mut now = fixed.text.lines();
        for line in input.file.text().lines().filter(|line| !line.trim_end().ends_with(['}', ']'])) {
            assert!(now.any(|other| other == line), "{}: `{line}` is gone from\n{}", input.name, fixed.text);
        }
    }
    assert!(unplaced.len() * 20 <= placed, "{placed} placed, but not {unplaced:?}");
}

#[test]
fn what_was_fixed_is_not_found_again() {
    for mut input in files() {
        let fixed = fix(&input, &alone(&input), 0).unwrap();
        if !fixed.unplaced.is_empty() {
            continue;
        }
        input.file = SourceFile::read(fixed.text.clone());
        let again = fix(&input, &alone(&input), 0).unwrap();
        assert_eq!(again.placed, [], "{}", input.name);
        assert_eq!(again.text, fixed.text);
    }
}

const SERVER: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm}
spec:
  template:
    spec:
      containers:
      - name: server
        image: vllm/vllm-openai:v0.9.1
        command: [vllm, serve, meta-llama/Llama-3.3-70B-Instruct]
        resources: {limits: {nvidia.com/gpu: \"8\", memory: 400Gi}}
";

#[test]
fn a_finding_has_the_line_of_what_it_speaks_about() {
    let text = format!("# first\n---\nkind: nothing\n---\n{SERVER}");
    let reports = lint(&[input("a.yaml", &text)], &Snapshot::default(), 0).unwrap();
    assert_eq!((reports[0].objects, reports[0].inference), (1, 1));
    let cache = reports[0].findings.iter().find(|found| found.judgement.finding.rule.id == "INF001").unwrap();
    assert_eq!((cache.place.start.line, cache.place.start.column), (12, 9));
    assert_eq!(cache.judgement.consequence, Consequence::Warned);
}

#[test]
fn files_of_a_folder_are_neighbours_unless_they_use_one_name_for_two_things() {
    let other = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n";
    let scaler = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\n\
                  spec: {maxReplicas: 2, scaleTargetRef: {kind: Deployment, name: llm}}\n";
    let sees_target = |files: &[(&str, &str)]| {
        let inputs =
            files.iter().map(|(folder, text)| Input { folder: (*folder).to_owned(), ..input("", text) });
        let inputs: Vec<_> = inputs.collect();
        let known = surroundings(&inputs, &Snapshot::default());
        let key = crate::rules::ObjectKey {
            namespace: "default".into(),
            kind: "Deployment".into(),
            name: "llm".into(),
        };
        known[0].neighbours.find(&key).is_some()
    };
    assert!(sees_target(&[("a", scaler), ("a", SERVER), ("a", other)]));
    assert!(!sees_target(&[("a", scaler), ("b", SERVER)]));
    assert!(!sees_target(&[("a", scaler), ("a", SERVER), ("a", SERVER)]));
    assert!(sees_target(&[("a", &format!("{scaler}---\n{SERVER}")), ("a", SERVER)]));
}

#[test]
fn an_autoscaler_of_one_of_two_workloads_of_a_name_stays_with_it() {
    let scaler = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\n\
                  spec: {maxReplicas: 2, scaleTargetRef: {kind: Deployment, name: llm}}\n";
    let both = format!("{scaler}---\n{SERVER}");
    let inputs: Vec<_> = [&both, SERVER].into_iter().map(|text| input("", text)).collect();
    let known = surroundings(&inputs, &Snapshot::default());
    let identity = crate::inspect::Identity {
        api_version: "apps/v1",
        kind: "Deployment",
        name: Some("llm"),
        namespace: None,
    };
    let autoscalers: Vec<usize> =
        known.iter().map(|known| known.neighbours.autoscalers_of(&identity).len()).collect();
    assert_eq!(autoscalers, [1, 0]);
}

/// Thousands of files that lie side by side do not each hold all the others.
#[test]
fn files_of_one_folder_share_what_is_known() {
    let named = |name: &str| input(name, &SERVER.replace("name: llm", &format!("name: {name}")));
    let known = surroundings(&[named("one"), named("two"), named("three")], &Snapshot::default());
    assert!(known.iter().all(|snapshot| Arc::ptr_eq(snapshot, &known[0])));
}

#[test]
fn containers_below_the_affinity_are_found_where_they_stand() {
    let text = |below: &str, image: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: llm}}\nspec:\n  affinity:\n    nodeAffinity:\n      \
             {below}:\n      - name: server\n        image: {image}\n"
        )
    };
    let troubles = |text: &str| {
        let reports = lint(&[input("pod.yaml", text)], &Snapshot::default(), 0).unwrap();
        reports[0].troubles.clone()
    };
    let found = troubles(&text("containers", "vllm/vllm-openai:v0.9.0"));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, found[0].place.start.line), (TroubleKind::MisplacedContainers, 7));
    assert_eq!(troubles(&text("containers", "nginx:1.29")), []);
    assert_eq!(troubles(&text("preferredDuringScheduling", "vllm/vllm-openai:v0.9.0")), []);
    // A patch that sets an affinity alone.
    assert_eq!(troubles("kind: Pod\nmetadata: {name: llm}\nspec:\n  affinity: {nodeAffinity: {}}\n"), []);
}
