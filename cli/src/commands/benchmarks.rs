//! `benchmarks list`: every point of the curves of a model on a server.

use infer_core::catalog::Catalog;
use infer_core::recommend::{
    self, Benchmark, BenchmarkPoint, Column, ColumnKind, Cost, Measured, PricedCost, Requirements, Row, Value,
};
use infer_core::workload::LatencyMetric;
use serde_json::{Map, json};

use super::profiles;
use crate::arguments::{BenchmarksCommand, Format, ListBenchmarks};
use crate::failure::Failure;
use crate::output::{Item, Listing, Outcome};
use crate::requirements;
use crate::select::select;

/// One point, and the curve that it is of.
struct PointRow {
    /// Index of the curve.
    curve: usize,
    /// The curve; its points are those of the other rows.
    benchmark: std::rc::Rc<Benchmark>,
    point: BenchmarkPoint,
}

const TEXT: ColumnKind = ColumnKind::Text;
const WHOLE: ColumnKind = ColumnKind::Number { decimals: 0 };
const CENTS: ColumnKind = ColumnKind::Number { decimals: 3 };

/// In the order of the service's `csvprofile`, ours after them.
const COLUMNS: &[Column<PointRow>] = &[
    Column::new("instanceType", "Instance Type", TEXT, |row| {
        let placement = row.benchmark.placement.as_ref();
        Value::text(placement.map(|placement| placement.machine.name.as_str()))
    }),
    Column::new("acceleratorType", "Accelerator Type", TEXT, |row| {
        Value::of(&row.benchmark.configuration.accelerator)
    }),
    Column::new("model", "Model Name", TEXT, |row| Value::of(&row.benchmark.configuration.model)),
    Column::new("modelServer", "Model Server Name", TEXT, |row| {
        Value::of(&row.benchmark.configuration.server)
    }),
    Column::new("modelServerVersion", "Model Server Version", TEXT, |row| {
        Value::text(row.benchmark.configuration.server_version.as_deref())
    }),
    Column::new("outputTokensPerSecond", "Output Tokens/s", WHOLE, |row| {
        Value::Number(row.point.point.output_tokens_per_second)
    }),
    Column::new("ntpotMilliseconds", "NTPOT (ms)", WHOLE, |row| latency(row, LatencyMetric::Ntpot)),
    Column::new("ttftMilliseconds", "TTFT (ms)", WHOLE, |row| latency(row, LatencyMetric::Ttft)),
    Column::new("itlMilliseconds", "ITL (ms)", WHOLE, |row| latency(row, LatencyMetric::Itl)),
    Column::new("queriesPerSecond", "QPS", ColumnKind::Number { decimals: 2 }, |row| {
        Value::Number(row.point.point.requests_per_second)
    }),
    Column::new("costPerMillionInputTokens", "Cost/M Input Tokens", CENTS, |row| {
        cost(row, |cost| cost.usd_per_million_input_tokens)
    }),
    Column::new("costPerMillionOutputTokens", "Cost/M Output Tokens", CENTS, |row| {
        cost(row, |cost| cost.usd_per_million_output_tokens)
    }),
    Column::new("useCase", "Use Case", TEXT, |_| Value::Missing),
    Column::new("averageInputLength", "Average Input Length", WHOLE, |row| {
        Value::Number(row.benchmark.traffic.mean_input_tokens())
    }),
    Column::new("averageOutputLength", "Average Output Length", WHOLE, |row| {
        Value::Number(row.benchmark.traffic.mean_output_tokens())
    }),
    Column::new("servingStack", "Serving Stack", TEXT, |_| Value::Missing),
    Column::new("servingStackVersion", "Serving Stack Version", TEXT, |_| Value::Missing),
    Column::new("inputTokens", "Nominal Input Length", WHOLE, |row| {
        Value::Number(row.benchmark.traffic.input_tokens)
    }),
    Column::new("outputTokens", "Nominal Output Length", WHOLE, |row| {
        Value::Number(row.benchmark.traffic.output_tokens)
    }),
    Column::new("acceleratorCount", "Accelerators", WHOLE, |row| {
        Value::Number(f64::from(row.benchmark.configuration.accelerators))
    }),
    Column::new("precision", "Precision", TEXT, |row| {
        Value::text(row.benchmark.configuration.precision.map(|precision| precision.name()))
    }),
    Column::new("loadKind", "Load", TEXT, |row| Value::of(row.benchmark.load_kind.name())),
    Column::new("concurrency", "In Flight", WHOLE, |row| Value::number(row.point.point.concurrency)),
    Column::new("zone", "Zone", TEXT, |row| Value::of(row.point.zone.name())),
    Column::new("knee", "Knee", TEXT, |row| Value::of(if row.point.is_knee { "true" } else { "false" })),
    Column::new("region", "Region", TEXT, |row| {
        Value::text(priced(row).map(|cost| cost.price.region.as_str()))
    }),
    Column::new("provenance", "Provenance", TEXT, |row| Value::of(row.benchmark.provenance.origin.name())),
    Column::new("engineArguments", "Engine Arguments", TEXT, |row| {
        let arguments = row.benchmark.configuration.engine_arguments.as_str();
        Value::text((!arguments.is_empty()).then_some(arguments))
    }),
    Column::new("source", "Source", TEXT, |row| Value::of(&row.benchmark.provenance.source)),
];

/// Columns of a table that is not wide.
const SHOWN: &[&str] = &[
    "instanceType",
    "modelServerVersion",
    "acceleratorCount",
    "precision",
    "averageInputLength",
    "averageOutputLength",
    "concurrency",
    "queriesPerSecond",
    "outputTokensPerSecond",
    "ntpotMilliseconds",
    "ttftMilliseconds",
    "itlMilliseconds",
    "costPerMillionOutputTokens",
    "zone",
    "provenance",
];

