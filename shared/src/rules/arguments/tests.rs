use serde_json::{Value, json};

use crate::rules::Severity;
use crate::rules::fixtures::{findings_of, fixed, server};

fn with(image: &str, fields: Value) -> Value {
    let mut container = json!({"image": image, "resources": {"limits": {"nvidia.com/gpu": "1"}}});
    json_patch::merge(&mut container, &fields);
    server(container, json!({}))
}

fn count(id: &str, image: &str, fields: Value) -> usize {
    findings_of(id, &with(image, fields)).len()
}

const OLD: &str = "vllm/vllm-openai:v0.9.0";
const NEW: &str = "vllm/vllm-openai:v0.32.0";

#[test]
fn flags_are_judged_by_the_images_own_version() {
    let flag =
        |image: &str, flag: &str| count("INF070", image, json!({"args": ["--model=Qwen/Qwen3-8B", flag]}));
    for (image, name, found) in [
        (OLD, "--disable-log-requests", 0),
        ("vllm/vllm-openai:v0.6.6", "--swap-space=16", 0),
        (NEW, "--disable-log-requests", 1),
        (NEW, "--swap-space=16", 1),
        (NEW, "--swap_space=16", 1),
        ("vllm/vllm-openai:v0.5.5", "--reasoning-parser=qwen3", 1),
        ("vllm/vllm-openai:v0.9.0-x86_64", "--max-model-length=4096", 1),
        ("localhost:5000/vllm/vllm-openai:v0.9.0", "--max-model-length=4096", 1),
        // What argparse takes as well: beginnings, underscores, the other side of a switch, fields of JSON flags.
        (NEW, "--max-num-seq=8", 0),
        (NEW, "--max_num_seqs=8", 0),
        (NEW, "--no-enable-prefix-caching", 0),
        (NEW, "--compilation-config.level=3", 0),
        (NEW, "-tp=1", 0),
        (NEW, "-O3", 0),
        // Versions whose flags are not known, and images of somebody's own.
        ("vllm/vllm-openai:latest", "--max-model-length=4096", 0),
        ("vllm/vllm-openai:nightly", "--max-model-length=4096", 0),
        ("vllm/vllm-openai:v0.99.0", "--max-model-length=4096", 0),
        ("vllm/vllm-openai:v0.10.1rc1", "--max-model-length=4096", 0),
        ("example.com/team/vllm-fork:v0.9.0", "--max-model-length=4096", 0),
        ("lmsysorg/sglang:v0.4.6.post1-cu124", "--max-running-requests=8", 0),
        // Gone, though a newer flag begins so.
        ("vllm/vllm-openai:v0.12.0", "--task=embed", 0),
        ("vllm/vllm-openai:v0.14.0", "--task=embed", 1),
        (NEW, "--device=cpu", 1),
        ("lmsysorg/sglang:v0.5.9", "--max-num-seqs=8", 1),
    ] {
        assert_eq!(flag(image, name), found, "{image} {name}");
    }
}

#[test]
fn an_unknown_flag_names_the_nearest_known_one() {
    let object = with(NEW, json!({"args": ["--model=Qwen/Qwen3-8B", "--max-model-length=4096"]}));
    let found = findings_of("INF070", &object);
    assert!(found[0].remedy.contains("`--max-model-len`"), "{}", found[0].remedy);
}

#[test]
fn flags_of_another_program_are_not_the_servers() {
    for fields in [
        json!({"command": ["/opt/start.sh"], "args": ["--some-flag=1"]}),
        json!({"command": ["python3", "-m", "team.server"], "args": ["--some-flag=1"]}),
        json!({"command": ["bash", "-c", "hf download Qwen/Qwen3-8B --local-dir /m --some-flag && vllm serve /m"]}),
    ] {
        assert_eq!(count("INF070", NEW, fields.clone()), 0, "{fields}");
    }
}

#[test]
fn a_space_is_a_mistake_only_where_no_shell_reads_and_no_value_holds_it() {
    let args = |args: Value| count("INF072", OLD, json!({"args": args}));
    assert_eq!(args(json!(["--model=Qwen/Qwen3-8B", "--quantization bitsandbytes"])), 1);
    assert_eq!(args(json!(["--model=Qwen/Qwen3-8B", "--hf-overrides={\"a\": 1, \"b\": 2}"])), 0);
    assert_eq!(args(json!(["--model=Qwen/Qwen3-8B", "--chat-template", "{% for m in messages %}"])), 0);
    let shell =
        json!({"command": ["sh", "-c"], "args": ["vllm serve Qwen/Qwen3-8B --quantization bitsandbytes"]});
    assert_eq!(count("INF072", OLD, shell.clone()) + count("INF073", OLD, shell), 0);
    let login =
        json!({"command": ["/bin/bash", "-lc", "--"], "args": ["vllm serve Qwen/Qwen3-8B --dtype half"]});
    assert_eq!(count("INF072", OLD, login.clone()) + count("INF073", OLD, login), 0);
}

