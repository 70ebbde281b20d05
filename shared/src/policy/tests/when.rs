//! When an object is changed and when it is left alone.

use serde_json::json;

use super::super::annotation::{APPLIED, NOT_APPLIED, own};
use super::super::{Operation, Outcome, Skipped};
use super::*;

fn skipped(request: &Request<'_>) -> Option<Skipped> {
    let verdict = mutate(request);
    assert!(verdict.skipped.is_none() || verdict.patch.0.is_empty());
    verdict.skipped
}

#[test]
fn a_new_workload_is_put_right_and_says_so_on_its_own_metadata() {
    let object = deployment();
    let verdict = mutate(&Request::create(&object, NOW));
    assert_eq!(verdict.outcome, Outcome::Patched);
    let stored = patched(&object, &verdict);
    assert!(own(&stored, APPLIED).unwrap().split(',').any(|id| id == "INF001"));
    assert!(stored.pointer("/spec/template/metadata/annotations").is_none());
    let container = stored.pointer("/spec/template/spec/containers/0").unwrap();
    assert!(container["env"].as_array().unwrap().iter().any(|entry| entry["name"] == "HF_HOME"));
    assert_eq!(container["unknownToEveryone"], json!({"kept": [1, 2, 3]}));
}

#[test]
fn a_second_admission_changes_nothing() {
    let stored = stored(&deployment());
    assert!(mutate(&Request::create(&stored, NOW)).patch.0.is_empty());
    assert!(mutate(&Request::update(&stored, &stored, NOW)).patch.0.is_empty());
}

#[test]
fn a_pod_is_put_right_when_it_is_created_and_never_later() {
    let object = pod();
    assert_ne!(stored(&object), object);
    assert_eq!(skipped(&Request::update(&object, &object, NOW)), Some(Skipped::Unchanged));
}

#[test]
fn a_workload_from_before_is_not_rolled_out_by_an_annotation_or_by_scaling_it() {
    let old = deployment();
    let mut annotated = old.clone();
    set(&mut annotated, "/metadata/annotations", json!({"team": "search"}));
    assert_eq!(skipped(&Request::update(&old, &annotated, NOW)), Some(Skipped::Unchanged));
    let mut scaled = old.clone();
    set(&mut scaled, "/spec/replicas", json!(5));
    assert_eq!(skipped(&Request::update(&old, &scaled, NOW)), Some(Skipped::Unchanged));
}

#[test]
fn a_workload_from_before_is_put_right_when_its_template_changes() {
    let old = deployment();
    let mut new = old.clone();
    set(&mut new, "/spec/template/spec/containers/0/image", json!("vllm/vllm-openai:v0.11.1"));
    assert_eq!(mutate(&Request::update(&old, &new, NOW)).outcome, Outcome::Patched);
}

#[test]
fn resync_asks_once_and_stays_where_it_was_written() {
    let old = deployment();
    let mut asking = old.clone();
    set(&mut asking, "/metadata/annotations", json!({"kubectl-infer.io/resync": "true"}));
    let verdict = mutate(&Request::update(&old, &asking, NOW));
    assert_eq!(verdict.outcome, Outcome::Patched);
    let stored = patched(&asking, &verdict);
    assert_eq!(own(&stored, "kubectl-infer.io/resync"), Some("true"));
    assert_eq!(skipped(&Request::update(&asking, &asking, NOW)), Some(Skipped::Unchanged));
}

#[test]
fn what_a_controller_owns_is_left_alone() {
    for (kind, owner) in [("ReplicaSet", "Deployment"), ("Deployment", "InferenceService")] {
        let mut object = deployment();
        set(&mut object, "/kind", json!(kind));
        let owners = json!([{"kind": owner, "name": "llama", "controller": true}]);
        set(&mut object, "/metadata/ownerReferences", owners);
        assert_eq!(skipped(&Request::create(&object, NOW)), Some(Skipped::Owned), "{kind} of {owner}");
    }
}

#[test]
fn an_owner_that_is_no_controller_changes_nothing() {
    let mut object = deployment();
    set(&mut object, "/metadata/ownerReferences", json!([{"kind": "Application", "name": "shop"}]));
    assert_eq!(mutate(&Request::create(&object, NOW)).outcome, Outcome::Patched);
}

#[test]
fn a_person_does_not_get_past_judgement_by_writing_an_owner() {
    let mut object = pod();
    set(&mut object, "/metadata/ownerReferences", json!([{"kind": "ReplicaSet", "controller": true}]));
    let by = |user| Request { user: Some(user), ..Request::create(&object, NOW) };
    let judge = |user| decide(Phase::Validate, &by(user), &Snapshot::default()).unwrap().skipped;
    assert_eq!(judge("system:serviceaccount:kube-system:replicaset-controller"), Some(Skipped::Owned));
    assert_eq!(judge("mallory@example.com"), None);
}

