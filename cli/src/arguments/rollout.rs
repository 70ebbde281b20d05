//! The command that starts replicas on a warm compilation cache.

use std::time::Duration;

use clap::Args;

use super::{ConnectionOptions, values};

/// Scale a Deployment whose replicas share a compilation cache, without collisions.
///
/// One replica fills the cache, then the others start. A workload that serves nothing yet is scaled to one replica and
/// then to all. For a serving one a temporary copy of one replica compiles and is deleted once it is ready, so that no
/// capacity is lost; it needs the accelerators of one more replica meanwhile. Autoscalers are held as long.
///
/// What has been reached stands in annotations of the Deployment: interrupted at any point, the same command goes on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Four replicas of a Deployment that shares VLLM_XLA_CACHE_PATH
  kubectl infer rollout llama --replicas 4

  # What would be done
  kubectl infer rollout llama --replicas 4 --dry-run")]
pub(crate) struct Rollout {
    /// Deployment: `NAME` or `deployment/NAME`.
    #[arg(value_name = "NAME", value_parser = deployment)]
    pub(crate) deployment: String,
    /// Replicas to end with.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) replicas: u32,
    /// Let a serving workload fall to one replica while it compiles, where there are no accelerators for a copy.
    #[arg(long)]
    pub(crate) allow_capacity_drop: bool,
    /// Longest wait for one stage, such as `45m`: a new node, the weights, and 10 to 30 minutes of first compilation.
    #[arg(long, value_name = "DURATION", default_value = "60m", value_parser = values::duration)]
    pub(crate) timeout: Duration,
    /// Print the steps and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}

fn deployment(text: &str) -> Result<String, String> {
    let (kind, name) = text.split_once('/').unwrap_or(("deployment", text));
    if !["deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"].contains(&kind) {
        return Err(format!("`{kind}` is no Deployment: `NAME` or `deployment/NAME` is accepted"));
    }
    let is_name = |name: &str| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        !name.is_empty() && name.len() <= 253 && name.chars().all(allowed)
    };
    if is_name(name) { Ok(name.to_owned()) } else { Err("that is no name of an object".to_owned()) }
}
