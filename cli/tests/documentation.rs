//! Every command of the documentation runs, and prints what the page says.
//!
//! In a ```` ```console ```` block a line with `$` is a command and the rest is what it prints. In a ```` ```sh ````
//! block every `kubectl infer` has to succeed, up to a pipe or a redirection. A ```` ```yaml ```` block that starts
//! with a comment is written to the file that the comment names.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

use std::path::Path;

use program::{infer_in, repository};

/// Words of a command line as a shell splits it, up to a pipe, a redirection or the end.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, '|' | '>') => break,
            (None, ' ') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// What a command line of ours begins with: as a plugin, or from a clone.
const PROGRAMS: [&str; 2] = ["kubectl infer ", "cargo run --release --bin kubectl-infer -- "];

/// Arguments of a `kubectl infer` command; `None` for any other program.
fn arguments(line: &str) -> Option<Vec<String>> {
    PROGRAMS.iter().find_map(|program| line.strip_prefix(program)).map(words)
}

/// Runs a page in `folder`; returns it with the outputs as they are now, and how many commands ran.
fn page(text: &str, folder: &Path) -> (String, usize) {
    let mut now = String::new();
    let mut ran = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        now.push_str(&format!("{line}\n"));
        let kind = line.strip_prefix("```").unwrap_or_default();
        if kind.is_empty() {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match kind {
            "console" => {
                for command in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
                    let run = infer_in(folder, &arguments(command).unwrap());
                    now.push_str(&format!("$ {command}\n{}{}", run.stdout, run.stderr));
                    ran += 1;
                }
            }
            _ => now.extend(block.iter().map(|line| format!("{line}\n"))),
        }
        if kind == "sh" {
            for arguments in block.join("\n").replace("\\\n", " ").lines().filter_map(arguments) {
                let run = infer_in(folder, &arguments);
                assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments:?}");
                ran += 1;
            }
        }
        if let ("yaml", Some(name)) = (kind, block.first().and_then(|line| line.strip_prefix("# "))) {
            std::fs::write(folder.join(name), block.join("\n")).unwrap();
        }
        now.push_str("```\n");
    }
    (now, ran)
}

/// Runs a page of the repository and compares it with what is printed now; returns how many commands ran.
fn check(page_of_repository: &str) -> usize {
    check_in(page_of_repository, tempfile::tempdir().unwrap())
}

/// The same, in a folder of files that the page speaks about.
fn check_in(page_of_repository: &str, folder: tempfile::TempDir) -> usize {
    let path = repository(page_of_repository);
    let written = std::fs::read_to_string(&path).unwrap();
    let (now, ran) = page(&written, folder.path());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &now).unwrap();
        return ran;
    }
    for (number, (line, expected)) in written.lines().zip(now.lines()).enumerate() {
        let place = format!("{page_of_repository}:{}", number + 1);
        assert_eq!(line, expected, "{place}: `UPDATE_DOCS=1` writes what is printed now");
    }
    assert_eq!(written.lines().count(), now.lines().count(), "{page_of_repository}");
    ran
}

#[test]
fn the_worked_examples_print_what_they_say() {
    let ran = check("docs/examples.md");
    assert!(ran >= 15, "only {ran} commands ran");
}

#[test]
fn the_samples_are_fixed_warned_of_and_refused_as_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(repository("docs/samples")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let ran = check_in("docs/samples/README.md", folder);
    assert!(ran >= 9, "only {ran} commands ran");
}

#[test]
fn autoscaling_does_what_its_page_says() {
    let ran = check("docs/autoscaling.md");
    assert!(ran >= 12, "only {ran} commands ran");
}

#[test]
fn policies_do_what_their_page_says() {
    let ran = check("docs/policies.md");
    assert!(ran >= 4, "only {ran} commands ran");
}

#[test]
fn the_readme_prints_what_it_says() {
    let ran = check("README.md");
    assert!(ran >= 5, "only {ran} commands ran");
}

/// What needs a cluster stands in blocks of another kind; `tests/` runs those commands.
#[test]
fn the_page_on_the_webhook_runs_as_far_as_no_cluster_is_needed() {
    assert_eq!(check("docs/webhook.md"), 2);
}

#[test]
fn the_walk_works_as_it_is_written() {
    let walk = r#"```sh
kubectl infer models list
kubectl infer accelerators list --model google/gemma-2-27b-it
kubectl infer list --model openai/gpt-oss-120b --pricing-model on-demand --target-ttft-milliseconds 500
kubectl infer list --model google/gemma-2-27b-it --target-ntpot-milliseconds 100 -o json
kubectl infer benchmarks list --model google/gemma-2-27b-it --model-server vllm > profiles.csv
kubectl infer manifests create --model google/gemma-2-27b-it --model-server vllm --model-server-version v0.7.2 \
    --accelerator-type nvidia-l4 --target-ntpot-milliseconds 200 | kubectl apply -f -
kubectl infer manifests create --model google/gemma-2-27b-it --model-server vllm --accelerator-type nvidia-l4 \
    --model-bucket-uri gs://BUCKET/gemma --output-path manifests.yaml
kubectl infer manifests create --model meta-llama/Llama-3.3-70B-Instruct --accelerator-type tpu-v6e-slice --output comments
kubectl infer list --model=openai/gpt-oss-20b --pricing-model=on-demand --target-ttft-milliseconds=300
kubectl infer benchmarks list --model=openai/gpt-oss-20b --model-server=vllm --pricing-model=on-demand
kubectl infer manifests create --model=google/gemma-2-27b-it --accelerator-type=nvidia-l4 --target-ntpot-milliseconds=250
kubectl infer manifests create --model deepseek-ai/DeepSeek-R1-Distill-Qwen-7B --model-server vllm \
    --accelerator-type=nvidia-tesla-a100 --output=manifest --output-path manifests.yaml
```
"#;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(page(walk, folder.path()).1, 12);
    assert!(folder.path().join("manifests.yaml").exists());
}
