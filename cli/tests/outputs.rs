//! What a reader sees: a few telling outputs, whole, and what every format promises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

use program::{command, infer, infer_in, run};
use serde_json::Value;

#[test]
fn a_ranking_is_a_table_with_what_has_to_be_said_below() {
    let table = infer(&["list", "--model", "google/gemma-2-27b-it", "--provenance", "measured"]).succeeded();
    insta::assert_snapshot!(table);
}

#[test]
fn the_service_s_own_sample_row_comes_out_as_it_prints_it() {
    let table = infer(&[
        "list",
        "--model=openai/gpt-oss-20b",
        "--use-case=Chatbot (ShareGPT)",
        "--provenance=measured",
    ])
    .succeeded();
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    // Its dollars imply other prices than the price book's: everything else is as published.
    assert_eq!(row[..2], ["a3-highgpu-1g", "nvidia-h100-80gb"]);
    assert_eq!(row[4..10], ["13335", "67", "297", "vllm", "gptoss", "openai/gpt-oss-20b"]);
}

#[test]
fn a_target_out_of_reach_is_explained() {
    let line = ["list", "--model", "google/gemma-2-27b-it", "--accelerator-type", "nvidia-l4"];
    let arguments: Vec<&str> = line.into_iter().chain(["--target-ntpot-milliseconds", "30"]).collect();
    insta::assert_snapshot!(infer(&arguments).failed(1));
}

#[test]
fn a_profile_in_json_has_the_service_s_fields_and_ours() {
    let line =
        ["list", "--model", "google/gemma-2-27b-it", "--target-ntpot-milliseconds", "60", "-o", "json"];
    let arguments: Vec<&str> = line.into_iter().chain(["--provenance", "measured"]).collect();
    insta::assert_snapshot!(infer(&arguments).succeeded());
}

/// Three loads of one replica, a model that does not exist and a load that is none.
const OWN: &str = "\
model,precision,server,accelerator,accelerators,input_tokens,output_tokens,load_kind,load,ttft_ms,itl_ms
Qwen/Qwen3-32B,bf16,vllm,nvidia-l4,4,1024,256,closed,8,900,100
Qwen/Qwen3-32B,bf16,vllm,nvidia-l4,4,1024,256,closed,16,1400,115
Qwen/Qwen3-32B,bf16,vllm,nvidia-l4,4,1024,256,closed,24,1900,130
Qwen/Qwen3-99B,bf16,vllm,nvidia-l4,4,1024,256,closed,8,900,100
Qwen/Qwen3-32B,bf16,vllm,nvidia-l4,4,1024,256,closed,x,900,100
";

#[test]
fn measurements_of_one_s_own_correct_what_is_estimated_and_say_what_they_did() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.csv"), OWN).unwrap();
    let here = |line: &str| infer_in(folder.path(), &line.split(' ').collect::<Vec<_>>()).succeeded();
    let estimate = "estimate --model Qwen/Qwen3-32B --accelerator-type nvidia-l4 --accelerator-count 4";
    insta::assert_snapshot!(here(&format!("{estimate} --measured own.csv")));
    let other = here(
        "estimate --model Qwen/Qwen3-32B --accelerator-type nvidia-l4 --accelerator-count 8 --measured own.csv",
    );
    assert!(other.contains("* No measurement is of this replica: nothing is corrected."), "{other}");
    let list = here(
        "list --model Qwen/Qwen3-32B --accelerator-type nvidia-l4 --model-server vllm --measured own.csv --provenance estimated",
    );
    let of_replica = list.lines().filter(|line| line.ends_with("corrected")).count();
    assert_eq!(of_replica, 1, "{list}");
    let accuracy = here("accuracy --measured own.csv --corrected-by 1 --group-by model");
    let itl = accuracy.lines().find(|line| line.starts_with("(all)") && line.contains(" ITL ")).unwrap();
    // Of three rows the middle one corrects; two rows cannot be used and count.
    assert_eq!(itl.split_whitespace().nth(2), Some("3"), "{accuracy}");
}

