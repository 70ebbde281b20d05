//! Help of every command, which is also the reference in `docs/commands.md`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod program;

use program::{infer, repository};

/// Paths of all commands that help shows, each before those below it.
fn commands() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut next = 0;
    while next < found.len() {
        let path: Vec<String> = found[next].clone();
        let help = help(&path);
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in listed.take_while(|line| line.starts_with("  ")) {
            let indented_once = !line.starts_with("   ");
            let name = line.split_whitespace().next().unwrap();
            if indented_once && name != "help" {
                found.push(path.iter().cloned().chain([name.to_owned()]).collect());
            }
        }
        next += 1;
    }
    found.sort();
    found
}

fn help(path: &[String]) -> String {
    let mut arguments = path.to_vec();
    arguments.push("--help".to_owned());
    let help = infer(&arguments).succeeded();
    help.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn reference() -> String {
    let mut text = "# Commands\n\nWhat `--help` prints, made by `UPDATE_DOCS=1 cargo test -p kubectl-infer --test help`.\n".to_owned();
    for path in commands() {
        let name = std::iter::once("kubectl infer".to_owned())
            .chain(path.iter().cloned())
            .collect::<Vec<_>>()
            .join(" ");
        text.push_str(&format!("\n## `{name}`\n\n```text\n{}\n```\n", help(&path).trim_end()));
    }
    text
}

#[test]
fn the_reference_is_what_help_prints() {
    let path = repository("docs/commands.md");
    let now = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == now, "docs/commands.md is not what `--help` prints: see its first paragraph");
}

#[test]
fn every_command_that_does_something_shows_examples() {
    for path in commands() {
        let help = help(&path);
        let has_commands = help.contains("\nCommands:\n");
        assert!(has_commands || help.contains("\nExamples:\n"), "{path:?} has no example");
        assert!(help.contains("Usage: kubectl infer"), "{path:?} is not called as a plugin is");
    }
}

#[test]
fn every_command_and_flag_of_the_service_is_there() {
    // From the table in the service's documentation; `--filter` and the like are flags of every list.
    const LIST: &[&str] = &["--filter", "--limit", "--page-size", "--sort-by", "--format"];
    const WORKLOAD: &[&str] =
        &["--model", "--model-server", "--model-server-version", "--serving-stack", "--use-case"];
    let surface: &[(&str, &[&str])] = &[
        ("models list", &[]),
        ("model-servers list", &["--model"]),
        ("model-server-versions list", &["--model", "--model-server"]),
        ("serving-stacks list", &["--model", "--model-server"]),
        ("serving-stack-versions list", &["--serving-stack", "--model", "--model-server"]),
        ("use-cases list", &[]),
        (
            "accelerators list",
            &["--model", "--model-server", "--model-server-version", "--max-ntpot-milliseconds"],
        ),
        (
            "list",
            &[
                "--pricing-model",
                "--serving-stack-version",
                "--target-cost-per-million-input-tokens",
                "--target-cost-per-million-output-tokens",
                "--target-input-length",
                "--target-output-length",
                "--target-ttft-milliseconds",
                "--target-ntpot-milliseconds",
                "--target-itl-milliseconds",
            ],
        ),
        ("profiles list", &["--pricing-model"]),
        ("benchmarks list", &["--instance-type", "--pricing-model", "--serving-stack-version"]),
        (
            "manifests create",
            &[
                "--accelerator-type",
                "--namespace",
                "--model-bucket-uri",
                "--target-ntpot-milliseconds",
                "--target-ttft-milliseconds",
                "--target-itl-milliseconds",
                "--output",
                "--output-path",
                "--serving-stack-version",
            ],
        ),
    ];
    for (command, flags) in surface {
        let path: Vec<String> = command.split(' ').map(str::to_owned).collect();
        let help = help(&path);
        let is_list = path.last().is_some_and(|word| word == "list");
        let names_workload =
            matches!(*command, "list" | "profiles list" | "benchmarks list" | "manifests create");
        let common = if is_list { LIST } else { &[] };
        let workload = if names_workload { WORKLOAD } else { &[] };
        for flag in flags.iter().chain(common).chain(workload) {
            let stands = help.lines().any(|line| line.split([' ', ',']).any(|word| word == *flag));
            assert!(stands, "`{command}` has no `{flag}`");
        }
    }
}
