//! What inspection says about manifests in the styles that people write, one golden file each.
//!
//! `tests/corpus/NAME.yaml` is a manifest, `tests/corpus/read/NAME.snap` what inspection reads in it, line by line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use infer_core::inspect::{
    Argument, ArgumentValue, Autoscaler, CacheDirectory, ModelSource, ProbeKind, ServingPod, Subject, Told,
    Workload, inspect,
};
use proptest::prelude::*;
use serde_json::Value;

fn corpus() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let value =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), value)
    };
    paths.iter().map(read).collect()
}

#[test]
fn the_corpus_is_read_as_its_golden_files_say() {
    let corpus = corpus();
    assert!(corpus.len() >= 60);
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("corpus/read");
    for (name, object) in &corpus {
        settings.bind(|| insta::assert_snapshot!(name.as_str(), summary(object)));
    }
}

fn summary(object: &Value) -> String {
    match inspect(object) {
        Subject::Workload(workload) => of_workload(&workload),
        Subject::Autoscaler(autoscaler) => of_autoscaler(&autoscaler),
        Subject::Unrelated => "unrelated\n".to_owned(),
    }
}

fn of_workload(workload: &Workload<'_>) -> String {
    let mut text = format!("workload: {}", workload.identity.kind);
    if let Some(replicas) = workload.replicas {
        let _ = write!(text, ", {replicas} replicas");
    }
    text.push('\n');
    for pod in &workload.pods {
        text.push_str(&of_pod(pod));
    }
    text
}

fn of_pod(pod: &ServingPod<'_>) -> String {
    let mut lines = vec![
        format!("Pod at {:?}: {:?}, {} a replica", pod.at.as_str(), pod.role, told(&pod.pods_per_replica)),
        format!("serving: {} ({} {})", pod.serving().at, pod.server.display_name(), told(&pod.version)),
        format!("program: {:?} entrypoint {:?}", pod.arguments.program, pod.arguments.entrypoint),
    ];
    for option in &pod.arguments.options {
        lines.push(format!("  {}", of_option(option)));
    }
    for word in &pod.arguments.positional {
        lines.push(format!("  positional {:?} known {} at {}", word.text, word.known, word.at));
    }
    lines.push(format!("complete: {}", pod.arguments.complete));
    lines.push(format!("model: {}", of_model(&pod.model)));
    let split = &pod.parallelism;
    lines.push(format!(
        "parallel: tensor {} pipeline {} data {} local {} machines {} expert {}",
        told(&split.tensor),
        told(&split.pipeline),
        told(&split.data),
        told(&split.data_local),
        told(&split.machines),
        told(&split.expert)
    ));
    lines.push(format!(
        "limits: context {} sequences {} tokens {} memory {} quantization {} dtype {} cache {}",
        told(&pod.max_context_tokens),
        told(&pod.max_sequences),
        told(&pod.max_batched_tokens),
        told(&pod.memory_fraction),
        told(&pod.quantization),
        told(&pod.dtype),
        told(&pod.cache_dtype)
    ));
    lines.extend(surroundings(pod));
    lines.join("\n") + "\n"
}

fn surroundings(pod: &ServingPod<'_>) -> Vec<String> {
    let accelerator = pod.accelerator.as_ref().map(|request| {
        let place = if request.in_limits { "" } else { " in requests only" };
        format!("{} × {}{place}", told(&request.count), request.resource)
    });
    let node = &pod.node;
    let mut lines = vec![
        format!("accelerator: {}", accelerator.unwrap_or_else(|| "none".to_owned())),
        format!(
            "node: {:?} topology {} machines {:?} class {:?} spot {} otherwise {}",
            node.accelerators,
            told(&node.topology),
            node.machines,
            node.compute_class,
            node.spot,
            node.constrained_otherwise
        ),
        format!("port: {}", told(&pod.server_port())),
        format!("hub cache: {}", of_cache(pod, &pod.hub_cache())),
        format!("token: {:?}", pod.hub_token().map(|token| token.source)),
    ];
    for cache in pod.compilation_caches() {
        lines.push(format!("compilation cache: {}", of_cache(pod, &cache)));
    }
    if let Some(volume) = pod.volume_of("/dev/shm") {
        lines.push(format!("/dev/shm: {:?}", volume.source));
    }
    if pod.empties_shm {
        lines.push("empties /dev/shm".to_owned());
    }
    for kind in [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness] {
        if let Some(probe) = pod.serving().probe(kind) {
            lines.push(format!("{}: {:?}, {} s", kind.field(), probe.handler, probe.budget_seconds()));
        }
    }
    lines.push(format!("stops in {} s after {:?}", pod.grace_period_seconds(), pod.serving().pre_stop()));
    lines
}

fn of_option(option: &Argument) -> String {
    let value = match &option.value {
        ArgumentValue::Switch => String::new(),
        ArgumentValue::Literal(text) => format!(" = {text:?}"),
        ArgumentValue::Unknown => " = ?".to_owned(),
    };
    let further = if option.further.is_empty() { String::new() } else { format!(" {:?}", option.further) };
    format!("{}{value}{further} at {}", option.name, option.at.pointer())
}

