//! What holds for every object, whatever it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use json_patch::Patch;
use proptest::prelude::*;
use serde_json::json;

use super::super::{annotation, decide_about, judgements, rehearse};
use super::soundness::{apply_soundly, with_unknown_fields};
use super::*;
use crate::rules::{Scope, rules};

/// The examples of all rules: one object that trips something each.
static EXAMPLES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let texts = rules().flat_map(|rule| [rule.examples.trips, rule.examples.passes]);
    let documents = texts.flat_map(|text| serde_saphyr::from_multiple::<Value>(text).unwrap());
    documents.chain([deployment(), pod()]).collect()
});

/// Manifests in the styles that people write: the corpus and the samples of the documentation.
static MANIFESTS: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("tests/corpus"), root.join("../docs/samples")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let documents = |file: &PathBuf| -> Vec<(String, Value)> {
        let documents = serde_saphyr::from_multiple::<Value>(&fs::read_to_string(file).unwrap()).unwrap();
        documents.into_iter().map(|document| (file.display().to_string(), document)).collect()
    };
    files.iter().flat_map(documents).collect()
});

/// No policy first, then policies under which everything that can be done is done.
static SNAPSHOTS: LazyLock<Vec<Snapshot>> = LazyLock::new(|| {
    let all = |action: &str, overwrite: bool| {
        let rules: Vec<_> = rules()
            .map(|rule| {
                let mut entry = json!({"rule": rule.id, "action": action});
                if overwrite {
                    set(&mut entry, "/overwrite", json!(true));
                }
                entry
            })
            .collect();
        under(policies(&[(
            "all",
            json!({"rules": rules, "defaults": {"sharedXlaCache": "remove", "metricsApi": "Stackdriver"}}),
        )]))
    };
    vec![Snapshot::default(), all("mutate", true), all("mutate", false), all("deny", false)]
});

fn holds(object: &Value, snapshot: &Snapshot) {
    let request = Request::create(object, NOW);
    assert_only_rules_with_fixes_bring_fixes(object, snapshot);
    let first = rehearse(&request, snapshot).unwrap();
    assert_eq!(first, rehearse(&request, snapshot).unwrap(), "not the same answer twice");
    let patched = apply_soundly(object, &first.mutation.patch);
    assert_eq!(patched, first.object);
    let in_place =
        decide_about(Phase::Mutate, &Request { object: None, ..request }, Some(object.clone()), snapshot);
    assert_eq!(in_place.unwrap(), first.mutation, "fixes in the object itself differ from those in a copy");
    let second = decide(Phase::Mutate, &Request::create(&patched, NOW), snapshot).unwrap();
    assert_eq!(second.patch, Patch::default(), "a second admission changes something: {patched:#}");
    for verdict in [&first.mutation, &first.validation] {
        assert!(verdict.warnings.iter().all(|warning| warning.len() <= 256));
        assert!(verdict.warnings.iter().map(String::len).sum::<usize>() <= 4096);
    }
    assert!(first.validation.patch.0.is_empty());
    let update = decide(Phase::Mutate, &Request::update(&patched, &patched, NOW), snapshot).unwrap();
    assert!(update.patch.0.is_empty());
    let unchanged = decide(Phase::Validate, &Request::update(object, object, NOW), snapshot).unwrap();
    assert!(unchanged.is_allowed(), "{:?}", unchanged.denial);
}

/// What makes it enough to ask the other rules once, in the final object.
fn assert_only_rules_with_fixes_bring_fixes(object: &Value, snapshot: &Snapshot) {
    let request = Request::create(object, NOW);
    let Ok(judgements) = judgements(Scope::LintOnly, &request, snapshot).unwrap() else { return };
    for finding in judgements.into_iter().map(|judgement| judgement.finding) {
        assert!(
            finding.fix.is_none() || finding.rule.fix.is_some(),
            "{} says it has no fix",
            finding.rule.id
        );
    }
}

