//! The embedded catalog is sound, and what users write is either taken or explained.

#![allow(clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use infer_core::catalog::{
    AcceleratorKind, Catalog, CatalogError, MAX_DOCUMENT_BYTES, Meaning, OverlayDocument, Precision,
    PriceBasis, PricingModel,
};
use infer_core::workload::{Lengths, Traffic};

fn document(name: &str, text: &str) -> OverlayDocument {
    OverlayDocument { name: name.to_owned(), text: text.to_owned() }
}

fn overlaid(text: &str) -> Result<Catalog, CatalogError> {
    Catalog::with_overlays(&[document("mine.yaml", text)])
}

/// The error of a document that must not be taken.
fn refusal(text: &str) -> String {
    match overlaid(text) {
        Ok(_) => panic!("taken:\n{}", text.chars().take(1_000).collect::<String>()),
        Err(error) => error.to_string(),
    }
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the data folder can be listed") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml")
            && path.file_name().is_some_and(|name| name != "catalog.yaml")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The files under `shared/data`, as if a user had given them.
fn source_files() -> Vec<OverlayDocument> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let files = yaml_files(&folder);
    assert!(files.len() > 100, "only {} files under {}", files.len(), folder.display());
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(&folder).unwrap_or(path).display().to_string();
        document(&name, &fs::read_to_string(path).expect("the file can be read"))
    };
    files.iter().map(read).collect()
}

/// Reads every data file the way overlays are read, so that a broken entry is named by file, entry and field.
#[test]
fn every_embedded_entry_is_sound() {
    let files = source_files();
    let checked = Catalog::with_overlays(&files).unwrap_or_else(|error| panic!("shared/data/{error}"));
    let embedded = Catalog::embedded();
    assert_eq!(checked.models(), embedded.models());
    assert_eq!(checked.accelerators(), embedded.accelerators());
    assert_eq!(checked.machines(), embedded.machines());
    assert_eq!(checked.prices(), embedded.prices());
    assert_eq!(checked.servers(), embedded.servers());
    assert_eq!(checked.signals(), embedded.signals());
    for kind in [AcceleratorKind::Gpu, AcceleratorKind::Tpu] {
        assert_eq!(checked.start_times(kind), embedded.start_times(kind));
    }
    assert_eq!(checked.use_cases(), embedded.use_cases());
    assert_eq!(checked.all_profiles(), embedded.all_profiles());
    assert_eq!(checked.ceilings(), embedded.ceilings());
}

#[test]
fn a_model_lies_in_the_file_of_its_name() {
    let catalog = Catalog::embedded();
    for file in source_files() {
        let Some(("models" | "profiles", name)) = file.name.split_once('/') else { continue };
        let id = name.trim_end_matches(".yaml").replace("--", "/");
        assert!(catalog.models().expect("models").iter().any(|model| model.id == id), "{}", file.name);
        assert!(file.text.contains(&format!(": {id}\n")), "{} does not hold `{id}`", file.name);
    }
}

#[test]
fn a_name_means_one_model() {
    let catalog = Catalog::embedded();
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for model in catalog.models().expect("models") {
        let checkpoints = model.checkpoints.iter().map(|checkpoint| &checkpoint.id);
        for name in checkpoints.chain(&model.aliases) {
            let before = owners.insert(name.to_lowercase(), &model.id);
            assert!(before.is_none(), "`{name}` names {before:?} and {}", model.id);
        }
    }
}

#[test]
fn every_profile_names_weights_and_a_version_that_the_catalog_has() {
    let catalog = Catalog::embedded();
    let mut points = 0;
    for profile in catalog.all_profiles().expect("profiles") {
        points += profile.points.len();
        let model = catalog.find_model(&profile.model).expect("model").model;
        if let Some(precision) = profile.precision {
            let known = model.checkpoint_of(precision).is_some();
            // One source labels runs of gpt-oss-120b `fp8`; there is no such checkpoint.
            let mislabelled = model.id == "openai/gpt-oss-120b" && precision == Precision::Fp8;
            assert!(known || mislabelled, "{} has no {precision} checkpoint", model.id);
        }
        if let Some(version) = &profile.server_version {
            let server = catalog.find_server(&profile.server).expect("server");
            assert_eq!(&server.find_version(version).expect("version").version, version);
        }
    }
    // 2,977 rows of the sources, less 289 without any latency and 63 repeats of a load.
    assert_eq!(points, 2977 - 289 - 63);
}

