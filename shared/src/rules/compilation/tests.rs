use std::sync::Arc;

use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::rules::fixtures::{findings_of, findings_with, merged, server};
use crate::rules::{Background, Caution, Neighbours, Settings, Severity, SharedXlaCache, check};

const CONTAINER: &str = "/spec/template/spec/containers/0";
const SPEC: &str = "/spec/template/spec";

/// Three TPU replicas on one bucket of compiled programs.
fn tpu() -> Value {
    let container = json!({
        "image": "vllm/vllm-tpu:v0.12.0",
        "args": ["--model=Qwen/Qwen2.5-14B-Instruct"],
        "env": [{"name": "VLLM_XLA_CACHE_PATH", "value": "/xla/programs"}],
        "volumeMounts": [{"name": "xla", "mountPath": "/xla"}],
        "resources": {"limits": {"google.com/tpu": "8"}},
    });
    let csi = json!({"driver": "gcsfuse.csi.storage.gke.io", "volumeAttributes": {"bucketName": "xla-eu"}});
    let object = server(container, json!({"volumes": [{"name": "xla", "csi": csi}]}));
    merged(object, "/spec", json!({"replicas": 3}))
}

fn volume(source: Value) -> Value {
    let mut volume = json!({"name": "xla"});
    json_patch::merge(&mut volume, &source);
    json!({"volumes": [volume]})
}

#[test]
fn only_a_cache_that_replicas_share_and_write_is_a_hazard() {
    assert_eq!(findings_of("INF040", &tpu()).len(), 1);
    for name in
        ["XLA_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR", "VLLM_TORCH_COMPILE_CACHE_DIR", "VLLM_CACHE_ROOT"]
    {
        let other = json!({"env": [{"name": name, "value": "/xla"}]});
        assert_eq!(findings_of("INF040", &merged(tpu(), CONTAINER, other)).len(), 1, "{name}");
    }
    let claim = volume(json!({"persistentVolumeClaim": {"claimName": "xla"}}));
    assert_eq!(findings_of("INF040", &merged(tpu(), SPEC, claim)).len(), 1);
    let silent = [
        ("/spec", json!({"replicas": 1})),
        ("/spec", json!({"replicas": null})),
        (CONTAINER, json!({"env": [{"name": "VLLM_XLA_CACHE_PATH", "value": "/tmp/xla"}]})),
        (CONTAINER, json!({"env": [{"name": "VLLM_XLA_CACHE_PATH", "value": "/xla/$(POD_NAME)"}]})),
        (CONTAINER, json!({"volumeMounts": [{"name": "xla", "mountPath": "/xla", "readOnly": true}]})),
        (
            CONTAINER,
            json!({"volumeMounts": [{"name": "xla", "mountPath": "/xla", "subPathExpr": "$(POD_NAME)"}]}),
        ),
        // On a GPU's own disk, or by whatever volume, the variable is normal.
        (
            CONTAINER,
            json!({"image": "vllm/vllm-openai:v0.9.0",
            "resources": {"limits": {"google.com/tpu": null, "nvidia.com/gpu": "1"}}}),
        ),
        (SPEC, volume(json!({"emptyDir": {}}))),
        (SPEC, volume(json!({"hostPath": {"path": "/mnt/xla"}}))),
        (SPEC, volume(json!({"ephemeral": {"volumeClaimTemplate": {}}}))),
    ];
    for (at, change) in silent {
        // The merge leaves `csi` of the list's one volume out: lists are replaced as a whole.
        assert_eq!(findings_of("INF040", &merged(tpu(), at, change.clone())), [], "{change}");
    }
}

/// Weights and programs on one writable mount, as the survey found them.
#[test]
fn a_cache_beside_the_weights_is_found_and_the_weights_are_left_writable() {
    let both = json!({"args": ["--model=/xla/qwen"]});
    let object = merged(tpu(), CONTAINER, both);
    assert_eq!(findings_of("INF040", &object).len(), 1);
    for id in ["INF024", "INF027"] {
        assert_eq!(findings_of(id, &object), [], "{id}");
    }
}

#[test]
fn an_autoscaler_makes_one_replica_several() {
    let catalog = Catalog::embedded();
    let settings = Settings::default();
    let alone = merged(tpu(), "/spec", json!({"replicas": null}));
    for (autoscaler, count) in [
        (
            json!({"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "spec": {"maxReplicas": 4}}),
            1,
        ),
        (
            json!({"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v2", "spec": {"maxReplicas": 1}}),
            0,
        ),
        (json!({"kind": "ScaledObject", "apiVersion": "keda.sh/v1alpha1", "spec": {}}), 1),
    ] {
        let mut neighbours = Neighbours::default();
        let target = json!({"metadata": {"name": "scaler"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "server"}}});
        let autoscaler = merged(autoscaler, "", target);
        neighbours.insert(Arc::new(autoscaler.clone()));
        neighbours.insert(Arc::new(alone.clone()));
        let background = Background { catalog: &catalog, settings: &settings, neighbours: &neighbours };
        // Whichever of the two is applied last.
        for object in [&alone, &autoscaler] {
            let found = check(object, &background).unwrap();
            let found = found.iter().filter(|finding| finding.rule.id == "INF040").count();
            assert_eq!(found, count, "{object}");
        }
    }
}

#[test]
fn the_variable_goes_only_where_the_policy_says_so() {
    let kept = findings_of("INF040", &tpu());
    assert_eq!(kept[0].fix, None);
    assert!(kept[0].remedy.contains("`kubectl infer rollout server --replicas 3`"), "{}", kept[0].remedy);
    let remove = Settings { shared_xla_cache: SharedXlaCache::Remove, ..Settings::default() };
    let removed = findings_with("INF040", &tpu(), &remove);
    assert_eq!(removed[0].fix.as_ref().unwrap().caution, Caution::Overwrites);
}

#[test]
fn a_tpu_without_a_cache_is_information_and_any_cache_answers_it() {
    let without = merged(tpu(), CONTAINER, json!({"env": null, "volumeMounts": null}));
    assert_eq!(findings_of("INF041", &without)[0].severity, Severity::Information);
    let answers = [
        json!({"env": [{"name": "JAX_COMPILATION_CACHE_DIR", "value": "/tmp/jax"}]}),
        json!({"env": [{"name": "VLLM_XLA_CACHE_PATH", "value": ""}]}),
        json!({"envFrom": [{"configMapRef": {"name": "settings"}}]}),
        json!({"volumeMounts": [{"name": "xla", "mountPath": "/root/.cache/vllm"}]}),
        json!({"resources": {"limits": {"google.com/tpu": null, "nvidia.com/gpu": "1"}}}),
    ];
    for answer in answers {
        assert_eq!(
            findings_of("INF041", &merged(without.clone(), CONTAINER, answer.clone())),
            [],
            "{answer}"
        );
    }
}
