//! PromQL of what autoscalers read.

use super::Scaled;
use crate::autoscale::Expression;
use crate::catalog::{Signal, SignalScope};

/// Labels by which the series of a workload are told from all others: queries of Managed Service for Prometheus see
/// every cluster and namespace of the project. Metrics of chips carry the workload's namespace as `exported_namespace`.
pub(super) fn labels(signal: &Signal, scaled: &Scaled<'_>) -> Vec<(&'static str, String)> {
    let namespace = scaled.namespace.unwrap_or("default").to_owned();
    match signal.scope {
        SignalScope::Replica | SignalScope::Pool => {
            vec![("namespace", namespace), ("job", scaled.job.to_owned())]
        }
        SignalScope::Chip => {
            vec![("exported_namespace", namespace), ("container", scaled.container.to_owned())]
        }
    }
}

/// The whole query, with `matchers` for each signal: `sum(a{…}) + sum(b{…})`. A threshold of one replica needs sums, since
/// an HPA divides them by the number of replicas itself; a ratio is what a replica has on average.
pub(super) fn expression(expression: &Expression<'_>, matchers: impl Fn(&Signal) -> String) -> String {
    let of =
        |function: &str, signal: &Signal| format!("{function}({}{{{}}})", signal.metric, matchers(signal));
    match expression {
        Expression::One(signal) => of("sum", signal),
        Expression::Sum(signals) => {
            let sums: Vec<String> = signals.iter().map(|signal| of("sum", signal)).collect();
            sums.join(" + ")
        }
        Expression::Ratio(one, other) => format!("{} / {}", of("avg", one), of("avg", other)),
    }
}

/// The query of a workload with all labels written out.
pub(super) fn of_workload(expression_: &Expression<'_>, scaled: &Scaled<'_>, cluster: &str) -> String {
    expression(expression_, |signal| {
        let mut text = format!("cluster=\"{cluster}\"");
        for (label, value) in labels(signal, scaled) {
            text.push_str(&format!(",{label}=\"{value}\""));
        }
        text
    })
}