/// Parameters are stated by sources; the dimensions must make as many. A tower for images, and layers that predict
/// ahead, are in no entry's figure: where a source counts them, `disagreements` says so.
#[test]
fn the_dimensions_of_every_model_make_its_parameters() {
    let catalog = Catalog::embedded();
    let off = |stated: u64, counted: u64| (counted as f64 / stated as f64 - 1.0).abs();
    for model in catalog.models().expect("models") {
        let counted = model.architecture.parameters();
        assert!(off(model.parameters, counted) < 0.01, "{}: {counted} for {}", model.id, model.parameters);
        let active = model.architecture.active_parameters();
        assert!(off(model.active_parameters, active) < 0.01, "{}: {active} active", model.id);
    }
}

/// Models that the cleaned measurements name, and the formats of their weights.
#[test]
fn every_model_that_was_measured_is_known() {
    use Precision::{Bf16, Fp8, Int4, Mxfp4, Nvfp4};
    let measured: [(&str, &[Precision]); 20] = [
        ("MiniMaxAI/MiniMax-M2.5", &[Fp8, Nvfp4]),
        ("Qwen/Qwen3-235B-A22B", &[Fp8, Nvfp4]),
        ("Qwen/Qwen3-30B-A3B", &[Nvfp4]),
        ("Qwen/Qwen3-32B", &[Fp8, Nvfp4]),
        ("Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8", &[Fp8]),
        ("Qwen/Qwen3.5-397B-A17B", &[Bf16, Fp8, Nvfp4]),
        ("deepseek-ai/DeepSeek-R1", &[Fp8, Nvfp4]),
        ("deepseek-ai/DeepSeek-V3", &[Fp8, Nvfp4]),
        ("google/gemma-2-27b-it", &[Bf16]),
        ("meta-llama/Llama-3.1-405B-Instruct", &[Bf16, Fp8, Nvfp4]),
        ("meta-llama/Llama-3.1-70B-Instruct", &[Fp8, Nvfp4]),
        ("meta-llama/Llama-3.1-8B-Instruct", &[Bf16, Fp8]),
        ("meta-llama/Llama-3.3-70B-Instruct", &[Bf16, Fp8, Nvfp4]),
        ("meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", &[Fp8, Nvfp4]),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", &[Fp8, Nvfp4]),
        ("moonshotai/Kimi-K2.5", &[Int4, Nvfp4]),
        ("openai/gpt-oss-120b", &[Mxfp4]),
        ("openai/gpt-oss-20b", &[Mxfp4]),
        ("zai-org/GLM-5", &[Fp8, Nvfp4]),
        ("deepseek-ai/DeepSeek-R1-0528", &[Fp8, Nvfp4]),
    ];
    let catalog = Catalog::embedded();
    for (name, precisions) in measured {
        let model = catalog.find_model(name).expect(name).model;
        for precision in precisions {
            assert!(model.checkpoint_of(*precision).is_some(), "{name} has no {precision} checkpoint");
        }
    }
}

#[test]
fn a_model_is_found_by_id_checkpoint_and_short_name() {
    let catalog = Catalog::embedded();
    for name in ["google/gemma-2-27b-it", "GOOGLE/GEMMA-2-27B-IT", "gemma-2-27b-it"] {
        assert_eq!(catalog.find_model(name).expect(name).model.id, "google/gemma-2-27b-it");
    }
    let quantized = catalog.find_model("nvidia/Qwen3-235B-A22B-NVFP4").expect("a checkpoint");
    assert_eq!(quantized.model.id, "Qwen/Qwen3-235B-A22B");
    assert_eq!(quantized.checkpoint.precision, Precision::Nvfp4);
    let old = catalog.find_model("meta-llama/Meta-Llama-3.1-8B-Instruct").expect("its name of before");
    assert_eq!(old.checkpoint.id, "meta-llama/Llama-3.1-8B-Instruct");
}

