//! Whatever is asked wrongly: exit 1 (no answer) or 2 (no question), one clear message, nothing on standard
//! output and nothing half-written.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

use std::fs::{self, File};
use std::path::Path;

use program::{command, infer, infer_in, run};

/// Checks rows of `(command line, exit status, what the message has to say)`.
#[track_caller]
fn check(rows: &[(&str, i32, &[&str])]) {
    let mut wrong = String::new();
    for (line, status, says) in rows {
        let arguments: Vec<&str> = line.split('|').collect();
        let run = infer(&arguments);
        let missing: Vec<&&str> = says.iter().filter(|text| !run.stderr.contains(**text)).collect();
        let errors = run.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        if run.status != *status || errors != 1 || !missing.is_empty() || !run.stdout.is_empty() {
            wrong.push_str(&format!(
                "{line}\n  exit {} (expected {status}), does not say {missing:?}\n  stdout {:?}\n  {}\n",
                run.status, run.stdout, run.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn unknown_names_come_with_the_nearest_known_ones() {
    check(&[
        (
            "list|--model|google/gema-2-27b-it",
            1,
            &["unknown model `google/gema-2-27b-it`", "`google/gemma-2-27b-it`"],
        ),
        ("list|--model|no/such-thing-at-all", 1, &["unknown model", "`kubectl infer models list`"]),
        ("list|--model|", 1, &["unknown model ``"]),
        ("list|--model|google/gemma-2-27b-it|--model-server|vlm", 1, &["`vlm`", "`vllm`"]),
        (
            "list|--model|google/gemma-2-27b-it|--model-server|vllm|--model-server-version|v0.0.1",
            1,
            &["no version `v0.0.1`", "`v0.7.2`"],
        ),
        ("list|--accelerator-type|nvidia-l5", 1, &["unknown accelerator `nvidia-l5`", "`nvidia-l4`"]),
        ("list|--region|us-centrall1", 1, &["no region `us-centrall1`", "us-central1"]),
        ("list|--pricing-model|free", 2, &["'free'", "on-demand, spot, 3-years-cud, 1-year-cud"]),
        ("list|--provenance|guess", 2, &["'guess'", "measured, estimated, any"]),
        ("list|--use-case|Deep Reserch", 1, &["unknown use case `Deep Reserch`", "Deep Research"]),
        ("list|--serving-stack|llm-d", 1, &["serving stack `llm-d`", "`deployment`"]),
        (
            "benchmarks|list|--model|google/gemma-2-27b-it|--model-server|vllm|--instance-type|g2-standard-49",
            1,
            &["unknown machine `g2-standard-49`", "`g2-standard-48`"],
        ),
        (
            "manifests|create|--model|google/gemma-2-27b-it|--accelerator-type|l5",
            1,
            &["unknown accelerator `l5`"],
        ),
        ("models|lst", 2, &["'lst'", "'list'"]),
        ("list|--modle|x", 2, &["'--modle'", "'--model'"]),
        ("list|-o|xml", 2, &["'xml'", "table, wide, json, yaml, csv, name, jsonpath=TEMPLATE"]),
        ("list|-o|plot", 2, &["'plot'", "table, wide, json, yaml, csv, name, jsonpath=TEMPLATE"]),
        ("list|--format|value(name)", 2, &["'value(name)'", "csvprofile"]),
    ]);
}

#[test]
fn numbers_that_mean_nothing_are_refused_with_what_would_be_accepted() {
    for value in ["-5", "0", "NaN", "inf", "-inf", "1e300", "fast", "", "5ms"] {
        for flag in ["--target-ttft-milliseconds", "--target-ntpot-milliseconds", "--target-itl-milliseconds"]
        {
            check(&[(&format!("list|{flag}={value}"), 2, &[flag, "positive number of milliseconds"])]);
        }
        for flag in ["--target-cost-per-million-input-tokens", "--target-cost-per-million-output-tokens"] {
            check(&[(&format!("list|{flag}={value}"), 2, &[flag, "positive number of USD"])]);
        }
    }
    check(&[
        ("list|--output-input-cost-ratio|0", 2, &["positive number, at most 1000"]),
        ("list|--limit|0", 2, &["positive whole number, or `unlimited`"]),
        ("list|--limit=-1", 2, &["--limit"]),
        ("list|--page-size|many", 2, &["positive whole number"]),
        ("list|--target-input-length|1.5|--target-output-length|9", 2, &["whole number of tokens"]),
        ("list|--target-input-length|99999999|--target-output-length|9", 2, &["from 1 to 10000000"]),
        ("accelerators|list|--model|x|--max-ntpot-milliseconds|-1", 2, &["positive number of milliseconds"]),
        ("manifests|create|--model|x|--accelerator-type|y|--date|today", 2, &["2026-07-02"]),
        ("manifests|create|--model|x|--accelerator-type|y|--accelerator-count|0", 2, &["from 1 to"]),
        ("manifests|create|--model|x|--accelerator-type|y|--requests-per-second|0", 2, &["positive number"]),
    ]);
}

#[test]
fn autoscalers_that_make_no_sense_are_refused() {
    const CREATE: &str = "manifests|create|--model|google/gemma-2-27b-it|--accelerator-type|nvidia-l4|\
                          --model-server-version|v0.7.2|--target-ntpot-milliseconds|200";
    let with = |flags: &str| format!("{CREATE}|{flags}");
    for (flags, status, words) in [
        ("--autoscaler|vpa", 2, "[possible values: stackdriver, prometheus-adapter, keda, none]"),
        ("--tolerance|-0.5", 1, "a share from 0 to 1 is accepted"),
        ("--traffic-growth|NaN", 1, "0 to 1000 percent a minute are accepted"),
        ("--scrape-interval|1s", 1, "5 to 300 seconds are accepted"),
        ("--request-rate|9|--peak-request-rate|3", 1, "has to be at least as high"),
        ("--request-rate|9|--max-accelerators|8", 1, "are too few"),
        ("--cluster-name|A\"B", 1, "lower-case letters, digits and `-` are accepted"),
        ("--prometheus-url|ftp://x", 1, "is no address of a Prometheus"),
        ("--output|values", 2, "`--autoscaler prometheus-adapter`"),
    ] {
        check(&[(with(flags).as_str(), status, &[words])]);
    }
    check(&[
        ("autoscaling|explain", 2, &["<NAME>"]),
        ("autoscaling|explain|-f|/nowhere.yaml", 2, &["cannot read `/nowhere.yaml`"]),
        ("autoscaling|explain|x|--kubeconfig|/nowhere", 2, &["cannot read the kubeconfig"]),
        ("autoscaling|create|-f|/nowhere.yaml", 2, &["cannot read `/nowhere.yaml`"]),
        ("autoscaling|create|x|--signal|waiting=0", 2, &["a positive number is accepted"]),
        ("autoscaling|create|x|--signal|waiting=many", 2, &["`many` is no number"]),
        ("autoscaling|setup|--output|values", 2, &["`--autoscaler prometheus-adapter`"]),
        ("autoscaling|setup|--autoscaler|keda|--apply", 2, &["`--apply` needs `--project`"]),
        ("autoscaling|setup|--autoscaler|keda|--project|a b", 1, &["is no project id"]),
    ]);
}

#[test]
fn flags_that_need_each_other_say_so() {
    check(&[
        ("list|--target-input-length|1024", 2, &["--target-output-length"]),
        ("list|--target-output-length|1024", 2, &["--target-input-length"]),
        (
            "list|--use-case|Deep Research|--target-input-length|9|--target-output-length|9",
            2,
            &["cannot be used with"],
        ),
        ("list|--use-case|Deep Research|--length-file|lengths.csv", 2, &["cannot be used with"]),
        ("list|--input-length-p90|4000", 2, &["--target-input-length"]),
        (
            "list|--target-input-length|1000|--target-output-length|9|--input-length-p90|900",
            2,
            &["No lognormal distribution", "from 1.0 to 2.27 times the mean"],
        ),
        ("accuracy|--corrected-by|0", 2, &["from 1"]),
        ("list|--serving-stack-version|apps/v1", 2, &["--serving-stack"]),
        ("list|--model-server-version|v0.7.2", 2, &["`--model-server`"]),
        ("list|-o|json|--format|yaml", 2, &["cannot be used with"]),
        ("model-servers|list", 2, &["--model <OWNER/NAME>"]),
        ("benchmarks|list|--model|google/gemma-2-27b-it", 2, &["--model-server"]),
        ("manifests|create|--model|google/gemma-2-27b-it", 2, &["--accelerator-type"]),
        (
            "manifests|create|--model|x|--accelerator-type|y|--xla-cache-bucket-uri|gs://b",
            2,
            &["--model-bucket-uri"],
        ),
        (
            "manifests|create|--model|x|--accelerator-type|y|--hub-cache|ram|--model-bucket-uri|gs://b",
            2,
            &["cannot be used with"],
        ),
    ]);
}

#[test]
fn expressions_say_where_they_are_broken() {
    check(&[
        ("models|list|--filter|name~x", 2, &["filter"]),
        ("models|list|--filter|nam:x", 2, &["unknown column `nam`", "name"]),
        ("models|list|--filter|(name:x", 2, &["`)`"]),
        ("models|list|--filter|parameters<lots", 2, &["`parameters` holds numbers"]),
        ("models|list|--sort-by|size", 2, &["unknown column `size`"]),
        ("models|list|-o|jsonpath={.items[0", 2, &["`{` is not closed"]),
        ("models|list|-o|jsonpath", 2, &["jsonpath={.items[0].name}"]),
        ("models|list|-o|jsonpath={range .items[*]}", 2, &["without `{end}`"]),
    ]);
    let deep = format!("models|list|--filter|{}", "(".repeat(4000));
    let long = format!("models|list|--filter|name:{}", "x".repeat(100_000));
    check(&[(&deep, 2, &["nested"]), (&long, 2, &["at most"])]);
}

#[test]
fn a_target_out_of_reach_says_what_is_within() {
    check(&[
        (
            "list|--model|openai/gpt-oss-120b|--target-ttft-milliseconds|1",
            1,
            &["TTFT of 1 ms is out of reach, the nearest is", "least change"],
        ),
        (
            "list|--model|google/gemma-2-27b-it|--accelerator-type|nvidia-l4|--target-ntpot-milliseconds|30",
            1,
            &["NTPOT of 30 ms is out of reach", "the same targets are met by"],
        ),
        (
            "list|--model|openai/gpt-oss-120b|--target-cost-per-million-output-tokens|0.00001",
            1,
            &["cost per million output tokens", "out of reach"],
        ),
        (
            "list|--model|openai/gpt-oss-120b|--target-input-length|100|--target-output-length|9000|--provenance|measured",
            1,
            &["within 20 % of 100/9000 tokens", "measured lengths"],
        ),
        (
            "benchmarks|list|--model|Qwen/QwQ-32B|--model-server|vllm",
            1,
            &[
                "nothing was measured of `Qwen/QwQ-32B` on `vllm`",
                "kubectl infer accelerators list --model Qwen/QwQ-32B",
            ],
        ),
        (
            "list|--model|Qwen/QwQ-32B|--provenance|measured",
            1,
            &[
                "nothing was measured for `Qwen/QwQ-32B`",
                "kubectl infer accelerators list --model Qwen/QwQ-32B",
            ],
        ),
        (
            "manifests|create|--model|google/gemma-2-27b-it|--accelerator-type|nvidia-l4|--target-ntpot-milliseconds|10",
            1,
            &["NTPOT of 10 ms is out of reach"],
        ),
    ]);
}

#[test]
fn no_answer_says_why_and_where_one_is() {
    check(&[
        (
            "list|--model|MiniMaxAI/MiniMax-M2.5|--accelerator-type|nvidia-h200-141gb|--target-cost-per-million-output-tokens|1",
            1,
            &["no price is known for", "a cost target cannot be compared"],
        ),
        (
            "list|--model|Qwen/Qwen3-Coder-480B-A35B-Instruct|--target-ntpot-milliseconds|100|--provenance|measured",
            1,
            &["NTPOT was never measured", "no latency: leave the latency targets out"],
        ),
        ("list|--provenance|estimated", 1, &["no figures of any model are estimated", "`--provenance any`"]),
        ("list|--accelerator-type|nvidia-tesla-t4", 1, &["nothing was measured for any model with"]),
        (
            "benchmarks|list|--model|google/gemma-2-27b-it|--model-server|sglang",
            1,
            &["`kubectl infer list --model google/gemma-2-27b-it` prints what was measured"],
        ),
        ("models|list|--filter|architecture.name:llama", 2, &["unknown column `architecture.name`"]),
    ]);
}

#[test]
fn control_characters_of_a_name_do_not_reach_the_terminal() {
    let message = infer(&["list", "--model", "\u{1b}[31mred\u{7}"]).failed(1);
    assert!(message.contains(r"unknown model `\u{1b}[31mred\u{7}`"), "{message}");
}

#[test]
fn a_name_of_any_length_does_not_bury_the_message() {
    let message = infer(&["list", "--model", &"x".repeat(100_000)]).failed(1);
    assert!(message.len() < 3000, "{} bytes", message.len());
    assert!(message.contains("more characters)\nhint: "), "{message}");
}

#[test]
fn a_folder_without_catalog_files_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("prices.json"), "{}").unwrap();
    let message = infer_in(folder.path(), &["models", "list", "--catalog", "."]).failed(1);
    assert!(message.contains("folder `.` holds no `*.yaml` file"), "{message}");
}

#[test]
fn a_manifest_that_could_not_run_is_not_written() {
    const GEMMA: &str = "manifests|create|--model|google/gemma-2-27b-it|--accelerator-type|nvidia-l4";
    let with = |more: &str| format!("{GEMMA}|{more}");
    check(&[
        (
            "manifests|create|--model|deepseek-ai/DeepSeek-R1|--accelerator-type|nvidia-tesla-t4",
            1,
            &["nvidia-tesla-t4"],
        ),
        (&with("--model-bucket-uri|bucket/path"), 1, &["`bucket/path`", "gs://BUCKET"]),
        (&with("--model-bucket-uri|gs://bucket/../other"), 1, &["gs://bucket/../other", "gs://BUCKET"]),
        (&with("--model-bucket-uri|gs://my bucket"), 1, &["gs://my bucket", "gs://BUCKET"]),
        (&with("--model-bucket-uri|s3://bucket"), 1, &["s3://bucket", "gs://BUCKET"]),
        (&with("--model-bucket-uri|gs://b\nkubectl delete ns default"), 1, &["gs://BUCKET"]),
        (&with(&format!("--namespace|{}", "n".repeat(64))), 1, &["not a Kubernetes name", "at most 63"]),
        (&with("--namespace|My_Namespace"), 1, &["not a Kubernetes name"]),
        (&with("--context|a\nb"), 1, &["control characters"]),
        (&with("--model-server|nemo"), 1, &["`nemo`"]),
        (
            "transfer|create|--model|google/gemma-2-27b-it|--model-bucket-uri|bucket",
            1,
            &["`bucket`", "gs://BUCKET"],
        ),
        (
            "transfer|create|--model|google/gema|--model-bucket-uri|gs://bucket",
            1,
            &["unknown model `google/gema`"],
        ),
    ]);
}

#[test]
fn a_broken_source_date_is_an_argument_error() {
    let line = ["manifests", "create", "--model", "google/gemma-2-27b-it", "--accelerator-type", "nvidia-l4"];
    let message = run(command().args(line).env("SOURCE_DATE_EPOCH", "yesterday")).failed(2);
    assert!(message.contains("`SOURCE_DATE_EPOCH` is `yesterday`"), "{message}");
}

#[test]
fn hostile_catalog_files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    // A gibibyte that takes no disk.
    File::create(folder.path().join("huge.yaml")).unwrap().set_len(1 << 30).unwrap();
    write("deep.yaml", &format!("models: {}", "[".repeat(200_000)));
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    write("bomb.yaml", &bomb);
    write("twice.yaml", "models: []\nmodels: []\n");
    write("unknown.yaml", "modells: []\n");
    write("field.yaml", "useCases:\n- name: mine\n  traffic: {inputTokens: lots, outputTokens: 1}\n");
    write(
        "value.yaml",
        "useCases:\n- name: mine\n  traffic: {inputTokens: -1, outputTokens: 1}\n  evidence: {source: me}\n",
    );
    write("scalar.yaml", "just words\n");
    fs::write(folder.path().join("binary.yaml"), [0xff, 0xfe, 0x00, 0x9f]).unwrap();
    for (file, says) in [
        ("huge.yaml", "larger than the 16 MiB"),
        ("deep.yaml", "deep.yaml"),
        ("bomb.yaml", "bomb.yaml"),
        ("twice.yaml", "duplicate"),
        ("unknown.yaml", "modells"),
        ("field.yaml", "field `traffic.inputTokens`"),
        ("value.yaml", "`traffic.inputTokens`"),
        ("scalar.yaml", "scalar.yaml"),
        ("binary.yaml", "not UTF-8"),
        ("absent.yaml", "cannot read catalog"),
    ] {
        let message = infer_in(folder.path(), &["models", "list", "--catalog", file]).failed(1);
        assert!(message.contains(says) && message.contains(file), "{file}: {message}");
        assert!(message.lines().count() < 12, "{file}: {message}");
    }
}

#[test]
fn a_file_that_cannot_be_compared_is_neither_the_same_nor_different() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("others.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n");
    write("broken.yaml", "kind: [\n");
    write("deep.yaml", &"[".repeat(100_000));
    File::create(folder.path().join("huge.yaml")).unwrap().set_len(1 << 30).unwrap();
    for (file, says) in [
        ("others.yaml", "only manifests that `kubectl infer manifests create` wrote"),
        ("broken.yaml", "no YAML"),
        ("deep.yaml", "no YAML"),
        ("huge.yaml", "larger than"),
        ("absent.yaml", "cannot read `absent.yaml`"),
        (".", "cannot read `.`"),
    ] {
        let message = infer_in(folder.path(), &["manifests", "diff", "-f", file]).failed(2);
        assert!(message.contains(says), "{file}: {message}");
    }
}

#[test]
fn an_output_that_cannot_be_written_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let locked = folder.path().join("locked.yaml");
    fs::write(&locked, "mine\n").unwrap();
    let mut permissions = fs::metadata(&locked).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&locked, permissions).unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    let files = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    let mut rows = vec![
        ("folder", "it is a folder"),
        ("locked.yaml", "it is read-only"),
        ("absent/manifests.yaml", "folder `absent` does not exist"),
        ("locked.yaml/manifests.yaml", "cannot write"),
    ];
    if Path::new("/dev/full").exists() {
        rows.push(("/dev/full", "cannot write `/dev/full`"));
    }
    for (path, says) in rows {
        let line =
            ["manifests", "create", "--model", "google/gemma-2-27b-it", "--accelerator-type", "nvidia-l4"];
        let arguments: Vec<&str> = line.into_iter().chain(["--output-path", path]).collect();
        let message = infer_in(folder.path(), &arguments).failed(1);
        assert!(message.contains(says), "{path}: {message}");
        assert_eq!(files(), before, "{path} left something behind");
    }
    assert_eq!(fs::read_to_string(&locked).unwrap(), "mine\n");
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_early_is_no_error() {
    use std::process::Stdio;

    for line in
        [&["models", "list"][..], &["--help"], &["list", "--help"], &["completion", "bash"], &["list"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = command();
        let output = child.args(line).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{line:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command()
        .args(["models", "list"])
        .stdout(full)
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot write to standard output"));
}