#[test]
fn observed_lengths_take_the_place_of_a_use_case() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lengths.csv"), "input,output\n100,50\n2000,300\n500,10\n").unwrap();
    std::fs::write(folder.path().join("broken.csv"), "100,50\n7,many\n").unwrap();
    let line =
        "estimate --model Qwen/Qwen3-32B --accelerator-type nvidia-l4 --accelerator-count 4 --length-file";
    let arguments = |file: &'static str| line.split(' ').chain([file]).collect::<Vec<_>>();
    let shown = infer_in(folder.path(), &arguments("lengths.csv")).succeeded();
    assert!(shown.contains("867/120 tokens"), "{shown}");
    let refused = infer_in(folder.path(), &arguments("broken.csv")).failed(1);
    assert!(refused.contains("broken.csv") && refused.contains("Line 2 is \"7,many\""), "{refused}");
}

#[test]
fn lengths_that_scatter_wait_longer_than_equal_ones() {
    let line = "estimate --model Qwen/Qwen3-32B --accelerator-type nvidia-l4 --accelerator-count 4 --percentile 90 \
                --target-input-length 2000 --target-output-length 300 -o json";
    let slowest = |more: &[&str]| {
        let arguments: Vec<&str> = line.split_whitespace().chain(more.iter().copied()).collect();
        let estimate: Value = serde_json::from_str(&infer(&arguments).succeeded()).unwrap();
        let points = estimate.pointer("/items").and_then(Value::as_array).unwrap();
        points[0].pointer("/ttftMilliseconds/value").and_then(Value::as_f64).unwrap()
    };
    let equal = slowest(&[]);
    assert!(slowest(&["--input-length-p90", "4000"]) > 1.3 * equal);
    assert!(slowest(&["--output-length-p90", "600"]) != equal);
}

#[test]
fn an_estimated_profile_has_intervals_around_its_figures_and_a_price_a_month() {
    let line = "list --model Qwen/Qwen3-32B --accelerator-type nvidia-l4 --model-server vllm --request-rate 5 -o json";
    let document = |more: &[&str]| -> Value {
        let arguments: Vec<&str> = line.split(' ').chain(more.iter().copied()).collect();
        serde_json::from_str(&infer(&arguments).succeeded()).unwrap()
    };
    let number = |profile: &Value, pointer: &str| profile.pointer(pointer).and_then(Value::as_f64).unwrap();
    let median = &document(&[])["items"][0];
    assert_eq!(median["provenance"]["origin"], "estimated");
    let ttft = number(median, "/performanceStats/0/ttftMilliseconds");
    assert!((number(median, "/intervals/ttftMilliseconds/median") / ttft - 1.0).abs() < 1e-9);
    assert!(number(median, "/intervals/ttftMilliseconds/high") > ttft);
    let replicas = number(median, "/fleet/replicas");
    assert!(replicas * number(median, "/performanceStats/0/queriesPerSecond") >= 5.0, "{median}");
    assert!(number(median, "/fleet/usdPerMonth") > 0.0);

    let promised = &document(&["--target-ttft-milliseconds", "1500"])["items"][0];
    let figure = number(promised, "/performanceStats/0/ttftMilliseconds");
    assert!(
        figure <= 1500.0 + 1e-6 && figure == number(promised, "/intervals/ttftMilliseconds/high"),
        "{promised}"
    );
    let hoped = &document(&["--target-ttft-milliseconds", "1500", "--optimism", "median"])["items"][0];
    let rate = |profile: &Value| number(profile, "/performanceStats/0/queriesPerSecond");
    assert!(rate(hoped) > rate(promised), "{hoped}\n{promised}");
    let slow = &document(&["--percentile", "90"])["items"][0];
    assert!(number(slow, "/performanceStats/0/ttftMilliseconds") > ttft, "{slow}");
}

