//! What measurements of a replica say of its estimates: a shift, and narrower intervals.
//!
//! Logarithms of `measured / estimated` scatter for two reasons: what all measurements of one replica have in common (a
//! kernel, a flag that nobody told) and what each has for itself. Of `n` residuals with a common share `ρ` of the
//! variance, the best linear estimate of the common part is `nρ / (nρ + 1 − ρ)` of their mean, and that much of it is
//! known then (Bühlmann's credibility). The median stands in for the mean, since tables have mislabelled rows.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::estimator::Estimator;
use super::replica::CannotEstimate;
use crate::accuracy::{Metric, Prediction, Unpredictable, comparisons, quantile};
use crate::catalog::{Catalog, CatalogError, Precision};
use crate::curve::{Banded, Configuration, Curve, FigureBands, LoadPoint, Origin};
use crate::measured::{Experiment, MeasuredRow, OfferedLoad, RowPlace};
use crate::parallel::on_all_processors;
use crate::workload::{Itl, Ntpot, Ttft};

/// What the measurements that correct an estimate have in common with it: all but the server's version and arguments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replicated {
    /// Catalog id of the model.
    pub model: String,
    /// Precision of the weights.
    pub precision: Precision,
    /// Catalog name of the server.
    pub server: String,
    /// Catalog id of the accelerator.
    pub accelerator: String,
    /// Accelerators of one replica.
    pub accelerators: u32,
    /// Attention data parallel size.
    pub data_ranks: u32,
    /// Expert parallel size.
    pub expert_ranks: u32,
}

impl Replicated {
    /// Of a configuration, by the catalog's names.
    ///
    /// # Errors
    /// Names that the catalog does not have.
    pub fn of(catalog: &Catalog, configuration: &Configuration) -> Result<Self, CatalogError> {
        let found = catalog.find_model(&configuration.model)?;
        Ok(Self {
            model: found.model.id.clone(),
            precision: configuration.precision.unwrap_or(found.checkpoint.precision),
            server: catalog.find_server(&configuration.server)?.name.clone(),
            accelerator: catalog.find_accelerator(&configuration.accelerator)?.id.clone(),
            accelerators: configuration.accelerators,
            data_ranks: configuration.parallelism.data,
            expert_ranks: configuration.parallelism.expert,
        })
    }
}

/// Share of the variance of `ln(true / estimated)` that measurements of one replica have in common, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommonShares {
    /// Of TTFT.
    pub ttft: f64,
    /// Of ITL.
    pub itl: f64,
    /// Of NTPOT, which holds the wait in a queue too.
    pub ntpot: f64,
    /// Of throughput.
    pub throughput: f64,
}

impl CommonShares {
    /// Before any residual: half.
    pub const fn expected() -> Self {
        Self { ttft: 0.5, itl: 0.5, ntpot: 0.5, throughput: 0.5 }
    }
}

/// `measured / estimated` of one replica, where both are known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Miss {
    /// Median.
    pub ratio: f64,
    /// Measurements that it is of.
    pub rows: u64,
}

/// What was measured of one replica against what is estimated of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Correction {
    /// The replica.
    pub of: Replicated,
    /// Who measured, each once.
    pub sources: Vec<String>,
    /// Of TTFT.
    pub ttft: Option<Miss>,
    /// Of ITL.
    pub itl: Option<Miss>,
    /// Of NTPOT.
    pub ntpot: Option<Miss>,
    /// Of throughput where it tells the most that the replica can do: an open loop below that serves what it is asked.
    pub throughput: Option<Miss>,
}

/// A correction of a figure: its factor, and how wide the interval is against an uncorrected one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shift {
    factor: f64,
    width: f64,
}

impl Shift {
    const NONE: Self = Self { factor: 1.0, width: 1.0 };

    fn of(miss: Option<Miss>, common_share: f64) -> Self {
        let Some(Miss { ratio, rows }) = miss else { return Self::NONE };
        let known = rows as f64 * common_share;
        let weight = known / (known + 1.0 - common_share);
        Self { factor: ratio.powf(weight), width: (1.0 - weight * common_share).sqrt() }
    }

    fn around(self, banded: Banded) -> Banded {
        let value = banded.value * self.factor;
        let end = |end: f64| value * (end / banded.value).powf(self.width);
        Banded { low: end(banded.low), value, high: end(banded.high) }
    }
}

/// The shifts of all figures of a replica.
#[derive(Debug, Clone, Copy)]
struct Shifts {
    ttft: Shift,
    itl: Shift,
    ntpot: Shift,
    throughput: Shift,
}

