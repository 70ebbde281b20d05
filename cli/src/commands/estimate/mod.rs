//! `estimate`: the curve of a configuration that nobody measured.

mod figure;

use std::path::Path;

use anyhow::Context;
use infer_core::catalog::{self, Catalog, GIB};
use infer_core::curve::{Banded, Configuration, Curve, EngineArguments, LoadPoint, Origin, RatioBand};
use infer_core::estimate::step::Part;
use infer_core::estimate::{Calibration, CannotEstimate, Conditions, Estimate as Estimated, Estimator};
use infer_core::plot::Figure;
use infer_core::recommend::{Column, ColumnKind, Row, Value};
use infer_core::workload::{LatencyMetric, LengthSource, Targets, Traffic};
use serde_json::{Map, json};

use super::{files, measurements};
use crate::arguments::{Estimate, Format, ListOptions};
use crate::failure::{Failure, unknown};
use crate::output::{Item, Listing, Outcome, Plot, bullets};
use crate::requirements;
use crate::select::select;

/// One load of the curve.
struct LoadRow {
    point: LoadPoint,
    ttft: Option<Banded>,
    itl: Option<Banded>,
    ntpot: Option<Banded>,
    throughput: Banded,
}

const WHOLE: ColumnKind = ColumnKind::Number { decimals: 0 };
const HUNDREDTHS: ColumnKind = ColumnKind::Number { decimals: 2 };
const TENTHS: ColumnKind = ColumnKind::Number { decimals: 1 };

const COLUMNS: &[Column<LoadRow>] = &[
    Column::new("queriesPerSecond", "QPS", HUNDREDTHS, |row| Value::Number(row.point.requests_per_second)),
    Column::new("outputTokensPerSecond", "Output Tokens/s", WHOLE, |row| Value::Number(row.throughput.value)),
    Column::new("outputTokensPerSecondLow", "Tokens/s from", WHOLE, |row| Value::Number(row.throughput.low)),
    Column::new("outputTokensPerSecondHigh", "Tokens/s to", WHOLE, |row| Value::Number(row.throughput.high)),
    Column::new("ttftMilliseconds", "TTFT (ms)", WHOLE, |row| Value::number(row.ttft.map(|band| band.value))),
    Column::new("ttftMillisecondsLow", "TTFT from", WHOLE, |row| {
        Value::number(row.ttft.map(|band| band.low))
    }),
    Column::new("ttftMillisecondsHigh", "TTFT to", WHOLE, |row| {
        Value::number(row.ttft.map(|band| band.high))
    }),
    Column::new("itlMilliseconds", "ITL (ms)", TENTHS, |row| Value::number(row.itl.map(|band| band.value))),
    Column::new("itlMillisecondsLow", "ITL from", TENTHS, |row| Value::number(row.itl.map(|band| band.low))),
    Column::new("itlMillisecondsHigh", "ITL to", TENTHS, |row| Value::number(row.itl.map(|band| band.high))),
    Column::new("ntpotMilliseconds", "NTPOT (ms)", TENTHS, |row| {
        Value::number(row.ntpot.map(|band| band.value))
    }),
    Column::new("ntpotMillisecondsLow", "NTPOT from", TENTHS, |row| {
        Value::number(row.ntpot.map(|band| band.low))
    }),
    Column::new("ntpotMillisecondsHigh", "NTPOT to", TENTHS, |row| {
        Value::number(row.ntpot.map(|band| band.high))
    }),
    Column::new("running", "Running", TENTHS, |row| Value::number(row.point.running)),
    Column::new("waiting", "Waiting", TENTHS, |row| Value::number(row.point.waiting)),
    Column::new("kvUse", "KV Use", HUNDREDTHS, |row| Value::number(row.point.kv_use)),
];

