//! Intervals from what was left out.

use std::collections::BTreeMap;

use super::{Calibration, fitted_accelerators, groups, is_fit_for_fitting, numbered};
use crate::accuracy::{Metric, quantile};
use crate::catalog::Catalog;
use crate::curve::{Banded, FigureBands, RatioBand};
use crate::estimate::correction::{CommonShares, Replicated, Residuals, corrections, median, residuals};
use crate::estimate::{Bands, Estimator, step};
use crate::measured::MeasuredRow;
use crate::parallel::on_all_processors;

/// Parts into which groups are dealt out: each is predicted by a fit to the others.
const PARTS: usize = 8;

/// What a row says of its estimate, what the row weighs, and the number of its server.
type Weighted = (Residuals, f64, usize);

impl Calibration {
    /// The same constants with intervals from rows that fits did not see, and with what the rows say of their own
    /// replicas.
    ///
    /// For accelerators that were fitted, whole groups are left out and then whole publishers, and both count alike:
    /// who asks has a replica that nobody measured, and measures it in a way of his own. For those that were not, whole
    /// accelerators and whole publishers.
    pub fn with_intervals(&self, catalog: &Catalog, rows: &[&MeasuredRow]) -> Self {
        let (group_of, weights) = groups(rows);
        let left_out =
            |part: &dyn Fn(usize) -> usize| self.left_out(catalog, rows, &weights, &group_of, part);
        let by_group = left_out(&|index| group_of[index] % PARTS);
        let accelerators = numbered(rows, |row| row.experiment.configuration.accelerator.clone());
        let by_accelerator = left_out(&|index| accelerators[index]);
        let publishers = numbered(rows, |row| row.publisher().to_owned());
        let by_publisher = left_out(&|index| publishers[index]);
        let unseen = [&by_group[..], &by_publisher].concat();
        let near = (0..step::SERVERS.len()).map(|server| {
            let of_server: Vec<Weighted> =
                unseen.iter().copied().filter(|(_, _, of)| *of == server).collect();
            bands(&of_server, &bands(&unseen, &FigureBands::expected()))
        });
        let replicas = rows.iter().zip(&by_group).filter_map(|(row, residuals)| {
            Some((Replicated::of(catalog, &row.experiment.configuration).ok()?, *residuals))
        });
        let bands = Bands {
            near: near.collect(),
            far: bands(&[by_accelerator, by_publisher].concat(), &FigureBands::expected()),
            fitted: fitted_accelerators(rows),
            common: common_shares(&replicas.collect::<Vec<_>>()),
        };
        let estimator = Estimator::new(catalog, self.clone());
        let fit: Vec<&MeasuredRow> = rows.iter().copied().filter(|row| is_fit_for_fitting(row)).collect();
        let (corrections, _) = corrections(catalog, &estimator, &fit);
        Self { constants: self.constants.clone(), bands, corrections }
    }

    /// Residuals of all rows in their order, each predicted by a fit to the rows of other parts.
    fn left_out(
        &self,
        catalog: &Catalog,
        rows: &[&MeasuredRow],
        weights: &[f64],
        group_of: &[usize],
        part: impl Fn(usize) -> usize,
    ) -> Vec<Weighted> {
        let parts = (0..rows.len()).map(&part).max().map_or(0, |last| last + 1);
        let mut all = Vec::with_capacity(rows.len());
        for left_out in 0..parts {
            let (tested, kept): (Vec<usize>, Vec<usize>) =
                (0..rows.len()).partition(|index| part(*index) == left_out);
            let kept: Vec<&MeasuredRow> = kept.into_iter().map(|index| rows[index]).collect();
            let estimator = Estimator::new(catalog, self.refitted(catalog, &kept));
            let residuals = on_all_processors(&tested, |index| {
                let row = rows[*index];
                let server = step::server_index(&row.experiment.configuration.server);
                let told = is_fit_for_fitting(row).then(|| residuals(&estimator, row).unwrap_or_default());
                let told = told.unwrap_or_default();
                (*index, (told, weights[group_of[*index]], server))
            });
            all.extend(residuals);
        }
        all.sort_by_key(|(index, _)| *index);
        all.into_iter().map(|(_, residuals)| residuals).collect()
    }
}

/// Intervals of some rows' residuals; `otherwise` where there are too few.
fn bands(rows: &[Weighted], otherwise: &FigureBands) -> FigureBands {
    let band = |of: &dyn Fn(&Residuals) -> Option<f64>, otherwise: RatioBand| {
        let ratios: Vec<(f64, f64)> =
            rows.iter().filter_map(|(residuals, weight, _)| Some((of(residuals)?.exp(), *weight))).collect();
        RatioBand::holding(Banded::COVERAGE, &ratios).unwrap_or(otherwise)
    };
    let of = |metric: Metric| move |row: &Residuals| row[metric as usize];
    FigureBands {
        ttft: band(&of(Metric::Ttft), otherwise.ttft),
        itl: band(&of(Metric::Itl), otherwise.itl),
        ntpot: band(&|row| of(Metric::Ntpot)(row).or(of(Metric::Itl)(row)), otherwise.ntpot),
        throughput: band(&of(Metric::Throughput), otherwise.throughput),
    }
}

/// How much of the scatter of residuals is between replicas: one less the square of what is left of it once the median
/// of a replica's other residuals is taken off. Scatter is the distance within which eight of ten residuals lie, as the
/// intervals that it narrows.
fn common_shares(rows: &[(Replicated, Weighted)]) -> CommonShares {
    let share = |metric: Metric| {
        let mut by_replica: BTreeMap<&Replicated, Vec<f64>> = BTreeMap::new();
        for (replica, (residuals, _, _)) in rows {
            if let Some(residual) = residuals[metric as usize] {
                by_replica.entry(replica).or_default().push(residual);
            }
        }
        by_replica.retain(|_, residuals| residuals.len() > 2);
        let all: Vec<f64> = by_replica.values().flatten().copied().collect();
        let middle = median(&all)?;
        let (mut between, mut within) = (Vec::new(), Vec::new());
        for residuals in by_replica.values() {
            for (index, residual) in residuals.iter().enumerate() {
                let others = [&residuals[..index], &residuals[index + 1..]].concat();
                within.push((residual - median(&others)?).abs());
                between.push((residual - middle).abs());
            }
        }
        within.sort_by(f64::total_cmp);
        between.sort_by(f64::total_cmp);
        let left = quantile(&within, Banded::COVERAGE)? / quantile(&between, Banded::COVERAGE)?;
        Some((1.0 - left * left).clamp(0.0, 0.99))
    };
    let expected = CommonShares::expected();
    CommonShares {
        ttft: share(Metric::Ttft).unwrap_or(expected.ttft),
        itl: share(Metric::Itl).unwrap_or(expected.itl),
        ntpot: share(Metric::Ntpot).unwrap_or(expected.ntpot),
        throughput: share(Metric::Throughput).unwrap_or(expected.throughput),
    }
}