impl Shifts {
    fn note(&self) -> String {
        format!(
            "TTFT × {:.2}, ITL × {:.2}, throughput × {:.2}",
            self.ttft.factor, self.itl.factor, self.throughput.factor
        )
    }
}

impl Correction {
    /// Whether it changes anything: of some figures measurements of a replica have nothing in common.
    pub(super) fn says_something(&self, common: &CommonShares) -> bool {
        let Shifts { ttft, itl, ntpot, throughput } = self.shifts(common);
        [ttft, itl, ntpot, throughput].iter().any(|shift| *shift != Shift::NONE)
    }

    fn shifts(&self, common: &CommonShares) -> Shifts {
        let itl = Shift::of(self.itl, common.itl);
        // Who measured no throughput has still measured how long steps take, of which NTPOT is mostly made, too.
        let by_steps = self.itl.map(|miss| Miss { ratio: miss.ratio.recip(), ..miss });
        Shifts {
            ttft: Shift::of(self.ttft, common.ttft),
            itl,
            ntpot: if self.itl.is_some() { itl } else { Shift::of(self.ntpot, common.ntpot) },
            throughput: Shift::of(self.throughput.or(by_steps), common.throughput),
        }
    }

    /// The curve of the replica and its intervals, corrected. A replica that is `f` times as fast serves the same load at
    /// `f` times the rate: throughputs and rates are shifted together.
    pub(super) fn applied(&self, curve: Curve, common: &CommonShares) -> Curve {
        let shifts = self.shifts(common);
        let Shifts { ttft, itl, ntpot, throughput } = shifts;
        let point = |point: &LoadPoint| LoadPoint {
            load: point.load.times(throughput.factor),
            requests_per_second: point.requests_per_second * throughput.factor,
            input_tokens_per_second: point.input_tokens_per_second * throughput.factor,
            output_tokens_per_second: point.output_tokens_per_second * throughput.factor,
            ttft: point.ttft.map(|value| Ttft::from_milliseconds(value.milliseconds() * ttft.factor)),
            itl: point.itl.map(|value| Itl::from_milliseconds(value.milliseconds() * itl.factor)),
            ntpot: point.ntpot.map(|value| Ntpot::from_milliseconds(value.milliseconds() * ntpot.factor)),
            ..*point
        };
        let bands = curve.bands.map(|bands| FigureBands {
            ttft: bands.ttft.widened(ttft.width),
            itl: bands.itl.widened(itl.width),
            ntpot: bands.ntpot.widened(ntpot.width),
            throughput: bands.throughput.widened(throughput.width),
        });
        let rows = [self.ttft, self.itl, self.ntpot, self.throughput]
            .into_iter()
            .flatten()
            .map(|miss| miss.rows)
            .max();
        let rows = rows.unwrap_or(0);
        let plural = if rows == 1 { "" } else { "s" };
        let how = format!("corrected by {rows} measurement{plural} of the same replica: {}", shifts.note());
        let mut provenance = curve.provenance;
        provenance.origin = Origin::Corrected;
        provenance.source = self.sources.join(", ");
        provenance.notes.push(how);
        let points = curve.points.iter().map(point).collect();
        Curve { points, bands, provenance, ..curve }
    }

    /// What was predicted of a measurement of the replica, corrected.
    fn predicted(&self, prediction: Prediction, row: &MeasuredRow, common: &CommonShares) -> Prediction {
        let Shifts { ttft, itl, ntpot, throughput } = self.shifts(common);
        let throughput = if tells_capacity(row) { throughput } else { Shift::NONE };
        let shifted = |banded: Option<Banded>, shift: Shift| banded.map(|banded| shift.around(banded));
        Prediction {
            ttft_milliseconds: shifted(prediction.ttft_milliseconds, ttft),
            itl_milliseconds: shifted(prediction.itl_milliseconds, itl),
            ntpot_milliseconds: shifted(prediction.ntpot_milliseconds, ntpot),
            output_tokens_per_second: shifted(prediction.output_tokens_per_second, throughput),
        }
    }
}

