//! Families of architectures: one file for each, and the table that finds it by the name of its class.

mod deepseek;
mod deepseek_v4;
mod gemma;
mod glm;
mod gpt_oss;
mod kimi;
mod llama;
mod llama4;
mod minimax;
mod mistral;
mod nemotron_h;
mod nemotron_nas;
mod phi;
mod qwen;
mod qwen_hybrid;

use super::ConfigError;
use super::config::Config;
use super::shape::Shape;

/// Classes whose configurations are read alike.
pub(super) struct Family {
    /// Names in `architectures`.
    pub(super) classes: &'static [&'static str],
    /// Names in `model_type`, for configurations that name no class; the first belongs to the first class.
    pub(super) model_types: &'static [&'static str],
    /// Reads the dimensions.
    pub(super) read: fn(&Config<'_>) -> Result<Shape, ConfigError>,
}

/// All of them.
pub(super) const ALL: [&Family; 19] = [
    &llama::FAMILY,
    &llama::WITHOUT_GATE,
    &llama4::FAMILY,
    &mistral::FAMILY,
    &mistral::EXPERTS,
    &qwen::FAMILY,
    &qwen::EXPERTS,
    &qwen_hybrid::FAMILY,
    &gemma::FAMILY,
    &gemma::FOURTH,
    &phi::FAMILY,
    &deepseek::FAMILY,
    &deepseek_v4::FAMILY,
    &glm::FAMILY,
    &gpt_oss::FAMILY,
    &kimi::LINEAR,
    &minimax::FAMILY,
    &nemotron_h::FAMILY,
    &nemotron_nas::FAMILY,
];
