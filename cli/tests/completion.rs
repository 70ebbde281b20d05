//! Completion as kubectl asks for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

use program::{command, infer, run};

/// Candidates for the last word, and the directive.
fn complete(words: &[&str]) -> (Vec<String>, String) {
    let mut arguments = vec!["__complete"];
    arguments.extend(words);
    let answer = infer(&arguments).succeeded();
    let mut lines: Vec<&str> = answer.lines().collect();
    let directive = lines.pop().unwrap().to_owned();
    let candidate = |line: &str| line.split('\t').next().unwrap().to_owned();
    (lines.into_iter().map(candidate).collect(), directive)
}

#[test]
fn commands_and_flags_are_completed() {
    assert_eq!(complete(&["model"]).0, ["models", "model-servers", "model-server-versions"]);
    assert_eq!(complete(&["models", ""]).0, ["list"]);
    let (flags, directive) = complete(&["list", "--target-t"]);
    assert_eq!((flags, directive.as_str()), (vec!["--target-ttft-milliseconds".to_owned()], ":4"));
    assert_eq!(complete(&["list", "--pricing-model", "s"]).0, ["spot"]);
    assert_eq!(complete(&["completion", "b"]).0, ["bash"]);
    assert!(complete(&["__"]).0.is_empty());
}

#[test]
fn names_of_the_catalog_are_completed() {
    assert_eq!(complete(&["list", "--model", "openai/gpt"]).0, ["openai/gpt-oss-120b", "openai/gpt-oss-20b"]);
    assert_eq!(complete(&["list", "--model=openai/gpt-oss-1"]).0, ["--model=openai/gpt-oss-120b"]);
    assert_eq!(complete(&["manifests", "create", "--accelerator-type", "nvidia-l"]).0, ["nvidia-l4"]);
    let versions =
        ["model-servers", "--model", "x", "--model-server", "vllm", "--model-server-version", "v0.7."];
    let versions: Vec<&str> = ["list"].into_iter().chain(versions[1..].iter().copied()).collect();
    assert!(complete(&versions).0.contains(&"v0.7.2".to_owned()));
    assert!(complete(&["list", "--region", "us-e"]).0.contains(&"us-east5".to_owned()));
    assert!(
        complete(&["benchmarks", "list", "--instance-type", "g2-"]).0.contains(&"g2-standard-48".to_owned())
    );
}

#[test]
fn files_are_left_to_the_shell_and_broken_overlays_do_not_disturb() {
    assert_eq!(complete(&["estimate", "-o", "pl"]).0, ["plot"]);
    assert!(complete(&["list", "-o", "pl"]).0.is_empty());
    assert_eq!(complete(&["manifests", "create", "--output-path", ""]), (Vec::new(), ":0".to_owned()));
    let mut command = command();
    command
        .args(["__complete", "list", "--model", "openai"])
        .env("KUBECTL_INFER_CATALOG", "/nonexistent.yaml");
    assert_eq!(run(&mut command).succeeded(), ":4\n");
}

#[cfg(unix)]
#[test]
fn the_helper_is_executable_and_calls_the_plugin() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let helper = folder.path().join("kubectl_complete-infer");
    infer(&["completion", "kubectl", "--output-path", helper.to_str().unwrap()]).succeeded();
    assert_eq!(std::fs::metadata(&helper).unwrap().permissions().mode() & 0o111, 0o111);
    // In a folder of PATH beside the plugin, as krew lays them out.
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-infer"), folder.path().join("kubectl-infer"))
        .unwrap();
    let mut command = std::process::Command::new(&helper);
    let output = command.args(["version", "--out"]).env("PATH", folder.path()).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("--output\t"));
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = infer(&["completion", shell]).succeeded();
        assert!(script.contains("kubectl-infer"), "{shell}");
    }
}