#[test]
fn other_weights_of_the_same_dimensions_stay_themselves() {
    let catalog = Catalog::embedded();
    let stock = catalog.find_model("deepseek-ai/DeepSeek-R1").expect("R1");
    let later = catalog.find_model("deepseek-ai/DeepSeek-R1-0528").expect("a later release");
    assert_eq!(later.model.id, stock.model.id);
    assert_eq!(later.checkpoint.id, "deepseek-ai/DeepSeek-R1-0528");
    // What stands for the model comes in its precisions, other weights in their own alone.
    assert_eq!(stock.precisions(), [Precision::Fp8, Precision::Nvfp4]);
    let quantized = stock.of_precision(Precision::Nvfp4).expect("published");
    assert_eq!(quantized.checkpoint.id, "nvidia/DeepSeek-R1-NVFP4");
    assert_eq!(
        quantized.of_precision(Precision::Fp8).expect("the stock one").checkpoint.id,
        stock.checkpoint.id
    );
    assert_eq!(later.precisions(), [Precision::Fp8]);
    assert!(later.of_precision(Precision::Nvfp4).is_none());
    for model in catalog.models().expect("the catalog reads") {
        // An alias with an owner is an id of the Hub: of the same weights only where it is an older name of them.
        for alias in model.aliases.iter().filter(|alias| alias.contains('/')) {
            assert_eq!(alias.replace("/Meta-", "/"), model.id, "other weights are checkpoints");
        }
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    let catalog = Catalog::embedded();
    let error = catalog.find_model("google/gema-2-27b-it").expect_err("no such model").to_string();
    let expected = "unknown model `google/gema-2-27b-it`, did you mean `google/gemma-2-27b-it`";
    assert!(error.starts_with(expected), "{error}");
    // The name of other weights, those before tuning: suggested, not taken.
    for base in ["gemma-2-27b", "Llama-3.1-8B", "Qwen2.5-7B"] {
        let error = catalog.find_model(base).expect_err(base).to_string();
        assert!(error.contains(&format!("{base}-")), "{error}");
    }
    let error = catalog.find_accelerator("nvidia-h100").expect_err("no such accelerator").to_string();
    assert!(error.contains("`nvidia-h100-80gb`"), "{error}");
    let error = catalog.find_model("zzzzzzzz").expect_err("nothing resembles it").to_string();
    assert_eq!(error, "unknown model `zzzzzzzz`");
    let vllm = catalog.find_server("vLLM").expect("letter case does not count");
    let error = vllm.find_version("v9.9.9").expect_err("no such version").to_string();
    assert!(error.starts_with("vLLM has no version `v9.9.9`") && error.ends_with("`v0.32.0`"), "{error}");
}

#[test]
fn versions_are_found_as_sources_write_them() {
    let catalog = Catalog::embedded();
    let vllm = catalog.find_server("vllm").expect("vllm");
    for (asked, canonical) in
        [("0.19.0", "v0.19.0"), ("vllm/vllm-openai:v0.11.0", "v0.11.0"), ("v0.7.2", "v0.7.2")]
    {
        assert_eq!(vllm.find_version(asked).expect(asked).version, canonical);
    }
    assert_eq!(catalog.find_server("tensorrt-llm").expect("an alias").name, "trtllm");
}

/// The flags are those that a running vLLM 0.32.0 lists in `serve --help=all`.
#[test]
fn vllm_is_started_by_flags_that_it_has() {
    let help = include_str!("data/vllm-0.32.0-flags.txt");
    let catalog = Catalog::embedded();
    let version = catalog.find_server("vllm").expect("vllm").default_version(AcceleratorKind::Gpu);
    let version = version.expect("a version for GPUs");
    assert_eq!(version.version, "v0.32.0");
    let names = serde_json::to_value(version.arguments.as_ref().expect("arguments")).expect("JSON");
    let names = names.as_object().expect("an object");
    let flags: Vec<&str> = names.values().filter_map(|value| value.as_str()).collect();
    assert!(flags.len() >= 8, "{flags:?}");
    for flag in flags {
        assert!(help.lines().any(|line| line == flag), "vLLM 0.32.0 has no `{flag}`");
    }
}

#[test]
fn prices_are_listed_derived_or_absent_and_never_zero() {
    let catalog = Catalog::embedded();
    let price =
        |machine: &str, region: &str, pricing| catalog.price(machine, region, pricing).expect("prices");
    let listed = price("g2-standard-48", "us-east5", PricingModel::OnDemand).expect("listed");
    assert_eq!((listed.usd_per_hour, listed.basis), (4.507_075, PriceBasis::Listed));
    let derived = price("ct6e-standard-8t", "us-east5", PricingModel::Spot).expect("derived");
    assert!((derived.usd_per_hour - 8.0 * 1.215).abs() < 1e-9);
    assert_eq!(derived.basis, PriceBasis::Derived("8 × the slice of 1 chip (tpu-v6e-1)".to_owned()));
    assert_eq!(price("ct6e-standard-8t", "us-east5", PricingModel::OneYearCud), None);
    assert_eq!(price("a3-ultragpu-8g", "us-east5", PricingModel::Spot), None);
    assert_eq!(price("g2-standard-48", "moon-west1", PricingModel::Spot), None);
    for table in catalog.prices().expect("prices") {
        for prices in table.usd_per_hour.values() {
            let figures: Vec<f64> = PricingModel::ALL.iter().filter_map(|it| prices.get(*it)).collect();
            assert!(!figures.is_empty() && figures.iter().all(|usd| *usd > 0.0), "{}", table.machine);
        }
    }
    assert_eq!(Catalog::default_region("a3-highgpu-8g"), "us-central1");
    assert_eq!(Catalog::default_region("g2-standard-48"), "us-east5");
}

#[test]
fn machines_of_an_accelerator_come_smallest_first() {
    let catalog = Catalog::embedded();
    let machines = catalog.machines_with("nvidia-h100-80gb").expect("machines");
    let names: Vec<&str> = machines.iter().map(|machine| machine.name.as_str()).collect();
    assert_eq!(names, ["a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g", "a3-highgpu-8g"]);
    for (machine, topology) in [("ct6e-standard-8t", "2x4"), ("ct6e-standard-4t", "2x2")] {
        let single = catalog.find_machine(machine).expect(machine).single_host_topology();
        assert_eq!(single.map(|it| it.name.as_str()), Some(topology));
    }
}

#[test]
fn the_chatbot_has_the_lengths_of_the_service() {
    let catalog = Catalog::embedded();
    let chatbot = catalog.find_use_case("chatbot").expect("use case");
    let lengths = Lengths::Sharegpt;
    assert_eq!(chatbot.traffic, Traffic { input_tokens: 226.0, output_tokens: 195.0, lengths });
    assert!(!chatbot.evidence.unverified.contains(&"traffic".to_owned()));
    let research = catalog.find_use_case("Deep Research").expect("use case");
    assert_eq!(research.evidence.unverified_fields().as_deref(), Some("traffic"));
}

#[test]
fn the_release_has_the_price_books_date() {
    let catalog = Catalog::embedded();
    let release = catalog.release().expect("release");
    let newest = catalog.prices().expect("prices").iter().map(|table| &table.as_of).max();
    assert_eq!(newest, Some(&release.price_book_date));
}

const PROFILE: &str = "
profiles:
  - model: google/gemma-2-27b-it
    server: vllm
    accelerator: nvidia-l4
    accelerators: 4
    traffic: {inputTokens: 226, outputTokens: 195}
    loadKind: closed
    origin: measured
    source: my run
    points:
      - [1, 100, 20, ~, 50]
      - [8, 120, 25, ~, 300]
";

const MODEL: &str = "
models:
  - id: me/tiny
    parameters: 1000000000
    activeParameters: 1000000000
    maxContextTokens: 4096
    gated: false
    architecture:
      name: LlamaForCausalLM
      hidden: 2048
      vocabulary: 32000
      tiedEmbeddings: false
      attention: [{layers: 16, kind: {full: {heads: 32, kvHeads: 8, headDim: 64}}}]
      feedForward: [{layers: 16, kind: {dense: {intermediate: 8192}}}]
    checkpoints: [{id: me/tiny, precision: bf16, bytes: 2000000000}]
    evidence: {source: my config.json}
";

#[test]
fn an_entry_of_a_file_is_added_or_takes_the_place_of_the_embedded_one() {
    let catalog = overlaid(&format!("{MODEL}{PROFILE}")).expect("sound");
    assert_eq!(catalog.find_model("me/tiny").expect("added").model.parameters, 1_000_000_000);
    let before = Catalog::embedded().profiles("google/gemma-2-27b-it").expect("profiles").len();
    assert_eq!(catalog.profiles("google/gemma-2-27b-it").expect("profiles").len(), before + 1);

    let twice = [document("a.yaml", PROFILE), document("b.yaml", &PROFILE.replace("my run", "another run"))];
    let catalog = Catalog::with_overlays(&twice).expect("sound");
    let profiles = catalog.profiles("google/gemma-2-27b-it").expect("profiles");
    let own: Vec<&str> =
        profiles.iter().map(|it| it.source.as_str()).filter(|it| it.ends_with("run")).collect();
    assert_eq!(own, ["another run"], "the later file wins");
}

#[test]
fn one_own_price_leaves_the_rest_of_the_book() {
    let own = "
prices:
  - machine: g2-standard-48
    asOf: 2026-10-01
    usdPerHour: {us-east5: {spot: 1.25}}
    evidence: {source: our contract}
";
    let catalog = overlaid(own).expect("sound");
    let price = |region: &str, pricing| {
        catalog.price("g2-standard-48", region, pricing).expect("prices").map(|price| price.usd_per_hour)
    };
    assert_eq!(price("us-east5", PricingModel::Spot), Some(1.25));
    assert_eq!(price("us-east5", PricingModel::OnDemand), Some(4.507_075));
    assert!(price("us-central1", PricingModel::Spot).is_some());
}

/// Each line: what is changed in a sound entry, and what the message must say.
#[test]
fn a_broken_entry_is_explained_by_file_entry_and_field() {
    let table = [
        (MODEL, "hidden: 2048", "hidden: -3", "models entry 1 (`me/tiny`), field `architecture.hidden`"),
        (MODEL, "hidden: 2048", "hidden: many", "field `architecture.hidden`"),
        (MODEL, "hidden: 2048", "hidden: 0", "field `architecture.hidden` is 0: a whole number from 1 to"),
        (MODEL, "hidden: 2048", "hiden: 2048", "unknown field `hiden`"),
        (MODEL, "    gated: false\n", "", "missing field `gated`"),
        (MODEL, "kvHeads: 8", "kvHeads: 64", "field `architecture.attention.kind.kvHeads` is 64"),
        (MODEL, "precision: bf16", "precision: bf17", "expected one of bf16"),
        (MODEL, "[{id: me/tiny,", "[{id: me/other,", "field `checkpoints` starts with `me/other`"),
        (MODEL, "source: my config.json", "source: ''", "field `evidence.source` is empty"),
        (MODEL, "activeParameters: 1", "activeParameters: 2", "field `activeParameters` is 2000000000"),
        (MODEL, "full: {", "fool: {", "expected one of full"),
        (PROFILE, "27b-it", "27b-ti", "did you mean `google/gemma-2-27b-it`"),
        (PROFILE, ": vllm", ": vlm", "field `server` names an unknown server `vlm`, did you mean `vllm`"),
        (PROFILE, "nvidia-l4", "nvidia-l5", "`accelerator` names an unknown accelerator `nvidia-l5`"),
        (PROFILE, "[1, 100", "[9, 100", "field `points[1].load` is 8 after 9"),
        (PROFILE, "[1, 100", "[.nan, 100", "points[0]"),
        (PROFILE, "[1, 100", "[1, .inf", "points[0]"),
        (PROFILE, "[1, 100", "[1, -100", "field `points[0].ttft` is -100: a number above 0"),
        (PROFILE, "[1, 100", "[1, 1e300", "field `points[0].ttft`"),
        (PROFILE, "[8, 120, 25, ~, 300]", "[8, 120, 25]", "a row [load, TTFT ms,"),
        (PROFILE, "origin: measured", "origin: estimated", "field `origin` is `estimated`"),
        (PROFILE, "inputTokens: 226", "inputTokens: 0", "field `traffic.inputTokens` is 0"),
        (PROFILE, "loadKind: closed", "loadKind: open", "expected one of closed"),
    ];
    for (entry, from, to, expected) in table {
        assert!(entry.contains(from), "the table changes what is not there: {from}");
        let message = refusal(&entry.replacen(from, to, 1));
        assert!(message.starts_with("mine.yaml: ") && message.contains(expected), "{to}: {message}");
    }
}

/// Ten lists of ten aliases each, twelve deep: 10^12 nodes if anybody expanded them. The wrong entry before them
/// makes the reader look for its name, which is the only place where nothing else would stop it.
fn anchor_bomb() -> String {
    let mut text = "models: [{id: x}]\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    text
}

/// Two megabytes named once and used a hundred times.
fn anchored_megabytes() -> String {
    let text = "x".repeat(2_000_000);
    format!("models:\n  - id: a\n    aliases: [&a {text}{}]\n", ", *a".repeat(99))
}

/// Texts that try to break or to stall the reader.
#[test]
fn a_hostile_document_is_refused() {
    let deep = format!("models: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    let deep_block: String = (0..3_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let repeated_key = MODEL.replacen("    gated: false\n", "    gated: false\n    gated: true\n", 1);
    let repeated_entry = format!("{MODEL}{}", MODEL.trim_start().trim_start_matches("models:\n"));
    let table: Vec<(&str, String, &str)> = vec![
        ("deep nesting", deep, "mine.yaml"),
        ("deep blocks", deep_block, "mine.yaml"),
        ("anchor bomb", anchor_bomb(), "models entry 1: missing field `parameters`"),
        ("anchored megabytes", anchored_megabytes(), "too large or too complex"),
        ("key twice", repeated_key, "duplicate mapping key `gated`"),
        ("entry twice", repeated_entry, "model `me/tiny` stands twice"),
        ("unknown section", "modells: []".to_owned(), "unknown field `modells`"),
        ("no mapping", "[1, 2]".to_owned(), "mine.yaml"),
        ("a scalar", "hello".to_owned(), "mine.yaml"),
        ("no YAML", "models: [}".to_owned(), "mine.yaml"),
        ("control characters", "models: \"\u{0}\"".to_owned(), "mine.yaml"),
        ("a long name", MODEL.replace("me/tiny", &"x".repeat(10_000)), "mine.yaml"),
        ("too large", " ".repeat(MAX_DOCUMENT_BYTES + 1), "bytes are too many"),
    ];
    for (what, text, expected) in table {
        let message = refusal(&text);
        assert!(message.contains(expected), "{what}: {message}");
        assert!(message.len() < 2_000, "{what}: a message of {} bytes", message.len());
    }
}

#[test]
fn an_empty_document_changes_nothing() {
    for text in ["", "# nothing yet\n", "{}", "models: []"] {
        let catalog = overlaid(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(catalog.models(), Catalog::embedded().models());
    }
}

/// The worked examples of the documentation are taken as they stand.
#[test]
fn the_documentations_examples_are_sound() {
    let text = include_str!("../../docs/catalog.md");
    let examples: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(example, _)| example))
        .collect();
    assert_eq!(examples.len(), 5);
    let documents: Vec<OverlayDocument> =
        examples.iter().map(|example| document("docs/catalog.md", example)).collect();
    let catalog = Catalog::with_overlays(&documents).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(catalog.find_model("tiny").expect("the model").model.id, "me/tiny-llama");
    let own = catalog.price("g2-standard-48", "us-central1", PricingModel::Spot).expect("prices");
    assert_eq!(own.map(|price| price.usd_per_hour), Some(1.25));
    let profiles = catalog.profiles("google/gemma-3-27b-it").expect("profiles");
    assert!(profiles.iter().any(|profile| profile.source.starts_with("inference-perf, our cluster")));
}

/// The documentation's account of the data is the data's.
#[test]
fn the_documentation_counts_right() {
    let text = include_str!("../../docs/catalog.md");
    let catalog = Catalog::embedded();
    let profiles = catalog.all_profiles().expect("profiles");
    let points: usize = profiles.iter().map(|profile| profile.points.len()).sum();
    let (thousands, rest) = (points / 1000, points % 1000);
    let sentence =
        format!("2,977 cleaned rows {thousands},{rest:03} are points of {} curves", profiles.len());
    assert!(text.contains(&sentence), "docs/catalog.md should say: {sentence}");
    let ceilings = catalog.ceilings().expect("ceilings");
    let throughputs: usize = ceilings.iter().map(|ceiling| ceiling.points.len()).sum();
    let sentence = format!("{throughputs} are the ceilings of {} configurations", ceilings.len());
    assert!(text.contains(&sentence), "docs/catalog.md should say: {sentence}");
}

/// Names of a meaning in a version, the newest last.
fn exported(catalog: &Catalog, server: &str, version: &str, meaning: Meaning) -> Vec<String> {
    let server = catalog.find_server(server).expect("a server");
    let signals =
        catalog.signals_of(server, server.find_version(version).expect("a version")).expect("signals");
    let mut names: Vec<String> = signals
        .into_iter()
        .filter(|signal| signal.meaning == meaning)
        .map(|signal| signal.metric.clone())
        .collect();
    names.sort();
    names
}

#[test]
fn signals_follow_the_versions_that_export_them() {
    let catalog = Catalog::embedded();
    let cache = |version: &str| exported(&catalog, "vllm", version, Meaning::KvUse);
    assert_eq!(cache("v0.7.2"), ["vllm:gpu_cache_usage_perc"]);
    assert_eq!(cache("v0.32.0"), ["vllm:kv_cache_usage_perc"]);
    assert_eq!(exported(&catalog, "trtllm", "1.0", Meaning::Running), Vec::<String>::new());
    assert_eq!(
        exported(&catalog, "jetstream", "v0.2.2", Meaning::Waiting),
        ["jetstream_prefill_backlog_size"]
    );
}

#[test]
fn a_signal_of_ones_own_takes_the_place_of_an_embedded_one() {
    let text = "signals:\n  - {exporter: vllm, metric: \"vllm:num_requests_running\", meaning: running, type: gauge, \
                unit: requests, scope: replica, since: v0.32.0, evidence: {source: ours}}\n";
    let document = OverlayDocument { name: "own.yaml".to_owned(), text: text.to_owned() };
    let catalog = Catalog::with_overlays(&[document]).expect("an overlay");
    assert_eq!(exported(&catalog, "vllm", "v0.32.0", Meaning::Running).len(), 2);
    let unknown = OverlayDocument {
        name: "own.yaml".to_owned(),
        text: text.replace("exporter: vllm", "exporter: nobody"),
    };
    let error = Catalog::with_overlays(&[unknown]).expect_err("no such server").to_string();
    assert!(error.contains("nobody"), "{error}");
}
