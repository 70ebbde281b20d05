//! Whole manifests, from the embedded catalog.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::autoscale::{AutoscaleError, AutoscalingOptions, Kind};
use crate::catalog::Precision;
use crate::recommend::Measured;

fn set(request: &ManifestRequest) -> Result<ManifestSet, ManifestError> {
    let catalog = Catalog::embedded();
    generate(&catalog, &Measured::new(&catalog), request, &Surroundings::default())
}

/// The seeds' own example.
fn gemma_on_l4() -> ManifestRequest {
    ManifestRequest {
        model_server_version: Some("v0.7.2".to_owned()),
        target_ntpot_milliseconds: Some(200.0),
        ..ManifestRequest::new("google/gemma-2-27b-it", "vllm", "nvidia-l4")
    }
}

fn from_bucket(request: ManifestRequest, xla_cache: Option<&str>) -> ManifestRequest {
    let storage = Storage::Bucket {
        model_bucket_uri: "gs://models-eu/weights".to_owned(),
        xla_cache_bucket_uri: xla_cache.map(str::to_owned),
        service_account: None,
    };
    ManifestRequest { storage, ..request }
}

fn llama_on_tpu() -> ManifestRequest {
    let request = ManifestRequest::new("meta-llama/Llama-3.3-70B-Instruct", "vllm", "tpu-v6e-slice");
    from_bucket(ManifestRequest { namespace: Some("llm".to_owned()), ..request }, Some("gs://models-eu/xla"))
}

/// The object of a kind, as JSON.
fn object(set: &ManifestSet, kind: &str) -> Option<Value> {
    let object = set.objects.iter().find(|object| object.kind() == kind)?;
    Some(object.to_json().unwrap())
}

fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

/// GiB of a quantity such as `42Gi`.
fn gib(value: &Value) -> f64 {
    value.as_str().and_then(|text| text.strip_suffix("Gi")).and_then(|text| text.parse().ok()).unwrap()
}

mod golden {
    use super::*;

    fn manifest(request: &ManifestRequest) -> String {
        set(request).unwrap().to_yaml(Part::Manifest).unwrap()
    }

    #[test]
    fn gemma_on_l4_scales_to_a_target() {
        insta::assert_snapshot!(set(&gemma_on_l4()).unwrap().to_yaml(Part::All).unwrap());
    }

