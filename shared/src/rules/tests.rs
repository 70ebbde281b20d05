//! What holds for every rule: its examples, its fix, its place in the list.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Background, Finding, Neighbours, Settings, Severity, apply, check, rules};
use crate::catalog::Catalog;
use crate::manifest::{ManifestRequest, Storage, Surroundings, generate};
use crate::recommend::Measured;

fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap()
}

/// Findings in each of `documents`, which are each other's neighbours.
fn findings(documents: &[Value], settings: &Settings, catalog: &Catalog) -> Vec<Vec<Finding>> {
    let mut neighbours = Neighbours::default();
    for document in documents {
        neighbours.insert(Arc::new(document.clone()));
    }
    let background = Background { catalog, settings, neighbours: &neighbours };
    documents.iter().map(|document| check(document, &background).unwrap()).collect()
}

fn of_rule(findings: &[Vec<Finding>], id: &str) -> usize {
    findings.iter().flatten().filter(|finding| finding.rule.id == id).count()
}

#[test]
fn ids_and_names_are_unique_and_in_order() {
    let ids: Vec<_> = rules().map(|rule| rule.id).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted);
    let mut names: Vec<_> = rules().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ids.len());
}

#[test]
fn every_rule_speaks_on_its_example_and_is_silent_on_the_mended_one() {
    let catalog = Catalog::embedded();
    for rule in rules() {
        let settings = (rule.examples.settings)();
        let trips = findings(&documents(rule.examples.trips), &settings, &catalog);
        assert!(of_rule(&trips, rule.id) > 0, "{} does not find its own example", rule.id);
        let passes = findings(&documents(rule.examples.passes), &settings, &catalog);
        assert_eq!(of_rule(&passes, rule.id), 0, "{} finds the mended example: {passes:#?}", rule.id);
    }
}

#[test]
fn a_fix_mends_its_example_and_is_done_once() {
    let catalog = Catalog::embedded();
    for rule in rules().filter(|rule| rule.fix.is_some()) {
        let settings = (rule.examples.settings)();
        let mut objects = documents(rule.examples.trips);
        let mut fixes = 0;
        for (object, found) in objects.clone().iter().zip(findings(&objects, &settings, &catalog)) {
            let fixable = found.into_iter().filter(|finding| finding.rule == rule);
            for fix in fixable.filter_map(|finding| finding.fix) {
                let place = objects.iter_mut().find(|other| *other == object);
                let Some(place) = place else { continue };
                let mut patched = place.clone();
                let patch = apply(&fix.edits, place).unwrap();
                json_patch::patch(&mut patched, &patch).unwrap();
                assert_eq!(&patched, place, "{}: the patch says something else than the edits", rule.id);
                assert!(apply(&fix.edits, place).unwrap().0.is_empty(), "{}: fixes twice", rule.id);
                fixes += 1;
            }
        }
        assert!(fixes > 0, "{} has a fix but none for its example", rule.id);
        let left = findings(&objects, &settings, &catalog);
        assert_eq!(of_rule(&left, rule.id), 0, "{}: still found after its fix: {left:#?}", rule.id);
    }
}

/// Findings that are more than information, by rule: how many, and the first of them.
fn complaints(findings: &[Vec<Finding>]) -> Vec<String> {
    let loud = findings.iter().flatten().filter(|finding| finding.severity > Severity::Information);
    loud.map(|finding| format!("{} at {}: {}", finding.rule.id, finding.at, finding.what)).collect()
}

/// Precision: what one rule calls mended, no other calls wrong.
#[test]
fn a_mended_example_gets_no_warning_of_any_rule() {
    let catalog = Catalog::embedded();
    let mut all = Vec::new();
    for rule in rules() {
        let settings = (rule.examples.settings)();
        let found = findings(&documents(rule.examples.passes), &settings, &catalog);
        all.extend(
            complaints(&found).into_iter().map(|complaint| format!("example of {}: {complaint}", rule.id)),
        );
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// Our own manifests: every stock model on every accelerator with every server that can be written, from the Hub or
/// from a bucket, and scaling to a loose target where that was measured.
#[test]
fn our_own_manifests_get_no_warning() {
    let catalog = Catalog::embedded();
    let source = Measured::new(&catalog);
    let settings = Settings::default();
    let mut checked = (0, 0);
    let mut wrong: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for (index, model) in catalog.models().unwrap().iter().enumerate() {
        for (server, accelerator) in pairs(&catalog) {
            for mut request in requests(&model.id, server, accelerator, index % 2 == 0) {
                request.spot = index % 3 == 0;
                let Ok(set) = generate(&catalog, &source, &request, &Surroundings::default()) else {
                    continue;
                };
                let objects: Vec<Value> =
                    set.objects.iter().map(|object| object.to_json().unwrap()).collect();
                checked.0 += 1;
                checked.1 += usize::from(!request.targets().is_empty());
                for complaint in complaints(&findings(&objects, &settings, &catalog)) {
                    let key = complaint.split(':').next().unwrap_or_default().to_owned();
                    let what = format!("{} on {accelerator} with {server}: {complaint}", model.id);
                    wrong.entry(key).or_insert((0, what)).0 += 1;
                }
            }
        }
    }
    assert!(checked.0 > 1000 && checked.1 > 10, "{checked:?}");
    let lines: Vec<String> = wrong.values().map(|(times, first)| format!("{times} x {first}")).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

fn pairs(catalog: &Catalog) -> impl Iterator<Item = (&str, &str)> {
    let accelerators = catalog.accelerators().unwrap();
    let servers = catalog.servers().unwrap().iter();
    servers.flat_map(move |server| {
        accelerators.iter().map(|accelerator| (server.name.as_str(), accelerator.id.as_str()))
    })
}

/// One without targets, and one with a target that whatever was measured meets.
fn requests(model: &str, server: &str, accelerator: &str, from_hub: bool) -> [ManifestRequest; 2] {
    let mut request = ManifestRequest::new(model, server, accelerator);
    if !from_hub {
        request.storage = Storage::Bucket {
            model_bucket_uri: "gs://models-eu/weights".to_owned(),
            xla_cache_bucket_uri: None,
            service_account: None,
        };
    }
    let scaling = ManifestRequest { target_itl_milliseconds: Some(10_000.0), ..request.clone() };
    [request, scaling]
}
