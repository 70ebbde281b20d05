//! `autoscaling explain`.

use std::fmt::Write as _;

use infer_core::catalog::Catalog;
use infer_core::inspect::Autoscaler;

use crate::arguments::{ClusterOptions, ExplainAutoscaling};
use crate::commands::files;
use crate::failure::Failure;
use crate::output::Outcome;

/// Says what the autoscalers of some files read.
pub(crate) fn explain(
    _catalog: &Catalog,
    _cluster: &ClusterOptions,
    options: &ExplainAutoscaling,
) -> Result<Outcome, Failure> {
    let mut text = String::new();
    for input in files::read(&options.filename, false)? {
        for object in input.file.objects() {
            let Some(autoscaler) = Autoscaler::of(input.file.value(object)) else { continue };
            for metric in &autoscaler.metrics {
                let name = metric.name.or(metric.query).unwrap_or(metric.kind);
                let _ = writeln!(text, "{}: {name}", autoscaler.target_name);
            }
        }
    }
    Ok(Outcome::print(text))
}
