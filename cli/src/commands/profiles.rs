//! `list`: what serves a model, with price and latency, best first.

mod document;
mod notes;

use std::collections::BTreeSet;

use infer_core::catalog::Catalog;
use infer_core::estimate::{Calibration, Estimator};
use infer_core::recommend::{
    self, CurveSource, Estimated, Known, Measured, ProvenanceFilter, Reachable, RecommendError,
    Recommendation, Recommendations, Rejection, Requirements,
};
use infer_core::workload::{LatencyMetric, LengthSource};

use crate::arguments::{Format, ListProfiles};
use crate::failure::{Failure, unknown};
use crate::output::{Item, Listing, Outcome};
use crate::requirements;
use crate::select::select;

use super::measurements;

pub(super) use document::{model_server_info, performance, provenance, resources, workload};

/// Columns of a table that is not wide: the service's, then ours.
const SHOWN: &[&str] = &[
    "instanceType",
    "acceleratorType",
    "costPerMillionInputTokens",
    "costPerMillionOutputTokens",
    "outputTokensPerSecond",
    "ntpotMilliseconds",
    "ttftMilliseconds",
    "modelServer",
    "modelServerVersion",
    "model",
    "acceleratorCount",
    "precision",
    "inputTokens",
    "outputTokens",
    "region",
    "provenance",
];

/// The service's CSV columns (`csvprofile`) in its order, then ours.
const CSV: &[(&str, &str)] = &[
    ("Instance Type", "instanceType"),
    ("Accelerator Type", "acceleratorType"),
    ("Model Name", "model"),
    ("Model Server Name", "modelServer"),
    ("Model Server Version", "modelServerVersion"),
    ("Output Tokens/s", "outputTokensPerSecond"),
    ("NTPOT (ms)", "ntpotMilliseconds"),
    ("TTFT (ms)", "ttftMilliseconds"),
    ("ITL (ms)", "itlMilliseconds"),
    ("QPS", "queriesPerSecond"),
    ("Cost/M Input Tokens", "costPerMillionInputTokens"),
    ("Cost/M Output Tokens", "costPerMillionOutputTokens"),
    ("Use Case", "useCase"),
    ("Average Input Length", "averageInputLength"),
    ("Average Output Length", "averageOutputLength"),
    ("Serving Stack", "servingStack"),
    ("Serving Stack Version", "servingStackVersion"),
    ("Nominal Input Length", "inputTokens"),
    ("Nominal Output Length", "outputTokens"),
    ("Accelerators", "acceleratorCount"),
    ("TPU Topology", "tpuTopology"),
    ("Precision", "precision"),
    ("Load", "loadKind"),
    ("In Flight", "concurrency"),
    ("Operating Point", "operatingPoint"),
    ("Zone", "zone"),
    ("Region", "region"),
    ("Cost/h", "costPerHour"),
    ("Cost/h Whole Machine", "machineCostPerHour"),
    ("Provenance", "provenance"),
    ("Source", "source"),
    ("TTFT (ms) High", "ttftMillisecondsHigh"),
    ("NTPOT (ms) High", "ntpotMillisecondsHigh"),
    ("Output Tokens/s Low", "outputTokensPerSecondLow"),
    ("Replicas", "replicas"),
    ("Cost/Month", "costPerMonth"),
];

/// [`SHOWN`] for a request rate: with what serves it and costs a month in place of the price of input tokens.
fn shown_with_fleet() -> Vec<&'static str> {
    let is_kept = |column: &&str| *column != "costPerMillionInputTokens";
    SHOWN.iter().copied().filter(is_kept).chain(["replicas", "costPerMonth"]).collect()
}

