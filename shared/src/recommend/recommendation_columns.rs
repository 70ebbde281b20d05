//! Columns of a recommendation: what `--sort-by`, `--filter` and the table know.

use super::columns::{Column, ColumnKind, Row, Value};
use super::{PricedCost, Recommendation};
use crate::workload::LatencyMetric;

const TEXT: ColumnKind = ColumnKind::Text;
const WHOLE: ColumnKind = ColumnKind::Number { decimals: 0 };
const CENTS: ColumnKind = ColumnKind::Number { decimals: 3 };

/// In the order of the service's table, ours after them. Names are the leaves of the service's REST fields.
const COLUMNS: &[Column<Recommendation>] = &[
    Column::new("instanceType", "Instance Type", TEXT, |row| Value::of(&row.placement.machine.name)),
    Column::new("acceleratorType", "Accelerator", TEXT, |row| Value::of(&row.configuration.accelerator)),
    Column::new("costPerMillionInputTokens", "Cost/M Input Tokens", CENTS, |row| {
        priced(row, |cost| cost.usd_per_million_input_tokens)
    }),
    Column::new("costPerMillionOutputTokens", "Cost/M Output Tokens", CENTS, |row| {
        priced(row, |cost| cost.usd_per_million_output_tokens)
    }),
    Column::new("outputTokensPerSecond", "Output Tokens/s", WHOLE, |row| {
        Value::Number(row.operating.point.output_tokens_per_second)
    }),
    Column::new("ntpotMilliseconds", "NTPOT(ms)", WHOLE, |row| latency(row, LatencyMetric::Ntpot)),
    Column::new("ttftMilliseconds", "TTFT(ms)", WHOLE, |row| latency(row, LatencyMetric::Ttft)),
    Column::new("modelServer", "Model Server", TEXT, |row| Value::of(&row.configuration.server)),
    Column::new("modelServerVersion", "Model Server Version", TEXT, |row| {
        Value::text(row.configuration.server_version.as_deref())
    }),
    Column::new("model", "Model", TEXT, |row| Value::of(&row.configuration.model)),
    Column::new("acceleratorCount", "Accelerators", WHOLE, |row| {
        Value::Number(f64::from(row.configuration.accelerators))
    }),
    Column::new("precision", "Precision", TEXT, |row| {
        Value::text(row.configuration.precision.map(|precision| precision.name()))
    }),
    Column::new("inputTokens", "Tokens In", WHOLE, |row| Value::Number(row.traffic.input_tokens)),
    Column::new("outputTokens", "Tokens Out", WHOLE, |row| Value::Number(row.traffic.output_tokens)),
    Column::new("region", "Region", TEXT, |row| {
        Value::text(row.cost.priced().map(|cost| cost.price.region.as_str()))
    }),
    Column::new("provenance", "Provenance", TEXT, |row| Value::Text(row.provenance.origin.name().into())),
    Column::new("itlMilliseconds", "ITL(ms)", WHOLE, |row| latency(row, LatencyMetric::Itl)),
    Column::new("tpuTopology", "Topology", TEXT, |row| {
        Value::text(row.placement.topology.as_ref().map(|topology| topology.name.as_str()))
    }),
    Column::new("loadKind", "Load", TEXT, |row| Value::Text(row.load_kind.name().into())),
    Column::new("queriesPerSecond", "Requests/s", ColumnKind::Number { decimals: 2 }, |row| {
        Value::Number(row.operating.point.requests_per_second)
    }),
    Column::new("concurrency", "In Flight", WHOLE, |row| Value::number(row.operating.point.concurrency)),
    Column::new("operatingPoint", "Operating Point", TEXT, |row| {
        Value::Text(row.operating.kind.name().into())
    }),
    Column::new("zone", "Zone", TEXT, |row| Value::Text(row.operating.zone.name().into())),
    Column::new("costPerHour", "USD/h", CENTS, |row| priced(row, |cost| cost.usd_per_hour)),
    Column::new("machineCostPerHour", "USD/h Whole Machine", CENTS, |row| {
        priced(row, |cost| cost.usd_per_hour_whole)
    }),
    Column::new("ttftMillisecondsHigh", "TTFT(ms) to", WHOLE, |row| {
        Value::number(row.bands.and_then(|bands| bands.ttft).map(|band| band.high))
    }),
    Column::new("ntpotMillisecondsHigh", "NTPOT(ms) to", WHOLE, |row| {
        Value::number(row.bands.and_then(|bands| bands.ntpot).map(|band| band.high))
    }),
    Column::new("outputTokensPerSecondLow", "Output Tokens/s from", WHOLE, |row| {
        Value::number(row.bands.map(|bands| bands.output_tokens_per_second.low))
    }),
    Column::new("replicas", "Replicas", WHOLE, |row| {
        Value::number(row.fleet.map(|fleet| f64::from(fleet.replicas)))
    }),
    Column::new("costPerMonth", "USD/month", WHOLE, |row| {
        Value::number(row.fleet.and_then(|fleet| fleet.usd_per_month))
    }),
    Column::new("averageInputLength", "Average Input Length", WHOLE, |row| {
        Value::Number(row.traffic.mean_input_tokens())
    }),
    Column::new("averageOutputLength", "Average Output Length", WHOLE, |row| {
        Value::Number(row.traffic.mean_output_tokens())
    }),
    Column::new("source", "Source", TEXT, |row| Value::of(&row.provenance.source)),
];

impl Row for Recommendation {
    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }
}

fn priced(row: &Recommendation, of: fn(&PricedCost) -> f64) -> Value<'static> {
    Value::number(row.cost.priced().map(of))
}

fn latency(row: &Recommendation, metric: LatencyMetric) -> Value<'static> {
    Value::number(row.operating.point.latency_milliseconds(metric))
}
