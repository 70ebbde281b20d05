//! JSON of a profile: the service's REST fields by their names, ours beside them (`docs/output.md`).

use infer_core::catalog::{Precision, PriceBasis};
use infer_core::curve::{
    Banded, Configuration, LoadKind, LoadPoint, MaximumReason, OperatingKind, OperatingPoint, Provenance,
};
use infer_core::recommend::{Cost, FigureBanded, Fleet, Placement, Recommendation, Requirements};
use infer_core::workload::{LatencyMetric, Traffic};
use serde_json::{Map, Value, json};

/// One profile at its operating point.
pub(super) fn profile(row: &Recommendation, asked: &Requirements) -> Value {
    let mut fields = Map::new();
    let mut add = |key: &str, value: Value| {
        if !value.is_null() {
            fields.insert(key.to_owned(), value);
        }
    };
    add("modelServerInfo", model_server_info(&row.configuration));
    add("acceleratorType", json!(row.configuration.accelerator));
    add("tpuTopology", json!(row.placement.topology.as_ref().map(|topology| &topology.name)));
    add("instanceType", json!(row.placement.machine.name));
    add("resourcesUsed", resources(&row.configuration, &row.placement));
    add("workloadSpec", workload(&row.traffic));
    add("performanceStats", json!([performance(&row.operating.point, Some(&row.cost), asked)]));
    add("checkpoint", json!(row.checkpoint));
    add("precision", json!(row.configuration.precision.map(Precision::name)));
    add("parallelism", json!(row.configuration.parallelism));
    add("engineArguments", json!(row.configuration.engine_arguments));
    add("operatingPoint", operating_point(&row.operating));
    add("pricing", pricing(&row.cost, &row.placement));
    add("intervals", json!(row.bands.map(|bands| intervals(&bands))));
    add("fleet", json!(row.fleet.map(|fleet| fleet_of(&fleet, asked))));
    add("provenance", provenance(&row.provenance, row.load_kind));
    Value::Object(fields)
}

/// Estimated figures with the interval that holds the true one eight times out of ten.
fn intervals(bands: &FigureBanded) -> Value {
    let banded = |band: Banded| json!({ "low": band.low, "median": band.value, "high": band.high });
    let mut fields = Map::new();
    let figures = [
        ("outputTokensPerSecond", Some(bands.output_tokens_per_second)),
        ("ntpotMilliseconds", bands.ntpot),
        ("ttftMilliseconds", bands.ttft),
        ("itlMilliseconds", bands.itl),
    ];
    let known = figures.into_iter().filter_map(|(name, band)| Some((name.to_owned(), banded(band?))));
    fields.extend(known);
    Value::Object(fields)
}

/// What serves the request rate.
fn fleet_of(fleet: &Fleet, asked: &Requirements) -> Value {
    json!({
        "requestsPerSecond": asked.requests_per_second,
        "replicas": fleet.replicas,
        "usdPerMonth": fleet.usd_per_month,
    })
}

/// Which model on which server.
pub(in crate::commands) fn model_server_info(configuration: &Configuration) -> Value {
    json!({
        "model": configuration.model,
        "modelServer": configuration.server,
        "modelServerVersion": configuration.server_version,
    })
}

/// What a replica takes.
pub(in crate::commands) fn resources(configuration: &Configuration, placement: &Placement) -> Value {
    json!({
        "acceleratorCount": configuration.accelerators,
        "machineCount": placement.machines,
        "machineShare": placement.share,
    })
}

/// Lengths of the requests.
pub(in crate::commands) fn workload(traffic: &Traffic) -> Value {
    json!({
        "averageInputLength": traffic.mean_input_tokens(),
        "averageOutputLength": traffic.mean_output_tokens(),
        "nominalInputLength": traffic.input_tokens,
        "nominalOutputLength": traffic.output_tokens,
        "lengths": traffic.lengths,
    })
}