#[test]
fn every_example_of_every_rule_is_answered_soundly_under_every_policy() {
    for snapshot in SNAPSHOTS.iter() {
        for object in EXAMPLES.iter() {
            holds(object, snapshot);
        }
    }
}

#[test]
fn every_manifest_of_the_corpus_is_answered_soundly_under_every_policy() {
    assert!(MANIFESTS.len() >= 60);
    let mut patched = 0;
    for (file, object) in MANIFESTS.iter() {
        for (policies, snapshot) in SNAPSHOTS.iter().enumerate() {
            for object in [object, &with_unknown_fields(object)] {
                println!("{file} under policies {policies}");
                holds(object, snapshot);
                let verdict = decide(Phase::Mutate, &Request::create(object, NOW), snapshot).unwrap();
                patched += usize::from(!verdict.patch.is_empty());
            }
        }
    }
    assert!(patched >= 100, "{patched} of them are changed: the walk says little");
}

/// A field that nobody knows makes no difference to what is said and done.
#[test]
fn fields_that_nobody_knows_are_kept_and_change_no_answer() {
    for (file, object) in MANIFESTS.iter() {
        for snapshot in SNAPSHOTS.iter() {
            let [plain, unknown] = [object.clone(), with_unknown_fields(object)].map(|object| {
                let rehearsal = rehearse(&Request::create(&object, NOW), snapshot).unwrap();
                (rehearsal.mutation.patch.len(), rehearsal.validation.warnings, rehearsal.validation.denial)
            });
            assert_eq!(plain, unknown, "{file}");
        }
    }
}

/// Any JSON, not too deep.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z~/.-]{0,10}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Every place of `value`.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            places(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
        }),
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), all))
        }
        _ => {}
    }
}

/// `object` with other values in some places.
fn damaged(object: &Value, hit: &[(prop::sample::Index, Value)]) -> Value {
    let mut object = object.clone();
    for (place, value) in hit {
        let mut all = Vec::new();
        places(&object, "", &mut all);
        *object.pointer_mut(place.get(all.as_slice()).as_str()).unwrap() = value.clone();
    }
    object
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_json_is_answered(object in anything(), kind in prop::sample::select(vec!["Pod", "Deployment", "JobSet", "CronJob", "HorizontalPodAutoscaler", "Scale"])) {
        let mut object = object;
        if let Some(fields) = object.as_object_mut() {
            fields.insert("kind".to_owned(), json!(kind));
            fields.insert("apiVersion".to_owned(), json!("v1"));
        }
        holds(&object, &SNAPSHOTS[0]);
    }

    /// A workload in which something is what nobody expects.
    #[test]
    fn a_damaged_workload_is_answered(
        example in any::<prop::sample::Index>(),
        places_hit in prop::collection::vec((any::<prop::sample::Index>(), anything()), 1..4),
    ) {
        let object = damaged(example.get(EXAMPLES.as_slice()), &places_hit);
        for snapshot in &SNAPSHOTS[..2] {
            holds(&object, snapshot);
        }
    }

    /// A manifest of the corpus in which something is what nobody expects.
    #[test]
    fn a_damaged_manifest_is_answered(
        manifest in any::<prop::sample::Index>(),
        places_hit in prop::collection::vec((any::<prop::sample::Index>(), anything()), 1..4),
    ) {
        let object = damaged(&manifest.get(MANIFESTS.as_slice()).1, &places_hit);
        for snapshot in &SNAPSHOTS[..2] {
            holds(&object, snapshot);
        }
    }

    /// Nothing in an annotation of ours makes anything else of an object than its absence, or ignores a rule.
    #[test]
    fn annotations_can_hold_anything(text in "\\PC{0,200}", key in prop::sample::select(vec![
        annotation::IGNORE, annotation::IGNORE_REASON, annotation::APPLIED, annotation::NOT_APPLIED,
        annotation::CATALOG, annotation::RESYNC,
    ])) {
        let mut object = deployment();
        set(&mut object, "/metadata/annotations", json!({key: text}));
        holds(&object, &SNAPSHOTS[0]);
    }
}
