//! INF063: a quantization that the weights do not have.

use crate::inspect::ServerKind;
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Check, Facts, Group, Rule, Scope, Severity};

/// INF063.
pub(crate) static RULE: Rule = Rule {
    id: "INF063",
    name: "weights-not-quantized",
    group: Group::Fit,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The server is told a quantization that the weights do not have",
    needs: "vLLM, `--quantization`, and a checkpoint of the catalog in 16 bits",
    rationale: "AWQ and GPTQ are made before serving: their scales lie beside the weights. Of weights without them vLLM \
                says `Cannot find the config file` and exits.",
    fix: None,
    source: "vllm/model_executor/model_loader/weight_utils.py, get_quant_config",
    check: Check::Workload(check),
    examples: examples!("INF063"),
};

/// Methods whose scales come with the checkpoint.
const IN_CHECKPOINT: [&str; 4] = ["awq", "awq_marlin", "gptq", "gptq_marlin"];

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some((_, checkpoint)) = facts.model.filter(|_| facts.pod.server == ServerKind::Vllm) else {
        return Vec::new();
    };
    let arguments = &facts.pod.arguments;
    let is_plain = !checkpoint.precision.is_quantized();
    let Some(option) = arguments.option(&["quantization"]).filter(|_| is_plain) else { return Vec::new() };
    let Some(method) = facts.pod.quantization.known() else { return Vec::new() };
    if !IN_CHECKPOINT.contains(&method.as_str()) {
        return Vec::new();
    }
    let what = format!(
        "`{}` is not quantized, and `{method}` reads scales that lie beside the weights",
        checkpoint.id
    );
    let remedy = "name weights that were quantized so, or leave it out";
    vec![Found::new(option.at.pointer().clone(), what, remedy)]
}
