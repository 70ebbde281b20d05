//! What the rules are.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Subcommand};
use infer_core::rules;

use super::{DocumentFormat, ListOptions};

/// `rules …`.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// All rules, by id.
    #[command(after_help = "\
Examples:
  kubectl infer rules list
  kubectl infer rules list --filter 'group=autoscaling AND severity!=information'
  kubectl infer rules list -o wide
  kubectl infer rules list -o name")]
    List(ListRules),
    /// One rule: what it finds, why it matters, what its fix does, where the facts come from, and its examples.
    #[command(after_help = "\
Examples:
  kubectl infer rules show INF100
  kubectl infer rules show resource-signal -o json")]
    Show(ShowRule),
}

/// `rules list`.
#[derive(Debug, Args)]
pub(crate) struct ListRules {
    #[command(flatten)]
    pub(crate) list: ListOptions,
}

/// `rules show`.
#[derive(Debug, Args)]
pub(crate) struct ShowRule {
    /// Id of the rule, or its name: `INF100`, `resource-signal`.
    #[arg(value_name = "ID", ignore_case = true, hide_possible_values = true, value_parser = ids())]
    pub(crate) id: String,
    /// Format; plain text without it.
    #[arg(short, long, value_enum)]
    pub(crate) output: Option<DocumentFormat>,
}

/// Ids, each with its name as another way to write it; completion shows what they find.
pub(super) fn ids() -> PossibleValuesParser {
    let value = |rule: &'static rules::Rule| PossibleValue::new(rule.id).alias(rule.name).help(rule.summary);
    PossibleValuesParser::new(rules::rules().map(value))
}
