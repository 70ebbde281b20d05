//! What a user of the algorithm would notice; whole sequences are held against the real controller end to end.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn hpa(spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "server"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "server"},
            "minReplicas": 1,
            "maxReplicas": 20,
        },
    });
    for (field, value) in spec.as_object().cloned().unwrap_or_default() {
        object["spec"][field] = value;
    }
    object
}

fn external(target: Value) -> Value {
    json!({"type": "External", "external": {"metric": {"name": "in_flight"}, "target": target}})
}

fn average(value: &str) -> Value {
    external(json!({"type": "AverageValue", "averageValue": value}))
}

fn pods_metric(value: &str) -> Value {
    json!({"type": "Pods", "pods": {
        "metric": {"name": "running"}, "target": {"type": "AverageValue", "averageValue": value}}})
}

fn controller(spec: Value) -> Controller {
    Controller::new(Spec::of(&hpa(spec)).unwrap(), Settings::default())
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn sum(value: f64) -> Vec<Reading> {
    vec![Reading::Values(vec![Milli::from_number(value)])]
}

/// One pass with `replicas` ready Pods.
fn sync(controller: &mut Controller, now: u64, replicas: u32, readings: &[Reading]) -> Decision {
    let pods = vec![Pod::ready_since(Duration::ZERO); replicas as usize];
    let seen = Observation { spec_replicas: replicas, status_replicas: replicas, pods: &pods, readings };
    controller.sync(seconds(now), &seen)
}

#[test]
fn an_average_of_an_external_metric_is_its_sum_divided_by_the_target() {
    let mut scaled = controller(json!({"metrics": [average("50")]}));
    assert_eq!(sync(&mut scaled, 0, 1, &sum(170.0)).replicas, 4);
    // The same sum over four replicas asks for the same four.
    assert_eq!(sync(&mut scaled, 15, 4, &sum(170.0)).replicas, 4);
}

#[test]
fn an_average_query_under_an_average_target_scales_down_at_an_overload() {
    // What the seeds' `avg(…)` does: 4 replicas at a mean of 15 against a target of 10.
    let mut scaled = controller(json!({
        "metrics": [average("10")],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
    }));
    assert_eq!(sync(&mut scaled, 0, 4, &sum(15.0)).replicas, 2);
}

#[test]
fn a_value_is_a_ratio_of_the_ready_replicas() {
    let value = external(json!({"type": "Value", "value": "10"}));
    let mut scaled = controller(json!({"metrics": [value]}));
    let mut pods = vec![Pod::ready_since(Duration::ZERO); 2];
    pods.push(Pod::pending());
    let readings = sum(15.0);
    let seen = Observation { spec_replicas: 3, status_replicas: 3, pods: &pods, readings: &readings };
    assert_eq!(scaled.sync(seconds(0), &seen).replicas, 3);
    assert_eq!(sync(&mut scaled, 15, 4, &sum(15.0)).replicas, 6);
}

#[test]
fn within_the_tolerance_nothing_happens_and_each_direction_has_its_own() {
    let mut scaled = controller(json!({"metrics": [average("100")]}));
    assert_eq!(sync(&mut scaled, 0, 2, &sum(220.0)).reason, Reason::Steady);
    assert_eq!(sync(&mut scaled, 15, 2, &sum(221.0)).replicas, 3);
    let mut scaled = controller(json!({
        "metrics": [average("100")],
        "behavior": {
            "scaleUp": {"tolerance": "0"},
            "scaleDown": {"tolerance": "500m", "stabilizationWindowSeconds": 0},
        },
    }));
    assert_eq!(sync(&mut scaled, 0, 2, &sum(200.5)).replicas, 3);
    assert_eq!(sync(&mut scaled, 100, 4, &sum(200.0)).replicas, 4);
    assert_eq!(sync(&mut scaled, 200, 4, &sum(199.0)).replicas, 2);
}

#[test]
fn pods_without_a_sample_damp_a_change_and_do_not_turn_it() {
    let sample = |value: f64| Some(Sample::of(Milli::from_number(value)));
    let at = |pods: &[Pod], samples: Vec<Option<Sample>>| {
        let readings = [Reading::Pods(samples)];
        let count = pods.len() as u32;
        let seen = Observation { spec_replicas: count, status_replicas: count, pods, readings: &readings };
        controller(json!({"metrics": [pods_metric("10")]})).sync(seconds(0), &seen)
    };
    let ready = Pod::ready_since(Duration::ZERO);
    // 30 and a Pod that waits for its machine: a mean of 15 over two, so 3 and not 6.
    assert_eq!(at(&[ready, Pod::pending()], vec![sample(30.0), None]).replicas, 3);
    // Without a sample a running Pod counts as nothing on the way up …
    assert_eq!(at(&[ready, ready], vec![sample(30.0), None]).replicas, 3);
    // … and as at its target on the way down: (2 + 10) / 2 is 6 of 10, which still asks for both.
    assert_eq!(at(&[ready, ready], vec![sample(2.0), None]).replicas, 2);
    // A Pod whose containers load is running, so a sample of it counts.
    let loading = Pod::loading_since(Duration::ZERO);
    assert_eq!(at(&[ready, loading], vec![sample(30.0), sample(0.0)]).replicas, 3);
    // Not one sample.
    assert_eq!(at(&[ready, ready], vec![None, None]).reason, Reason::Unreadable);
}

#[test]
fn a_utilization_is_a_share_of_requests_and_waits_for_pods_to_warm_up() {
    let resource = json!({"type": "Resource", "resource": {
        "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}});
    let pod = |since: u64| Pod { request: Some(Milli(1000)), ..Pod::ready_since(seconds(since)) };
    let sample =
        |value: i64, at: u64| Some(Sample { value: Milli(value), at: seconds(at), window: seconds(30) });
    let at = |pods: &[Pod], samples: Vec<Option<Sample>>| {
        let readings = [Reading::Pods(samples)];
        let count = pods.len() as u32;
        let seen = Observation { spec_replicas: count, status_replicas: count, pods, readings: &readings };
        controller(json!({"metrics": [resource]})).sync(seconds(1000), &seen).replicas
    };
    assert_eq!(at(&[pod(0), pod(0)], vec![sample(900, 990), sample(700, 990)]), 4);
    // Ready for 20 s: its sample is of its start. It counts as nothing, and 90 % over two is no 4.
    assert_eq!(at(&[pod(0), pod(980)], vec![sample(900, 990), sample(3000, 990)]), 2);
    let without_request = Pod { request: None, ..pod(0) };
    assert_eq!(at(&[pod(0), without_request], vec![sample(900, 990), sample(900, 990)]), 2);
}

#[test]
fn of_several_metrics_the_largest_wins_and_an_unreadable_one_keeps_replicas() {
    let mut scaled = controller(json!({
        "metrics": [average("10"), average("20")],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
    }));
    let both = |first: f64, second: f64| [sum(first), sum(second)].concat();
    assert_eq!(sync(&mut scaled, 0, 2, &both(30.0, 80.0)).replicas, 4);
    let one = |value: f64| vec![Reading::Unreadable, sum(value).remove(0)];
    let decision = sync(&mut scaled, 100, 4, &one(20.0));
    assert_eq!((decision.replicas, decision.reason), (4, Reason::Unreadable));
    assert_eq!(decision.proposals[0], Proposal::Unreadable);
    assert_eq!(sync(&mut scaled, 200, 4, &one(120.0)).replicas, 6);
    assert_eq!(sync(&mut scaled, 300, 6, &both(5.0, 20.0)).replicas, 1);
}

#[test]
fn without_a_behaviour_it_doubles_at_most_and_waits_five_minutes_to_go_down() {
    let mut scaled = controller(json!({"metrics": [average("10")]}));
    let decision = sync(&mut scaled, 0, 1, &sum(200.0));
    assert_eq!((decision.replicas, decision.reason), (4, Reason::Limited(Limit::UpPolicy)));
    assert_eq!(sync(&mut scaled, 15, 4, &sum(200.0)).replicas, 8);
    assert_eq!(sync(&mut scaled, 30, 16, &sum(200.0)).replicas, 20);
    let decision = sync(&mut scaled, 45, 20, &sum(10.0));
    assert_eq!((decision.replicas, decision.reason), (20, Reason::Limited(Limit::DownWindow)));
    assert_eq!(sync(&mut scaled, 330, 20, &sum(10.0)).replicas, 20);
    assert_eq!(sync(&mut scaled, 331, 20, &sum(10.0)).replicas, 1);
}

#[test]
fn policies_bound_what_changes_within_their_periods() {
    let mut scaled = controller(json!({
        "metrics": [average("10")],
        "behavior": {
            "scaleUp": {"policies": [
                {"type": "Percent", "value": 100, "periodSeconds": 60},
                {"type": "Pods", "value": 1, "periodSeconds": 60},
            ]},
            "scaleDown": {
                "stabilizationWindowSeconds": 0,
                "selectPolicy": "Min",
                "policies": [
                    {"type": "Pods", "value": 1, "periodSeconds": 120},
                    {"type": "Percent", "value": 50, "periodSeconds": 60},
                ],
            },
        },
    }));
    let mut replicas = 2;
    let mut run = |times: std::ops::Range<u64>, load: f64| {
        times
            .step_by(15)
            .map(|now| {
                replicas = sync(&mut scaled, now, replicas, &sum(load)).replicas;
                replicas
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run(0..121, 90.0), [4, 4, 4, 4, 8, 8, 8, 8, 9]);
    assert_eq!(run(600..826, 1.0), [8, 8, 8, 8, 8, 8, 8, 8, 7, 7, 7, 7, 7, 7, 7, 7]);
}

#[test]
fn a_disabled_direction_does_not_change() {
    let mut scaled = controller(json!({
        "metrics": [average("10")],
        "behavior": {"scaleDown": {"selectPolicy": "Disabled", "stabilizationWindowSeconds": 0}},
    }));
    let decision = sync(&mut scaled, 0, 5, &sum(1.0));
    assert_eq!((decision.replicas, decision.reason), (5, Reason::Limited(Limit::DownPolicy)));
}

#[test]
fn a_window_for_scale_up_takes_the_least_that_was_asked_for_within_it() {
    let mut scaled = controller(json!({
        "metrics": [average("10")],
        "behavior": {"scaleUp": {"stabilizationWindowSeconds": 60}},
    }));
    // The replicas at the first pass count as asked for.
    let decision = sync(&mut scaled, 0, 1, &sum(50.0));
    assert_eq!((decision.replicas, decision.reason), (1, Reason::Limited(Limit::UpWindow)));
    assert_eq!(sync(&mut scaled, 59, 1, &sum(40.0)).replicas, 1);
    assert_eq!(sync(&mut scaled, 60, 1, &sum(50.0)).replicas, 4);
}

#[test]
fn replicas_out_of_bounds_are_corrected_at_once_and_none_stay_none() {
    let mut scaled = controller(json!({"minReplicas": 2, "maxReplicas": 4, "metrics": [average("10")]}));
    let decision = sync(&mut scaled, 0, 9, &[]);
    assert_eq!((decision.replicas, decision.reason), (4, Reason::OutOfBounds));
    assert_eq!(sync(&mut scaled, 15, 1, &[]).replicas, 2);
    let decision = sync(&mut scaled, 30, 0, &sum(100.0));
    assert_eq!((decision.replicas, decision.reason), (0, Reason::Disabled));
}

#[test]
fn what_the_api_server_would_refuse_is_refused_with_the_field_that_is_wrong() {
    let message = |spec: Value| Spec::of(&hpa(spec)).unwrap_err().to_string();
    assert_eq!(
        message(json!({"minReplicas": 5, "maxReplicas": 2})),
        "`spec.minReplicas` (5) is above `spec.maxReplicas` (2)"
    );
    assert!(message(json!({"minReplicas": 0})).starts_with("`spec.minReplicas` is 0: it must be at least 1"));
    assert!(message(json!({"metrics": [average("0")]})).contains("a threshold must be above 0"));
    assert!(message(json!({"metrics": [average("-3")]})).contains("`-3`"));
    assert!(message(json!({"metrics": [average("ten")]})).contains("no quantity"));
    assert!(
        message(json!({"metrics": [external(json!({"type": "Value"}))]}))
            .contains("`averageValue` or `value`")
    );
    assert!(message(json!({"behavior": {"scaleUp": {"policies": []}}})).contains("is empty"));
    assert!(
        message(json!({"behavior": {"scaleDown": {"stabilizationWindowSeconds": 3601}}})).contains("3600")
    );
    let other = |version: &str| {
        let mut object = hpa(json!({}));
        object["apiVersion"] = version.into();
        Spec::of(&object).unwrap_err().to_string()
    };
    assert!(other("autoscaling/v1").starts_with("its version is `autoscaling/v1`"));
    assert!(other("autoscaling/v2beta2").contains("`autoscaling/v2beta2`"));
    assert!(Spec::of(&json!({"kind": "Deployment"})).unwrap_err().to_string().contains("`Deployment`"));
}

#[test]
fn an_autoscaler_without_metrics_scales_by_cpu_as_the_api_server_fills_in() {
    let spec = Spec::of(&hpa(json!({}))).unwrap();
    assert_eq!(spec.metrics[0].name, "cpu");
    assert_eq!(spec.metrics[0].target, Target::Utilization(80));
}

proptest! {
    #[test]
    fn replicas_stay_within_the_bounds_and_a_constant_load_settles(
        target in 1_u32..1000,
        load in 0.0_f64..1e5,
        start in 1_u32..40,
        with_behavior in any::<bool>(),
    ) {
        let mut spec = json!({"minReplicas": 2, "metrics": [average(&target.to_string())]});
        if with_behavior {
            spec["behavior"] = json!({"scaleUp": {"policies": [
                {"type": "Pods", "value": 3, "periodSeconds": 60}]}});
        }
        let mut scaled = controller(spec);
        let mut replicas = start;
        for pass in 0..200 {
            replicas = sync(&mut scaled, pass * 15, replicas, &sum(load)).replicas;
            prop_assert!(pass == 0 || (2..=20).contains(&replicas));
        }
        let wanted = (load / f64::from(target)).ceil().clamp(2.0, 20.0);
        let ratio = load / f64::from(target) / f64::from(replicas);
        prop_assert!(f64::from(replicas) == wanted || (0.89..=1.11).contains(&ratio), "{replicas} for {wanted}");
    }
}
