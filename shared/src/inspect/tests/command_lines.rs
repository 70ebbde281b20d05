//! Command lines in all their forms.

use super::*;
use crate::inspect::{Abbreviation, ArgumentPlace, ArgumentValue, Entrypoint, ModelSource};

const MODEL: &str = "Qwen/Qwen3-32B";

/// The model, tensor-parallel size and longest sequence of a command line are those of every form of it.
fn reads_as_usual(container: &str) {
    serving(&deployment(container), |pod| {
        assert_eq!(pod.model, ModelSource::Hub(MODEL.to_owned()), "{:#?}", pod.arguments);
        assert_eq!(pod.parallelism.tensor, is(4_u32), "{:#?}", pod.arguments);
        assert_eq!(pod.max_context_tokens, is(32768_u64));
        assert!(pod.arguments.complete, "{:#?}", pod.arguments);
    });
}

#[test]
fn list_of_name_equals_value() {
    reads_as_usual(
        "image: vllm/vllm-openai:v0.9.0\nargs: [--model=Qwen/Qwen3-32B, --tensor-parallel-size=4, --max-model-len=32768]",
    );
}

#[test]
fn list_of_name_and_value() {
    reads_as_usual(
        "image: vllm/vllm-openai:v0.9.0\nargs: [--model, Qwen/Qwen3-32B, --tensor-parallel-size, '4', --max-model-len, '32768']",
    );
}

#[test]
fn mixed_list_with_short_names_underscores_and_beginnings() {
    reads_as_usual(
        "image: x/server:1\ncommand: [vllm, serve]\nargs: [Qwen/Qwen3-32B, -tp, '4', --max_model=32768, --enforce-eager]",
    );
    reads_as_usual(
        "image: x/server:1\ncommand: [vllm, serve, Qwen/Qwen3-32B, -tp=4, --max-model-len, 32768]",
    );
}

#[test]
fn a_switch_does_not_eat_the_model() {
    reads_as_usual(
        "image: x/server:1\ncommand: [vllm, serve, --enable-prefix-caching, Qwen/Qwen3-32B, --tensor-parallel-size=4, --max-model-len=32768]",
    );
}

#[test]
fn python_modules_and_scripts() {
    reads_as_usual(
        "image: x/server:1\ncommand: [python3, -u, -m, vllm.entrypoints.openai.api_server]\nargs: [--model=Qwen/Qwen3-32B, --tensor-parallel-size=4, --max-model-len=32768]",
    );
    reads_as_usual(
        "image: x/server:1\nargs: [python, -m, vllm.entrypoints.api_server, --model=Qwen/Qwen3-32B, --tensor-parallel-size=4, --max-model-len=32768]",
    );
    reads_as_usual(
        "image: x/server:1\ncommand: [python, /workspace/vllm/vllm/entrypoints/openai/api_server.py, --model=Qwen/Qwen3-32B, --tensor-parallel-size=4, --max-model-len=32768]",
    );
}

#[test]
fn script_in_one_line() {
    reads_as_usual(
        "image: x/server:1\ncommand: [sh, -c, 'exec vllm serve Qwen/Qwen3-32B --tensor-parallel-size 4 --max-model-len 32768 2>&1 | tee /tmp/log']",
    );
    reads_as_usual(
        "image: x/server:1\ncommand: [/bin/bash, -euo, pipefail, -c]\nargs: ['cd /app && VLLM_LOGGING_LEVEL=DEBUG nohup vllm serve Qwen/Qwen3-32B -tp 4 --max-model-len 32768 > /dev/null &']",
    );
}

#[test]
fn script_of_many_lines_with_continuations_and_comments() {
    reads_as_usual(
        r#"
image: x/server:1
command: ["bash", "-c"]
args:
  - |
    set -e
    # The model's own port.
    export PORT=8000   # not used
    vllm serve "Qwen/Qwen3-32B" \
      --tensor-parallel-size=4 \
      --max-model-len '32768' \
      --port "$PORT" \
      --served-model-name a b
      # --enforce-eager \
"#,
    );
}

#[test]
fn bash_with_two_dashes_and_the_script_in_args() {
    reads_as_usual(
        "image: x/server:1\ncommand: [bash, -lc, '--']\nargs: ['vllm serve Qwen/Qwen3-32B --tensor-parallel-size 4 --max-model-len 32768']",
    );
}