#[test]
fn the_curve_is_csv_with_the_columns_of_csvprofile() {
    let line = ["benchmarks", "list", "--model", "google/gemma-2-27b-it", "--model-server", "vllm"];
    let csv = infer(&line).succeeded();
    let header = csv.lines().next().unwrap();
    assert!(header.starts_with(
        "Instance Type,Accelerator Type,Model Name,Model Server Name,Model Server Version,Output Tokens/s,\
         NTPOT (ms),TTFT (ms),ITL (ms),QPS,Cost/M Input Tokens,Cost/M Output Tokens,Use Case,\
         Average Input Length,Average Output Length,Serving Stack,Serving Stack Version,"
    ));
    assert!(csv.lines().filter(|line| line.contains(",true,")).count() >= 2, "no knees in\n{csv}");
    let named: Vec<&str> = line.into_iter().chain(["--format=csvprofile"]).collect();
    assert_eq!(infer(&named).succeeded(), csv);
}

#[test]
fn gcloud_s_formats_have_gcloud_s_shapes_and_kubectl_s_have_kubectl_s() {
    let json = |format: &str| -> Value {
        serde_json::from_str(&infer(&["use-cases", "list", format]).succeeded()).unwrap()
    };
    let (bare, list) = (json("--format=json"), json("-ojson"));
    assert_eq!(list["kind"], "UseCaseList");
    assert_eq!(list["items"], bare);
    let yaml = infer(&["use-cases", "list", "--format", "yaml"]).succeeded();
    assert_eq!(yaml.lines().filter(|line| *line == "---").count(), bare.as_array().unwrap().len());
    let yaml: Value =
        serde_saphyr::from_str(&infer(&["use-cases", "list", "-o", "yaml"]).succeeded()).unwrap();
    assert_eq!(yaml, list);
    let table = infer(&["use-cases", "list"]).succeeded();
    for same in ["--format=table", "--format=profile", "-otable"] {
        assert_eq!(infer(&["use-cases", "list", same]).succeeded(), table, "{same}");
    }
}

#[test]
fn names_and_templates_are_for_scripts() {
    let names = infer(&["models", "list", "--filter", "name:gpt-oss", "-o", "name"]).succeeded();
    assert_eq!(names, "openai/gpt-oss-120b\nopenai/gpt-oss-20b\n");
    let line =
        ["models", "list", "--filter=name:gpt-oss", "-o", "jsonpath={range .items[*]}{.name}{\"\\n\"}{end}"];
    assert_eq!(infer(&line).succeeded(), names);
}

#[test]
fn rows_are_filtered_sorted_and_cut_in_this_order() {
    let line = [
        "models",
        "list",
        "--filter",
        "gated=true AND parameters>20",
        "--sort-by",
        "~parameters",
        "-o",
        "json",
    ];
    let all: Value = serde_json::from_str(&infer(&line).succeeded()).unwrap();
    let parameters: Vec<f64> =
        all["items"].as_array().unwrap().iter().map(|item| item["parameters"].as_f64().unwrap()).collect();
    assert!(parameters.len() > 3 && parameters.is_sorted_by(|a, b| a >= b), "{parameters:?}");
    assert!(parameters.iter().all(|count| *count > 20e9));
    let two: Vec<&str> = line.into_iter().chain(["--limit", "2"]).collect();
    let two: Value = serde_json::from_str(&infer(&two).succeeded()).unwrap();
    assert_eq!(two["items"].as_array().unwrap()[..], all["items"].as_array().unwrap()[..2]);
}

#[test]
fn pages_repeat_the_header_and_keep_the_alignment() {
    let table = infer(&["use-cases", "list", "--page-size", "4", "--limit", "5"]).succeeded();
    let headers: Vec<&str> = table.lines().filter(|line| line.starts_with("Use Case")).collect();
    assert_eq!(headers.len(), 2);
    assert_eq!(headers[0], headers[1]);
    assert_eq!(table.lines().count(), 5 + 2 + 1);
}

#[test]
fn a_header_is_left_out_on_request_and_with_it_what_is_not_a_row() {
    let rows = infer(&["list", "--model", "google/gemma-2-27b-it", "--provenance=measured", "--no-headers"])
        .succeeded();
    assert!(rows.lines().all(|line| line.contains("google/gemma-2-27b-it")), "{rows}");
}