#[test]
fn a_split_keeps_every_other_element() {
    let object =
        with(OLD, json!({"args": ["--model=Qwen/Qwen3-8B", "--quantization bitsandbytes", "--dtype=half"]}));
    let args = &fixed("INF072", &object)["spec"]["template"]["spec"]["containers"][0]["args"];
    assert_eq!(args, &json!(["--model=Qwen/Qwen3-8B", "--quantization", "bitsandbytes", "--dtype=half"]));
}

#[test]
fn the_entrypoint_of_the_image_decides() {
    let repeated = |image: &str, fields: Value| count("INF074", image, fields);
    assert_eq!(repeated(NEW, json!({"args": ["serve", "Qwen/Qwen3-8B"]})), 1);
    assert_eq!(repeated(NEW, json!({"args": ["vllm", "serve", "Qwen/Qwen3-8B"]})), 1);
    assert_eq!(repeated(NEW, json!({"command": ["vllm"], "args": ["serve", "Qwen/Qwen3-8B"]})), 0);
    assert_eq!(repeated("example.com/team/vllm:1", json!({"args": ["serve", "Qwen/Qwen3-8B"]})), 0);
    let positional = |image: &str, fields: Value| count("INF075", image, fields);
    assert_eq!(positional(OLD, json!({"args": ["Qwen/Qwen3-8B"]})), 1);
    assert_eq!(positional("vllm/vllm-openai:v0.11.0", json!({"args": ["Qwen/Qwen3-8B"]})), 1);
    assert_eq!(positional("vllm/vllm-openai:v0.11.1", json!({"args": ["Qwen/Qwen3-8B"]})), 0);
    assert_eq!(positional(NEW, json!({"args": ["Qwen/Qwen3-8B"]})), 0);
    assert_eq!(positional("vllm/vllm-openai:latest", json!({"args": ["Qwen/Qwen3-8B"]})), 0);
    assert_eq!(positional(OLD, json!({"command": ["vllm", "serve"], "args": ["Qwen/Qwen3-8B"]})), 0);
}

#[test]
fn a_reference_is_a_mistake_only_where_the_container_has_the_variable() {
    let env = json!([{"name": "MODEL", "value": "Qwen/Qwen3-8B"}]);
    let found = |fields: Value| count("INF076", OLD, fields);
    assert_eq!(found(json!({"env": env, "args": ["--model=${MODEL}"]})), 1);
    assert_eq!(found(json!({"env": env, "args": ["--model=$(MODEL)"]})), 0);
    // Somebody's template engine fills it in before Kubernetes sees it.
    assert_eq!(found(json!({"args": ["--model=${MODEL}"]})), 0);
    assert_eq!(found(json!({"env": env, "command": ["sh", "-c", "vllm serve ${MODEL}"]})), 0);
    let nested = json!([{"name": "ROOT", "value": "/models"}, {"name": "HF_HOME", "value": "${ROOT}/hf"}]);
    assert_eq!(found(json!({"env": nested, "args": ["--model=Qwen/Qwen3-8B"]})), 1);
}

#[test]
fn a_variable_may_build_on_itself_or_repeat() {
    let found = |env: Value| count("INF077", OLD, json!({"env": env}));
    assert_eq!(found(json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])), 1);
    assert_eq!(found(json!([{"name": "A", "value": "1"}, {"name": "A", "value": "1"}])), 0);
    assert_eq!(found(json!([{"name": "P", "value": "/a"}, {"name": "P", "value": "$(P):/b"}])), 0);
}

#[test]
fn a_variable_that_adds_to_itself_is_no_warning() {
    let env = |name: &str| {
        json!({"env": [{"name": name, "value": "${LD_LIBRARY_PATH}:/usr/local/nvidia/lib64"},
        {"name": "LD_LIBRARY_PATH", "value": "${LD_LIBRARY_PATH}:/usr/local/nvidia/lib64"}]})
    };
    let found = findings_of("INF076", &with(OLD, env("OTHER_PATH")));
    let severities: Vec<_> = found.iter().map(|found| found.severity).collect();
    assert_eq!(severities, [Severity::Warning, Severity::Information]);
}

#[test]
fn a_value_is_judged_where_it_is_spelled_out() {
    let value =
        |image: &str, flag: &str| count("INF078", image, json!({"args": ["--model=Qwen/Qwen3-8B", flag]}));
    for (image, flag, found) in [
        (NEW, "--dtype=fp8", 1),
        (OLD, "--dtype=bf16", 1),
        ("lmsysorg/sglang:v0.5.9", "--dtype=fp8", 1),
        (NEW, "--gpu-memory-utilization=90", 1),
        (NEW, "--gpu_memory_utilization=0", 1),
        (NEW, "-tp=0", 1),
        (NEW, "--dtype=half", 0),
        (NEW, "--dtype=$(DTYPE)", 0),
        (NEW, "--gpu-memory-utilization=1", 0),
        (NEW, "--gpu-memory-utilization=${SHARE}", 0),
        (NEW, "--max-num-batched-tokens=16k", 0),
        ("example.com/team/server-with-vllm:3", "--dtype=fp8", 0),
    ] {
        assert_eq!(value(image, flag), found, "{image} {flag}");
    }
}