    /// The objects that scale, one kind of autoscaler after the other, and the values that go with one of them.
    #[test]
    fn gemma_on_l4_by_every_kind_of_autoscaler() {
        let mut text = String::new();
        for autoscaler in [Kind::Stackdriver, Kind::PrometheusAdapter, Kind::Keda] {
            let autoscaling = AutoscalingOptions {
                autoscaler,
                peak_requests_per_second: Some(60.0),
                max_accelerators: Some(128),
                tolerance: Some(0.05),
                cluster_name: Some("prod".to_owned()),
                node_seconds: Some(0.0),
                ..AutoscalingOptions::default()
            };
            let request = ManifestRequest { autoscaling, requests_per_second: Some(20.0), ..gemma_on_l4() };
            let catalog = Catalog::embedded();
            let plan = plan(&catalog, &Measured::new(&catalog), &request).unwrap();
            let set = manifests(&plan, &Surroundings::default()).unwrap();
            let kinds = ["HorizontalPodAutoscaler", "ScaledObject"];
            let objects: Vec<Object> =
                set.objects.into_iter().filter(|object| kinds.contains(&object.kind())).collect();
            text.push_str(&format!("--- # {}\n{}\n", autoscaler.name(), to_yaml(&objects).unwrap()));
            if let Some(values) = values_of(&plan).unwrap() {
                text.push_str(&format!("--- # adapter-values.yaml\n{}\n", values.to_yaml().unwrap()));
            }
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_every_kind_of_autoscaler_needs_in_a_cluster() {
        let mut text = String::new();
        for autoscaler in Kind::ALL {
            let request = SetupRequest {
                options: AutoscalingOptions { autoscaler, ..AutoscalingOptions::default() },
                project: Some("my-project".to_owned()),
                tpu_metrics: autoscaler == Kind::Stackdriver,
            };
            let setup = request.setup(&Catalog::embedded(), &Surroundings::default()).unwrap();
            text.push_str(&setup.to_yaml(true, true).unwrap());
            text.push('\n');
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn llama_on_tpu_from_a_bucket_with_an_xla_cache() {
        insta::assert_snapshot!(set(&llama_on_tpu()).unwrap().to_yaml(Part::All).unwrap());
    }

    #[test]
    fn deepseek_on_h200_keeps_its_weights_on_local_ssd() {
        insta::assert_snapshot!(manifest(&ManifestRequest::new("deepseek-ai/DeepSeek-R1", "sglang", "h200")));
    }

    #[test]
    fn llama_on_spot_a100_with_a_compute_class() {
        let request = ManifestRequest {
            storage: Storage::HuggingFace { cache: HubCache::BootDisk },
            spot: true,
            ..ManifestRequest::new("meta-llama/Llama-3.3-70B-Instruct", "vllm", "nvidia-tesla-a100")
        };
        insta::assert_snapshot!(manifest(&request));
    }

    #[test]
    fn gemma_on_l4_from_a_bucket_caches_in_the_sidecar() {
        let request = ManifestRequest::new("google/gemma-2-27b-it", "vllm", "nvidia-l4");
        insta::assert_snapshot!(manifest(&from_bucket(request, None)));
    }

    #[test]
    fn qwen_on_h100_is_quantized_to_fp8_while_it_loads() {
        let request = ManifestRequest {
            precision: Some(Precision::Fp8),
            ..ManifestRequest::new("Qwen/QwQ-32B", "vllm", "nvidia-h100-80gb")
        };
        insta::assert_snapshot!(manifest(&request));
    }

    #[test]
    fn gpt_oss_on_b200_with_tensorrt_llm() {
        insta::assert_snapshot!(manifest(&ManifestRequest::new(
            "openai/gpt-oss-120b",
            "trtllm",
            "nvidia-b200"
        )));
    }

    #[test]
    fn mistral_on_l4_with_tgi() {
        let request = ManifestRequest::new("mistralai/Mistral-7B-Instruct-v0.3", "tgi", "nvidia-l4");
        insta::assert_snapshot!(manifest(&request));
    }

    #[test]
    fn deepseek_on_b200_scales_with_sglang() {
        let request = ManifestRequest {
            target_itl_milliseconds: Some(50.0),
            requests_per_second: Some(20.0),
            ..ManifestRequest::new("deepseek-ai/DeepSeek-R1", "sglang", "nvidia-b200")
        };
        insta::assert_snapshot!(set(&request).unwrap().to_yaml(Part::All).unwrap());
    }

    #[test]
    fn gemma_on_one_h100_from_a_bucket_caches_on_local_ssd() {
        let request = ManifestRequest::new("google/gemma-2-27b-it", "vllm", "nvidia-h100-80gb");
        insta::assert_snapshot!(manifest(&from_bucket(request, None)));
    }

    #[test]
    fn qwen_on_one_tpu_chip() {
        insta::assert_snapshot!(manifest(&ManifestRequest::new("Qwen/Qwen3-4B", "vllm", "v6e")));
    }

    #[test]
    fn transfer_of_a_gated_model() {
        let request = TransferRequest {
            model: "google/gemma-2-27b-it".to_owned(),
            precision: None,
            model_bucket_uri: "gs://models-eu/gemma".to_owned(),
            namespace: Some("llm".to_owned()),
            service_account: Some("uploader".to_owned()),
        };
        let set = transfer(&Catalog::embedded(), &request, &Surroundings::default()).unwrap();
        insta::assert_snapshot!(set.to_yaml(Part::All).unwrap());
    }
}

/// Every stock model on every accelerator with every server that can be written: no half manifests, nothing
/// that does not fit its machine, names that Kubernetes takes, YAML that reads back as it was.
#[test]
fn the_weights_that_were_asked_for_are_served() {
    let request = ManifestRequest::new("deepseek-ai/DeepSeek-R1-0528", "vllm", "nvidia-h200-141gb");
    let deployment = object(&set(&request).unwrap(), "Deployment").unwrap();
    let arguments = at(&deployment, "/spec/template/spec/containers/0/args").to_string();
    assert!(arguments.contains("\"deepseek-ai/DeepSeek-R1-0528\""), "{arguments}");
    let other = ManifestRequest { precision: Some(Precision::Nvfp4), ..request };
    let message = set(&other).unwrap_err().to_string();
    assert_eq!(message, "the catalog has no nvfp4 weights of deepseek-ai/DeepSeek-R1-0528: it has fp8");
}

#[test]
fn every_variant_of_the_catalog_fits_its_machine() {
    let catalog = Catalog::embedded();
    let source = Measured::new(&catalog);
    let mut written = 0;
    let mut seen = BTreeSet::new();
    for (index, model) in catalog.models().unwrap().iter().enumerate() {
        for server in catalog.servers().unwrap() {
            for accelerator in catalog.accelerators().unwrap() {
                let request = ManifestRequest::new(&model.id, &server.name, &accelerator.id);
                // Both ways of the weights over the whole catalog, without doubling the work.
                let request = if index % 2 == 0 { request } else { from_bucket(request, None) };
                let Ok(plan) = plan(&catalog, &source, &request) else { continue };
                let set = manifests(&plan, &Surroundings::default()).unwrap();
                check_fits(&plan, &set);
                check_good_manners(&set);
                // Once for each pair of server and accelerator: reading YAML is most of the time of this
                // test.
                if seen.insert((server.name.as_str(), accelerator.id.as_str())) {
                    check_reads_back(&set);
                }
                written += 1;
            }
        }
    }
    assert!(
        written > 1000 && seen.len() > 30,
        "{written} manifests of {} server and accelerator pairs",
        seen.len()
    );
}

fn check_fits(plan: &Plan<'_>, set: &ManifestSet) {
    let deployment = object(set, "Deployment").unwrap();
    let what = format!("{} on {}", plan.checkpoint.id, plan.machine.name);
    let template = at(&deployment, "/spec/template");
    let container = at(template, "/spec/containers/0");
    let annotation = |name: &str| template.pointer(&format!("/metadata/annotations/gke-gcsfuse~1{name}"));
    let sidecar = annotation("memory-limit").map_or(0.0, gib);
    let share = plan.machine.pod_memory_gib() * plan.machine_share();
    let limit = gib(at(container, "/resources/limits/memory"));
    assert!(limit + sidecar <= share, "{what}: {limit} + {sidecar} GiB of {share}");
    assert_eq!(at(container, "/resources/requests/memory"), at(container, "/resources/limits/memory"));
    let resource = plan.accelerator.kind.resource().replace('/', "~1");
    let count = plan.accelerators.to_string();
    assert_eq!(at(container, &format!("/resources/limits/{resource}")), &Value::from(count), "{what}");
    // Memory volumes are caps within the limits of the container that writes them.
    for volume in at(template, "/spec/volumes").as_array().unwrap() {
        let in_memory = volume.pointer("/emptyDir/medium").is_some();
        let holder = if volume["name"] == "gke-gcsfuse-cache" { sidecar } else { limit };
        assert!(!in_memory || gib(at(volume, "/emptyDir/sizeLimit")) <= holder, "{what}: {volume}");
    }
    if let Some(request) = container.pointer("/resources/requests/ephemeral-storage") {
        let boot_disk = plan.weights_gib() < 90.0;
        assert!(boot_disk || gib(request) <= plan.machine.pod_ephemeral_gib(), "{what}: {request}");
    }
}

/// What every rule of a well written inference Pod asks.
fn check_good_manners(set: &ManifestSet) {
    let deployment = object(set, "Deployment").unwrap();
    let template = at(&deployment, "/spec/template");
    let container = at(template, "/spec/containers/0");
    for variable in container["env"].as_array().into_iter().flatten() {
        let is_token = variable["name"] == "HF_TOKEN";
        assert!(!is_token || variable.pointer("/valueFrom/secretKeyRef").is_some(), "{variable}");
    }
    let in_bucket = |volume: &&Value| volume.get("csi").is_some();
    let model = at(template, "/spec/volumes").as_array().unwrap().iter().find(in_bucket);
    assert_eq!(
        model.is_some(),
        at(container, "/args").to_string().contains("\"/data\"")
            || at(container, "/args").to_string().contains("=/data\""),
        "{container}"
    );
    if let Some(model) = model {
        assert_eq!(at(template, "/metadata/annotations")["gke-gcsfuse/volumes"], "true");
        let mounts = at(container, "/volumeMounts").as_array().unwrap();
        let mount = mounts.iter().find(|mount| mount["name"] == model["name"]).unwrap();
        assert_eq!((at(model, "/csi/readOnly"), &mount["readOnly"]), (&true.into(), &true.into()));
    }
    let seconds = |pointer: &str| at(template, pointer).as_i64().unwrap();
    let grace = seconds("/spec/terminationGracePeriodSeconds");
    assert!(seconds("/spec/containers/0/lifecycle/preStop/sleep/seconds") < grace);
    let startup = seconds("/spec/containers/0/startupProbe/failureThreshold")
        * seconds("/spec/containers/0/startupProbe/periodSeconds");
    assert!(startup < at(&deployment, "/spec/progressDeadlineSeconds").as_i64().unwrap());
}

fn check_reads_back(set: &ManifestSet) {
    let yaml = set.to_yaml(Part::All).unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&yaml).unwrap();
    let documents: Vec<Value> = documents.into_iter().filter(|document| !document.is_null()).collect();
    let objects: Vec<Value> = set.objects.iter().map(|object| object.to_json().unwrap()).collect();
    assert_eq!(documents, objects);
}

#[test]
fn the_same_request_gives_the_same_bytes_and_its_surroundings_change_no_object() {
    let one = set(&gemma_on_l4()).unwrap();
    assert_eq!(one.to_yaml(Part::All), set(&gemma_on_l4()).unwrap().to_yaml(Part::All));
    let catalog = Catalog::embedded();
    let surroundings = Surroundings {
        context: Some("prod".to_owned()),
        date: Some("2026-07-02".to_owned()),
        ..Surroundings::default()
    };
    let other = generate(&catalog, &Measured::new(&catalog), &gemma_on_l4(), &surroundings).unwrap();
    assert_eq!(one.objects, other.objects);
    let text = other.to_yaml(Part::Comments).unwrap();
    assert!(text.starts_with("# Generated on 2026-07-02 using:\n"), "{text}");
    assert!(text.contains("kubectl --context=prod apply -f manifests.yaml"), "{text}");
    assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
}

mod autoscaling {
    use super::*;

    fn threshold(request: &ManifestRequest) -> f64 {
        let hpa = object(&set(request).unwrap(), "HorizontalPodAutoscaler").unwrap();
        let target = at(&hpa, "/spec/metrics/0/pods/target/averageValue");
        target.as_str().and_then(|text| text.parse().ok()).unwrap()
    }

    /// 388 output tokens/s at 200 ms a token are 1.99 requests/s; 1.1 and 1 % a minute over the 1223 s of a reaction lower
    /// them to 1.50, or 293 tokens/s, where the curve has 49 requests in flight.
    #[test]
    fn the_threshold_is_what_a_replica_reads_below_its_operating_point() {
        assert_eq!(threshold(&gemma_on_l4()), 49.0);
    }

    #[test]
    fn nodes_that_stand_ready_raise_the_threshold() {
        let ready = AutoscalingOptions { node_seconds: Some(0.0), ..AutoscalingOptions::default() };
        let request = ManifestRequest { autoscaling: ready, ..gemma_on_l4() };
        assert!(threshold(&request) > threshold(&gemma_on_l4()));
    }

    /// Several metrics can be one sum where the adapter takes expressions, which has no cap.
    #[test]
    fn kinds_that_take_expressions_hold_running_and_waiting_requests_together() {
        for (autoscaler, kind) in
            [(Kind::PrometheusAdapter, "HorizontalPodAutoscaler"), (Kind::Keda, "ScaledObject")]
        {
            let autoscaling = AutoscalingOptions { autoscaler, ..AutoscalingOptions::default() };
            let request = ManifestRequest { autoscaling, ..gemma_on_l4() };
            let set = set(&request).unwrap();
            let text = object(&set, kind).unwrap().to_string();
            assert_eq!(text.matches("AverageValue").count(), 1, "{text}");
            assert!(!text.contains("avg("), "{text}");
        }
    }

    #[test]
    fn no_autoscaler_is_written_where_none_is_wanted() {
        let autoscaling = AutoscalingOptions { autoscaler: Kind::None, ..AutoscalingOptions::default() };
        let set = set(&ManifestRequest { autoscaling, ..gemma_on_l4() }).unwrap();
        assert!(object(&set, "HorizontalPodAutoscaler").is_none());
        assert_eq!(object(&set, "Deployment").unwrap().pointer("/spec/replicas"), Some(&Value::from(1)));
    }

    #[test]
    fn peaks_and_accelerators_bound_the_replicas() {
        let bounds = |options: AutoscalingOptions, load: f64| {
            let request =
                ManifestRequest { autoscaling: options, requests_per_second: Some(load), ..gemma_on_l4() };
            let hpa = object(&set(&request)?, "HorizontalPodAutoscaler").unwrap();
            let number = |name: &str| at(&hpa, &format!("/spec/{name}")).as_i64().unwrap();
            Ok::<_, ManifestError>((number("minReplicas"), number("maxReplicas")))
        };
        let default = AutoscalingOptions::default;
        let peak = AutoscalingOptions { peak_requests_per_second: Some(9.0), ..default() };
        // 1.50 requests/s are left to each.
        assert_eq!(bounds(peak.clone(), 2.0).unwrap(), (2, 6));
        let few = AutoscalingOptions { max_accelerators: Some(19), ..peak.clone() };
        assert_eq!(bounds(few, 2.0).unwrap(), (2, 4));
        let fewer = AutoscalingOptions { max_accelerators: Some(7), ..peak.clone() };
        assert!(matches!(
            bounds(fewer, 2.0),
            Err(ManifestError::Autoscale(AutoscaleError::TooFewAccelerators { replicas: 2, each: 4, .. }))
        ));
        assert!(matches!(
            bounds(peak, 10.0),
            Err(ManifestError::Autoscale(AutoscaleError::PeakBelowLoad { .. }))
        ));
    }

    #[test]
    fn a_server_without_a_signal_is_refused_with_the_reason() {
        let request = ManifestRequest {
            target_itl_milliseconds: Some(50.0),
            ..ManifestRequest::new("openai/gpt-oss-120b", "trtllm", "nvidia-h200-141gb")
        };
        let error = set(&request).unwrap_err();
        assert!(matches!(error, ManifestError::Autoscale(AutoscaleError::NoSignal { .. })), "{error:?}");
    }

    #[test]
    fn an_autoscaler_owns_the_replicas() {
        let scaled = set(&gemma_on_l4()).unwrap();
        let deployment = object(&scaled, "Deployment").unwrap();
        assert!(deployment.pointer("/spec/replicas").is_none(), "{deployment}");
        let plain = ManifestRequest { target_ntpot_milliseconds: None, ..gemma_on_l4() };
        let plain = set(&plain).unwrap();
        assert_eq!(object(&plain, "Deployment").unwrap().pointer("/spec/replicas"), Some(&Value::from(1)));
        assert!(object(&plain, "HorizontalPodAutoscaler").is_none());
    }

    #[test]
    fn a_load_gives_the_initial_replicas() {
        let request = ManifestRequest { requests_per_second: Some(20.0), ..gemma_on_l4() };
        let hpa = object(&set(&request).unwrap(), "HorizontalPodAutoscaler").unwrap();
        // 20 requests/s ÷ 1.49 requests/s that are left to a replica.
        assert_eq!(at(&hpa, "/spec/minReplicas"), &Value::from(14));
    }

    /// Far past saturation thousands of requests are in flight; the server runs as many as it has seats for.
    #[test]
    fn a_loose_target_scales_for_maximum_throughput_within_what_the_server_can_run() {
        let autoscaling =
            AutoscalingOptions { growth_percent_per_minute: Some(0.0), ..AutoscalingOptions::default() };
        let request =
            ManifestRequest { autoscaling, target_ntpot_milliseconds: Some(100_000.0), ..gemma_on_l4() };
        let threshold = threshold(&request);
        // Half of the requests that its cache holds.
        assert_eq!(threshold, 67.0);
        let reason = labels::THRESHOLD_REASON;
        let hpa = object(&set(&request).unwrap(), "HorizontalPodAutoscaler").unwrap();
        let sentence = hpa["metadata"]["annotations"][reason].as_str().unwrap();
        assert!(sentence.contains("a full one must be able to ask for double"), "{sentence}");
    }

    #[test]
    fn a_target_out_of_reach_is_refused_with_what_is_reachable() {
        let request = ManifestRequest { target_ntpot_milliseconds: Some(5.0), ..gemma_on_l4() };
        let error = set(&request).unwrap_err();
        assert!(matches!(error, ManifestError::OutOfReach { .. }), "{error:?}");
        assert!(error.to_string().starts_with("NTPOT of 118.4 to "), "{error}");
    }

    #[test]
    fn a_target_without_a_curve_is_refused_with_what_is_measured() {
        let request = ManifestRequest {
            target_ttft_milliseconds: Some(500.0),
            ..ManifestRequest::new("google/gemma-2-2b-it", "vllm", "nvidia-l4")
        };
        let error = set(&request).unwrap_err();
        assert!(matches!(error, ManifestError::NoCurve { .. }), "{error:?}");
    }

    #[test]
    fn what_was_measured_but_cannot_be_written_is_not_called_unmeasured() {
        let refused = |request: ManifestRequest| {
            let error = set(&request).unwrap_err();
            assert!(matches!(error, ManifestError::CurvesUnusable { .. }), "{error:?}");
            error.to_string()
        };
        let target = |model: &str, server: &str, accelerator: &str| ManifestRequest {
            target_ntpot_milliseconds: Some(200.0),
            ..ManifestRequest::new(model, server, accelerator)
        };
        let gemma = || target("google/gemma-2-27b-it", "vllm", "nvidia-l4");
        let message = refused(ManifestRequest { accelerators: Some(2), ..gemma() });
        assert!(message.contains("on nvidia-l4: they are of 4 accelerators"), "{message}");
        let message = refused(ManifestRequest { precision: Some(Precision::Fp8), ..gemma() });
        assert!(message.contains("on nvidia-l4: they are of bf16 weights"), "{message}");
        let message = refused(target("deepseek-ai/DeepSeek-V3", "trtllm", "nvidia-gb200"));
        assert!(message.contains("a replica spans 2 × a4x-highgpu-4g"), "{message}");
    }

    #[test]
    fn what_does_not_fit_names_the_weights_that_would() {
        let request = ManifestRequest::new("Qwen/Qwen3-Coder-480B-A35B-Instruct", "vllm", "tpu7x");
        let message = set(&request).unwrap_err().to_string();
        assert!(message.contains("its fp8 weights fit on 4 (`--precision fp8`)"), "{message}");
        set(&ManifestRequest { precision: Some(Precision::Fp8), ..request }).unwrap();
    }

    #[test]
    fn targets_and_loads_that_make_no_sense_are_refused() {
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let target = ManifestRequest { target_ntpot_milliseconds: Some(value), ..gemma_on_l4() };
            assert!(set(&target).is_err(), "{value}");
            let load = ManifestRequest { requests_per_second: Some(value), ..gemma_on_l4() };
            assert!(set(&load).is_err(), "{value}");
        }
    }

    /// Replicas that start together would write the same cache entries.
    #[test]
    fn a_shared_xla_cache_is_filled_by_one_replica() {
        let request = ManifestRequest { requests_per_second: Some(100.0), ..llama_on_tpu() };
        let set = set(&request).unwrap();
        assert_eq!(object(&set, "Deployment").unwrap().pointer("/spec/replicas"), Some(&Value::from(1)));
        let text = set.to_yaml(Part::Comments).unwrap();
        assert!(text.contains("kubectl infer rollout llama-3-3-70b-instruct-vllm --replicas="), "{text}");
    }
}

mod on_gke {
    use super::*;

    fn comments(request: &ManifestRequest) -> String {
        set(request).unwrap().to_yaml(Part::Comments).unwrap()
    }

    /// Admission refuses Pods that select both a compute class and Spot nodes.
    #[test]
    fn a_compute_class_alone_says_that_its_machines_are_spot() {
        let request = ManifestRequest {
            storage: Storage::HuggingFace { cache: HubCache::BootDisk },
            spot: true,
            ..ManifestRequest::new("meta-llama/Llama-3.3-70B-Instruct", "vllm", "nvidia-tesla-a100")
        };
        let set = set(&request).unwrap();
        let deployment = object(&set, "Deployment").unwrap();
        let selector = at(&deployment, "/spec/template/spec/nodeSelector");
        let class = "llama-3-3-70b-instruct-vllm";
        assert_eq!(selector["cloud.google.com/compute-class"], class);
        assert!(selector.get("cloud.google.com/gke-spot").is_none(), "{selector}");
        assert_eq!(
            object(&set, "ComputeClass").unwrap().pointer("/spec/priorities/0/spot"),
            Some(&true.into())
        );
        let pool = format!("--node-taints=cloud.google.com/compute-class={class}:NoSchedule");
        assert!(comments(&request).contains(&pool), "{}", comments(&request));
    }

    #[test]
    fn spot_pods_run_on_tainted_nodes() {
        let request = ManifestRequest { spot: true, ..gemma_on_l4() };
        let deployment = object(&set(&request).unwrap(), "Deployment").unwrap();
        let pod = at(&deployment, "/spec/template/spec");
        assert_eq!(at(pod, "/nodeSelector")["cloud.google.com/gke-spot"], "true");
        assert_eq!(at(pod, "/tolerations/0/key"), "cloud.google.com/gke-spot");
    }

    /// The upload needs what the Pods that read do not: the token, and leave to write.
    #[test]
    fn the_upload_has_its_token_and_its_binding_before_it_runs() {
        let text = comments(&from_bucket(gemma_on_l4(), None));
        let mut rest = text.as_str();
        for step in [
            "--role=roles/storage.objectViewer",
            "create secret generic hf-secret",
            "create serviceaccount model-upload",
            "--role=roles/storage.objectUser",
            "sa/model-upload\"",
            "--service-account=model-upload",
            "--for=condition=complete --timeout=12h job/gemma-2-27b-it-transfer",
            "gcloud storage ls gs://models-eu/weights/config.json",
            "kubectl apply -f manifests.yaml",
        ] {
            let Some((_, after)) = rest.split_once(step) else { panic!("{step} is missing in {rest}") };
            rest = after;
        }
    }

    /// The images of these versions do not look where GKE mounts the driver.
    #[test]
    fn the_driver_is_found() {
        let request = ManifestRequest {
            model_server_version: Some("v0.9.0".to_owned()),
            ..ManifestRequest::new("google/gemma-2-2b-it", "vllm", "nvidia-l4")
        };
        let deployment = object(&set(&request).unwrap(), "Deployment").unwrap();
        let first = at(&deployment, "/spec/template/spec/containers/0/env/0");
        assert_eq!(first["name"], "LD_LIBRARY_PATH");
        assert!(first["value"].as_str().unwrap().starts_with("/usr/local/nvidia/lib64"), "{first}");
        // Its entrypoint finds the driver; a command of ours would replace it.
        let tgi = ManifestRequest::new("mistralai/Mistral-7B-Instruct-v0.3", "tgi", "nvidia-l4");
        let deployment = object(&set(&tgi).unwrap(), "Deployment").unwrap();
        assert!(deployment.pointer("/spec/template/spec/containers/0/command").is_none(), "{deployment}");
    }

    #[test]
    fn a_part_of_a_machine_says_what_autopilot_needs() {
        let part = ManifestRequest::new("openai/gpt-oss-120b", "vllm", "nvidia-h200-141gb");
        let count = "`cloud.google.com/gke-accelerator-count: \"8\"`";
        assert!(comments(&part).contains(count), "{}", comments(&part));
        assert!(!comments(&gemma_on_l4()).contains("gke-accelerator-count"));
        assert!(!comments(&llama_on_tpu()).contains("gpu"));
    }
}

mod refusals {
    use super::*;

    #[test]
    fn weights_that_the_chip_cannot_compute_with() {
        let request = ManifestRequest {
            precision: Some(Precision::Fp8),
            ..ManifestRequest::new("meta-llama/Llama-3.3-70B-Instruct", "vllm", "nvidia-a100-80gb")
        };
        let error = set(&request).unwrap_err();
        let ManifestError::Precision { capable, instead, .. } = &error else { panic!("{error:?}") };
        assert!(capable.contains(&"nvidia-h100-80gb".to_owned()), "{capable:?}");
        assert_eq!(instead, &[Precision::Bf16]);
    }

    #[test]
    fn an_xla_cache_where_it_cannot_be() {
        let on_gpu = from_bucket(gemma_on_l4(), Some("gs://models-eu/xla"));
        assert!(matches!(set(&on_gpu), Err(ManifestError::XlaCacheOnGpu { .. })));
        let inside = from_bucket(llama_on_tpu(), Some("gs://models-eu/weights/xla"));
        assert!(matches!(set(&inside), Err(ManifestError::XlaCacheInModel(_))));
    }

    #[test]
    fn servers_that_cannot_be_written() {
        let request = ManifestRequest::new("google/gemma-2-2b-it", "jetstream", "tpu-v6e-slice");
        assert!(matches!(set(&request), Err(ManifestError::ServerNotWritable { .. })));
    }

    #[test]
    fn names_that_there_are_not_come_with_the_nearest() {
        let error = set(&ManifestRequest::new("google/gemma-2-27b", "vllm", "nvidia-l4")).unwrap_err();
        assert!(error.to_string().contains("google/gemma-2-27b-it"), "{error}");
        let version = Some("v0.0.1".to_owned());
        let error = set(&ManifestRequest { model_server_version: version, ..gemma_on_l4() }).unwrap_err();
        assert!(error.to_string().contains("v0.7.2"), "{error}");
    }

    #[test]
    fn names_that_kubernetes_refuses() {
        for namespace in ["Prod", "a b", "a\n# b", ""] {
            let request = ManifestRequest { namespace: Some(namespace.to_owned()), ..gemma_on_l4() };
            assert!(matches!(set(&request), Err(ManifestError::Name { .. })), "{namespace:?}");
        }
    }

    #[test]
    fn accelerators_that_no_machine_gives() {
        let request = ManifestRequest { accelerators: Some(3), ..gemma_on_l4() };
        let request = ManifestRequest { target_ntpot_milliseconds: None, ..request };
        assert!(set(&request).is_err());
        let request = ManifestRequest { accelerators: Some(16), ..request };
        assert!(set(&request).is_err());
    }
}

mod comparison {
    use super::*;

    fn compare(file: &str) -> Result<Comparison, DiffError> {
        let catalog = Catalog::embedded();
        let measured = Measured::new(&catalog);
        diff(&catalog, &Sources { measured: &measured, known: &measured }, file)
    }

    fn file() -> String {
        set(&gemma_on_l4()).unwrap().to_yaml(Part::All).unwrap()
    }

    #[test]
    fn what_was_just_written_is_the_same_whatever_its_form() {
        assert!(compare(&file()).unwrap().is_same());
        let json = set(&gemma_on_l4()).unwrap().to_json().unwrap().to_string();
        assert!(compare(&json).unwrap().is_same());
        let older = file().replace("-version: \"2", "-version: \"1");
        assert_ne!(older, file());
        assert!(compare(&older).unwrap().is_same(), "a newer catalog that makes the same is no difference");
    }

    #[test]
    fn an_edit_is_shown_line_by_line() {
        let edited = file().replace("averageValue: \"49\"", "averageValue: \"90\"");
        let comparison = compare(&edited).unwrap();
        assert!(!comparison.is_same());
        let text = comparison.to_text();
        assert!(text.contains("--- file: HorizontalPodAutoscaler/gemma-2-27b-it-vllm"), "{text}");
        assert!(
            text.contains("-        averageValue: \"90\"") && text.contains("+        averageValue: \"49\""),
            "{text}"
        );
    }

    #[test]
    fn objects_of_one_side_are_differences() {
        let without_service = file().replace("kind: Service\n", "kind: Gateway\n");
        let comparison = compare(&without_service).unwrap();
        let of = |kind: &str| comparison.objects.iter().find(|object| object.kind == kind).unwrap();
        assert_eq!(of("Gateway").difference, Difference::OnlyInFile);
        assert!(matches!(of("Service").difference, Difference::OnlyInCatalog(_)));
    }

    /// The objects as `kubectl get -o json` prints them.
    fn live(namespace: &str) -> Vec<Value> {
        let mut list = set(&gemma_on_l4()).unwrap().to_json().unwrap();
        let items = list["items"].as_array_mut().unwrap();
        for object in items.iter_mut() {
            object["metadata"]["namespace"] = namespace.into();
            object["metadata"]["uid"] = "6f1c".into();
            object["metadata"]["resourceVersion"] = "7".into();
            object["status"] = serde_json::json!({"replicas": 3});
            if object["kind"] == "Deployment" {
                object["spec"]["replicas"] = 3.into();
                object["spec"]["revisionHistoryLimit"] = 10.into();
                let container = &mut object["spec"]["template"]["spec"]["containers"][0];
                container["terminationMessagePolicy"] = "File".into();
                container["ports"][0]["protocol"] = "TCP".into();
            }
        }
        items.clone()
    }

    fn list(items: &[Value]) -> String {
        serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
    }

    #[test]
    fn what_a_cluster_fills_in_is_no_difference() {
        let comparison = compare(&list(&live("default"))).unwrap();
        assert!(comparison.is_same(), "{}", comparison.to_text());
        let mut edited = live("default");
        let deployment = edited.iter_mut().find(|object| object["kind"] == "Deployment").unwrap();
        deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1.into();
        let text = compare(&list(&edited)).unwrap().to_text();
        assert!(text.contains("-      terminationGracePeriodSeconds: 1\n"), "{text}");
        assert!(!text.contains("revisionHistoryLimit"), "{text}");
    }

    #[test]
    fn the_same_in_two_namespaces_is_compared_twice() {
        let both = [live("blue"), live("green")].concat();
        let comparison = compare(&list(&both)).unwrap();
        assert!(comparison.is_same(), "{}", comparison.to_text());
        assert_eq!(comparison.objects.len(), both.len());
    }

    #[test]
    fn files_that_cannot_be_compared_say_why() {
        assert!(matches!(compare("a: [b"), Err(DiffError::Malformed(_))));
        assert!(matches!(compare("kind: Deployment\nmetadata: {name: a}\n"), Err(DiffError::NoRequest)));
        let unreadable = file().replace("\"modelServer\":", "\"modelServant\":");
        assert!(matches!(compare(&unreadable), Err(DiffError::Request { .. })));
        let unknown =
            file().replace("\"acceleratorType\":\"nvidia-l4\"", "\"acceleratorType\":\"nvidia-l5\"");
        assert!(matches!(compare(&unknown), Err(DiffError::Manifest { .. })));
    }
}
