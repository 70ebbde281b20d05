use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::inspect::AutoscalerKind;

fn wanted(replicas: u32) -> Wanted {
    Wanted { replicas, allow_capacity_drop: false }
}

fn serving(replicas: u32) -> Observed {
    Observed {
        replicas,
        ready: replicas,
        serving: replicas,
        pods: replicas,
        revision: Some("1".to_owned()),
        record: None,
        autoscalers: Vec::new(),
        copy: None,
    }
}

fn autoscaler(least: u32, most: u32) -> ObservedAutoscaler {
    ObservedAutoscaler {
        kind: AutoscalerKind::Horizontal,
        name: "scaler".to_owned(),
        min_replicas: Some(least),
        max_replicas: Some(most),
        held: None,
    }
}

/// The changes of a plan, without what it writes down.
fn changes(observed: &Observed, wanted: Wanted) -> Vec<Step> {
    let steps = plan(observed, wanted).unwrap();
    steps.into_iter().filter(|step| !matches!(step, Step::Remember(_) | Step::Forget)).collect()
}

#[test]
fn a_new_workload_goes_from_none_to_one_to_all() {
    assert_eq!(
        changes(&serving(0), wanted(4)),
        [Step::Scale(1), Step::Wait(Waiting::FirstReplica), Step::Scale(4), Step::Wait(Waiting::Replicas(4))]
    );
}

#[test]
fn a_serving_workload_keeps_its_replicas_while_a_copy_compiles() {
    assert_eq!(
        changes(&serving(2), wanted(4)),
        [
            Step::MakeCopy,
            Step::Wait(Waiting::Copy),
            Step::DeleteCopy,
            Step::Scale(4),
            Step::Wait(Waiting::Replicas(4))
        ]
    );
}

#[test]
fn only_who_allows_it_loses_capacity() {
    let steps = changes(&serving(3), Wanted { replicas: 4, allow_capacity_drop: true });
    let first = [Step::Scale(1), Step::Wait(Waiting::OtherPodsGone), Step::Scale(4)];
    assert_eq!(steps[..3], first);
}

#[test]
fn fewer_replicas_compile_nothing() {
    assert_eq!(changes(&serving(4), wanted(2)), [Step::Scale(2)]);
}

#[test]
fn an_autoscaler_is_held_and_given_back() {
    let mut observed = serving(0);
    observed.autoscalers.push(autoscaler(1, 8));
    let steps = changes(&observed, wanted(4));
    assert_eq!(steps.first(), Some(&Step::Hold { autoscaler: 0, at: 1 }));
    assert_eq!(steps.last(), Some(&Step::Release { autoscaler: 0 }));
    let outside = next(&observed, wanted(9)).unwrap_err();
    assert!(outside.to_string().contains("1 to 8"), "{outside}");
}

#[test]
fn a_new_revision_compiles_anew() {
    let mut observed = serving(2);
    for step in plan(&observed, wanted(4)).unwrap().into_iter().take_while(|step| *step != Step::DeleteCopy) {
        observed.take(&step);
    }
    assert_eq!(observed.record.as_ref().unwrap().stage, Stage::Starting);
    observed.revision = Some("2".to_owned());
    let steps = changes(&observed, wanted(4));
    assert_eq!(steps[..3], [Step::DeleteCopy, Step::MakeCopy, Step::Wait(Waiting::Copy)]);
}

#[test]
fn the_copy_is_found_by_nothing() {
    let deployment = json!({
        "metadata": { "name": "llama", "namespace": "ai", "uid": "u-1" },
        "spec": {
            "selector": { "matchLabels": { "app": "llama" } },
            "template": {
                "metadata": { "labels": { "app": "llama", "tier": "api", "queue": "gpu" } },
                "spec": { "containers": [{ "name": "server" }] },
            },
        },
    });
    let service = json!({ "spec": { "selector": { "tier": "api" } } });
    let other = json!({ "spec": { "selector": { "queue": "cpu" } } });
    let copy = copy_of(&deployment, &[service, other]);
    let labels = &copy["spec"]["template"]["metadata"]["labels"];
    assert_eq!(*labels, json!({ "queue": "gpu", WARMS: "u-1" }));
    assert_eq!(copy["spec"]["selector"]["matchLabels"], json!({ WARMS: "u-1" }));
    assert_eq!(copy["spec"]["template"]["spec"], deployment["spec"]["template"]["spec"]);
    assert_eq!(copy["metadata"]["ownerReferences"][0]["uid"], "u-1");
}

#[test]
fn a_foreign_object_of_the_copy_s_name_is_left_alone() {
    let deployment = json!({ "metadata": { "name": "llama", "uid": "u-1" } });
    let foreign = json!({ "metadata": { "name": "llama-warm", "labels": { "app": "other" } } });
    let error = Observed::read(&deployment, &[], Some(&foreign)).unwrap_err();
    assert!(matches!(error, RolloutError::NameTaken { .. }), "{error}");
}

#[test]
fn holding_and_releasing_gives_back_every_word() {
    let object = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": "scaler", "resourceVersion": "7" },
        "spec": {
            "scaleTargetRef": { "kind": "Deployment", "name": "llama" },
            "minReplicas": 2, "maxReplicas": 8,
        },
    });
    let deployment = json!({ "metadata": { "name": "llama" } });
    let mut live = object.clone();
    for at in [1, 4] {
        let observed = Observed::read(&deployment, &[live.clone()], None).unwrap();
        let patch = hold_patch(&live, &observed.autoscalers[0], at);
        json_patch::merge(&mut live, &patch);
        assert_eq!(live["spec"]["minReplicas"], at);
        assert_eq!(live["spec"]["maxReplicas"], at);
    }
    let observed = Observed::read(&deployment, &[live.clone()], None).unwrap();
    let patch = release_patch(&live, &observed, 0);
    json_patch::merge(&mut live, &patch);
    assert_eq!(live["spec"], object["spec"]);
    assert_eq!(live["metadata"]["annotations"], json!({}));
}

proptest! {
    /// Interrupted after any number of steps, and run again, a rollout ends with what was wanted and with every
    /// autoscaler as it was.
    #[test]
    fn an_interrupted_rollout_is_completed_by_running_it_again(
        replicas in 0_u32..5,
        ready in 0_u32..5,
        target in 1_u32..7,
        drop in any::<bool>(),
        scaled in any::<bool>(),
        interruptions in proptest::collection::vec(0_usize..6, 0..5),
    ) {
        let ready = ready.min(replicas);
        let mut observed = Observed { ready, serving: ready, ..serving(replicas) };
        if scaled {
            observed.autoscalers.push(autoscaler(1, 8));
        }
        let before = observed.autoscalers.clone();
        let wanted = Wanted { replicas: target, allow_capacity_drop: drop };
        for steps in interruptions {
            for step in plan(&observed, wanted).unwrap().into_iter().take(steps) {
                let serving = observed.serving;
                observed.take(&step);
                let keeps = drop || serving == 0 || observed.serving >= serving.min(target);
                prop_assert!(keeps, "{step:?} took serving replicas away");
            }
        }
        let steps = plan(&observed, wanted).unwrap();
        steps.iter().for_each(|step| observed.take(step));
        prop_assert_eq!(observed.replicas, target);
        prop_assert!(observed.ready >= target);
        prop_assert_eq!(&observed.autoscalers, &before);
        prop_assert_eq!(&observed.record, &None);
        prop_assert_eq!(&observed.copy, &None);
    }
}
