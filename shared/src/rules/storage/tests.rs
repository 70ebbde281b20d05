use serde_json::{Value, json};

use crate::rules::fixtures::{findings_of, findings_with, fixed, merged, server};
use crate::rules::{Caution, Settings, Severity};

const CONTAINER: &str = "/spec/template/spec/containers/0";
const SPEC: &str = "/spec/template/spec";
const TEMPLATE: &str = "/spec/template";

/// A model in a bucket, mounted as its author wrote `attributes`.
fn bucket(attributes: Value) -> Value {
    let container = json!({
        "image": "vllm/vllm-openai:v0.9.0",
        "args": ["--model=/models/qwen"],
        "volumeMounts": [{"name": "models", "mountPath": "/models"}],
        "resources": {"limits": {"nvidia.com/gpu": "1", "memory": "24Gi"}},
    });
    let mut all = json!({"bucketName": "models-eu"});
    json_patch::merge(&mut all, &attributes);
    let csi = json!({"driver": "gcsfuse.csi.storage.gke.io", "volumeAttributes": all});
    let object = server(container, json!({"volumes": [{"name": "models", "csi": csi}]}));
    merged(object, TEMPLATE, json!({"metadata": {"annotations": {"gke-gcsfuse/volumes": "true"}}}))
}

fn options_of(object: &Value) -> &str {
    object
        .pointer("/spec/template/spec/volumes/0/csi/volumeAttributes/mountOptions")
        .unwrap()
        .as_str()
        .unwrap()
}

