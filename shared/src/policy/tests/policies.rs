//! What policies do, alone and together.

use serde_json::json;

use super::super::annotation::{APPLIED, own};
use super::super::{Action, Consequence, InferencePolicy, Outcome, PolicyError};
use super::*;

/// What becomes of INF001 in [`deployment`] as it was sent.
fn ruled(snapshot: &Snapshot) -> Option<Consequence> {
    let object = deployment();
    let verdict = decide(Phase::Validate, &Request::create(&object, NOW), snapshot).unwrap();
    let judgement = verdict.judgements.iter().find(|judgement| judgement.finding.rule.id == "INF001");
    judgement.map(|judgement| judgement.consequence)
}

fn rule(action: &str) -> Value {
    json!({"rules": [{"rule": "INF001", "action": action}]})
}

#[test]
fn each_action_does_what_it_says() {
    let expected = [
        ("off", None, false),
        ("audit", Some(Consequence::Recorded), false),
        ("warn", Some(Consequence::Warned), false),
        ("mutate", Some(Consequence::Warned), true),
        ("deny", Some(Consequence::Denied), true),
    ];
    for (action, unfixed, fixes) in expected {
        let snapshot = under(policies(&[("only", rule(action))]));
        assert_eq!(ruled(&snapshot), unfixed, "{action}");
        let object = deployment();
        let verdict = decide(Phase::Mutate, &Request::create(&object, NOW), &snapshot).unwrap();
        let applied = own(&patched(&object, &verdict), APPLIED).unwrap().contains("INF001");
        assert_eq!(applied, fixes, "{action}");
        // What was put right is no longer refused.
        if fixes {
            let verdict = admitted(&object, &snapshot);
            assert!(!verdict.judgements.iter().any(|judged| judged.finding.rule.id == "INF001"), "{action}");
        }
    }
}

#[test]
fn the_strictest_policy_wins_whatever_the_order() {
    let order = [Action::Off, Action::Audit, Action::Warn, Action::Mutate, Action::Deny];
    for (weaker, stricter) in order.iter().zip(&order[1..]) {
        let alone = ruled(&under(policies(&[("a", rule(stricter.name()))])));
        for names in [("a", "b"), ("b", "a")] {
            let both = policies(&[(names.0, rule(weaker.name())), (names.1, rule(stricter.name()))]);
            assert_eq!(ruled(&under(both)), alone, "{weaker} and {stricter}");
        }
    }
}

#[test]
fn a_rules_entry_goes_before_its_groups() {
    let spec = json!({"rules": [{"rule": "cache", "action": "deny"}, {"rule": "hub-cache-on-disk", "action": "audit"}]});
    assert_eq!(ruled(&under(policies(&[("p", spec)]))), Some(Consequence::Recorded));
    let group = json!({"rules": [{"rule": "cache", "action": "deny"}]});
    assert_eq!(ruled(&under(policies(&[("p", group)]))), Some(Consequence::Denied));
}

#[test]
fn a_policy_holds_where_its_selectors_say() {
    let namespaces = json!({"namespaceSelector": {"matchLabels": {"env": "prod"}},
        "rules": [{"rule": "INF001", "action": "deny"}]});
    let mut snapshot = under(policies(&[("p", namespaces)]));
    assert_eq!(ruled(&snapshot), Some(Consequence::Warned));
    let labels = [("env".to_owned(), "prod".to_owned())].into();
    snapshot.namespaces.insert("serving".to_owned(), Arc::new(labels));
    assert_eq!(ruled(&snapshot), Some(Consequence::Denied));

    let expressions = |operator: &str, values: &[&str]| {
        let values = json!(values);
        let requirement = json!({"key": "tier", "operator": operator, "values": values});
        let spec = json!({"workloadSelector": {"matchExpressions": [requirement]},
            "rules": [{"rule": "INF001", "action": "deny"}]});
        under(policies(&[("p", spec)]))
    };
    for (operator, values, selected) in [
        ("In", ["gold"].as_slice(), false),
        ("NotIn", &["gold"], true),
        ("Exists", &[], false),
        ("DoesNotExist", &[], true),
    ] {
        let denied = ruled(&expressions(operator, values)) == Some(Consequence::Denied);
        assert_eq!(denied, selected, "{operator}");
    }
}