#[test]
fn what_is_on_its_way_out_is_left_alone_and_never_refused() {
    let mut object = deployment();
    set(&mut object, "/metadata/deletionTimestamp", json!("2026-11-22T00:00:00Z"));
    assert_eq!(skipped(&Request::update(&deployment(), &object, NOW)), Some(Skipped::Deleting));
}

#[test]
fn mirror_pods_system_namespaces_and_subresources_are_left_alone() {
    let mut mirror = pod();
    set(&mut mirror, "/metadata/annotations", json!({"kubernetes.io/config.mirror": "0af3"}));
    assert_eq!(skipped(&Request::create(&mirror, NOW)), Some(Skipped::Mirror));
    let object = deployment();
    let system = Request { namespace: Some("kube-system"), ..Request::create(&object, NOW) };
    assert_eq!(skipped(&system), Some(Skipped::Namespace));
    for part in ["status", "scale", "ephemeralcontainers", "resize"] {
        let request = Request { subresource: Some(part), ..Request::create(&object, NOW) };
        assert_eq!(skipped(&request), Some(Skipped::Subresource), "{part}");
    }
}

#[test]
fn deleting_is_allowed() {
    let object = deployment();
    let request = Request {
        operation: Operation::Delete,
        object: None,
        old_object: Some(&object),
        ..Request::create(&object, NOW)
    };
    for phase in [Phase::Mutate, Phase::Validate] {
        let verdict = decide(phase, &request, &Snapshot::default()).unwrap();
        assert!(verdict.is_allowed() && verdict.patch.0.is_empty());
    }
}

/// What lets the webhook leave the old object unread until validation would refuse.
#[test]
fn what_was_there_before_only_ever_turns_a_refusal_into_a_warning() {
    let deny =
        json!({"rules": [{"rule": "cache", "action": "deny"}, {"rule": "life-cycle", "action": "deny"}]});
    let limit = json!({"limits": {"replicas": 2}});
    let broken = json!({"rules": [{"rule": "no-such-rule", "action": "deny"}]});
    let harmless = json!({"rules": [{"rule": "no-such-rule", "action": "warn"}]});
    let whole = stored(&deployment());
    let mut scaled = deployment();
    set(&mut scaled, "/spec/replicas", json!(5));
    let objects = [deployment(), whole, scaled, pod(), json!({"kind": "Deployment"})];
    let mut turned = 0;
    let sets =
        [vec![], vec![&deny], vec![&limit], vec![&broken], vec![&harmless], vec![&deny, &limit, &harmless]];
    for specs in sets {
        let named = ["a", "b", "c"].into_iter().zip(specs.into_iter().cloned());
        let snapshot = under(policies(&named.collect::<Vec<_>>()));
        for (old, new) in objects.iter().flat_map(|old| objects.iter().map(move |new| (old, new))) {
            let request = Request::update(old, new, NOW);
            let without = Request { old_object: None, ..request };
            let [with, without] =
                [request, without].map(|request| decide(Phase::Validate, &request, &snapshot).unwrap());
            if without.is_allowed() {
                assert_eq!(with, without);
            } else {
                turned += usize::from(with.is_allowed());
            }
        }
    }
    assert!(turned > 0);
}

#[test]
fn what_is_not_inference_gets_no_annotation() {
    let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1.29"}]}});
    assert_eq!(skipped(&Request::create(&object, NOW)), Some(Skipped::Unrelated));
}

#[test]
fn what_the_author_ignores_is_not_fixed_and_the_object_says_why() {
    let mut object = deployment();
    let ignore = json!({"kubectl-infer.io/ignore": "INF001, INF999"});
    set(&mut object, "/metadata/annotations", ignore);
    let stored = stored(&object);
    let env = stored.pointer("/spec/template/spec/containers/0/env").unwrap();
    assert_eq!(env, object.pointer("/spec/template/spec/containers/0/env").unwrap());
    assert!(!own(&stored, APPLIED).unwrap().contains("INF001"));
    assert!(own(&stored, NOT_APPLIED).unwrap().contains("INF001 ignored"));
    let verdict = decide(Phase::Validate, &Request::create(&stored, NOW), &Snapshot::default()).unwrap();
    assert!(verdict.warnings.iter().any(|warning| warning.contains("INF999")), "{:?}", verdict.warnings);
    assert!(!verdict.warnings.iter().any(|warning| warning.contains("INF001")), "{:?}", verdict.warnings);
}
