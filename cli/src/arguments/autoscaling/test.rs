//! A burst of requests to a Service.

use std::time::Duration;

use clap::Args;

use crate::arguments::{ConnectionOptions, values};

/// Send a burst of requests to a Service, and tell when replicas were added and what the clients saw.
///
/// Requests go through the API server to the Service named and nowhere else, as completions with streamed answers. They
/// are sent all at once, or at a rate. While they are answered a line a second says how far it is, on standard error.
///
/// Exit status 1 when not one was answered.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # A hundred requests at once
  kubectl infer autoscaling test gemma-2-27b-it-vllm

  # Five a second for ten minutes, and five more minutes for replicas to come
  kubectl infer autoscaling test gemma-2-27b-it-vllm --rate 5 --duration 10m --wait 5m")]
pub(crate) struct TestAutoscaling {
    /// Service: `NAME` or `service/NAME`.
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    /// Port of the Service, by name or number; its first without it.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<String>,
    /// HorizontalPodAutoscaler whose replicas are told; that of the Service's name without it, if there is one.
    #[arg(long, value_name = "NAME")]
    pub(crate) autoscaler: Option<String>,
    /// Requests to send.
    #[arg(long, value_name = "COUNT", value_parser = values::count, default_value = "100", conflicts_with = "duration")]
    pub(crate) requests: u32,
    /// Requests a second; all at once without it.
    #[arg(long, value_name = "RATE", value_parser = values::rate, allow_negative_numbers = true)]
    pub(crate) rate: Option<f64>,
    /// Send for this long instead of a number of requests.
    #[arg(long, value_name = "TIME", value_parser = values::interval, requires = "rate")]
    pub(crate) duration: Option<Duration>,
    /// Model to name in the requests; the first that the server lists without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Prompt.
    #[arg(long, value_name = "TEXT", default_value = "Why is the sky blue?")]
    pub(crate) prompt: String,
    /// Most tokens of an answer.
    #[arg(long, value_name = "TOKENS", value_parser = values::tokens, default_value = "200")]
    pub(crate) max_tokens: u32,
    /// Path that the requests go to.
    #[arg(long, value_name = "PATH", default_value = "/v1/completions")]
    pub(crate) path: String,
    /// Longest wait for one answer.
    #[arg(long, value_name = "TIME", value_parser = values::interval, default_value = "10m")]
    pub(crate) request_deadline: Duration,
    /// Wait this much longer for replicas after the last answer.
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "0")]
    pub(crate) wait: Duration,
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}