#[test]
fn a_refusal_names_rule_policy_place_numbers_and_remedy() {
    let snapshot = under(policies(&[("team-serving", rule("deny"))]));
    let mut object = deployment();
    // Ignored by its author, so that it is not put right first.
    set(&mut object, "/metadata/annotations", json!({"kubectl-infer.io/ignore": "INF001"}));
    let verdict = admitted(&object, &snapshot);
    assert_eq!(verdict.outcome, Outcome::Denied);
    let denial = verdict.denial.unwrap();
    for part in ["INF001", "hub-cache-on-disk", "team-serving", "/spec/template/spec/", "GiB", "What to do"] {
        assert!(denial.contains(part), "no `{part}` in: {denial}");
    }
}

#[test]
fn ignoring_counts_against_a_refusal_only_where_every_refusing_policy_allows_it() {
    let allowing = json!({"rules": [{"rule": "INF001", "action": "deny", "allowIgnore": true}]});
    let mut object = deployment();
    let annotations =
        json!({"kubectl-infer.io/ignore": "INF001", "kubectl-infer.io/ignore-reason": "disk is 2 TB"});
    set(&mut object, "/metadata/annotations", annotations);
    let verdict = admitted(&object, &under(policies(&[("a", allowing.clone())])));
    assert!(verdict.is_allowed());
    assert_eq!(verdict.audit["ignore-reason"], "disk is 2 TB");
    assert!(verdict.audit["findings"].contains("INF001 ignored by a"), "{:?}", verdict.audit);
    assert!(!admitted(&object, &under(policies(&[("a", allowing), ("b", rule("deny"))]))).is_allowed());
}

#[test]
fn an_exemption_records_until_it_expires() {
    let spec = |until: &str| {
        let exemption =
            json!({"namespace": "serving", "name": "llama", "until": until, "reason": "moves in May"});
        json!({"rules": [{"rule": "INF001", "action": "deny"}], "exemptions": [exemption]})
    };
    let holds = under(policies(&[("p", spec("2030-01-01T00:00:00Z"))]));
    assert_eq!(ruled(&holds), Some(Consequence::Recorded));
    let expired = under(policies(&[("p", spec("2020-01-01T00:00:00Z"))]));
    assert_eq!(ruled(&expired), Some(Consequence::Denied));
}

/// A clock that is wrong decides about exemptions, and about nothing else.
#[test]
fn any_clock_is_a_clock() {
    let exemption = json!({"namespace": "serving", "until": "2030-01-01T00:00:00Z", "reason": "trial"});
    let snapshot = under(policies(&[(
        "p",
        json!({"rules": [{"rule": "INF001", "action": "deny"}], "exemptions": [exemption]}),
    )]));
    let object = deployment();
    let allowed = |now| {
        let request = Request { namespace: Some("serving"), ..Request::create(&object, now) };
        decide(Phase::Validate, &request, &snapshot).unwrap().is_allowed()
    };
    for before in [-1, 0, NOW] {
        assert!(allowed(before), "{before}");
    }
    // What no calendar has counts as after everything.
    for after in [4_000_000_000, i64::MAX, i64::MIN] {
        assert!(!allowed(after), "{after}: what expires has expired");
    }
}

#[test]
fn an_exemption_is_of_its_own_policy_only() {
    let exempting = json!({"rules": [{"rule": "INF001", "action": "deny"}],
        "exemptions": [{"namespace": "serving", "reason": "trial"}]});
    let both = policies(&[("a", exempting), ("b", rule("deny"))]);
    assert_eq!(ruled(&under(both)), Some(Consequence::Denied));
}

