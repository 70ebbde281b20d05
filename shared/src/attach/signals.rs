//! Which signals, and at which values.

use std::str::FromStr;

use crate::autoscale::{Aim, AutoscaleError, Expression, Held, Kind, Reach, held as of_curve};
use crate::catalog::{Meaning, Server, ServerVersion, Signal, TPU_DEVICE_PLUGIN};
use crate::workload::LatencyMetric;

/// A signal that a user chose: `waiting`, `waiting=10`, or a metric's own name.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalChoice {
    /// Meaning, `in-flight` for the sum of running and waiting requests, `memory-share`, or a metric's name.
    pub name: String,
    /// What it is held at; `None`: as the curve or the bound says.
    pub threshold: Option<f64>,
}

impl FromStr for SignalChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, threshold) = match text.split_once('=') {
            None => (text, None),
            Some((name, number)) => {
                let number: f64 = number.parse().map_err(|_| format!("`{number}` is no number"))?;
                if !(number.is_finite() && number > 0.0) {
                    return Err(format!("a threshold of {number}: a positive number is accepted"));
                }
                (name, Some(number))
            }
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
        if name.is_empty() || !name.chars().all(allowed) {
            return Err("must be a signal, or `SIGNAL=NUMBER`, such as `waiting=10`".to_owned());
        }
        Ok(Self { name: name.to_owned(), threshold })
    }
}

/// Why not, before the server's name is known.
pub(super) enum Why {
    Error(AutoscaleError),
    NoSignal(String),
    Unknown { signal: String, known: Vec<String> },
}

impl Why {
    pub(super) fn of(self, server: &Server, version: &ServerVersion) -> AutoscaleError {
        let (server, version) = (server.display_name.clone(), version.version.clone());
        match self {
            Self::Error(error) => error,
            Self::NoSignal(reason) => AutoscaleError::NoSignal { server, version, reason },
            Self::Unknown { signal, known } => {
                AutoscaleError::UnknownSignal { signal, server, version, known }
            }
        }
    }
}

impl From<AutoscaleError> for Why {
    fn from(error: AutoscaleError) -> Self {
        Self::Error(error)
    }
}

/// The signals of a workload with their thresholds.
pub(super) fn held<'a>(
    kind: Kind,
    choices: &[SignalChoice],
    exported: &[&'a Signal],
    all: &'a [Signal],
    aims: Option<&(Aim, Vec<(LatencyMetric, Aim)>)>,
    reach: &Reach,
) -> Result<Vec<Held<'a>>, Why> {
    if choices.is_empty() {
        if let Some((aim, of_targets)) = aims {
            return of_curve(kind, exported, aim, of_targets, reach).map_err(Why::NoSignal);
        }
        let expressions = crate::autoscale::expressions(kind, exported, false).map_err(Why::NoSignal)?;
        let held = expressions.into_iter().map(|expression| Held::unmeasured(expression, reach));
        return Ok(held.collect::<Result<_, _>>()?);
    }
    let mut held = Vec::new();
    for choice in choices {
        let expression = expression(&choice.name, exported, all)?;
        held.push(match (choice.threshold, aims) {
            (Some(threshold), _) => Held::chosen(expression, threshold, reach)?,
            (None, Some((aim, of_targets))) => {
                Held::at(expression, aim, of_targets, reach).map_err(Why::NoSignal)?
            }
            (None, None) => Held::unmeasured(expression, reach)?,
        });
    }
    Ok(held)
}

fn expression<'a>(name: &str, exported: &[&'a Signal], all: &'a [Signal]) -> Result<Expression<'a>, Why> {
    let of = |meaning: Meaning| exported.iter().copied().filter(move |signal| signal.meaning == meaning);
    let newest = |meaning: Meaning| of(meaning).find(|s| s.since.is_some()).or_else(|| of(meaning).next());
    let chip = |meaning: Meaning| {
        all.iter().find(|signal| signal.exporter == TPU_DEVICE_PLUGIN && signal.meaning == meaning)
    };
    let found = match name {
        "in-flight" => newest(Meaning::Running)
            .zip(newest(Meaning::Waiting))
            .map(|(running, waiting)| Expression::Sum(vec![running, waiting])),
        "memory-used" | "memory_used" => chip(Meaning::MemoryUsed).map(Expression::One),
        "memory-share" => chip(Meaning::MemoryUsed)
            .zip(chip(Meaning::MemoryTotal))
            .map(|(used, total)| Expression::Ratio(used, total)),
        // A metric by its name wins over what it means.
        name => exported
            .iter()
            .copied()
            .find(|signal| signal.metric == name || signal.meaning.name() == name)
            .map(Expression::One),
    };
    found.ok_or_else(|| {
        let mut known: Vec<String> = exported.iter().map(|signal| signal.meaning.name().to_owned()).collect();
        known.sort_unstable();
        known.dedup();
        let has = |name: &str| known.iter().any(|known| known == name);
        if has("running") && has("waiting") {
            known.push("in-flight".to_owned());
        }
        known.extend(["memory-used", "memory-share"].map(|name| format!("{name} (TPU)")));
        Why::Unknown { signal: name.to_owned(), known }
    })
}