/// `list`.
pub(super) fn list(catalog: &Catalog, options: &ListProfiles) -> Result<Outcome, Failure> {
    let lengths = measurements::lengths(&options.conditions, &options.workload.traffic)?;
    let mut asked = requirements::of_list(catalog, options)?;
    asked.traffic = lengths.as_ref().map(LengthSource::traffic).or(asked.traffic);
    let calibration = Calibration::embedded().map_err(Failure::unexpected)?;
    let conditions = requirements::conditions(&options.conditions, lengths);
    let estimator = Estimator::new(catalog, calibration).under(conditions).map_err(Failure::user)?;
    let (estimator, silent) = measurements::corrected(estimator, &options.conditions)?;
    let source: &dyn CurveSource = match asked.provenance {
        ProvenanceFilter::Measured => &Measured::new(catalog),
        ProvenanceFilter::Estimated => &Estimated::new(catalog, &estimator),
        ProvenanceFilter::Any => &Known::new(catalog, &estimator),
    };
    let answers = recommend::recommend(catalog, source, &asked).map_err(failure)?;
    if answers.ranked.is_empty() {
        return Err(nothing(&asked, &answers));
    }
    let rows = select(answers.ranked, &options.list)?;
    let item = |row: &Recommendation| Item { name: name(row), document: document::profile(row, &asked) };
    let with_fleet = shown_with_fleet();
    let listing = Listing {
        kind: "ProfileList",
        rows: &rows,
        shown: if asked.requests_per_second.is_some() { &with_fleet } else { SHOWN },
        csv: Some(CSV),
        items: &|rows| Box::new(rows.iter().map(item)),
        notes: [notes::of(&rows, answers.not_measured.len(), &asked), silent].concat(),
    };
    listing.outcome(&options.list, Format::Table)
}

/// `MACHINE/SERVER/VERSION/MODEL`.
fn name(row: &Recommendation) -> String {
    let configuration = &row.configuration;
    let version = configuration.server_version.as_deref().unwrap_or("unknown");
    format!("{}/{}/{version}/{}", row.placement.machine.name, configuration.server, configuration.model)
}

/// A question that cannot be answered at all.
pub(super) fn failure(error: RecommendError) -> Failure {
    match error {
        RecommendError::Catalog(error) => unknown(error),
        error => Failure::user(error),
    }
}

/// Names the latencies that the candidates were measured for, where the asked ones were not.
fn measured_instead(failure: Failure, reachable: &Reachable) -> Failure {
    let latencies = [
        (LatencyMetric::Ttft, reachable.ttft),
        (LatencyMetric::Itl, reachable.itl),
        (LatencyMetric::Ntpot, reachable.ntpot),
    ];
    let measured = latencies
        .into_iter()
        .filter_map(|(metric, range)| range.map(|range| format!("{metric} of {}", range.in_milliseconds())));
    let ranges: Vec<String> = measured.collect();
    if ranges.is_empty() {
        return failure.hint("their throughput was measured, no latency: leave the latency targets out");
    }
    failure.hint(format!("measured was {}: set the target on that", ranges.join(", ")))
}

/// Why there is no row: what binds and what would be reachable.
pub(super) fn nothing(asked: &Requirements, answers: &Recommendations) -> Failure {
    if let Some(infeasible) = &answers.infeasible {
        let failure = Failure::user(anyhow::anyhow!(infeasible.to_string()));
        let blind = infeasible.nearest.is_empty() && !infeasible.never_measured.is_empty();
        return if blind { measured_instead(failure, &answers.reachable) } else { failure };
    }
    let what = asked.model.as_deref().map_or_else(|| "any model".to_owned(), |model| format!("`{model}`"));
    let others: BTreeSet<String> = answers
        .rejected
        .iter()
        .filter(|rejected| matches!(rejected.why, Rejection::Traffic { .. }))
        .map(|rejected| rejected.traffic.to_string())
        .collect();
    let failure = match (asked.traffic, others.is_empty()) {
        (Some(traffic), false) => {
            let message =
                format!("nothing was measured for {what} with lengths within 20 % of {traffic} tokens");
            let lengths = others.into_iter().collect::<Vec<_>>().join(", ");
            Failure::user(anyhow::anyhow!(message))
                .hint(format!("measured lengths (input/output tokens) are {lengths}"))
        }
        _ if asked.provenance == ProvenanceFilter::Estimated => {
            Failure::user(anyhow::anyhow!("no figures of {what} are estimated"))
                .hint("`--provenance any` prints what was measured")
        }
        _ => Failure::user(anyhow::anyhow!("nothing was measured for {what} with these requirements")),
    };
    match (answers.not_measured.len(), &asked.model) {
        (0, _) | (_, None) => failure,
        (count, Some(model)) => failure.hint(format!(
            "{count} configurations hold the model without a measurement, manifests can be written for them: \
             `kubectl infer accelerators list --model {model}`"
        )),
    }
}