/// Figures of one load.
pub(in crate::commands) fn performance(
    point: &LoadPoint,
    cost: Option<&Cost>,
    asked: &Requirements,
) -> Value {
    let mut fields = Map::new();
    let mut add = |key: &str, value: Option<f64>| {
        if let Some(value) = value {
            fields.insert(key.to_owned(), json!(value));
        }
    };
    add("queriesPerSecond", Some(point.requests_per_second));
    add("inputTokensPerSecond", Some(point.input_tokens_per_second));
    add("outputTokensPerSecond", Some(point.output_tokens_per_second));
    add("ntpotMilliseconds", point.latency_milliseconds(LatencyMetric::Ntpot));
    add("ttftMilliseconds", point.latency_milliseconds(LatencyMetric::Ttft));
    add("itlMilliseconds", point.latency_milliseconds(LatencyMetric::Itl));
    add("concurrency", point.concurrency);
    add("running", point.running);
    add("waiting", point.waiting);
    add("kvUse", point.kv_use);
    if let Some(cost) = cost.and_then(Cost::priced) {
        let cost = json!([{
            "costPerMillionInputTokens": amount(cost.usd_per_million_input_tokens),
            "costPerMillionOutputTokens": amount(cost.usd_per_million_output_tokens),
            "outputInputCostRatio": asked.output_input_cost_ratio,
            "pricingModel": asked.pricing_model,
        }]);
        fields.insert("cost".to_owned(), cost);
    }
    Value::Object(fields)
}

/// USD as the service writes them: whole ones as text (64 bits in JSON), and billionths.
fn amount(usd: f64) -> Value {
    let billionths = (usd * 1e9).round();
    let (units, nanos) = ((billionths / 1e9).floor(), billionths % 1e9);
    json!({ "units": format!("{units:.0}"), "nanos": nanos as u32 })
}

/// Where on the curve, and why there.
fn operating_point(operating: &OperatingPoint) -> Value {
    let (binding, reason) = match operating.kind {
        OperatingKind::Knee => (None, None),
        OperatingKind::AtTarget { binding } => (Some(binding), None),
        OperatingKind::MaximumThroughput(reason) => (None, Some(reason)),
    };
    let mut document = json!({ "kind": operating.kind.name(), "zone": operating.zone.name() });
    if let Value::Object(fields) = &mut document {
        fields.extend(binding.map(|metric| ("bindingTarget".to_owned(), json!(metric.name()))));
        fields.extend(reason.map(|reason: MaximumReason| ("reason".to_owned(), json!(reason.to_string()))));
    }
    document
}

/// What the machines cost, or what has no price.
fn pricing(cost: &Cost, placement: &Placement) -> Value {
    match cost {
        Cost::NoPrice(none) => json!({
            "region": none.region,
            "pricingModel": none.pricing_model,
            "noPriceFor": none.machine,
        }),
        Cost::Priced(cost) => json!({
            "region": cost.price.region,
            "pricingModel": cost.price.pricing_model,
            "usdPerHour": cost.usd_per_hour,
            "usdPerHourWholeMachines": cost.usd_per_hour_whole,
            "usdPerHourOfOneMachine": cost.price.usd_per_hour,
            "machineShare": placement.share,
            "usdPerMillionInputTokens": cost.usd_per_million_input_tokens,
            "usdPerMillionOutputTokens": cost.usd_per_million_output_tokens,
            "basis": match &cost.price.basis {
                PriceBasis::Listed => "listed".to_owned(),
                PriceBasis::Derived(how) => format!("derived: {how}"),
            },
        }),
    }
}

/// Where the figures come from.
pub(in crate::commands) fn provenance(provenance: &Provenance, load_kind: LoadKind) -> Value {
    json!({
        "origin": provenance.origin,
        "source": provenance.source,
        "loadKind": load_kind,
        "ttftStatistic": provenance.ttft_statistic,
        "itlStatistic": provenance.itl_statistic,
        "notes": provenance.notes,
        "tags": provenance.tags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_units_and_billionths() {
        assert_eq!(amount(0.035), json!({ "units": "0", "nanos": 35_000_000 }));
        assert_eq!(amount(12.5), json!({ "units": "12", "nanos": 500_000_000 }));
        assert_eq!(amount(0.999_999_999_9), json!({ "units": "1", "nanos": 0 }));
    }
}
