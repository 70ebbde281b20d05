//! Fitting the estimator's constants to measurements.
//!
//! Errors are ratios, so residuals are logarithms; they are damped beyond what a good estimate misses by, so that a
//! mislabelled row pulls little; rows of one group count together as the square root of their number, since a group of
//! a hundred points of one curve is not a hundred independent facts; and every constant is held at its prior by its
//! spread. The same measurements give the same constants, bit for bit.

mod intervals;
mod least_squares;
mod observation;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use thiserror::Error;

use self::least_squares::minimise;
use self::observation::{Estimated, Observation, Recorder};
use super::band::Bands;
use super::correction::Correction;
use super::step::{Constants, SERVERS};
use super::{Replica, Run};
use crate::catalog::{Catalog, Precision};
use crate::measured::{MeasuredRow, Tag};
use crate::parallel::on_all_processors;

/// Residuals that a good estimate has: beyond them a measurement pulls less than the square of its distance.
const ITL_SCALE: f64 = 0.12;
const TTFT_SCALE: f64 = 0.35;
const THROUGHPUT_SCALE: f64 = 0.15;

/// What a TTFT and a throughput weigh against an ITL: TTFT holds the least of the step's physics and the most of how
/// a benchmark was run; throughputs without latency are records of tuned servers.
const TTFT_WEIGHT: f64 = 0.6;
const THROUGHPUT_WEIGHT: f64 = 0.5;

/// How firmly constants are held at their priors: the inverse of the weight of one residual.
const PRIOR_WEIGHT: f64 = 3.0;

/// How often steps are composed anew for the constants found.
const COMPOSITIONS: usize = 2;

/// Rounds of the fit for one composition of steps.
const ROUNDS: usize = 12;

/// Rounds of a fit that starts near its end.
const REFIT_ROUNDS: usize = 3;

/// A constant counts a measurement as one that it rests on when the estimate moves by this share of its own change.
const RESTS_ON: f64 = 0.01;

/// What the estimator knows from measurements: constants and how far they miss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Calibration {
    /// Efficiencies and fixed times.
    pub constants: Constants,
    /// Intervals of estimates.
    pub bands: Bands,
    /// What the measurements say of estimates of their own replicas.
    pub corrections: Vec<Correction>,
}

/// The calibration that the project carries, written by `calibrate`.
const EMBEDDED: &str = include_str!("../../../data/estimator.json");

impl Calibration {
    /// Before any measurement: priors, and intervals as wide as others found them.
    pub fn expected() -> Self {
        Self { constants: Constants::expected(), bands: Bands::expected(), corrections: Vec::new() }
    }

    /// The one that the project carries.
    ///
    /// # Errors
    /// A file of another form.
    pub fn embedded() -> Result<Self, CalibrationError> {
        Self::read(EMBEDDED)
    }

    /// From the text of a constants file.
    ///
    /// # Errors
    /// Text of another form, or constants of another number of servers.
    pub fn read(text: &str) -> Result<Self, CalibrationError> {
        let read: Self = serde_json::from_str(text).map_err(|error| CalibrationError(error.to_string()))?;
        let servers = [read.constants.servers.len(), read.bands.near.len()];
        if servers.iter().any(|servers| *servers != SERVERS.len()) {
            let message =
                format!("{} servers are expected, in the order {}", SERVERS.len(), SERVERS.join(", "));
            return Err(CalibrationError(message));
        }
        Ok(read)
    }

    /// Text of a constants file: the same for the same calibration. Seven digits are more than any figure means, and
    /// few enough to be read again as they were.
    ///
    /// # Errors
    /// Figures that JSON cannot hold.
    pub fn write(&self) -> Result<String, CalibrationError> {
        let problem = |error: serde_json::Error| CalibrationError(error.to_string());
        let mut document = serde_json::to_value(self).map_err(problem)?;
        round(&mut document);
        Ok(serde_json::to_string_pretty(&document).map_err(problem)? + "\n")
    }

    /// Fits constants to rows from their priors, without intervals: those of `self` stay.
    pub fn fitted(&self, catalog: &Catalog, rows: &[&MeasuredRow]) -> Self {
        let expected = Self { bands: self.bands.clone(), ..Self::expected() };
        (0..COMPOSITIONS).fold(expected, |found, _| found.fitted_once(catalog, rows, ROUNDS))
    }

    /// Fits to rows that are nearly those that `self` was fitted to, starting there: the same minimum, sooner.
    pub(super) fn refitted(&self, catalog: &Catalog, rows: &[&MeasuredRow]) -> Self {
        self.fitted_once(catalog, rows, REFIT_ROUNDS)
    }

    fn fitted_once(&self, catalog: &Catalog, rows: &[&MeasuredRow], rounds: usize) -> Self {
        let (groups, weights) = groups(rows);
        let seen = observe(catalog, rows, &groups, &self.constants);
        let constants = fit(&seen, &weights, &self.constants, rounds);
        let mut bands = self.bands.clone();
        bands.fitted = fitted_accelerators(rows);
        Self { constants, bands, corrections: Vec::new() }
    }
}

/// Rounds every figure that is not whole to seven digits.
fn round(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(round),
        Value::Array(entries) => entries.iter_mut().for_each(round),
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().and_then(|figure| format!("{figure:.6e}").parse().ok());
            if let Some(rounded) = rounded.and_then(Number::from_f64) {
                *number = rounded;
            }
        }
        _ => {}
    }
}

/// A constants file that cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("these are no constants of the estimator: {0}")]
pub struct CalibrationError(String);

