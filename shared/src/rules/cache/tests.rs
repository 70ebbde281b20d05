use serde_json::{Value, json};

use crate::rules::fixtures::{findings_of, fixed, merged, server};
use crate::rules::{Caution, Severity};

/// Llama 70B, 131 GiB of weights, on eight A100 of 40 GB, whose machines have no local SSD.
fn llama() -> Value {
    let container = json!({
        "image": "vllm/vllm-openai:v0.9.0",
        "args": ["--model=meta-llama/Llama-3.3-70B-Instruct", "--tensor-parallel-size=8"],
        "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "token"}}}],
        "volumeMounts": [{"name": "dshm", "mountPath": "/dev/shm"}],
        "resources": {"limits": {"nvidia.com/gpu": "8", "memory": "400Gi"}},
    });
    let spec = json!({
        "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-tesla-a100"},
        "volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory"}}],
    });
    server(container, spec)
}

const CONTAINER: &str = "/spec/template/spec/containers/0";
const SPEC: &str = "/spec/template/spec";

#[test]
fn what_answers_a_large_download_is_silent() {
    let answers = [
        (CONTAINER, json!({"resources": {"requests": {"ephemeral-storage": "200Gi"}}})),
        (CONTAINER, json!({"args": ["--model=meta-llama/Llama-3.3-70B-Instruct", "--load-format=dummy"]})),
        (CONTAINER, json!({"args": ["--model=Qwen/Qwen2.5-14B-Instruct"]})),
        (CONTAINER, json!({"args": ["--model=some-team/some-model-of-70b"]})),
        (CONTAINER, json!({"envFrom": [{"configMapRef": {"name": "settings"}}]})),
        (
            CONTAINER,
            json!({"command": ["sh", "-c", "export HF_HOME=$SCRATCH; vllm serve meta-llama/Llama-3.3-70B-Instruct"], "args": null}),
        ),
        (SPEC, json!({"nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-h100-80gb"}})),
        (SPEC, json!({"nodeSelector": {"cloud.google.com/compute-class": "large-disk"}})),
        (SPEC, json!({"nodeSelector": {"cloud.google.com/gke-ephemeral-storage-local-ssd": "true"}})),
    ];
    assert_eq!(findings_of("INF001", &llama()).len(), 1);
    for (at, change) in answers {
        let found = findings_of("INF001", &merged(llama(), at, change.clone()));
        assert!(found.iter().all(|found| found.severity < Severity::Warning), "{change}: {found:#?}");
    }
}

#[test]
fn a_cache_on_a_volume_of_unknown_size_is_silent_by_whatever_name() {
    let mounts = |path: &str| json!([{"name": "dshm", "mountPath": "/dev/shm"}, {"name": "models", "mountPath": path}]);
    let volumes = json!({"volumes": [
        {"name": "dshm", "emptyDir": {"medium": "Memory"}},
        {"name": "models", "persistentVolumeClaim": {"claimName": "models"}},
    ]});
    let ways = [
        json!({"volumeMounts": mounts("/root/.cache/huggingface")}),
        json!({"volumeMounts": mounts("/root/.cache/huggingface/hub")}),
        json!({"volumeMounts": mounts("/models"), "env": [{"name": "HF_HUB_CACHE", "value": "/models"}]}),
        json!({"volumeMounts": mounts("/models"), "env": [{"name": "HF_HOME", "value": "/models/hf"}]}),
        json!({"volumeMounts": mounts("/models"),
            "args": ["--model=meta-llama/Llama-3.3-70B-Instruct", "--download-dir", "/models"]}),
        json!({"volumeMounts": mounts("/data"), "image": "ghcr.io/huggingface/text-generation-inference:3.3.7",
            "args": ["--model-id=meta-llama/Llama-3.3-70B-Instruct"]}),
    ];
    for way in ways {
        let object = merged(merged(llama(), SPEC, volumes.clone()), CONTAINER, way.clone());
        assert_eq!(findings_of("INF001", &object), [], "{way}");
    }
}

