//! Columns of a recommendation: what `--sort-by`, `--filter` and the table know.

use std::borrow::Cow;

use super::columns::{Column, ColumnKind, Row, Value};
use super::{PricedCost, Recommendation};
use crate::workload::LatencyMetric;

const TEXT: ColumnKind = ColumnKind::Text;
const WHOLE: ColumnKind = ColumnKind::Number { decimals: 0 };
const CENTS: ColumnKind = ColumnKind::Number { decimals: 3 };

const fn column(
    name: &'static str,
    header: &'static str,
    kind: ColumnKind,
    value: for<'a> fn(&'a Recommendation) -> Value<'a>,
) -> Column<Recommendation> {
    Column { name, header, kind, value }
}

/// In the order of the service's table, ours after them. Names are the leaves of the service's REST fields.
const COLUMNS: &[Column<Recommendation>] = &[
    column("instanceType", "Instance Type", TEXT, |row| text(&row.placement.machine.name)),
    column("acceleratorType", "Accelerator", TEXT, |row| text(&row.configuration.accelerator)),
    column("costPerMillionInputTokens", "Cost/M Input Tokens", CENTS, |row| {
        priced(row, |cost| cost.usd_per_million_input_tokens)
    }),
    column("costPerMillionOutputTokens", "Cost/M Output Tokens", CENTS, |row| {
        priced(row, |cost| cost.usd_per_million_output_tokens)
    }),
    column("outputTokensPerSecond", "Output Tokens/s", WHOLE, |row| {
        Value::Number(row.operating.point.output_tokens_per_second)
    }),
    column("ntpotMilliseconds", "NTPOT(ms)", WHOLE, |row| latency(row, LatencyMetric::Ntpot)),
    column("ttftMilliseconds", "TTFT(ms)", WHOLE, |row| latency(row, LatencyMetric::Ttft)),
    column("modelServer", "Model Server", TEXT, |row| text(&row.configuration.server)),
    column("modelServerVersion", "Model Server Version", TEXT, |row| {
        Value::text(row.configuration.server_version.as_deref())
    }),
    column("model", "Model", TEXT, |row| text(&row.configuration.model)),
    column("acceleratorCount", "Accelerators", WHOLE, |row| {
        Value::Number(f64::from(row.configuration.accelerators))
    }),
    column("precision", "Precision", TEXT, |row| {
        Value::text(row.configuration.precision.map(|precision| precision.name()))
    }),
    column("inputTokens", "Tokens In", WHOLE, |row| Value::Number(row.traffic.input_tokens)),
    column("outputTokens", "Tokens Out", WHOLE, |row| Value::Number(row.traffic.output_tokens)),
    column("region", "Region", TEXT, |row| {
        Value::text(row.cost.priced().map(|cost| cost.price.region.as_str()))
    }),
    column("provenance", "Provenance", TEXT, |row| Value::Text(row.provenance.origin.name().into())),
    column("itlMilliseconds", "ITL(ms)", WHOLE, |row| latency(row, LatencyMetric::Itl)),
    column("tpuTopology", "Topology", TEXT, |row| {
        Value::text(row.placement.topology.as_ref().map(|topology| topology.name.as_str()))
    }),
    column("loadKind", "Load", TEXT, |row| Value::Text(row.load_kind.name().into())),
    column("queriesPerSecond", "Requests/s", ColumnKind::Number { decimals: 2 }, |row| {
        Value::Number(row.operating.point.requests_per_second)
    }),
    column("concurrency", "In Flight", WHOLE, |row| Value::number(row.operating.point.concurrency)),
    column("operatingPoint", "Operating Point", TEXT, |row| Value::Text(row.operating.kind.name().into())),
    column("zone", "Zone", TEXT, |row| Value::Text(row.operating.zone.name().into())),
    column("costPerHour", "USD/h", CENTS, |row| priced(row, |cost| cost.usd_per_hour)),
    column("machineCostPerHour", "USD/h Whole Machine", CENTS, |row| {
        priced(row, |cost| cost.usd_per_hour_whole)
    }),
    column("averageInputLength", "Average Input Length", WHOLE, |row| {
        Value::Number(row.traffic.mean_input_tokens())
    }),
    column("averageOutputLength", "Average Output Length", WHOLE, |row| {
        Value::Number(row.traffic.mean_output_tokens())
    }),
    column("source", "Source", TEXT, |row| text(&row.provenance.source)),
];

impl Row for Recommendation {
    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }
}

fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

fn priced(row: &Recommendation, of: fn(&PricedCost) -> f64) -> Value<'static> {
    Value::number(row.cost.priced().map(of))
}

fn latency(row: &Recommendation, metric: LatencyMetric) -> Value<'static> {
    Value::number(row.operating.point.latency_milliseconds(metric))
}