#[test]
fn parameters_of_a_script_stand_in_args() {
    reads_as_usual(
        "image: x/server:1\ncommand: [sh, -c, 'exec vllm serve \"$@\"', dummy]\nargs: [Qwen/Qwen3-32B, --tensor-parallel-size=4, --max-model-len=32768]",
    );
    let object = deployment(
        "image: x/server:1\ncommand: [sh, -c, 'exec vllm serve \"$@\"', dummy]\nargs: [a/b, --port=1]",
    );
    serving(&object, |pod| {
        let port = pod.arguments.option(&["port"]).unwrap();
        let ArgumentPlace::Element(at) = &port.at else { panic!("{port:?}") };
        assert_eq!(at.as_str(), "/spec/template/spec/containers/0/args/1");
    });
}

#[test]
fn literal_shell_variables_defaults_and_arrays() {
    reads_as_usual(
        r#"
image: x/server:1
command: ["bash", "-c"]
args:
  - |
    MODEL=Qwen/Qwen3-32B
    LEN=${MAX_LEN:-32768}
    ARGS=(--tensor-parallel-size 4)
    ARGS+=(--max-model-len "${LEN}")
    vllm serve $MODEL "${ARGS[@]}"
"#,
    );
    reads_as_usual(
        r#"
image: x/server:1
env: [{name: TP, value: "4"}, {name: OPTIONS, value: "--tensor-parallel-size $(TP) --max-model-len 32768"}]
command: ["bash", "-c", "vllm serve Qwen/Qwen3-32B $OPTIONS"]
"#,
    );
}

#[test]
fn references_are_resolved_through_literal_env() {
    reads_as_usual(
        r#"
image: vllm/vllm-openai:v0.9.0
env: [{name: ORG, value: Qwen}, {name: MODEL_ID, value: $(ORG)/Qwen3-32B}, {name: TP, value: "4"}]
args: ["--model=$(MODEL_ID)", "--tensor-parallel-size", "$(TP)", "--max-model-len=32768"]
"#,
    );
}

#[test]
fn references_to_what_the_object_does_not_hold_are_unknown() {
    let object = deployment(
        r#"
image: vllm/vllm-openai:v0.9.0
env: [{name: MODEL_ID, valueFrom: {configMapKeyRef: {name: c, key: k}}}]
args: ["--model=$(MODEL_ID)", "--tensor-parallel-size=$(TP)", "--max-model-len=${LEN}"]
"#,
    );
    serving(&object, |pod| {
        assert_eq!(pod.model, ModelSource::Unknown);
        assert_eq!(pod.parallelism.tensor, Told::Unknown);
        assert_eq!(pod.max_context_tokens, Told::Unknown);
        assert_eq!(pod.arguments.words[2].text, "--max-model-len=${LEN}");
        assert!(!pod.arguments.words[2].in_script);
        assert!(pod.arguments.complete);
    });
}

#[test]
fn arithmetic_is_unknown() {
    let object = deployment(
        "image: x/s:1\ncommand: [bash, -c, 'vllm serve a/b --tensor-parallel-size $((GPUS * NODES)) --port 8000']",
    );
    serving(&object, |pod| {
        assert_eq!(pod.parallelism.tensor, Told::Unknown);
        assert_eq!(pod.server_port(), is(8000_u16));
        assert!(pod.arguments.complete);
    });
}

#[test]
fn words_that_a_variable_adds_leave_the_command_line_incomplete() {
    for script in
        ["vllm serve a/b $EXTRA_ARGS", "vllm serve a/b \"${EXTRA[@]}\" $X", "vllm serve a/b $(cat /etc/args)"]
    {
        let object = deployment(&format!("image: x/s:1\ncommand: [bash, -c, '{script}']"));
        serving(&object, |pod| {
            assert!(!pod.arguments.complete, "{script}");
            assert_eq!(pod.parallelism.tensor, Told::Unknown);
            assert_eq!(pod.model, ModelSource::Hub("a/b".to_owned()));
        });
    }
}

#[test]
fn a_configuration_file_leaves_the_command_line_incomplete() {
    let object = deployment("image: x/s:1\ncommand: [vllm, serve, a/b, --config, /etc/vllm.yaml]");
    serving(&object, |pod| assert_eq!(pod.parallelism.tensor, Told::Unknown));
}