/// What fits a terminal: bands of the two latencies that targets are mostly about.
const SHOWN: &[&str] = &[
    "queriesPerSecond",
    "outputTokensPerSecond",
    "ttftMilliseconds",
    "ttftMillisecondsLow",
    "ttftMillisecondsHigh",
    "itlMilliseconds",
    "itlMillisecondsLow",
    "itlMillisecondsHigh",
    "ntpotMilliseconds",
    "running",
    "waiting",
    "kvUse",
];

impl Row for LoadRow {
    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }
}

/// `estimate`.
pub(super) fn estimate(catalog: &Catalog, options: &Estimate) -> Result<Outcome, Failure> {
    let own;
    let (catalog, model) = match (&options.model_config, &options.model) {
        (Some(config), _) => {
            let read = read_model(config, options.quantization_config.as_deref())?;
            let id = read.id.clone();
            own = catalog.with_model(read);
            (&own, id)
        }
        (None, Some(model)) => (catalog, catalog.find_model(model).map_err(unknown)?.checkpoint.id.clone()),
        (None, None) => {
            return Err(Failure::argument(anyhow::anyhow!("`--model` or `--model-config` is needed")));
        }
    };
    let calibration = Calibration::embedded().map_err(Failure::unexpected)?;
    let lengths = measurements::lengths(&options.conditions, &options.traffic)?;
    let observed = lengths.as_ref().map(LengthSource::traffic);
    let conditions = Conditions {
        draft_acceptance: options.draft_acceptance,
        ..requirements::conditions(&options.conditions, lengths)
    };
    let targets = requirements::latencies(&options.latency);
    targets.validate().map_err(Failure::argument)?;
    let estimator = Estimator::new(catalog, calibration).under(conditions).map_err(Failure::user)?;
    let (estimator, silent) = measurements::corrected(estimator, &options.conditions)?;
    if options.draft_acceptance.is_some()
        && EngineArguments::read(&options.engine_arguments).speculation.is_none()
    {
        let message = "`--draft-acceptance` needs `--engine-arguments` that draft, such as `--num-speculative-tokens=3`";
        return Err(Failure::argument(anyhow::anyhow!(message)));
    }
    let asked = requirements::traffic(catalog, &options.traffic)?;
    let traffic = observed.or(asked).unwrap_or(Traffic::SHAREGPT);
    let configuration = configuration(catalog, options, model, &traffic)?;
    let estimate = estimator.estimate(&configuration, &traffic).map_err(failure)?;
    let steady = steady(&estimate.curve);
    let figure = || figure::of(&estimate.curve, &steady, &targets, options.conditions.percentile);
    let plot = options.plot.as_ref().map(|file| Plot::of(&figure(), file)).transpose()?;
    let drawn = options.list.format_or(Format::Table) == Format::Plot;
    let mut notes = notes(&estimate, &steady, &targets, drawn);
    if !options.conditions.measured.is_empty() && estimate.curve.provenance.origin == Origin::Estimated {
        notes.push("no measurement is of this replica: nothing is corrected".to_owned());
    }
    notes.extend(silent);
    let outcome =
        if drawn { draw(&options.list, &figure(), &notes)? } else { print(options, &estimate, notes)? };
    if let Some(plot) = plot {
        plot.write()?;
    }
    Ok(outcome)
}

fn failure(error: CannotEstimate) -> Failure {
    match error {
        CannotEstimate::Unknown(error) => unknown(error),
        error => Failure::user(error),
    }
}

fn read_model(config: &Path, quantization: Option<&Path>) -> Result<catalog::Model, Failure> {
    let text = |path: &Path| files::text(path).with_context(|| format!("cannot read `{}`", path.display()));
    let config_text = text(config).map_err(Failure::user)?;
    let quantization = quantization.map(text).transpose().map_err(Failure::user)?;
    let id = config.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or("model");
    let id = format!("local/{id}");
    catalog::model_from_config(&id, &config_text, quantization.as_deref())
        .with_context(|| format!("cannot read `{}`", config.display()))
        .map_err(Failure::user)
}

