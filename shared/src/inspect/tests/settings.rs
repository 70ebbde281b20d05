//! Models, caches, tokens, nodes, probes and metrics.

use super::*;
use crate::inspect::{MetricTarget, ModelSource, PreStop, ProbeKind, Sharing, TokenSource, VolumeSource};

fn model(container: &str) -> ModelSource {
    serving(&deployment(container), |pod| pod.model.clone())
}

#[test]
fn models_and_where_they_come_from() {
    let hub = |id: &str| ModelSource::Hub(id.to_owned());
    for (container, expected) in [
        (
            "image: vllm/vllm-openai:v0.9.0\nargs: [--model=gs://bucket/llama]",
            ModelSource::Bucket("gs://bucket/llama".into()),
        ),
        (
            "image: vllm/vllm-openai:v0.9.0\nargs: [--model=/data/llama]",
            ModelSource::Path("/data/llama".into()),
        ),
        ("image: vllm/vllm-openai:v0.9.0\nargs: [--model=MODEL_NAME]", ModelSource::Unknown),
        ("image: vllm/vllm-openai:v0.9.0\nargs: ['--model=<your-model>']", ModelSource::Unknown),
        ("image: vllm/vllm-openai:v0.9.0\nargs: ['--model={{ .Values.model }}']", ModelSource::Unknown),
        ("image: vllm/vllm-openai:v0.9.0", ModelSource::Unset),
        ("image: x/text-generation-inference:3\nenv: [{name: MODEL_ID, value: a/b}]", hub("a/b")),
        (
            "image: x/text-generation-inference:3\nargs: [--model-id=$(M)]\nenv: [{name: M, value: a/b}]",
            hub("a/b"),
        ),
        ("image: x/text-generation-inference:3\nenvFrom: [{configMapRef: {name: c}}]", ModelSource::Unknown),
        ("image: nvcr.io/nim/meta/llama:1", ModelSource::Unset),
        ("image: x/s:1\ncommand: [python3, -m, sglang.launch_server, --model-path, a/b]", hub("a/b")),
        ("image: x/s:1\ncommand: [trtllm-serve, a/b]", hub("a/b")),
        (
            "image: kserve/huggingfaceserver:v1\nargs: [--model_name=llama]",
            ModelSource::Path("/mnt/models".into()),
        ),
        (
            "image: x/maxengine-server:v1\nargs: [tokenizer_path=assets/tokenizer.gemma, load_parameters_path=gs://b/final/items]",
            ModelSource::Bucket("gs://b/final/items".into()),
        ),
    ] {
        assert_eq!(model(container), expected, "{container}");
    }
}

#[test]
fn text_generation_inference_reads_its_environment() {
    let object = deployment(
        "image: x/text-generation-inference:3\nenv: [{name: NUM_SHARD, value: '4'}, {name: QUANTIZE, value: awq}, {name: PORT, value: '8080'}]",
    );
    serving(&object, |pod| {
        assert_eq!(pod.parallelism.tensor, is(4_u32));
        assert_eq!(pod.quantization, is("awq"));
        assert_eq!(pod.server_port(), is(8080_u16));
        assert_eq!(pod.hub_cache().path, is("/data"));
    });
}

#[test]
fn the_hub_cache_is_where_the_strongest_setting_says() {
    for (container, path, setting) in [
        ("args: [--model=a/b]", "/root/.cache/huggingface/hub", None),
        ("env: [{name: HF_HOME, value: /cache/}]", "/cache/hub", Some("HF_HOME")),
        (
            "env: [{name: HF_HOME, value: /cache}, {name: HF_HUB_CACHE, value: /hub}]",
            "/hub",
            Some("HF_HUB_CACHE"),
        ),
        (
            "env: [{name: HF_HOME, value: /cache}]\nargs: [--download-dir, /downloads]",
            "/downloads",
            Some("--download-dir"),
        ),
    ] {
        serving(&deployment(&format!("image: vllm/vllm-openai:v0.9.0\n{container}")), |pod| {
            let cache = pod.hub_cache();
            assert_eq!(cache.path, is(path), "{container}");
            assert_eq!(cache.set_by, setting);
        });
    }
    let other_user = "image: vllm/vllm-openai:v0.9.0\nsecurityContext: {runAsUser: 1000}";
    serving(&deployment(other_user), |pod| assert_eq!(pod.hub_cache().path, Told::Unknown));
}