#[test]
fn no_match_is_no_error_and_no_row() {
    let run = infer(&["models", "list", "--filter", "name=nothing"]);
    assert_eq!((run.status, run.stdout.as_str(), run.stderr.as_str()), (0, "", "No rows match.\n"));
}

#[test]
fn unpriced_and_unmeasured_is_said_and_never_zero() {
    let json =
        infer(&["list", "-o", "json", "--filter", "acceleratorType=nvidia-b200", "--limit", "1"]).succeeded();
    let list: Value = serde_json::from_str(&json).unwrap();
    let profile = &list["items"][0];
    if profile["pricing"]["noPriceFor"].is_string() {
        assert!(profile["performanceStats"][0]["cost"].is_null(), "{profile}");
    }
    let table = infer(&["accelerators", "list", "--model", "Qwen/QwQ-32B"]).succeeded();
    assert!(table.lines().skip(1).all(|line| line.ends_with("not measured")), "{table}");
}

#[test]
fn the_same_question_has_the_same_answer_to_the_byte() {
    let line = ["manifests", "create", "--model", "google/gemma-2-27b-it", "--accelerator-type", "nvidia-l4"];
    let first = infer(&line).succeeded();
    assert_eq!(infer(&line).succeeded(), first);
    assert!(!first.contains("Generated on"), "{first}");
    let dated = run(command().args(line).env("SOURCE_DATE_EPOCH", "1782950400")).succeeded();
    assert!(dated.starts_with("# Generated on 2026-07-02 using:"), "{dated}");
    let arguments: Vec<&str> = line.into_iter().chain(["--date", "2026-07-02"]).collect();
    assert_eq!(infer(&arguments).succeeded(), dated);
}

#[test]
fn a_file_is_compared_with_what_would_be_written_today() {
    let folder = tempfile::tempdir().unwrap();
    let line = ["manifests", "create", "--model", "google/gemma-2-27b-it", "--accelerator-type", "nvidia-l4"];
    let made = infer(&line).succeeded();
    std::fs::write(folder.path().join("same.yaml"), &made).unwrap();
    let edited = made.replace("terminationGracePeriodSeconds: 90", "terminationGracePeriodSeconds: 30");
    assert_ne!(edited, made);
    std::fs::write(folder.path().join("edited.yaml"), edited).unwrap();
    assert_eq!(infer_in(folder.path(), &["manifests", "diff", "-f", "same.yaml"]).succeeded(), "");
    let difference = infer_in(folder.path(), &["manifests", "diff", "--filename=edited.yaml"]);
    assert_eq!((difference.status, difference.stderr.as_str()), (1, ""));
    assert!(
        difference.stdout.contains("-      terminationGracePeriodSeconds: 30\n"),
        "{}",
        difference.stdout
    );
    assert!(
        difference.stdout.contains("+      terminationGracePeriodSeconds: 90\n"),
        "{}",
        difference.stdout
    );
}

#[test]
fn the_upload_is_a_job() {
    let line = [
        "transfer",
        "create",
        "--model",
        "google/gemma-2-27b-it",
        "--model-bucket-uri",
        "gs://weights/gemma",
    ];
    let job = infer(&line.into_iter().chain(["-n", "serving"]).collect::<Vec<_>>()).succeeded();
    assert!(job.contains("kind: Job") && job.contains("namespace: serving"), "{job}");
}

#[test]
fn parts_of_a_manifest_can_be_had_alone() {
    let part = |output: &str| {
        let line =
            ["manifests", "create", "--model", "google/gemma-2-27b-it", "--accelerator-type", "nvidia-l4"];
        infer(&line.into_iter().chain(["--output", output]).collect::<Vec<_>>()).succeeded()
    };
    let comments = part("comments");
    assert!(comments.lines().all(|line| line.is_empty() || line.starts_with('#')), "{comments}");
    assert_eq!(part("manifest"), part("yaml"));
    let list: Value = serde_json::from_str(&part("json")).unwrap();
    let kinds: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Deployment", "Service", "PodMonitoring"]);
    for output in ["manifest", "comments", "all", "json"] {
        assert!(part(output).ends_with('\n'), "{output}");
    }
}