#[test]
fn the_cache_moves_into_ram_only_where_the_memory_is_there() {
    let fixes = |object: &Value| {
        let found = findings_of("INF001", object);
        found.first().unwrap().fix.clone()
    };
    assert_eq!(fixes(&llama()).unwrap().caution, Caution::Safe);
    let without = [
        json!({"resources": {"limits": {"memory": "100Gi"}}}),
        json!({"resources": {"limits": {"memory": null}}}),
        json!({"args": ["--model=meta-llama/Llama-3.3-70B-Instruct", "--download-dir=/scratch"]}),
        json!({"command": ["bash", "-c", "rm -rf /dev/shm/* && vllm serve meta-llama/Llama-3.3-70B-Instruct"],
            "args": null}),
    ];
    for change in without {
        let object = merged(llama(), CONTAINER, change.clone());
        let found = findings_of("INF001", &object);
        assert!(found.iter().all(|found| found.fix.is_none()), "{change}");
    }
    let own = merged(llama(), CONTAINER, json!({"env": [{"name": "HF_HOME", "value": "/scratch"}]}));
    assert_eq!(fixes(&own).unwrap().caution, Caution::Overwrites);
    let small = json!({"volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}]});
    assert_eq!(fixes(&merged(llama(), SPEC, small)).unwrap().caution, Caution::Overwrites);
}

#[test]
fn a_warning_without_fix_says_how_much_memory_it_would_take() {
    let object = merged(llama(), CONTAINER, json!({"resources": {"limits": {"memory": "100Gi"}}}));
    let found = findings_of("INF001", &object);
    assert!(found[0].remedy.contains("the memory limit is 100 GiB"), "{}", found[0].remedy);
}

#[test]
fn shared_memory_is_asked_of_gpu_servers_alone() {
    let without = merged(llama(), SPEC, json!({"volumes": null}));
    let without = merged(without, CONTAINER, json!({"volumeMounts": null}));
    assert_eq!(findings_of("INF005", &without).len(), 1);
    let silent = [
        (CONTAINER, json!({"resources": {"limits": {"nvidia.com/gpu": null, "google.com/tpu": "8"}}})),
        (CONTAINER, json!({"args": ["--model=meta-llama/Llama-3.3-70B-Instruct"]})),
        (SPEC, json!({"hostIPC": true})),
    ];
    for (at, change) in silent {
        assert_eq!(findings_of("INF005", &merged(without.clone(), at, change.clone())), [], "{change}");
    }
    // A name that is taken is not taken twice.
    let taken = merged(without, SPEC, json!({"volumes": [{"name": "dshm", "emptyDir": {}}]}));
    let fixed = fixed("INF005", &taken);
    assert_eq!(findings_of("INF005", &fixed), []);
    assert_eq!(fixed.pointer("/spec/template/spec/volumes/0/emptyDir"), Some(&json!({})));
}

#[test]
fn a_token_by_any_way_counts() {
    let gemma = server(
        json!({"image": "vllm/vllm-openai:v0.9.0", "args": ["--model=google/gemma-3-4b-it", "--max-num-batched-tokens=2048"],
            "resources": {"limits": {"nvidia.com/gpu": "1"}}}),
        json!({"volumes": [
            {"name": "token", "secret": {"secretName": "hf"}},
            {"name": "models", "persistentVolumeClaim": {"claimName": "models"}},
        ]}),
    );
    assert_eq!(findings_of("INF007", &gemma).len(), 1);
    let ways = [
        json!({"env": [{"name": "HUGGING_FACE_HUB_TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]}),
        json!({"env": [{"name": "HF_TOKEN_PATH", "value": "/etc/token/hf"}]}),
        json!({"env": [{"name": "HF_TOKEN", "value": "$(TOKEN)"}]}),
        json!({"env": [{"name": "HF_HUB_OFFLINE", "value": "1"}]}),
        json!({"env": [{"name": "HF_ENDPOINT", "value": "https://mirror.example"}]}),
        json!({"envFrom": [{"secretRef": {"name": "hf"}}]}),
        json!({"envFrom": [{"configMapRef": {"name": "hf"}}]}),
        json!({"volumeMounts": [{"name": "token", "mountPath": "/root/.cache/huggingface/token", "subPath": "token"}]}),
        json!({"volumeMounts": [{"name": "models", "mountPath": "/root/.cache/huggingface"}]}),
        json!({"args": ["--model=google/gemma-3-4b-it", "--hf-token=x"]}),
        json!({"args": ["--model=some-copy/gemma-3-4b-it"]}),
    ];
    for way in ways {
        assert_eq!(findings_of("INF007", &merged(gemma.clone(), CONTAINER, way.clone())), [], "{way}");
    }
    let tokens = json!({"env": [{"name": "MAX_TOTAL_TOKENS", "value": "4096"}]});
    assert_eq!(findings_of("INF007", &merged(gemma, CONTAINER, tokens)).len(), 1);
}

#[test]
fn placeholders_are_no_tokens_and_a_token_is_never_shown() {
    let with = |value: &str| {
        let env = json!([{"name": "HF_TOKEN", "value": value}]);
        server(
            json!({"image": "vllm/vllm-openai:v0.9.0", "args": ["--model=google/gemma-3-4b-it"], "env": env}),
            json!({}),
        )
    };
    let placeholders = [
        "",
        "hf_",
        "hf_token",
        "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "hf_XXXXXXXXXXXXxxxxxxxxXXXXXXXXXXXXXX",
        "hf_YourHuggingFaceTokenGoesRightHere12",
        "hf_AbCdEfGhIjKlMnOpQrStUvWxYz01234567",
        "<hf_your_token>",
        "$HF_TOKEN",
        "hf_aaaaAAAAaaaaAAAAaaaaAAAAaaaaAAAAaa",
    ];
    for placeholder in placeholders {
        assert_eq!(findings_of("INF008", &with(placeholder)), [], "{placeholder}");
    }
    // Made of letters in no order: no token of anyone.
    let token = ["hf_", "qVbTzRkWmLpXgNsHcJdYfUoEiAqVbTzRkW"].concat();
    let found = findings_of("INF008", &with(&token));
    assert_eq!(found[0].at.as_str(), "/spec/template/spec/containers/0/env/0/value");
    assert!(!format!("{found:?}").contains(&token[3..]));
    let script =
        json!({"command": ["sh", "-c", format!("export HF_TOKEN={token}; vllm serve google/gemma-3-4b-it")]});
    assert_eq!(findings_of("INF008", &merged(with(""), CONTAINER, script)).len(), 1);
}

/// A server of 131 GiB of weights on `chips` accelerators of a kind that nothing names.
fn unlabelled(chips: u32) -> Value {
    let object = merged(llama(), SPEC, json!({"nodeSelector": null}));
    merged(object, CONTAINER, json!({"resources": {"limits": {"nvidia.com/gpu": chips}}}))
}

#[test]
fn the_disk_of_a_node_that_is_not_gke_s_is_no_warning() {
    let severity = |object: &Value| findings_of("INF001", object).first().map(|found| found.severity);
    assert_eq!(severity(&unlabelled(8)), Some(Severity::Warning));
    let what = |object: &Value| findings_of("INF001", object).remove(0).what;
    assert!(!what(&unlabelled(8)).contains("GKE"));
    let on_gke = json!({"metadata": {"annotations": {"iam.gke.io/x": "y"}}});
    assert!(what(&merged(unlabelled(8), "/spec/template", on_gke)).contains("GKE's default"));
    let elsewhere = [
        json!({"nodeSelector": {"karpenter.sh/nodepool": "gpu"}}),
        json!({"nodeSelector": {"node.kubernetes.io/instance-type": "p5.48xlarge"}}),
        json!({"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "gpus"}]}),
    ];
    for spec in elsewhere {
        assert_eq!(severity(&merged(unlabelled(8), SPEC, spec)), Some(Severity::Information));
    }
    let amd = json!({"resources": {"limits": {"nvidia.com/gpu": null, "amd.com/gpu": 8}}});
    assert_eq!(severity(&merged(unlabelled(8), CONTAINER, amd)), Some(Severity::Information));
    // 66 GiB for each of two: chips of 80 GB, whose machines bring local SSD.
    assert_eq!(severity(&unlabelled(2)), Some(Severity::Information));
}

#[test]
fn a_cache_volume_of_the_weights_size_on_an_unknown_node_is_silent() {
    let volumes = |size: &str| {
        let cache = json!({"name": "cache", "emptyDir": {"sizeLimit": size}});
        let object = merged(unlabelled(8), SPEC, json!({"volumes": [cache]}));
        let mounts = json!({"volumeMounts": [{"name": "cache", "mountPath": "/root/.cache/huggingface"}]});
        merged(object, CONTAINER, mounts)
    };
    assert_eq!(findings_of("INF001", &volumes("150Gi")), []);
    assert_eq!(findings_of("INF001", &volumes("50Gi")).len(), 1);
}

#[test]
fn a_patch_lacks_what_its_base_has() {
    let patch = merged(llama(), CONTAINER, json!({"resources": null, "env": null}));
    assert_eq!(findings_of("INF001", &patch), []);
    assert_eq!(findings_of("INF007", &patch), []);
    let whole = merged(patch, "/spec", json!({"selector": {"matchLabels": {"app": "llama"}}}));
    assert_eq!(findings_of("INF007", &whole).len(), 1);
}

#[test]
fn weights_that_are_there_before_the_server_need_no_token() {
    let without = merged(llama(), CONTAINER, json!({"env": null}));
    assert_eq!(findings_of("INF007", &without).len(), 1);
    let annotations = json!({"annotations": {"kubectl-infer.io/model-bucket-uri": "gs://models/llama"}});
    let from_bucket = merged(without.clone(), "/spec/template/metadata", annotations);
    assert_eq!(findings_of("INF007", &from_bucket), []);
    let mounts = json!([{"name": "cache", "mountPath": "/root/.cache/huggingface"}]);
    let fetched = merged(without, CONTAINER, json!({"volumeMounts": mounts}));
    let fetched = merged(fetched, SPEC, json!({"volumes": [{"name": "cache", "emptyDir": {}}]}));
    assert_eq!(findings_of("INF007", &fetched).len(), 1);
    let fetch = json!({"name": "fetch", "image": "python:3.12", "volumeMounts": mounts});
    assert_eq!(findings_of("INF007", &merged(fetched, SPEC, json!({"initContainers": [fetch]}))), []);
}

#[test]
fn one_replica_that_downloads_into_a_bucket_is_slow_and_several_write_over_each_other() {
    let bucket = json!({"name": "bucket", "csi": {"driver": "gcsfuse.csi.storage.gke.io"}});
    let object = merged(llama(), SPEC, json!({"volumes": [bucket]}));
    let mounts = json!({"volumeMounts": [{"name": "bucket", "mountPath": "/root/.cache/huggingface"}]});
    let one = merged(object, CONTAINER, mounts);
    let severity = |object: &Value| findings_of("INF006", object)[0].severity;
    assert_eq!(severity(&one), Severity::Information);
    assert_eq!(severity(&merged(one, "/spec", json!({"replicas": 3}))), Severity::Warning);
}

#[test]
fn a_read_only_root_is_no_place_for_downloads() {
    let with = |container: Value, volumes: Value| {
        let object = merged(llama(), CONTAINER, json!({"securityContext": {"readOnlyRootFilesystem": true}}));
        let object = merged(object, CONTAINER, container);
        findings_of("INF009", &merged(object, SPEC, json!({"volumes": volumes}))).len()
    };
    let mounted = |path: &str| json!({"volumeMounts": [{"name": "v", "mountPath": path}]});
    let scratch = json!([{"name": "v", "emptyDir": {}}]);
    assert_eq!(with(json!({}), json!([])), 1);
    assert_eq!(with(mounted("/tmp"), scratch.clone()), 1);
    assert_eq!(with(mounted("/root/.cache/huggingface"), scratch.clone()), 0);
    // Some image's user lives there.
    assert_eq!(with(mounted("/home/vllm"), scratch.clone()), 0);
    assert_eq!(with(json!({"securityContext": {"readOnlyRootFilesystem": false}}), json!([])), 0);
    assert_eq!(with(json!({"env": [{"name": "HF_HUB_OFFLINE", "value": "1"}]}), json!([])), 0);
}