#[test]
fn compilation_caches_and_who_shares_them() {
    let object = yaml(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {
            containers: [{name: c, image: 'vllm/vllm-tpu:v0.27.0', args: [--model=a/b],
              env: [{name: VLLM_XLA_CACHE_PATH, value: /data/xla}, {name: JAX_COMPILATION_CACHE_DIR, value: /local}],
              volumeMounts: [{name: bucket, mountPath: /data}, {name: ro, mountPath: /ro, readOnly: true}, {name: m, mountPath: /m, subPath: a}]}],
            volumes: [
              {name: bucket, csi: {driver: gcsfuse.csi.storage.gke.io, volumeAttributes: {bucketName: b}}},
              {name: ro, persistentVolumeClaim: {claimName: c}},
              {name: m, emptyDir: {medium: Memory}}]}}}}",
    );
    serving(&object, |pod| {
        let caches = pod.compilation_caches();
        assert_eq!(
            caches.iter().map(|cache| cache.set_by).collect::<Vec<_>>(),
            [Some("VLLM_XLA_CACHE_PATH"), Some("JAX_COMPILATION_CACHE_DIR")]
        );
        assert_eq!(pod.sharing_of("/data/xla"), Sharing::Shared);
        assert_eq!(pod.sharing_of("/ro/x"), Sharing::ReadOnly);
        assert_eq!(pod.sharing_of("/m"), Sharing::Pod);
        assert_eq!(pod.sharing_of("/database"), Sharing::Container);
        assert_eq!(pod.serving().mounts[2].sub_path, Some("a"));
    });
}

#[test]
fn a_stateful_sets_claims_are_volumes() {
    let object = yaml(
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}, spec: {
            volumeClaimTemplates: [{metadata: {name: cache}}],
            template: {spec: {containers: [{name: c, image: 'vllm/vllm-openai:v1.0.0', volumeMounts: [{name: cache, mountPath: /root/.cache}]}]}}}}",
    );
    serving(&object, |pod| {
        let volume = pod.volume_of("/root/.cache/huggingface/hub").unwrap();
        assert_eq!(volume.source, VolumeSource::Claim { name: None, read_only: false });
    });
}

#[test]
fn tokens_of_every_kind() {
    let source = |container: &str| {
        let object = deployment(&format!("image: vllm/vllm-openai:v0.9.0\nargs: [--model=a/b]\n{container}"));
        serving(&object, |pod| format!("{:?}", pod.hub_token().map(|token| token.source)))
    };
    let named = |source: TokenSource<'_>| format!("{:?}", Some(source));
    assert_eq!(source("ports: []"), "None");
    assert_eq!(source("env: [{name: HF_TOKEN, value: hf_x}]"), named(TokenSource::Literal("hf_x")));
    assert_eq!(
        source("env: [{name: HUGGING_FACE_HUB_TOKEN, valueFrom: {secretKeyRef: {name: s, key: k}}}]"),
        named(TokenSource::Secret)
    );
    assert_eq!(source("envFrom: [{secretRef: {name: s}}]"), named(TokenSource::Reference));
    assert_eq!(source("env: [{name: HF_TOKEN_PATH, value: /secrets/t}]"), named(TokenSource::Mounted));
}

#[test]
fn nodes_by_selector_affinity_and_class() {
    let node = |spec: &str| {
        let object = yaml(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: [{{name: c, image: 'vllm/vllm-openai:v0.9.0'}}], {spec}}}}}"
        ));
        serving(&object, |pod| pod.node.clone())
    };
    let selected = node(
        "nodeSelector: {cloud.google.com/gke-accelerator: nvidia-l4, cloud.google.com/gke-spot: 'true'}",
    );
    assert_eq!((selected.accelerators, selected.spot), (vec!["nvidia-l4".to_owned()], true));
    let affine = node(
        "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [
            {key: cloud.google.com/gke-accelerator, operator: In, values: [nvidia-l4, nvidia-h100-80gb]}]}]}}}",
    );
    assert_eq!(affine.accelerators, ["nvidia-l4", "nvidia-h100-80gb"]);
    let class = node("nodeSelector: {cloud.google.com/compute-class: gpu}");
    assert_eq!(class.compute_class.as_deref(), Some("gpu"));
    let placeholder = node("nodeSelector: {cloud.google.com/gke-accelerator: '${GPU}'}");
    assert!(placeholder.accelerators.is_empty() && placeholder.constrained_otherwise);
    let tpu = node(
        "nodeSelector: {cloud.google.com/gke-tpu-accelerator: tpu-v6e-slice, cloud.google.com/gke-tpu-topology: 2x4}",
    );
    assert_eq!(tpu.topology, is("2x4"));
    assert!(!tpu.constrained_otherwise);
}