#[test]
fn a_file_is_replaced_whole_and_keeps_its_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let line = ["manifests", "create", "--model", "google/gemma-2-27b-it", "--accelerator-type", "nvidia-l4"];
    let to = |path: &'static str| line.into_iter().chain(["--output-path", path]).collect::<Vec<_>>();
    let expected = infer(&to("-")).succeeded();
    assert_eq!(infer(&line).succeeded(), expected);
    let path = folder.path().join("manifests.yaml");
    std::fs::write(&path, "old\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    assert_eq!(infer_in(folder.path(), &to("manifests.yaml")).succeeded(), "");
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("kind: Deployment"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}

#[test]
fn overlays_add_and_replace_in_the_order_of_their_sources() {
    let folder = tempfile::tempdir().unwrap();
    let case = |name: &str, tokens: u32| {
        format!(
            "useCases:\n- name: {name}\n  traffic: {{inputTokens: {tokens}, outputTokens: 10}}\n  evidence: {{source: mine}}\n"
        )
    };
    let config = folder.path().join("config/kubectl-infer/catalog");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("a.yaml"), case("Mine", 1)).unwrap();
    std::fs::write(config.join("ignored.txt"), "not: read").unwrap();
    std::fs::write(folder.path().join("variable.yaml"), case("Mine", 2)).unwrap();
    std::fs::write(folder.path().join("flag.yaml"), case("Mine", 3)).unwrap();
    let tokens = |variable: bool, flag: bool| {
        let mut command = command();
        command.args([
            "use-cases",
            "list",
            "--filter",
            "name=Mine",
            "-o",
            "jsonpath={.items[*].averageInputLength}",
        ]);
        command.env("XDG_CONFIG_HOME", folder.path().join("config"));
        if variable {
            command.env("KUBECTL_INFER_CATALOG", folder.path().join("variable.yaml"));
        }
        if flag {
            command.arg("--catalog").arg(folder.path().join("flag.yaml"));
        }
        run(&mut command).succeeded()
    };
    assert_eq!(
        (tokens(false, false), tokens(true, false), tokens(true, true)),
        ("1.0".into(), "2.0".into(), "3.0".into())
    );
}

#[test]
fn version_names_the_catalog_too() {
    let json: Value = serde_json::from_str(&infer(&["version", "-o", "json"]).succeeded()).unwrap();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    let plain = infer(&["version"]).succeeded();
    for part in ["version", "date", "priceBookDate"] {
        assert!(plain.contains(json["catalog"][part].as_str().unwrap()), "{part}");
    }
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    infer_in(folder.path(), &["man", "--output-path", "."]).succeeded();
    let page = std::fs::read_to_string(folder.path().join("kubectl-infer-manifests-create.1")).unwrap();
    assert!(page.contains("accelerator\\-type"), "{page}");
    assert!(infer(&["man"]).succeeded().starts_with(".ie"));
}

