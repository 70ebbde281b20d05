//! `accelerators list`: what holds a model, and how fast it was measured there.

use infer_core::catalog::Catalog;
use infer_core::curve::Configuration;
use infer_core::recommend::{
    self, Column, ColumnKind, Measured, Placement, Recommendation, Recommendations, Row, Value,
};
use infer_core::workload::LatencyMetric;
use serde_json::{Map, json};

use super::profiles;
use crate::arguments::{AcceleratorsCommand, Format};
use crate::failure::Failure;
use crate::output::{Item, Listing, Outcome};
use crate::requirements;
use crate::select::select;

/// An accelerator in a number, on a server, with figures where there are some.
struct Held {
    configuration: Configuration,
    placement: Placement,
    memory_gib: f64,
    measured: Option<Recommendation>,
}

const TEXT: ColumnKind = ColumnKind::Text;
const WHOLE: ColumnKind = ColumnKind::Number { decimals: 0 };

/// What the provenance column says where there are no figures.
const NOT_MEASURED: &str = "not measured";

const COLUMNS: &[Column<Held>] = &[
    Column::new("acceleratorType", "Accelerator", TEXT, |row| Value::of(&row.configuration.accelerator)),
    Column::new("acceleratorCount", "Count", WHOLE, |row| {
        Value::Number(f64::from(row.configuration.accelerators))
    }),
    Column::new("memoryGib", "Memory(GiB)", WHOLE, |row| {
        Value::Number(row.memory_gib * f64::from(row.configuration.accelerators))
    }),
    Column::new("instanceType", "Instance Type", TEXT, |row| Value::of(&row.placement.machine.name)),
    Column::new("tpuTopology", "Topology", TEXT, |row| {
        Value::text(row.placement.topology.as_ref().map(|topology| topology.name.as_str()))
    }),
    Column::new("modelServer", "Model Server", TEXT, |row| Value::of(&row.configuration.server)),
    Column::new("modelServerVersion", "Model Server Version", TEXT, |row| {
        Value::text(row.configuration.server_version.as_deref())
    }),
    Column::new("precision", "Precision", TEXT, |row| {
        Value::text(row.configuration.precision.map(|precision| precision.name()))
    }),
    Column::new("outputTokensPerSecond", "Output Tokens/s", WHOLE, |row| {
        Value::number(row.measured.as_ref().map(|measured| measured.operating.point.output_tokens_per_second))
    }),
    Column::new("ntpotMilliseconds", "NTPOT(ms)", WHOLE, |row| {
        let measured = row.measured.as_ref();
        Value::number(measured.and_then(|it| it.operating.point.latency_milliseconds(LatencyMetric::Ntpot)))
    }),
    Column::new("inputTokens", "Tokens In", WHOLE, |row| {
        Value::number(row.measured.as_ref().map(|measured| measured.traffic.input_tokens))
    }),
    Column::new("outputTokens", "Tokens Out", WHOLE, |row| {
        Value::number(row.measured.as_ref().map(|measured| measured.traffic.output_tokens))
    }),
    Column::new("provenance", "Provenance", TEXT, |row| {
        Value::of(row.measured.as_ref().map_or(NOT_MEASURED, |measured| measured.provenance.origin.name()))
    }),
    Column::new("model", "Model", TEXT, |row| Value::of(&row.configuration.model)),
    Column::new("unverified", "Unverified", TEXT, |row| {
        Value::text(row.placement.machine.evidence.unverified_fields())
    }),
];

/// Columns of a table that is not wide.
const SHOWN: &[&str] = &[
    "acceleratorType",
    "acceleratorCount",
    "memoryGib",
    "instanceType",
    "modelServer",
    "modelServerVersion",
    "precision",
    "outputTokensPerSecond",
    "ntpotMilliseconds",
    "inputTokens",
    "outputTokens",
    "provenance",
];

impl Row for Held {
    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }
}

/// `accelerators list`.
pub(super) fn list(catalog: &Catalog, command: AcceleratorsCommand) -> Result<Outcome, Failure> {
    let AcceleratorsCommand::List(options) = command;
    let asked = requirements::of_accelerators(catalog, &options)?;
    let answers =
        recommend::recommend(catalog, &Measured::new(catalog), &asked).map_err(profiles::failure)?;
    if let Some(infeasible) = &answers.infeasible {
        return Err(Failure::user(anyhow::anyhow!(infeasible.to_string())));
    }
    // With a target only what is known to meet it is listed.
    let with_unmeasured = asked.targets.is_empty();
    let rows = select(rows(catalog, answers, with_unmeasured)?, &options.list)?;
    let item = |row: &Held| Item { name: row.configuration.accelerator.clone(), document: document(row) };
    let listing = Listing {
        kind: "AcceleratorList",
        rows: &rows,
        shown: SHOWN,
        csv: None,
        items: &|rows| Box::new(rows.iter().map(item)),
        notes: Vec::new(),
    };
    listing.outcome(&options.list, Format::Table)
}

/// The best of each accelerator, count and server, in the order of the ranking, then what nobody measured.
fn rows(catalog: &Catalog, answers: Recommendations, with_unmeasured: bool) -> Result<Vec<Held>, Failure> {
    let memory = |accelerator: &str| catalog.find_accelerator(accelerator).map(|chip| chip.memory_gib);
    let mut rows: Vec<Held> = Vec::new();
    for measured in answers.ranked {
        let configuration = &measured.configuration;
        let key = |of: &Configuration| (of.accelerator.clone(), of.accelerators, of.server.clone());
        if rows.iter().any(|row| key(&row.configuration) == key(configuration)) {
            continue;
        }
        rows.push(Held {
            memory_gib: memory(&configuration.accelerator).map_err(Failure::unexpected)?,
            configuration: configuration.clone(),
            placement: measured.placement.clone(),
            measured: Some(measured),
        });
    }
    for fitting in answers.not_measured.into_iter().filter(|_| with_unmeasured) {
        rows.push(Held {
            memory_gib: memory(&fitting.configuration.accelerator).map_err(Failure::unexpected)?,
            configuration: fitting.configuration,
            placement: fitting.placement,
            measured: None,
        });
    }
    Ok(rows)
}

fn document(row: &Held) -> serde_json::Value {
    let mut fields = Map::new();
    let mut add = |key: &str, value: serde_json::Value| {
        if !value.is_null() {
            fields.insert(key.to_owned(), value);
        }
    };
    add("acceleratorType", json!(row.configuration.accelerator));
    add("modelServerInfo", profiles::model_server_info(&row.configuration));
    add("resourcesUsed", profiles::resources(&row.configuration, &row.placement));
    add("instanceType", json!(row.placement.machine.name));
    add("tpuTopology", json!(row.placement.topology.as_ref().map(|topology| &topology.name)));
    add("memoryGib", json!(row.memory_gib * f64::from(row.configuration.accelerators)));
    add("precision", json!(row.configuration.precision.map(|precision| precision.name())));
    if let Some(measured) = &row.measured {
        let point = &measured.operating.point;
        add("performanceStats", json!([profiles::performance(point, None, &Default::default())]));
        add("workloadSpec", profiles::workload(&measured.traffic));
        add("provenance", profiles::provenance(&measured.provenance, measured.load_kind));
    }
    serde_json::Value::Object(fields)
}