#[test]
fn accelerators_whole_and_in_parts() {
    let asked = |resources: &str| {
        let object = deployment(&format!("image: vllm/vllm-openai:v0.9.0\nresources: {resources}"));
        serving(&object, |pod| pod.accelerator.clone())
    };
    let whole = asked("{limits: {nvidia.com/gpu: '8'}}").unwrap();
    assert_eq!((whole.count, whole.whole, whole.in_limits), (is(8_u32), true, true));
    let requested = asked("{requests: {nvidia.com/gpu: 2}, limits: {memory: 1Gi}}").unwrap();
    assert_eq!((requested.count, requested.in_limits), (is(2_u32), false));
    assert_eq!(requested.at.as_str(), "/spec/template/spec/containers/0/resources/requests/nvidia.com~1gpu");
    let slice = asked("{limits: {nvidia.com/mig-1g.10gb: 1}}").unwrap();
    assert_eq!((slice.count, slice.whole), (Told::Unknown, false));
    assert_eq!(asked("{limits: {nvidia.com/gpu: '${GPUS}'}}").unwrap().count, Told::Unknown);
    assert_eq!(asked("{limits: {cpu: 1}}"), None);
}

#[test]
fn probes_with_kubernetes_defaults() {
    let object = deployment(
        "image: vllm/vllm-openai:v0.9.0\nports: [{name: http, containerPort: 8000}]\nstartupProbe: {httpGet: {path: /health, port: http}, failureThreshold: 60}\nlivenessProbe: {tcpSocket: {port: 8000}, initialDelaySeconds: 30, periodSeconds: 5}\nlifecycle: {preStop: {exec: {command: [/bin/sh, -c, sleep 20]}}}",
    );
    serving(&object, |pod| {
        let container = pod.serving();
        let startup = container.probe(ProbeKind::Startup).unwrap();
        assert_eq!(startup.budget_seconds(), 600);
        assert_eq!(container.port_number(startup.port().unwrap()), Some(8000));
        let liveness = container.probe(ProbeKind::Liveness).unwrap();
        assert_eq!(
            (liveness.budget_seconds(), liveness.failing_seconds(), liveness.timeout_seconds),
            (45, 15, 1)
        );
        assert_eq!(container.probe(ProbeKind::Readiness), None);
        assert_eq!(container.pre_stop(), Some(PreStop::Sleep(20)));
        assert_eq!(pod.grace_period_seconds(), 30);
    });
}

fn metric(object: &Value) -> (Option<String>, Option<MetricTarget>, String) {
    let Subject::Autoscaler(found) = inspect(object) else { panic!("no autoscaler") };
    let metric = &found.metrics[0];
    let name = metric.name.or(metric.query).map(str::to_owned);
    (name, metric.target, metric.target_at.as_ref().map(ToString::to_string).unwrap_or_default())
}

#[test]
fn metrics_of_every_version_of_the_autoscaler() {
    let hpa = |rest: &str| {
        yaml(&format!(
            "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h}}, spec: {{scaleTargetRef: {{name: d}}, {rest}}}}}"
        ))
    };
    let running = "prometheus.googleapis.com|vllm:num_requests_running|gauge";
    let pods = hpa(&format!(
        "metrics: [{{type: Pods, pods: {{metric: {{name: '{running}'}}, target: {{type: AverageValue, averageValue: '10'}}}}}}]"
    ));
    let (name, target, at) = metric(&pods);
    assert_eq!((name.as_deref(), target), (Some(running), Some(MetricTarget::AverageValue(10.0))));
    assert_eq!(at, "/spec/metrics/0/pods/target/averageValue");
    let first = hpa("targetCPUUtilizationPercentage: 80");
    assert_eq!(metric(&first).1, Some(MetricTarget::Utilization(80.0)));
    let old = hpa("metrics: [{type: Pods, pods: {metricName: m, targetAverageValue: 500m}}]");
    assert_eq!(
        (metric(&old).0.as_deref(), metric(&old).1),
        (Some("m"), Some(MetricTarget::AverageValue(0.5)))
    );
    let external =
        hpa("metrics: [{type: External, external: {metric: {name: q}, target: {type: Value, value: 4}}}]");
    assert_eq!(metric(&external).1, Some(MetricTarget::Value(4.0)));
}

#[test]
fn triggers_of_keda() {
    let object = yaml(
        "{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: s}, spec: {scaleTargetRef: {name: d}, idleReplicaCount: 0,
          minReplicaCount: 1, maxReplicaCount: 4, cooldownPeriod: 60,
          advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 60}}}},
          triggers: [{type: prometheus, metricType: Value, metadata: {query: 'avg(x)', threshold: '5', activationThreshold: '1'}}]}}",
    );
    let Subject::Autoscaler(found) = inspect(&object) else { panic!("no autoscaler") };
    assert!(found.has_behavior);
    assert_eq!((found.min_replicas, found.max_replicas, found.idle_replicas), (Some(1), Some(4), Some(0)));
    assert_eq!(found.metrics[0].query, Some("avg(x)"));
    assert_eq!(found.metrics[0].target, Some(MetricTarget::Value(5.0)));
    assert_eq!(found.metrics[0].activation, Some(1.0));
}