#[test]
fn a_change_is_not_refused_for_what_was_wrong_before_it() {
    let snapshot = under(policies(&[("p", rule("deny"))]));
    let old = deployment();
    let judge = |new: &Value| {
        let request = Request::update(&old, new, NOW);
        decide(Phase::Validate, &request, &snapshot).unwrap()
    };
    let mut annotated = old.clone();
    set(&mut annotated, "/metadata/annotations", json!({"team": "search"}));
    let mut without_finalizer = old.clone();
    set(&mut without_finalizer, "/metadata/finalizers", json!([]));
    let mut scaled = old.clone();
    set(&mut scaled, "/spec/replicas", json!(0));
    let mut new_image = old.clone();
    set(&mut new_image, "/spec/template/spec/containers/0/image", json!("vllm/vllm-openai:v0.11.1"));
    for new in [annotated, without_finalizer, scaled, new_image] {
        let verdict = judge(&new);
        assert!(verdict.is_allowed(), "{:?}", verdict.denial);
        assert!(verdict.warnings.iter().any(|warning| warning.contains("INF001")));
    }
    let mut another_model = old.clone();
    let args = json!(["--model=Qwen/Qwen3-235B-A22B", "--tensor-parallel-size=8"]);
    set(&mut another_model, "/spec/template/spec/containers/0/args", args);
    assert!(!judge(&another_model).is_allowed());
}

#[test]
fn relabelling_does_not_get_past_a_policy() {
    let spec = json!({"workloadSelector": {"matchExpressions": [{"key": "trial", "operator": "DoesNotExist"}]},
        "rules": [{"rule": "INF001", "action": "deny"}]});
    let snapshot = under(policies(&[("p", spec)]));
    let mut trial = deployment();
    set(&mut trial, "/metadata/labels", json!({"trial": "yes"}));
    let object = deployment();
    let verdict = decide(Phase::Validate, &Request::update(&trial, &object, NOW), &snapshot).unwrap();
    assert!(!verdict.is_allowed());
}

#[test]
fn every_mistake_in_a_policy_is_told_with_its_place() {
    let spec = json!({
        "rules": [
            {"rule": "INF999", "action": "warn"},
            {"rule": "INF001", "action": "deny", "overwrite": true},
            {"rule": "hub-cache-on-disk", "action": "warn", "allowIgnore": true}
        ],
        "limits": {"usdPerHour": 0, "replicas": 0, "regions": ["us-central1"]},
        "defaults": {"region": "europe-west4"},
        "exemptions": [{"namespace": "a", "rules": ["hub-cash"], "until": "soon", "reason": " "}],
        "workloadSelector": {"matchExpressions": [{"key": "tier", "operator": "In"}]}
    });
    let set = policies(&[("p", spec)]);
    let errors: Vec<_> = set.reports()[0].errors.iter().map(ToString::to_string).collect();
    for place in [
        "spec.rules[0].rule",
        "spec.rules[1].overwrite",
        "spec.rules[2].allowIgnore",
        "spec.rules[2].rule",
        "spec.limits.usdPerHour",
        "spec.limits.replicas",
        "spec.defaults.region",
        "spec.exemptions[0].rules[0]",
        "spec.exemptions[0].until",
        "spec.exemptions[0].reason",
        "spec.workloadSelector",
    ] {
        assert!(errors.iter().any(|error| error.starts_with(&format!("`{place}`"))), "{place}: {errors:#?}");
    }
    let unreadable = policies(&[("p", json!({"rules": [{"rule": "INF001", "action": "explode"}]}))]);
    let error = &unreadable.reports()[0].errors[0];
    let PolicyError::Unreadable { field, .. } = error else { panic!("{error}") };
    assert_eq!(field, "spec.rules[0].action");
    let misspelt = policies(&[("p", json!({"rule": []}))]);
    assert!(misspelt.reports()[0].errors[0].to_string().contains("`rule`"));
}

