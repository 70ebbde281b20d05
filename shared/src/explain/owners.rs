//! Who serves the metrics in a cluster, against who would have to.

use serde_json::Value;

use super::{Explanation, Statement};
use crate::manifest::MetricsOwner;

impl Explanation {
    /// Adds what the APIServices of a cluster say: whether somebody serves each metric, and whether it is the adapter that
    /// knows the metric's name.
    pub fn with_owners(mut self, api_services: &[Value]) -> Self {
        for metric in &mut self.metrics {
            let Some(api) = metric.served.api else { continue };
            let of_api = |service: &&Value| {
                let group = service.pointer("/spec/group").and_then(Value::as_str);
                group == Some(api)
            };
            let owner = api_services.iter().filter(of_api).find_map(MetricsOwner::of);
            let is_other = |owner: &MetricsOwner| {
                owner.kind().is_some() && metric.served.kind.is_some() && owner.kind() != metric.served.kind
            };
            metric.statements.push(match owner {
                None => Statement::bad(
                    format!("nobody serves {api} in this cluster"),
                    "`kubectl infer autoscaling setup` writes what is needed",
                ),
                Some(owner) if is_other(&owner) => Statement::bad(
                    format!("{api} is served by {owner}, which does not know this metric"),
                    "write the autoscaler for that adapter; only one can own the API",
                ),
                Some(owner) => Statement::good(format!("{api} is served by {owner}")),
            });
        }
        self
    }
}