impl Row for PointRow {
    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }
}

fn latency(row: &PointRow, metric: LatencyMetric) -> Value<'static> {
    Value::number(row.point.point.latency_milliseconds(metric))
}

fn priced(row: &PointRow) -> Option<&PricedCost> {
    row.point.cost.as_ref().and_then(Cost::priced)
}

fn cost(row: &PointRow, of: fn(&PricedCost) -> f64) -> Value<'static> {
    Value::number(priced(row).map(of))
}

/// Why there is no curve, and where to look instead: other servers, or what nobody measured.
fn nothing(catalog: &Catalog, options: &ListBenchmarks) -> Failure {
    let (model, server) = (&options.model, &options.model_server);
    let is_measured = |model: &str| {
        let id = catalog.find_model(model).map(|found| &found.model.id);
        id.and_then(|id| catalog.profiles(id)).is_ok_and(|profiles| !profiles.is_empty())
    };
    let hint = if is_measured(model) {
        format!("`kubectl infer list --model {model}` prints what was measured of the model")
    } else {
        format!(
            "nobody measured the model: `kubectl infer accelerators list --model {model}` prints what holds it"
        )
    };
    let message = format!("nothing was measured of `{model}` on `{server}` with these requirements");
    Failure::user(anyhow::anyhow!(message)).hint(hint)
}

/// `benchmarks list`.
pub(super) fn list(catalog: &Catalog, command: BenchmarksCommand) -> Result<Outcome, Failure> {
    let BenchmarksCommand::List(options) = command;
    let asked = requirements::of_benchmarks(catalog, &options)?;
    let benchmarks =
        recommend::benchmarks(catalog, &Measured::new(catalog), &asked).map_err(profiles::failure)?;
    if benchmarks.is_empty() {
        return Err(nothing(catalog, &options));
    }
    let rows = select(rows(benchmarks), &options.list)?;
    let listing = Listing {
        kind: "BenchmarkList",
        rows: &rows,
        shown: SHOWN,
        csv: None,
        items: &|rows| Box::new(items(rows, &asked).into_iter()),
        notes: Vec::new(),
    };
    listing.outcome(&options.list, Format::Csv)
}

fn rows(benchmarks: Vec<Benchmark>) -> Vec<PointRow> {
    let of_curve = |(curve, mut benchmark): (usize, Benchmark)| {
        let points = std::mem::take(&mut benchmark.points);
        let benchmark = std::rc::Rc::new(benchmark);
        points.into_iter().map(move |point| PointRow {
            curve,
            benchmark: std::rc::Rc::clone(&benchmark),
            point,
        })
    };
    benchmarks.into_iter().enumerate().flat_map(of_curve).collect()
}

/// One item a curve, in the order in which the rows first name it, with the points that are left of it.
fn items(rows: &[PointRow], asked: &Requirements) -> Vec<Item> {
    let mut curves: Vec<(usize, Vec<&PointRow>)> = Vec::new();
    for row in rows {
        match curves.iter_mut().find(|(curve, _)| *curve == row.curve) {
            Some((_, points)) => points.push(row),
            None => curves.push((row.curve, vec![row])),
        }
    }
    let item = |(_, points): &(usize, Vec<&PointRow>)| {
        let benchmark = points.first().map(|row| &row.benchmark)?;
        let stats = points.iter().map(|row| {
            let mut figures = profiles::performance(&row.point.point, row.point.cost.as_ref(), asked);
            if let serde_json::Value::Object(figures) = &mut figures {
                figures.insert("zone".to_owned(), json!(row.point.zone.name()));
                figures.insert("knee".to_owned(), json!(row.point.is_knee));
            }
            figures
        });
        Some(Item { name: name(benchmark), document: curve(benchmark, stats.collect()) })
    };
    curves.iter().filter_map(item).collect()
}

fn curve(benchmark: &Benchmark, stats: Vec<serde_json::Value>) -> serde_json::Value {
    let configuration = &benchmark.configuration;
    let mut fields = Map::new();
    let mut add = |key: &str, value: serde_json::Value| {
        fields.insert(key.to_owned(), value);
    };
    add("modelServerInfo", profiles::model_server_info(configuration));
    add("acceleratorType", json!(configuration.accelerator));
    if let Some(placement) = &benchmark.placement {
        if let Some(topology) = &placement.topology {
            add("tpuTopology", json!(topology.name));
        }
        add("instanceType", json!(placement.machine.name));
        add("resourcesUsed", profiles::resources(configuration, placement));
    } else {
        add("resourcesUsed", json!({ "acceleratorCount": configuration.accelerators }));
    }
    add("workloadSpec", profiles::workload(&benchmark.traffic));
    add("performanceStats", json!(stats));
    if let Some(precision) = configuration.precision {
        add("precision", json!(precision.name()));
    }
    add("engineArguments", json!(configuration.engine_arguments));
    add("provenance", profiles::provenance(&benchmark.provenance, benchmark.load_kind));
    serde_json::Value::Object(fields)
}

fn name(benchmark: &Benchmark) -> String {
    let configuration = &benchmark.configuration;
    let place = benchmark
        .placement
        .as_ref()
        .map_or(configuration.accelerator.as_str(), |placement| placement.machine.name.as_str());
    let version = configuration.server_version.as_deref().unwrap_or("unknown");
    format!("{place}/{}/{version}/{}", configuration.server, configuration.model)
}