/// Predictions of `rows`, one for each in their order, each corrected by `known` other rows of its replica, evenly spread
/// over its loads and lengths; `None` of the rows that correct, and of replicas with no row beside them.
pub fn corrected_predictions(
    catalog: &Catalog,
    common: &CommonShares,
    rows: &[&MeasuredRow],
    predictions: &[Result<Prediction, Unpredictable>],
    known: usize,
) -> Vec<Option<Result<Prediction, Unpredictable>>> {
    let mut by_replica: BTreeMap<Replicated, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        if let Ok(of) = Replicated::of(catalog, &row.experiment.configuration) {
            by_replica.entry(of).or_default().push(index);
        }
    }
    let mut corrected = vec![None; rows.len()];
    for (of, mut members) in by_replica {
        if known == 0 || members.len() <= known {
            continue;
        }
        let place = |index: &usize| {
            let Experiment { traffic, load, .. } = rows[*index].experiment;
            (traffic.input_tokens, traffic.output_tokens, load.amount().unwrap_or(0.0))
        };
        members.sort_by(|a, b| place(a).partial_cmp(&place(b)).unwrap_or(Ordering::Equal));
        let correcting: Vec<usize> =
            (0..known).map(|nth| members[(2 * nth + 1) * members.len() / (2 * known)]).collect();
        let told = correcting
            .iter()
            .filter_map(|index| Some((rows[*index], misses(rows[*index], predictions.get(*index)?))));
        let correction = correction(of, &told.collect::<Vec<_>>());
        for index in members.iter().filter(|index| !correcting.contains(index)) {
            let of_row = |prediction: &Prediction| correction.predicted(*prediction, rows[*index], common);
            corrected[*index] = predictions
                .get(*index)
                .map(|prediction| prediction.as_ref().map(of_row).map_err(Clone::clone));
        }
    }
    corrected
}

/// Logarithms of `measured / estimated` of one row, by metric.
pub(super) type Residuals = [Option<f64>; Metric::ALL.len()];

/// What a row says of its estimate.
///
/// # Errors
/// It cannot be estimated.
pub(super) fn residuals(estimator: &Estimator<'_>, row: &MeasuredRow) -> Result<Residuals, CannotEstimate> {
    Ok(misses(row, &Ok(estimator.predict_experiment(&row.experiment)?)))
}

fn misses(row: &MeasuredRow, predicted: &Result<Prediction, Unpredictable>) -> Residuals {
    let mut residuals = Residuals::default();
    for comparison in comparisons(row, predicted) {
        let residual = comparison.figures.map(|(measured, predicted)| (measured / predicted.value).ln());
        residuals[comparison.metric as usize] = residual.filter(|residual| residual.is_finite());
    }
    residuals
}

/// A row that says nothing of an estimate, and why.
pub type Silent = (RowPlace, CannotEstimate);

/// What `rows` say of `estimator`'s estimates of their replicas, by replica; and the rows that say nothing.
pub(super) fn corrections(
    catalog: &Catalog,
    estimator: &Estimator<'_>,
    rows: &[&MeasuredRow],
) -> (Vec<Correction>, Vec<Silent>) {
    let told = on_all_processors(rows, |row| {
        let of = Replicated::of(catalog, &row.experiment.configuration)?;
        Ok((of, residuals(estimator, row)?))
    });
    let mut by_replica: BTreeMap<Replicated, Vec<(&MeasuredRow, Residuals)>> = BTreeMap::new();
    let mut silent = Vec::new();
    for (row, told) in rows.iter().zip(told) {
        match told {
            Ok((of, residuals)) => by_replica.entry(of).or_default().push((row, residuals)),
            Err(why) => silent.push((row.at.clone(), why)),
        }
    }
    let corrections = by_replica.into_iter().map(|(replica, rows)| correction(replica, &rows));
    (corrections.collect(), silent)
}

fn correction(of: Replicated, rows: &[(&MeasuredRow, Residuals)]) -> Correction {
    let mut sources: Vec<String> = rows.iter().map(|(row, _)| source(row)).collect();
    sources.sort_unstable();
    sources.dedup();
    let miss = |metric: Metric| {
        let tells = |row: &MeasuredRow| metric != Metric::Throughput || tells_capacity(row);
        let told =
            rows.iter().filter(|(row, _)| tells(row)).filter_map(|(_, residuals)| residuals[metric as usize]);
        let told: Vec<f64> = told.collect();
        Some(Miss { ratio: median(&told)?.exp(), rows: told.len() as u64 })
    };
    Correction {
        ttft: miss(Metric::Ttft),
        itl: miss(Metric::Itl),
        ntpot: miss(Metric::Ntpot),
        throughput: miss(Metric::Throughput),
        of,
        sources,
    }
}

/// Who measured a row; the file, where it does not say.
fn source(row: &MeasuredRow) -> String {
    match row.publisher() {
        "" => row.at.document.to_string(),
        publisher => publisher.to_owned(),
    }
}

/// Whether the throughput of a row is the server's and not the load's.
fn tells_capacity(row: &MeasuredRow) -> bool {
    row.is_saturated()
        || matches!(
            row.experiment.load,
            OfferedLoad::InFlight(_) | OfferedLoad::Offline | OfferedLoad::Burst(_)
        )
}

/// Median; `None` of nothing.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}