/// The configuration asked for, with the fewest accelerators that hold it where no number is.
fn configuration(
    catalog: &Catalog,
    options: &Estimate,
    model: String,
    traffic: &Traffic,
) -> Result<Configuration, Failure> {
    let accelerator = catalog.find_accelerator(&options.accelerator_type).map_err(unknown)?;
    let server = catalog.find_server(&options.model_server).map_err(unknown)?;
    let version = match &options.model_server_version {
        Some(version) => Some(server.find_version(version).map_err(unknown)?),
        None => server.default_version(accelerator.kind),
    };
    let asked = |accelerators: u32| Configuration {
        model: model.clone(),
        precision: options.precision,
        server: server.name.clone(),
        server_version: version.map(|version| version.version.clone()),
        accelerator: accelerator.id.clone(),
        accelerators,
        parallelism: infer_core::curve::Parallelism::tensor(accelerators),
        engine_arguments: options.engine_arguments.clone(),
    };
    if let Some(count) = options.accelerator_count {
        return Ok(asked(count));
    }
    let sizes = catalog.replica_sizes(accelerator, None).map_err(unknown)?;
    let mut last = None;
    for accelerators in sizes {
        match infer_core::estimate::Replica::fits(catalog, &asked(accelerators), traffic) {
            Ok(()) => return Ok(asked(accelerators)),
            Err(why) => last = Some(why),
        }
    }
    let none = || anyhow::anyhow!("the catalog has no machine with `{}`", accelerator.id);
    Err(last.map_or_else(|| Failure::user(none()), failure))
}

/// The plot for a terminal, with the notes of the table below it.
fn draw(options: &ListOptions, figure: &Figure, notes: &[String]) -> Result<Outcome, Failure> {
    if let Some(flag) = options.narrowed_by() {
        let message = format!("`-o plot` draws the whole curve: leave out `{flag}`, or print a table");
        return Err(Failure::argument(anyhow::anyhow!(message)));
    }
    let mut text = figure.text();
    if !options.no_headers {
        text.push('\n');
        text.push_str(&bullets(notes));
    }
    Ok(Outcome::print(text))
}

/// What the table has of the highest throughput, which has no latency to draw.
fn highest(curve: &Curve) -> Option<String> {
    let row = rows(curve).pop()?;
    let Banded { low, value, high } = row.throughput;
    Some(format!(
        "the highest throughput is {value:.0} output tokens/s, {low:.0} to {high:.0} eight times out of ten, at {:.2} \
         requests/s: past it an open loop has no steady latency",
        row.point.requests_per_second
    ))
}

fn print(options: &Estimate, estimate: &Estimated, notes: Vec<String>) -> Result<Outcome, Failure> {
    let rows = select(rows(&estimate.curve), &options.list)?;
    let listing = Listing {
        kind: "EstimateList",
        rows: &rows,
        shown: SHOWN,
        csv: None,
        items: &|rows| Box::new(rows.iter().map(|row| item(row, &estimate.curve))),
        notes,
    };
    listing.outcome(&options.list, Format::Table)
}

fn rows(curve: &Curve) -> Vec<LoadRow> {
    let around = |band: fn(&infer_core::curve::FigureBands) -> RatioBand, value: f64| {
        curve
            .bands
            .as_ref()
            .map_or(Banded { low: value, value, high: value }, |bands| band(bands).around(value))
    };
    let of_point = |point: &LoadPoint| LoadRow {
        point: *point,
        ttft: point.latency_milliseconds(LatencyMetric::Ttft).map(|value| around(|bands| bands.ttft, value)),
        itl: point.latency_milliseconds(LatencyMetric::Itl).map(|value| around(|bands| bands.itl, value)),
        ntpot: point
            .latency_milliseconds(LatencyMetric::Ntpot)
            .map(|value| around(|bands| bands.ntpot, value)),
        throughput: around(|bands| bands.throughput, point.output_tokens_per_second),
    };
    curve.points.iter().map(of_point).collect()
}

