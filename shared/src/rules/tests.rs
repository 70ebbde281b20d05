//! What holds for every rule: its examples, its fix, its place in the list.

use std::sync::Arc;

use serde_json::Value;

use super::{Background, Finding, Neighbours, Settings, apply, check, rules};
use crate::catalog::Catalog;

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