#[test]
fn a_switch_takes_no_value_in_versions_that_know_it_as_one() {
    let value = |image: &str, flag: &str, next: Option<&str>| {
        let args: Vec<&str> = ["--model=Qwen/Qwen3-8B", flag].into_iter().chain(next).collect();
        count("INF081", image, json!({"args": args}))
    };
    assert_eq!(value(OLD, "--enforce-eager", None), 0);
    assert_eq!(value(OLD, "--enforce-eager=true", None), 1);
    assert_eq!(value(OLD, "--enforce-eager", Some("true")), 1);
    assert_eq!(value("vllm/vllm-openai:latest", "--disable-log-stats=false", None), 1);
    assert_eq!(value(OLD, "--no-enable-prefix-caching=true", None), 1);
    assert_eq!(value(OLD, "--enable-prefix-caching=$(CACHING)", None), 0);
    // It took one before.
    assert_eq!(value(OLD, "--enable-chunked-prefill=false", None), 1);
    assert_eq!(value("vllm/vllm-openai:v0.8.4", "--enable-chunked-prefill=false", None), 0);
    assert_eq!(value("vllm/vllm-openai:latest", "--enable-chunked-prefill=false", None), 0);
    assert_eq!(value("lmsysorg/sglang:v0.5.9", "--trust-remote-code=true", None), 0);
}

#[test]
fn options_are_no_program() {
    let command = |command: Value| count("INF080", NEW, json!({"command": command}));
    assert_eq!(command(json!(["--model", "Qwen/Qwen3-8B"])), 1);
    assert_eq!(command(json!(["vllm", "serve", "Qwen/Qwen3-8B"])), 0);
    assert_eq!(count("INF080", NEW, json!({"args": ["--model", "Qwen/Qwen3-8B"]})), 0);
}

#[test]
fn a_service_of_another_namespace_or_name_sets_nothing() {
    let mut server = with(NEW, json!({"args": ["Qwen/Qwen3-8B"]}));
    server["metadata"]["namespace"] = json!("llm");
    let found = |server: &Value, namespace: Option<&str>, name: &str| {
        let mut neighbours = crate::rules::Neighbours::default();
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}});
        neighbours.insert(std::sync::Arc::new(service));
        let catalog = crate::catalog::Catalog::embedded();
        let settings = crate::rules::Settings::default();
        let background =
            crate::rules::Background { catalog: &catalog, settings: &settings, neighbours: &neighbours };
        let findings = crate::rules::check(server, &background).unwrap();
        findings.iter().any(|finding| finding.rule.id == "INF082")
    };
    assert!(found(&server, Some("llm"), "vllm"));
    assert!(!found(&server, Some("other"), "vllm"));
    assert!(!found(&server, None, "vllm"));
    assert!(!found(&server, Some("llm"), "vllm-server"));
    let mut own = server.clone();
    own["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "VLLM_PORT", "value": "5000"}]);
    assert!(!found(&own, Some("llm"), "vllm"));
    server["metadata"]["namespace"] = json!("default");
    assert!(found(&server, None, "vllm"), "a Service without a namespace is in the one that clients take");
}

#[test]
fn a_word_without_dashes_is_an_option_only_by_its_name() {
    let word = |image: &str, args: Value| count("INF079", image, json!({"args": args}));
    for (image, args, found) in [
        (NEW, json!(["Qwen/Qwen3-8B", "gpu-memory-utilization=0.85"]), 1),
        (NEW, json!(["Qwen/Qwen3-8B", "-- host=0.0.0.0", "max_model_len=8192"]), 2),
        (NEW, json!(["--model=Qwen/Qwen3-8B", "--lora-modules", "a=/a", "host=/b"]), 0),
        (NEW, json!(["--model=Qwen/Qwen3-8B", "--hf-overrides", "host=1"]), 0),
        (NEW, json!(["--model=Qwen/Qwen3-8B", "colour=blue"]), 0),
        ("example.com/team/server-with-vllm:3", json!(["host=0.0.0.0"]), 0),
    ] {
        assert_eq!(word(image, args.clone()), found, "{args}");
    }
    let object = with(NEW, json!({"args": ["Qwen/Qwen3-8B", "-- host=0.0.0.0"]}));
    let mended = fixed("INF079", &object);
    let args = &mended["spec"]["template"]["spec"]["containers"][0]["args"];
    assert_eq!(args, &json!(["Qwen/Qwen3-8B", "--host=0.0.0.0"]));
}
