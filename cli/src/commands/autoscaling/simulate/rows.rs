//! Tables of simulations.

use infer_core::autoscale::simulation::{Outcome, Sample};
use infer_core::recommend::{Column, ColumnKind, Row, Value};
use serde_json::{Map, json};

use crate::output::{Cell, Heading, Item, Sheet, comma_separated};

/// What became of one fleet.
pub(super) struct FleetRow {
    pub(super) outcome: Outcome,
    /// Mean tokens of an answer.
    pub(super) output_tokens: f64,
}

impl FleetRow {
    fn usd_per_million_output_tokens(&self) -> Option<f64> {
        let tokens = self.outcome.requests * self.output_tokens;
        self.outcome.usd.filter(|_| tokens > 0.0).map(|usd| usd / tokens * 1e6)
    }
}

const TEXT: ColumnKind = ColumnKind::Text;
const WHOLE: ColumnKind = ColumnKind::Number { decimals: 0 };
const TENTHS: ColumnKind = ColumnKind::Number { decimals: 1 };
const HUNDREDTHS: ColumnKind = ColumnKind::Number { decimals: 2 };

const COLUMNS: &[Column<FleetRow>] = &[
    Column::new("fleet", "Replicas By", TEXT, |row| Value::of(&row.outcome.name)),
    Column::new("percentWithinTargets", "Within Targets (%)", HUNDREDTHS, |row| {
        Value::number(row.outcome.within_targets.map(|share| share * 100.0))
    }),
    Column::new("worstTtftMilliseconds", "Worst TTFT (ms)", WHOLE, |row| {
        Value::number(row.outcome.worst_ttft)
    }),
    Column::new("worstNtpotMilliseconds", "Worst NTPOT (ms)", WHOLE, |row| {
        Value::number(row.outcome.worst_ntpot)
    }),
    Column::new("longestQueue", "Longest Queue", WHOLE, |row| Value::Number(row.outcome.longest_queue)),
    Column::new("meanReplicas", "Mean Replicas", HUNDREDTHS, |row| Value::Number(row.outcome.mean_replicas)),
    Column::new("fewestReplicas", "Fewest", WHOLE, |row| Value::Number(row.outcome.fewest_replicas.into())),
    Column::new("mostReplicas", "Most", WHOLE, |row| Value::Number(row.outcome.most_replicas.into())),
    Column::new("scaleUps", "Ups", WHOLE, |row| Value::Number(row.outcome.scale_ups.into())),
    Column::new("scaleDowns", "Downs", WHOLE, |row| Value::Number(row.outcome.scale_downs.into())),
    Column::new("replicaHours", "Replica Hours", TENTHS, |row| Value::Number(row.outcome.replica_hours)),
    Column::new("usd", "Cost ($)", HUNDREDTHS, |row| Value::number(row.outcome.usd)),
    Column::new("usdPerMillionOutputTokens", "$/M Output Tokens", HUNDREDTHS, |row| {
        Value::number(row.usd_per_million_output_tokens())
    }),
    Column::new("requests", "Requests", WHOLE, |row| Value::Number(row.outcome.requests)),
];

/// What fits a terminal.
pub(super) const SHOWN: &[&str] = &[
    "fleet",
    "percentWithinTargets",
    "worstTtftMilliseconds",
    "worstNtpotMilliseconds",
    "longestQueue",
    "meanReplicas",
    "mostReplicas",
    "replicaHours",
    "usd",
    "usdPerMillionOutputTokens",
];

impl Row for FleetRow {
    fn columns() -> &'static [Column<Self>] {
        COLUMNS
    }
}

/// What programs read of a fleet: its figures, and their course.
pub(super) fn item(row: &FleetRow) -> Item {
    let mut fields = Map::new();
    for column in COLUMNS {
        let value = match (column.value)(row) {
            Value::Text(text) => json!(text),
            Value::Number(number) => json!(number),
            Value::Missing => continue,
        };
        fields.insert(column.name.to_owned(), value);
    }
    fields.insert("course".to_owned(), row.outcome.samples.iter().map(sample).collect());
    Item { name: row.outcome.name.clone(), document: fields.into() }
}

fn sample(sample: &Sample) -> serde_json::Value {
    json!({
        "seconds": sample.second,
        "requestsPerSecond": sample.requests_per_second,
        "replicas": sample.replicas,
        "ready": sample.ready,
        "inFlight": sample.in_flight,
        "ttftMilliseconds": sample.ttft,
        "ntpotMilliseconds": sample.ntpot,
    })
}

/// The course of all fleets, a line for each stretch of time.
pub(super) fn course(outcomes: &[Outcome]) -> String {
    let heading = |title| Heading { title, wide: false, figures: false };
    let titles = [
        "fleet",
        "seconds",
        "requestsPerSecond",
        "replicas",
        "ready",
        "inFlight",
        "ttftMilliseconds",
        "ntpotMilliseconds",
    ];
    let figure = |value: f64| Cell::Number { value, decimals: 2 };
    let known = |value: Option<f64>| value.map_or(Cell::Missing, figure);
    let line = |outcome: &Outcome, sample: &Sample| {
        vec![
            Cell::Text(outcome.name.clone()),
            figure(sample.second as f64),
            figure(sample.requests_per_second),
            figure(sample.replicas.into()),
            figure(sample.ready.into()),
            figure(sample.in_flight),
            known(sample.ttft),
            known(sample.ntpot),
        ]
    };
    let rows = outcomes.iter().flat_map(|outcome| outcome.samples.iter().map(|sample| line(outcome, sample)));
    comma_separated(&Sheet { columns: titles.map(heading).to_vec(), rows: rows.collect() })
}