fn from_hub(uri: &str) -> Value {
    let container = json!({
        "image": "vllm/vllm-openai:v0.9.0",
        "args": ["--model=google/gemma-3-4b-it"],
        "resources": {"limits": {"nvidia.com/gpu": "1", "memory": "10Gi"}},
    });
    let selector = json!({"nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}});
    let annotations = json!({"metadata": {"annotations": {"kubectl-infer.io/model-bucket-uri": uri}}});
    merged(server(container, selector), TEMPLATE, annotations)
}

#[test]
fn the_authors_mount_options_win_in_each_spelling() {
    let object = bucket(json!({
        "mountOptions": "implicit-dirs,only-dir=x,metadata-cache-ttl-secs=60,file-system:kernel-list-cache-ttl-secs:0,",
        "metadataStatCacheCapacity": "64Mi",
    }));
    let fixed = fixed("INF024", &object);
    assert_eq!(
        options_of(&fixed),
        "implicit-dirs,only-dir=x,metadata-cache-ttl-secs=60,file-system:kernel-list-cache-ttl-secs:0,\
         metadata-cache:type-cache-max-size-mb:-1,metadata-cache:negative-ttl-secs:0,read_ahead_kb=1024"
    );
    assert_eq!(findings_of("INF024", &fixed), []);
}

#[test]
fn a_cache_of_unknown_size_gets_no_file_cache() {
    let unsized_cache = json!({"name": "gke-gcsfuse-cache", "emptyDir": {}});
    let sized = json!({"name": "gke-gcsfuse-cache", "emptyDir": {"sizeLimit": "100Gi"}});
    for (cache, cached) in [(unsized_cache, false), (sized, true)] {
        let mut object = bucket(json!({}));
        object.pointer_mut("/spec/template/spec/volumes").unwrap().as_array_mut().unwrap().push(cache);
        assert_eq!(options_of(&fixed("INF024", &object)).contains("file-cache:"), cached);
    }
}

/// Seven of thirteen writable mounts of the survey hold a cache or a download: read-only would break them, and
/// what is known of them must not be kept for ever.
#[test]
fn a_mount_that_something_writes_to_is_left_alone() {
    let written = [
        (CONTAINER, json!({"env": [{"name": "VLLM_XLA_CACHE_PATH", "value": "/models/xla"}]})),
        (CONTAINER, json!({"env": [{"name": "HF_HOME", "value": "/models"}]})),
        (CONTAINER, json!({"env": [{"name": "JAX_COMPILATION_CACHE_DIR", "value": "$(BASE)/jax"}]})),
        (CONTAINER, json!({"args": ["--model=/models/qwen", "--download-dir=/models"]})),
        (
            CONTAINER,
            json!({"args": ["--model=/models/qwen", "--model-loader-extra-config={\"dir\":\"/models/x\"}"]}),
        ),
        (CONTAINER, json!({"envFrom": [{"configMapRef": {"name": "settings"}}]})),
        (
            CONTAINER,
            json!({"command": ["sh", "-c", "hf download a/b --local-dir /models/qwen\nvllm serve /models/qwen"],
            "args": null}),
        ),
        (
            SPEC,
            json!({"initContainers": [{"name": "fetch", "image": "fetch:1",
            "volumeMounts": [{"name": "models", "mountPath": "/out"}]}]}),
        ),
    ];
    for id in ["INF024", "INF027"] {
        assert_eq!(findings_of(id, &bucket(json!({}))).len(), 1, "{id}");
        for (at, change) in &written {
            let object = merged(bucket(json!({})), at, change.clone());
            assert_eq!(findings_of(id, &object), [], "{id}: {change}");
        }
    }
    let explicit = json!({"volumeMounts": [{"name": "models", "mountPath": "/models", "readOnly": false}]});
    let found = findings_of("INF027", &merged(bucket(json!({})), CONTAINER, explicit));
    assert_eq!(found[0].fix.as_ref().map(|fix| fix.caution), Some(Caution::Overwrites));
}

#[test]
fn volumes_by_claim_and_by_profile_are_left_alone() {
    let claim = json!({"volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "gcsfusecsi-serving"}}]});
    let by_claim = merged(bucket(json!({})), SPEC, claim);
    let by_claim = merged(by_claim, TEMPLATE, json!({"metadata": {"annotations": null}}));
    let by_profile = bucket(json!({"mountOptions": "profile:aiml-serving"}));
    for id in ["INF023", "INF024", "INF025", "INF027"] {
        assert_eq!(findings_of(id, &by_claim), [], "{id}");
    }
    assert_eq!(findings_of("INF024", &by_profile), []);
}

#[test]
fn an_old_cluster_gets_no_options_that_it_may_refuse() {
    let at = |version: &str| Settings { gke_version: Some(version.to_owned()), ..Settings::default() };
    assert_eq!(findings_with("INF024", &bucket(json!({})), &at("1.31.1-gke.1")), []);
    assert_eq!(findings_with("INF024", &bucket(json!({})), &at("1.33.2-gke.1")).len(), 1);
    let prefetch = bucket(json!({"gcsfuseMetadataPrefetchOnMount": "true"}));
    assert_eq!(findings_with("INF026", &prefetch, &at("1.31.1-gke.1")).len(), 1);
    for off in ["1.33", "none"] {
        assert_eq!(findings_with("INF026", &prefetch, &at(off)), [], "{off}");
    }
}

#[test]
fn the_sidecar_is_asked_for_on_the_template_unless_it_is_there() {
    let without = merged(bucket(json!({})), TEMPLATE, json!({"metadata": {"annotations": null}}));
    assert_eq!(findings_of("INF023", &without).len(), 1);
    let fixed = fixed("INF023", &without);
    assert_eq!(
        fixed.pointer("/spec/template/metadata/annotations"),
        Some(&json!({"gke-gcsfuse/volumes": "true"}))
    );
    let own =
        json!({"initContainers": [{"name": "gke-gcsfuse-sidecar", "restartPolicy": "Always", "image": "x"}]});
    assert_eq!(findings_of("INF023", &merged(without.clone(), SPEC, own)), []);
    let off = json!({"metadata": {"annotations": {"gke-gcsfuse/volumes": "false"}}});
    let found = findings_of("INF023", &merged(without, TEMPLATE, off));
    assert_eq!(found[0].fix.as_ref().map(|fix| fix.caution), Some(Caution::Overwrites));
}

#[test]
fn the_sidecars_limits_are_read_as_the_driver_reads_them() {
    let with = |cache: Value, annotations: Value| {
        let mut object = bucket(json!({"fileCacheCapacity": "4Gi"}));
        let cache = json!({"name": "gke-gcsfuse-cache", "emptyDir": cache});
        object.pointer_mut("/spec/template/spec/volumes").unwrap().as_array_mut().unwrap().push(cache);
        let found = findings_of(
            "INF025",
            &merged(object, TEMPLATE, json!({"metadata": {"annotations": annotations}})),
        );
        found.first().map(|found| found.severity)
    };
    let ram = || json!({"medium": "Memory", "sizeLimit": "20Gi"});
    assert_eq!(with(ram(), json!({})), Some(Severity::Warning));
    assert_eq!(with(ram(), json!({"gke-gcsfuse/memory-limit": "8Gi"})), Some(Severity::Warning));
    assert_eq!(with(ram(), json!({"gke-gcsfuse/memory-limit": "22Gi"})), None);
    assert_eq!(with(ram(), json!({"gke-gcsfuse/memory-limit": "0"})), Some(Severity::Information));
    assert_eq!(with(ram(), json!({"gke-gcsfuse/memory-limit": "{{ limit }}"})), None);
    let disk = || json!({"sizeLimit": "100Gi"});
    let memory = |rest: Value| {
        let mut all = json!({"gke-gcsfuse/memory-limit": "2Gi"});
        json_patch::merge(&mut all, &rest);
        all
    };
    assert_eq!(with(disk(), memory(json!({}))), Some(Severity::Warning));
    assert_eq!(with(disk(), memory(json!({"gke-gcsfuse/ephemeral-storage-limit": "0"}))), None);
    assert_eq!(with(disk(), memory(json!({"gke-gcsfuse/ephemeral-storage-limit": "120Gi"}))), None);
    assert_eq!(with(json!({}), memory(json!({}))), None);
}

#[test]
fn a_cache_on_a_volume_of_its_own_fills_no_disk_of_the_nodes() {
    let with = |cache: Value| {
        let mut object = bucket(json!({"fileCacheCapacity": "500Gi"}));
        let limit = json!({"metadata": {"annotations": {"gke-gcsfuse/memory-limit": "2Gi"}}});
        let mut cache = cache;
        cache["name"] = json!("gke-gcsfuse-cache");
        object.pointer_mut("/spec/template/spec/volumes").unwrap().as_array_mut().unwrap().push(cache);
        findings_of("INF025", &merged(object, TEMPLATE, limit)).len()
    };
    assert_eq!(with(json!({"persistentVolumeClaim": {"claimName": "shared-cache"}})), 0);
    assert_eq!(with(json!({"ephemeral": {"volumeClaimTemplate": {"spec": {}}}})), 0);
    assert_eq!(with(json!({"emptyDir": {"sizeLimit": "500Gi"}})), 1);
}

#[test]
fn a_file_cache_without_a_volume_is_bounded_by_the_sidecars_disk() {
    let with = |attributes: Value, annotations: Value| {
        let mut all = json!({"gke-gcsfuse/memory-limit": "2Gi"});
        json_patch::merge(&mut all, &annotations);
        let object = merged(bucket(attributes), TEMPLATE, json!({"metadata": {"annotations": all}}));
        findings_of("INF025", &object).first().map(|found| found.severity)
    };
    let lifted = json!({"gke-gcsfuse/ephemeral-storage-limit": "0"});
    assert_eq!(with(json!({"fileCacheCapacity": "50Gi"}), json!({})), Some(Severity::Warning));
    assert_eq!(
        with(json!({"mountOptions": "file-cache:max-size-mb:51200"}), json!({})),
        Some(Severity::Warning)
    );
    assert_eq!(with(json!({"fileCacheCapacity": "-1"}), json!({})), Some(Severity::Information));
    assert_eq!(with(json!({"fileCacheCapacity": "50Gi"}), lifted.clone()), None);
    assert_eq!(with(json!({"fileCacheCapacity": "-1"}), lifted), None);
    for off in ["0", "4Gi", "{{ capacity }}"] {
        assert_eq!(with(json!({"fileCacheCapacity": off}), json!({})), None, "{off}");
    }
}

#[test]
fn a_model_path_is_missed_only_on_a_bare_image_beside_a_volume() {
    let elsewhere = merged(bucket(json!({})), CONTAINER, json!({"args": ["--model=/data/qwen"]}));
    assert_eq!(findings_of("INF029", &elsewhere).len(), 1);
    let silent = [
        json!({"args": ["--model=/mnt/models"]}),
        json!({"args": ["--model=/models"]}),
        json!({"image": "registry.example/team/vllm-with-model:1"}),
        json!({"volumeMounts": null}),
        json!({"volumeMounts": [{"name": "models", "mountPath": "/root/.cache/huggingface"}]}),
        json!({"volumeMounts": [{"name": "models", "mountPath": "/data/qwen/weights"}]}),
        json!({"command": ["sh", "-c", "gsutil cp -r gs://b/qwen /data && vllm serve /data/qwen"], "args": null}),
    ];
    for change in silent {
        assert_eq!(
            findings_of("INF029", &merged(elsewhere.clone(), CONTAINER, change.clone())),
            [],
            "{change}"
        );
    }
}

#[test]
fn a_bucket_is_mounted_with_its_cache_where_the_machine_has_one() {
    let fixed = fixed("INF020", &from_hub("gs://models-eu/gemma-3-4b"));
    let volumes = fixed.pointer("/spec/template/spec/volumes").unwrap();
    assert_eq!(volumes[0]["csi"]["volumeAttributes"]["bucketName"], "models-eu");
    assert!(options_of(&fixed).ends_with("only-dir:gemma-3-4b"));
    assert_eq!(volumes[1]["name"], "gke-gcsfuse-cache");
    assert!(volumes[1]["emptyDir"].get("medium").is_none(), "H100 machines bring local SSD");
    let annotations = fixed.pointer("/spec/template/metadata/annotations").unwrap();
    assert_eq!(annotations["gke-gcsfuse/volumes"], "true");
    let mount = fixed.pointer("/spec/template/spec/containers/0/volumeMounts/0").unwrap();
    assert_eq!(mount, &json!({"name": "model", "mountPath": "/data", "readOnly": true}));
    for id in ["INF020", "INF023", "INF024", "INF025", "INF027"] {
        assert_eq!(findings_of(id, &fixed), [], "{id}");
    }
}

#[test]
fn the_model_argument_moves_apart_from_the_mount_and_keeps_its_name() {
    let object = from_hub("gs://models-eu/gemma-3-4b");
    let found = findings_of("INF021", &object);
    assert_eq!(found[0].fix.as_ref().unwrap().caution, Caution::Arguments);
    let moved = fixed("INF021", &object);
    let arguments = moved.pointer("/spec/template/spec/containers/0/args").unwrap();
    assert_eq!(arguments, &json!(["--model=/data", "--served-model-name=google/gemma-3-4b-it"]));
    assert_eq!(findings_of("INF020", &moved), []);
    assert_eq!(findings_of("INF021", &moved), []);
    let script = json!({"command": ["sh", "-c", "vllm serve google/gemma-3-4b-it"], "args": null});
    let found = findings_of("INF021", &merged(object, CONTAINER, script));
    assert!(found.len() == 1 && found[0].fix.is_none());
}

#[test]
fn what_stands_in_the_way_of_the_mount_is_left_standing() {
    let object = from_hub("gs://models-eu/gemma-3-4b");
    let ways = [
        (CONTAINER, json!({"volumeMounts": [{"name": "x", "mountPath": "/data"}]})),
        (CONTAINER, json!({"image": "ghcr.io/huggingface/text-generation-inference:3.3.7"})),
        (SPEC, json!({"volumes": [{"name": "model", "emptyDir": {}}]})),
        (
            TEMPLATE,
            json!({"metadata": {"annotations": {"kubectl-infer.io/model-bucket-uri": "gs://BUCKET_NAME/x"}}}),
        ),
    ];
    for (at, change) in ways {
        let found = findings_of("INF020", &merged(object.clone(), at, change.clone()));
        assert!(found.len() == 1 && found[0].fix.is_none(), "{change}");
    }
}

#[test]
fn annotations_that_inject_are_refused_and_shown_escaped() {
    let hostile = [
        "s3://models-eu/gemma",
        "hf://google/gemma-3-4b-it",
        "models-eu/gemma",
        "gs://models-eu/gemma,allow-other,uid=0",
        "gs://models-eu/gemma;reboot",
        "gs://models-eu/gemma\n--trust-remote-code",
        "gs://models-eu/../other",
        "gs://models-eu/gemma --enable-x",
        "",
    ];
    for uri in hostile {
        let object = from_hub(uri);
        let found = findings_of("INF022", &object);
        assert_eq!(found.len(), 1, "{uri:?}");
        assert_eq!((found[0].severity, &found[0].fix), (Severity::Error, &None));
        assert!(!found[0].what.contains('\n'));
        for id in ["INF020", "INF021"] {
            assert_eq!(findings_of(id, &object), [], "{uri:?}");
        }
    }
}

#[test]
fn a_cache_volume_without_a_file_cache_stays_empty() {
    let found = |attributes: Value| {
        let mut object = bucket(attributes);
        let cache = json!({"name": "gke-gcsfuse-cache", "emptyDir": {"medium": "Memory"}});
        object.pointer_mut("/spec/template/spec/volumes").unwrap().as_array_mut().unwrap().push(cache);
        findings_of("INF025", &object).first().map(|found| found.severity)
    };
    let warned = Some(Severity::Warning);
    assert_eq!(found(json!({"mountOptions": "implicit-dirs,file-cache:max-size-mb:-1"})), warned);
    // What remains is that the sidecar has its default memory limit.
    assert_eq!(found(json!({"mountOptions": "implicit-dirs"})), Some(Severity::Information));
}