#[test]
fn a_broken_policy_keeps_its_last_good_version() {
    let good = policies(&[("p", rule("deny"))]);
    let mut broken = policy("p", &rule("explode"));
    set(&mut broken, "/metadata/generation", json!(2));
    let set = PolicySet::compile([&broken], &good);
    let report = &set.reports()[0];
    assert_eq!((report.generation, report.in_force), (Some(2), Some(1)));
    assert!(!report.errors.is_empty());
    assert_eq!(ruled(&under(set)), Some(Consequence::Denied));
}

#[test]
fn a_policy_that_never_was_good_is_a_refusal_where_it_would_refuse_and_a_warning_elsewhere() {
    let judge = |spec: Value| {
        let snapshot = under(policies(&[("p", spec)]));
        decide(Phase::Validate, &Request::create(&deployment(), NOW), &snapshot).unwrap()
    };
    let unknown = json!({"rules": [{"rule": "INF999", "action": "deny"}]});
    let verdict = judge(unknown.clone());
    assert!(verdict.denial.unwrap().contains("policy p cannot be read"));
    let harmless = judge(json!({"rules": [{"rule": "INF999", "action": "warn"}]}));
    assert!(harmless.is_allowed() && harmless.warnings[0].contains("policy p cannot be read"));
    let mut elsewhere = unknown.clone();
    set(&mut elsewhere, "/workloadSelector", json!({"matchLabels": {"tier": "gold"}}));
    assert!(judge(elsewhere).warnings.iter().all(|warning| !warning.contains("policy p")));
    let mut unselectable = unknown.clone();
    set(&mut unselectable, "/workloadSelector", json!({"matchLabels": "tier"}));
    let verdict = judge(unselectable);
    assert!(verdict.is_allowed() && verdict.warnings[0].contains("policy p cannot be read"));

    let snapshot = under(policies(&[("p", unknown)]));
    let old = deployment();
    let mut annotated = old.clone();
    set(&mut annotated, "/metadata/annotations", json!({"team": "search"}));
    let verdict = decide(Phase::Validate, &Request::update(&old, &annotated, NOW), &snapshot).unwrap();
    assert!(verdict.is_allowed());
}

#[test]
fn limits_merge_to_the_smallest_and_defaults_to_the_first_by_name() {
    let a = json!({
        "limits": {"accelerators": ["nvidia-l4", "nvidia-h100-80gb"], "usdPerHour": 20, "replicas": 4},
        "defaults": {"tokenSecret": {"name": "of-a", "key": "k"}, "region": "us-central1"}
    });
    let b = json!({
        "limits": {"accelerators": ["nvidia-h100-80gb", "tpu-v6e-slice"], "usdPerHour": 10, "replicas": 8},
        "defaults": {"tokenSecret": {"name": "of-b", "key": "k"}, "gkeVersion": "1.34.1-gke.1"}
    });
    let set = policies(&[("b", b), ("a", a)]);
    let object = deployment();
    let request = Request::create(&object, NOW);
    let snapshot = under(set.clone());
    let settings = snapshot.in_force(&request, &object, &crate::inspect::inspect(&object)).settings().clone();
    assert_eq!(settings.limits.accelerators, Some(["nvidia-h100-80gb".to_owned()].into()));
    assert_eq!((settings.limits.usd_per_hour, settings.limits.replicas), (Some(10.0), Some(4)));
    assert_eq!((settings.token_secret.as_str(), settings.region.as_deref()), ("of-a", Some("us-central1")));
    assert_eq!(settings.gke_version.as_deref(), Some("1.34.1-gke.1"));
    let [of_a, of_b] = set.reports() else { panic!() };
    assert_eq!(of_a.conflicts, Vec::<String>::new());
    assert!(of_b.conflicts[0].contains("tokenSecret") && of_b.conflicts[0].contains("`a`"), "{of_b:?}");
}