#[test]
fn an_estimate_says_up_to_which_rate_targets_hold_and_draws_them() {
    let folder = tempfile::tempdir().unwrap();
    let line =
        "estimate --model Qwen/Qwen3-32B --accelerator-type nvidia-l4 --accelerator-count 4 --plot curve.svg";
    let estimate = |target: &str| {
        let arguments: Vec<&str> = line.split(' ').chain(["--target-ttft-milliseconds", target]).collect();
        let run = infer_in(folder.path(), &arguments.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{target}");
        (run.stdout, std::fs::read_to_string(folder.path().join("curve.svg")).unwrap())
    };
    let (text, plot) = estimate("1200");
    assert!(text.contains("targets are met up to") || text.contains("Targets are met up to"), "{text}");
    let zones = [">ideal<", ">knee from ", ">saturated from ", ">unstable from "];
    for drawn in
        ["TTFT", "ITL", "NTPOT", "target 1200 ms", "eight of ten", " by the worse ends<"].iter().chain(&zones)
    {
        assert!(plot.contains(drawn), "no {drawn} in\n{plot}");
    }
    assert_eq!(estimate("1200").1, plot);
    let (text, _) = estimate("1");
    assert!(text.to_lowercase().contains("targets are met at no rate"), "{text}");
}

const QWEN_ON_L4: [&str; 7] = [
    "estimate",
    "--model=Qwen/Qwen3-32B",
    "--accelerator-type=nvidia-l4",
    "--accelerator-count=4",
    "--target-ttft-milliseconds=1200",
    "--target-itl-milliseconds=150",
    "-o=plot",
];

#[test]
fn a_terminal_gets_a_plot_of_the_curve() {
    let text = infer(&QWEN_ON_L4).succeeded();
    assert!(
        text.lines().take_while(|line| !line.starts_with('*')).all(|line| line.chars().count() <= 100),
        "{text}"
    );
    let bare = infer(&[QWEN_ON_L4.as_slice(), &["--no-headers"]].concat()).succeeded();
    assert!(text.starts_with(&bare) && !bare.contains('*'), "{bare}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_png_is_the_same_plot_with_letters_and_the_same_bytes_each_time() {
    use resvg::tiny_skia::{Pixmap, PremultipliedColorU8 as Color};

    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let plot = format!("--plot={name}");
        infer_in(folder.path(), &[QWEN_ON_L4.as_slice(), &[&plot]].concat()).succeeded();
        std::fs::read(folder.path().join(name)).unwrap()
    };
    let first = bytes("a.png");
    assert_eq!(first, bytes("b.PNG"));
    let picture = Pixmap::decode_png(&first).unwrap();
    // Twice the size of the SVG, whose panels are 200 high.
    assert_eq!((picture.width(), picture.height()), (1800, 1532));
    let at = |x: u32, y: u32| picture.pixel(x, y).map(|pixel| (pixel.red(), pixel.green(), pixel.blue()));
    assert_eq!(at(0, 0), Some((255, 255, 255)), "a margin");
    assert_eq!(at(160, 300), Some((0x22, 0x22, 0x22)), "the vertical axis");
    // An eighth of black on white.
    assert_eq!(at(1418, 480), Some((224, 224, 224)), "where the load is unstable");
    let is_dark = |pixel: &&Color| pixel.red() < 100 && pixel.green() < 100 && pixel.blue() < 100;
    let title = picture.pixels().chunks(1800).take(56).flatten().filter(is_dark).count();
    assert!(title > 1000, "only {title} dark pixels where the title stands");
}

#[test]
fn a_plot_goes_to_no_other_format_and_to_no_file_when_something_else_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let estimate = |more: &[&str]| infer_in(folder.path(), &[&QWEN_ON_L4[..6], more].concat()).failed(2);
    for name in ["curve.gif", "curve", "-", "svg", ".png"] {
        let message = estimate(&["--plot", name]);
        assert!(message.contains("ends in `.svg` or `.png`"), "{name}: {message}");
    }
    let message = estimate(&["--plot=a.svg", "-o=plots"]);
    assert!(message.contains("jsonpath=TEMPLATE, plot"), "{message}");
    let message = estimate(&["--plot=a.svg", "-o=plot", "--sort-by=QPS"]);
    assert!(message.contains("leave out `--sort-by`"), "{message}");
    estimate(&["--plot=a.svg", "--filter=("]);
    estimate(&["--plot=a.png", "-o=jsonpath={"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let simulate = [
        "autoscaling",
        "simulate",
        "--model=google/gemma-2-27b-it",
        "--pattern=step",
        "--peak-request-rate=2",
    ];
    let message = infer_in(folder.path(), &[simulate.as_slice(), &["--plot=a.pdf"]].concat()).failed(2);
    assert!(message.contains("ends in `.svg` or `.png`"), "{message}");
}
