//! `policy export`: what the API server can judge itself.

use infer_core::catalog::Catalog;
use infer_core::policy;

use super::situation::{Situation, sums};
use crate::arguments::ExportPolicy;
use crate::failure::Failure;
use crate::output::{Outcome, printable, yaml};

/// `policy export`.
pub(in crate::commands) fn export(
    catalog: Catalog,
    namespace: Option<&str>,
    options: &ExportPolicy,
) -> Result<Outcome, Failure> {
    let situation = Situation::read(catalog, namespace, &options.files)?;
    let mut text = String::new();
    for policy in situation.policies() {
        // What is wrong with a policy is among the problems of the situation.
        let Ok(export) = policy::export(policy.value) else { continue };
        let name = policy.name().name.unwrap_or_default();
        for left_out in &export.left_out {
            text.push_str(&format!("# Not exported of `{}`: {}\n", printable(&name), printable(left_out)));
        }
        for object in &export.objects {
            text.push_str(&format!("---\n{}", yaml(object)?));
        }
    }
    if let Some(name) = &options.resource_quota {
        text.push_str(&quotas(&situation, name)?);
    }
    Ok(situation.outcome(text, 0))
}

fn quotas(situation: &Situation<'_>, name: &str) -> Result<String, Failure> {
    let mut text = String::new();
    for (namespace, sum) in sums(&situation.rehearsals()?)? {
        if namespace.is_empty() {
            let failure = Failure::argument(anyhow::anyhow!("a ResourceQuota needs a namespace"));
            return Err(failure.hint("`--namespace` names that of the workloads that name none"));
        }
        if sum.accelerators.is_empty() {
            continue;
        }
        let (workloads, usd) = (sum.workloads, sum.usd_per_hour);
        text.push_str(&format!("# Workloads: {workloads}, USD an hour: {usd:.2}\n"));
        text.push_str(&format!("---\n{}", yaml(&sum.resource_quota(&namespace, name))?));
    }
    Ok(text)
}