#[test]
fn quoted_json_over_several_lines() {
    let object = deployment(
        r#"
image: x/s:1
command: ["/bin/sh", "-c"]
args:
  - |
    vllm serve a/b \
      --kv-transfer-config '{
        "kv_connector": "NixlConnector",
        "kv_role": "kv_both"
      }' \
      --tensor-parallel-size 2
"#,
    );
    serving(&object, |pod| {
        let json = pod.arguments.text(&["kv-transfer-config"]);
        assert!(json.known().unwrap().contains("\"kv_role\": \"kv_both\"\n"), "{json:?}");
        assert_eq!(pod.parallelism.tensor, is(2_u32));
    });
}

#[test]
fn branches_that_differ_are_unknown() {
    let object = deployment(
        r#"
image: x/s:1
command: ["bash", "-c"]
args:
  - |
    if [ "$RANK" = 0 ]; then
      vllm serve a/b --tensor-parallel-size 8 --port 8000
    else
      vllm serve a/b --tensor-parallel-size 8 --headless --port 8001
    fi
"#,
    );
    serving(&object, |pod| {
        assert_eq!(pod.model, ModelSource::Hub("a/b".to_owned()));
        assert_eq!(pod.parallelism.tensor, is(8_u32));
        assert_eq!(pod.server_port(), Told::Unknown);
        assert!(!pod.arguments.complete);
    });
}

#[test]
fn what_a_condition_assigns_is_unknown() {
    let object = deployment(
        r#"
image: x/s:1
command: ["bash", "-c"]
args:
  - |
    TP=1
    case "$NODE" in
      big) TP=8 ;;
      *) echo small ;;
    esac
    [ -n "$FAST" ] && EXTRA="--enforce-eager"
    for i in 1 2 3; do sleep 1; done
    vllm serve a/b --tensor-parallel-size $TP --port 8000
"#,
    );
    serving(&object, |pod| {
        assert_eq!(pod.parallelism.tensor, Told::Unknown);
        assert_eq!(pod.server_port(), is(8000_u16));
    });
}

#[test]
fn here_documents_and_functions_are_not_commands() {
    let object = deployment(
        r#"
image: x/s:1
command: ["bash", "-c"]
args:
  - |
    cat <<'EOF' > /tmp/template.jinja
    vllm serve not/this --port 1
    EOF
    wait_for() { until curl -s "$1"; do sleep 1; done; }
    wait_for http://proxy
    vllm serve a/b --chat-template=/tmp/template.jinja
"#,
    );
    serving(&object, |pod| {
        assert_eq!(pod.model, ModelSource::Hub("a/b".to_owned()));
        assert!(pod.arguments.complete);
    });
}

#[test]
fn lines_after_a_comment_between_continued_lines_are_cut_off() {
    let object = deployment(
        r#"
image: x/s:1
command: ["bash", "-c"]
args:
  - |
    vllm serve a/b \
      --port 8000 \
      # --enforce-eager \
      --tensor-parallel-size 8
"#,
    );
    serving(&object, |pod| {
        assert_eq!(pod.parallelism.tensor, Told::Unset);
        assert_eq!(pod.arguments.cut_off[0].text, "--tensor-parallel-size");
    });
}

#[test]
fn ray_is_started_first() {
    reads_as_usual(
        r#"
image: vllm/vllm-openai:v0.9.0
command: ["sh", "-c"]
args:
  - "bash /vllm-workspace/examples/online_serving/multi-node-serving.sh leader --ray_cluster_size=$(LWS_GROUP_SIZE);
    python3 -m vllm.entrypoints.openai.api_server --port 8080 --model Qwen/Qwen3-32B --tensor-parallel-size 4 --max-model-len 32768"
"#,
    );
}

#[test]
fn a_space_inside_an_element_makes_it_a_word_of_its_own() {
    let object = deployment(
        "image: vllm/vllm-openai:v0.9.0\nargs: [--model=a/b, '--quantization bitsandbytes', --dtype=half]",
    );
    serving(&object, |pod| {
        assert_eq!(pod.quantization, Told::Unset);
        assert_eq!(pod.dtype, is("half"));
        let word = &pod.arguments.positional[0];
        assert_eq!(word.text, "--quantization bitsandbytes");
        assert_eq!(word.at.as_str(), "/spec/template/spec/containers/0/args/1");
        assert!(!word.in_script);
    });
}