#[test]
fn conflicts_are_seen_unless_the_policies_cannot_meet() {
    let with = |env: &str, action: &str| json!({"namespaceSelector": {"matchLabels": {"env": env}}, "rules": [{"rule": "INF001", "action": action}]});
    let meeting = policies(&[("a", with("prod", "warn")), ("b", with("prod", "deny"))]);
    assert_eq!(meeting.reports()[0].conflicts.len(), 1);
    let apart = policies(&[("a", with("prod", "warn")), ("b", with("dev", "deny"))]);
    assert!(apart.reports().iter().all(|report| report.conflicts.is_empty()));
}

#[test]
fn a_policy_reads_back_as_it_was_written() {
    let spec = json!({"namespaceSelector": {"matchLabels": {"env": "prod"}},
        "rules": [{"rule": "INF001", "action": "mutate", "overwrite": true}],
        "limits": {"usdPerHour": 12.5}, "defaults": {"pricingModel": "3-years-cud", "sharedXlaCache": "remove"}});
    let written = policy("p", &spec);
    let read: InferencePolicy = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), written);
}

fn limited(limits: Value) -> Snapshot {
    under(policies(&[("budget", json!({ "limits": limits }))]))
}

#[test]
fn a_limit_is_refused_beyond_unless_its_rule_says_otherwise() {
    let mut object = deployment();
    set(&mut object, "/spec/replicas", json!(6));
    let selector = json!({"cloud.google.com/gke-accelerator": "nvidia-h100-80gb", "topology.kubernetes.io/region": "us-east5"});
    set(&mut object, "/spec/template/spec/nodeSelector", selector);
    for (limits, rule) in [
        (json!({"accelerators": ["nvidia-l4"]}), "accelerator-not-allowed"),
        (json!({"usdPerHour": 1.5}), "over-budget"),
        (json!({"replicas": 4}), "too-many-replicas"),
        (json!({"regions": ["us-central1"]}), "region-not-allowed"),
    ] {
        let verdict = admitted(&object, &limited(limits.clone()));
        let denial = verdict.denial.unwrap_or_else(|| panic!("{rule} admits: {:?}", verdict.warnings));
        assert!(denial.contains(rule) && denial.contains("policy budget"), "{denial}");
        let warned = json!({"limits": limits, "rules": [{"rule": rule, "action": "warn"}]});
        assert!(admitted(&object, &under(policies(&[("budget", warned)]))).is_allowed(), "{rule}");
    }
    let generous = json!({"accelerators": ["nvidia-h100-80gb"], "usdPerHour": 5000, "replicas": 6, "regions": ["us-east5"]});
    let verdict = admitted(&object, &limited(generous));
    assert!(verdict.is_allowed(), "{:?}", verdict.denial);
}

#[test]
fn scaling_is_judged_by_what_it_makes_of_the_workload() {
    let mut snapshot = limited(json!({"replicas": 4}));
    let mut workload = deployment();
    set(&mut workload, "/spec/replicas", json!(6));
    snapshot.neighbours.insert(Arc::new(workload));
    let scale = |replicas: u32| {
        json!({"apiVersion": "autoscaling/v1", "kind": "Scale",
            "metadata": {"name": "llama", "namespace": "serving"}, "spec": {"replicas": replicas}})
    };
    let judge = |from: u32, to: u32| {
        let (old, new) = (scale(from), scale(to));
        let resource = Some("deployments");
        let request = Request { resource, subresource: Some("scale"), ..Request::update(&old, &new, NOW) };
        decide(Phase::Validate, &request, &snapshot).unwrap()
    };
    let refused = judge(2, 5);
    assert!(refused.denial.unwrap().contains("too-many-replicas"));
    assert!(judge(2, 4).is_allowed());
    // Down from what was too much before the policy, though still too much.
    assert!(judge(8, 5).is_allowed());
    assert!(judge(8, 9).denial.is_some());
}