fn item(row: &LoadRow, curve: &Curve) -> Item {
    let banded = |band: Banded| json!({ "value": band.value, "low": band.low, "high": band.high });
    let mut fields = Map::new();
    let mut add = |key: &str, value: serde_json::Value| {
        fields.insert(key.to_owned(), value);
    };
    add("queriesPerSecond", json!(row.point.requests_per_second));
    add("outputTokensPerSecond", banded(row.throughput));
    let latencies =
        [("ttftMilliseconds", row.ttft), ("itlMilliseconds", row.itl), ("ntpotMilliseconds", row.ntpot)];
    for (key, band) in latencies {
        if let Some(band) = band {
            add(key, banded(band));
        }
    }
    add("running", json!(row.point.running));
    add("waiting", json!(row.point.waiting));
    add("kvUse", json!(row.point.kv_use));
    let name = format!("{}/{:.2}", curve.configuration.model, row.point.requests_per_second);
    Item { name, document: serde_json::Value::Object(fields) }
}

/// The curve without its last point, which has no latency.
fn steady(curve: &Curve) -> Curve {
    let points = curve.points.iter().filter(|point| point.ttft.is_some());
    Curve { points: points.copied().collect(), ..curve.clone() }
}

/// Up to which rate targets are met, by the worse ends of the intervals and by the estimates themselves.
fn within(curve: &Curve, targets: &Targets) -> String {
    let rate = |curve: &Curve| curve.operating_point(targets).ok().map(|at| at.point.requests_per_second);
    match (rate(&curve.pessimistic()), rate(curve)) {
        (Some(promised), Some(estimated)) => format!(
            "targets are met up to {promised:.2} requests/s by the worse ends of the intervals, up to {estimated:.2} \
             by the estimates themselves"
        ),
        (None, Some(estimated)) => format!(
            "targets are met up to {estimated:.2} requests/s by the estimates themselves, at no rate by the worse ends \
             of their intervals"
        ),
        (_, None) => "targets are met at no rate".to_owned(),
    }
}

/// What was estimated, what a step is made of, where the memory goes, how sure the figures are; below a plot what it
/// does not say itself.
fn notes(estimate: &Estimated, steady: &Curve, targets: &Targets, drawn: bool) -> Vec<String> {
    let curve = &estimate.curve;
    let mut notes = Vec::new();
    if !drawn {
        notes.push(format!("{}; {} tokens", curve.configuration, curve.traffic));
    }
    if curve.provenance.origin == Origin::Corrected {
        notes.extend(curve.provenance.notes.iter().cloned());
    }
    let step = &estimate.step;
    let total = step.parts.total();
    let mut parts: Vec<(Part, f64)> =
        Part::ALL.into_iter().map(|part| (part, step.parts.seconds(part) / total)).collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shown = parts.iter().filter(|(_, share)| *share >= 0.01);
    let shares: Vec<String> =
        shown.map(|(part, share)| format!("{} {:.0} %", part.name(), share * 100.0)).collect();
    notes.push(format!(
        "a decode step of {:.0} sequences with {:.0} tokens each takes {:.1} ms: {}",
        step.sequences,
        step.context_tokens,
        total * 1e3,
        shares.join(", ")
    ));
    if let Some(memory) = &estimate.memory {
        notes.push(format!(
            "of {:.1} GiB on each accelerator weights take {:.1}, runtime and activations {:.1}, the cache {:.1} GiB",
            memory.device_bytes / GIB,
            memory.weights_bytes / GIB,
            memory.reserve_bytes / GIB,
            memory.cache_bytes / GIB
        ));
    }
    if targets.latencies().next().is_some() {
        notes.push(within(steady, targets));
    }
    if drawn {
        notes.extend(highest(curve));
        notes.push("░ holds the true figure eight times out of ten: `docs/accuracy.md`".to_owned());
    } else {
        notes.push(
            "the last row is the highest throughput: past it an open loop has no steady latency".to_owned(),
        );
        notes.push("from and to hold the true figure eight times out of ten: `docs/accuracy.md`".to_owned());
    }
    notes
}