#[test]
fn a_whole_command_line_in_one_element_is_seen() {
    let object = deployment("image: vllm/vllm-openai:v0.9.0\ncommand: ['vllm serve a/b --port 80']");
    serving(&object, |pod| {
        assert!(!pod.arguments.complete);
        assert_eq!(pod.arguments.words[0].text, "vllm serve a/b --port 80");
    });
}

#[test]
fn serve_repeated_after_the_entrypoint_stays_visible() {
    let object = deployment("image: vllm/vllm-openai:v0.20.0\nargs: [serve, a/b]");
    serving(&object, |pod| {
        assert_eq!(pod.arguments.entrypoint, Some(Entrypoint::VllmServe));
        assert_eq!(pod.arguments.words[0].text, "serve");
        assert_eq!(pod.model, ModelSource::Hub("a/b".to_owned()));
    });
}

#[test]
fn a_positional_model_on_api_server_is_not_the_model() {
    let object = deployment("image: vllm/vllm-openai:v0.9.0\nargs: [a/b, --port=80]");
    serving(&object, |pod| {
        assert_eq!(pod.arguments.entrypoint, Some(Entrypoint::ApiServer));
        assert_eq!(pod.model, ModelSource::Unset);
        assert_eq!(pod.arguments.positional[0].text, "a/b");
    });
}

#[test]
fn the_last_of_an_option_counts() {
    let object = deployment("image: vllm/vllm-openai:v0.9.0\nargs: [--model=a/b, --port=1, --port=2]");
    serving(&object, |pod| assert_eq!(pod.server_port(), is(2_u16)));
}

#[test]
fn lists_take_every_word_up_to_the_next_option() {
    let object =
        deployment("image: x/s:1\ncommand: [vllm, serve, a/b, --served-model-name, one, two, --port, '1']");
    serving(&object, |pod| {
        let names = pod.arguments.option(&["served-model-name"]).unwrap();
        assert_eq!(names.value, ArgumentValue::Literal("one".to_owned()));
        assert_eq!(names.further, ["two"]);
    });
}

#[test]
fn abbreviations_follow_argparse() {
    let flags = ["max-num-seqs", "max-num-batched-tokens", "max-model-len"];
    assert_eq!(Abbreviation::resolve("max-num-seq", flags), Abbreviation::Of("max-num-seqs"));
    assert_eq!(Abbreviation::resolve("max-num", flags), Abbreviation::Ambiguous);
    assert_eq!(Abbreviation::resolve("swap-space", flags), Abbreviation::Unknown);
    assert_eq!(Abbreviation::resolve("max-model-len", flags), Abbreviation::Of("max-model-len"));
}

#[test]
fn what_a_script_exports_is_the_servers_environment() {
    let object = deployment(
        r#"
image: x/s:1
env: [{name: HF_HOME, value: /data}]
command: [bash, -c, 'export HF_TOKEN=$(cat /secrets/token); HF_HOME=/dev/shm/hf vllm serve a/b']
"#,
    );
    serving(&object, |pod| {
        assert_eq!(pod.hub_cache().path, is("/dev/shm/hf/hub"));
        assert!(pod.hub_token().is_some());
    });
}

#[test]
fn a_script_that_empties_dev_shm_is_noticed() {
    let object = deployment("image: x/s:1\ncommand: [bash, -c, 'rm -rf /dev/shm/*; vllm serve a/b']");
    serving(&object, |pod| assert!(pod.empties_shm));
}

#[test]
fn values_that_grow_without_end_are_unknown() {
    let mut script = "A=xxxxxxxxxxxxxxxx\n".to_owned();
    for _ in 0..64 {
        script.push_str("A=$A$A$A$A\n");
    }
    script.push_str("vllm serve a/b --port $A");
    let mut object = deployment("image: x/s:1\ncommand: [bash, -c, x]");
    object["spec"]["template"]["spec"]["containers"][0]["command"][2] = script.into();
    serving(&object, |pod| assert_eq!(pod.server_port(), Told::Unknown));
}
