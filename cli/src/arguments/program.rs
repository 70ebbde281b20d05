//! Commands about the program itself.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Print a completion script, or the helper that completes for kubectl.
///
/// `kubectl` writes the executable `kubectl_complete-infer`: with it in a folder of PATH, `kubectl infer <TAB>`
/// completes commands, flags, and the names of models, servers, versions and accelerators of the catalog.
/// The shells' scripts complete `kubectl-infer` itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Completion of `kubectl infer …` in every shell that completes kubectl
  kubectl infer completion kubectl --output-path ~/.krew/bin/kubectl_complete-infer

  # Completion of `kubectl-infer …`
  source <(kubectl infer completion bash)")]
pub(crate) struct Completion {
    /// What to write.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) target: CompletionTarget,
    /// Write to this file, made executable for `kubectl`; `-` is standard output.
    #[arg(long, value_name = "PATH")]
    pub(crate) output_path: Option<PathBuf>,
}

/// What completion is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionTarget {
    /// The helper that kubectl calls.
    Kubectl,
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// elvish.
    Elvish,
}

/// Print the manual page, or write those of all commands into a folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer man | man -l -
  kubectl infer man --output-path ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Write the pages of all commands into this folder, which must exist.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) output_path: Option<PathBuf>,
}

/// What a command that describes one thing prints instead of plain lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// Print the versions of the program and of its catalog.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl infer version
  kubectl infer version -o json")]
pub(crate) struct Version {
    /// Format; plain lines without it.
    #[arg(short, long, value_enum)]
    pub(crate) output: Option<DocumentFormat>,
}