/// Whether a row says something of a server that everybody may run: no hidden speculation, no experiment.
fn is_fit_for_fitting(row: &MeasuredRow) -> bool {
    !row.tags.contains(&Tag::MtpSuspected) && !row.source.contains("experimental/")
}

fn fitted_accelerators(rows: &[&MeasuredRow]) -> Vec<String> {
    let ids = rows.iter().map(|row| row.experiment.configuration.accelerator.clone());
    ids.collect::<BTreeSet<String>>().into_iter().collect()
}

/// Number of the group of each row, and the weight of each group's rows.
fn groups(rows: &[&MeasuredRow]) -> (Vec<usize>, Vec<f64>) {
    let group_of = numbered(rows, group_key);
    let mut counts = vec![0.0_f64; group_of.iter().max().map_or(0, |last| last + 1)];
    group_of.iter().for_each(|group| counts[*group] += 1.0);
    let mut weights: Vec<f64> = counts.iter().map(|count| count.sqrt().recip()).collect();
    let mean = group_of.iter().map(|group| weights[*group]).sum::<f64>() / group_of.len().max(1) as f64;
    weights.iter_mut().for_each(|weight| *weight /= mean);
    (group_of, weights)
}

/// For each row the number of its key among all keys in their order.
fn numbered<K: Ord>(rows: &[&MeasuredRow], key: impl Fn(&MeasuredRow) -> K) -> Vec<usize> {
    let keys: Vec<K> = rows.iter().map(|row| key(row)).collect();
    let distinct: BTreeSet<&K> = keys.iter().collect();
    let numbers: BTreeMap<&K, usize> = distinct.into_iter().zip(0..).collect();
    keys.iter().map(|key| numbers[key]).collect()
}

/// Model, precision, accelerator and server: what one source measures in one go.
fn group_key(row: &MeasuredRow) -> String {
    let configuration = &row.experiment.configuration;
    let precision = configuration.precision.map_or("stock", Precision::name);
    format!("{}|{precision}|{}|{}", configuration.model, configuration.accelerator, configuration.server)
}

/// Simulates every row that can be, for the composition of its steps.
fn observe(
    catalog: &Catalog,
    rows: &[&MeasuredRow],
    groups: &[usize],
    constants: &Constants,
) -> Vec<Observation> {
    let indices: Vec<usize> = (0..rows.len()).collect();
    let observed = on_all_processors(&indices, |index| {
        let row = rows[*index];
        if !is_fit_for_fitting(row) {
            return None;
        }
        let replica = Replica::of_experiment(catalog, &row.experiment).ok()?;
        let recorder = Recorder::new(replica.clock(constants));
        let outcome = replica.run(&Run::of(&row.experiment), &recorder).ok()?;
        let seen = recorder.seen();
        Some(Observation::new(replica, seen, &outcome, row, groups[*index]))
    });
    observed.into_iter().flatten().collect()
}

fn fit(observations: &[Observation], weights: &[f64], start: &Constants, rounds: usize) -> Constants {
    let mut constants = start.clone();
    let standing: Vec<f64> = constants.all_mut().into_iter().map(|constant| constant.standing()).collect();
    let residuals = |places: &[Vec<f64>]| {
        on_all_processors(places, |place| residuals(observations, weights, &constants, place))
    };
    let minimum = minimise(residuals, standing, rounds);
    let points = resting(observations, &minimum.slopes);
    for ((constant, standing), points) in constants.all_mut().into_iter().zip(&minimum.at).zip(points) {
        constant.stand(*standing);
        constant.points = points;
    }
    constants
}

/// Residuals of all measurements, three each, then those of the priors.
fn residuals(observations: &[Observation], weights: &[f64], base: &Constants, place: &[f64]) -> Vec<f64> {
    let mut constants = base.clone();
    for (constant, standing) in constants.all_mut().into_iter().zip(place) {
        constant.stand(*standing);
    }
    let mut all = Vec::with_capacity(observations.len() * 3 + place.len());
    for observation in observations {
        let Estimated { ttft, itl, output_tokens_per_second } = observation.estimate(&constants);
        let measured = observation.measured;
        let weight = weights[observation.group].sqrt();
        let residual = |estimated: f64, measured: Option<f64>, scale: f64| {
            measured.map_or(0.0, |measured| weight * damped((estimated / measured).ln() / scale))
        };
        all.push(residual(itl, measured.itl, ITL_SCALE));
        all.push(TTFT_WEIGHT * residual(ttft, measured.ttft, TTFT_SCALE));
        let throughput =
            residual(output_tokens_per_second, measured.output_tokens_per_second, THROUGHPUT_SCALE);
        all.push(THROUGHPUT_WEIGHT * throughput);
    }
    all.extend(place.iter().map(|standing| PRIOR_WEIGHT * standing));
    all
}

/// Square root of twice the pseudo-Huber loss: as the residual itself below 1, as its square root far above.
fn damped(residual: f64) -> f64 {
    if !residual.is_finite() {
        return 0.0;
    }
    residual.signum() * (2.0 * (residual.hypot(1.0) - 1.0)).sqrt()
}

/// Measurements that each constant rests on.
fn resting(observations: &[Observation], slopes: &[Vec<f64>]) -> Vec<u64> {
    let moves = |slope: &[f64], observation: usize| {
        slope[observation * 3..observation * 3 + 3].iter().any(|slope| slope.abs() > RESTS_ON)
    };
    slopes
        .iter()
        .map(|slope| (0..observations.len()).filter(|observation| moves(slope, *observation)).count() as u64)
        .collect()
}