fn of_model(model: &ModelSource) -> String {
    format!("{model:?}")
}

fn of_cache(pod: &ServingPod<'_>, cache: &CacheDirectory) -> String {
    let sharing = cache.path.known().map(|path| format!(" ({:?})", pod.sharing_of(path)));
    format!("{} by {}{}", told(&cache.path), cache.set_by.unwrap_or("default"), sharing.unwrap_or_default())
}

fn told<T: std::fmt::Display>(told: &Told<T>) -> String {
    match told {
        Told::Is(value) => value.to_string(),
        Told::Unset => "-".to_owned(),
        Told::Unknown => "?".to_owned(),
    }
}

fn of_autoscaler(autoscaler: &Autoscaler<'_>) -> String {
    let mut text = format!(
        "autoscaler: {:?} of {} {}, {:?} to {:?} replicas, behaviour {}\n",
        autoscaler.kind,
        autoscaler.target_kind,
        autoscaler.target_name,
        autoscaler.min_replicas,
        autoscaler.max_replicas,
        autoscaler.has_behavior
    );
    for metric in &autoscaler.metrics {
        let _ = writeln!(
            text,
            "{} {:?} {:?} at {:?}, activation {:?}, from {}",
            metric.kind,
            metric.name,
            metric.query,
            metric.target,
            metric.activation,
            metric.target_at.as_ref().map(ToString::to_string).unwrap_or_default()
        );
    }
    text
}

/// JSON of any shape, with keys and texts that inspection looks for among others.
fn json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("vllm".to_owned()),
        Just("vllm serve \"${A:-$B}\" \\\n --x $((1".to_owned()),
        Just("sh".to_owned()),
        Just("-c".to_owned()),
        Just("--model".to_owned()),
        Just("$(A)$(B)".to_owned()),
        ".{0,12}",
        "[$`'\"(){};&|<> \\\\\na-c=#-]{0,24}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec![
                "name",
                "image",
                "command",
                "args",
                "env",
                "value",
                "valueFrom",
                "resources",
                "limits",
                "requests",
                "nvidia.com/gpu",
                "volumeMounts",
                "mountPath",
                "ports",
                "containerPort",
            ])
            .prop_map(str::to_owned),
            "[a-z]{0,4}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Replaces what stands at the `place`-th place of `object`, counted through it, by `value`.
fn replace(object: &mut Value, place: &mut usize, value: &Value) {
    if *place == 0 {
        *object = value.clone();
        *place = usize::MAX;
        return;
    }
    *place -= 1;
    match object {
        Value::Array(list) => list.iter_mut().for_each(|inner| {
            if *place != usize::MAX {
                replace(inner, place, value);
            }
        }),
        Value::Object(fields) => fields.iter_mut().for_each(|(_, inner)| {
            if *place != usize::MAX {
                replace(inner, place, value);
            }
        }),
        _ => {}
    }
}

proptest! {
    #[test]
    fn any_json_is_read_without_panic(container in json(), script in "[$`'\"(){};&|<> \\\\\na-z=#*@!:-]{0,64}") {
        summary(&container);
        let object = serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
            "spec": {"containers": [container, {"image": "vllm/vllm-openai:v0.9.0", "command": ["sh", "-c", script]}]}
        });
        summary(&object);
    }

    #[test]
    fn a_mutated_manifest_is_read_without_panic(
        index in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        value in json(),
    ) {
        let corpus = corpus_once();
        let (_, object) = index.get(corpus);
        let mut object = object.clone();
        let places = object.to_string().matches([':', ',']).count();
        replace(&mut object, &mut place.index(places.max(1)), &value);
        summary(&object);
    }
}

fn corpus_once() -> &'static [(String, Value)] {
    static CORPUS: std::sync::OnceLock<Vec<(String, Value)>> = std::sync::OnceLock::new();
    CORPUS.get_or_init(corpus)
}

#[test]
fn absurd_sizes_and_depths_take_no_absurd_time_or_space() {
    let container = |command: Value, environment: Value| {
        serde_json::json!({"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [
            {"image": "vllm/vllm-openai:v0.9.0", "command": command, "env": environment, "ports": [{"containerPort": 1}]}]}})
    };
    let shell = |script: String| container(serde_json::json!(["sh", "-c", script]), Value::Null);
    let many = 50_000;
    for object in [
        shell("(".repeat(many)),
        shell("$(".repeat(many)),
        shell("${A:-".repeat(many)),
        shell("if ".repeat(many)),
        shell("export A=1;".repeat(many)),
        shell("vllm serve a/b --port 1;".repeat(many / 10)),
        shell(format!("A=({}); {}", "x ".repeat(1000), "vllm serve \"${A[@]}\";".repeat(1000))),
        container(vec!["--a"; many].into(), Value::Null),
        container(
            vec!["$(A)"; many].into(),
            (0..many).map(|_| serde_json::json!({"name": "A", "value": "$(A)$(A)x"})).collect(),
        ),
    ] {
        summary(&object);
    }
}
