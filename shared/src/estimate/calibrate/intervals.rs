//! Intervals from what was left out.

use super::{Calibration, fitted_accelerators, groups, is_fit_for_fitting};
use crate::catalog::Catalog;
use crate::curve::{Banded, FigureBands, RatioBand};
use crate::estimate::{Bands, Estimator, step};
use crate::measured::MeasuredRow;
use crate::parallel::on_all_processors;

/// Parts into which groups are dealt out: each is predicted by a fit to the others.
const PARTS: usize = 8;

/// `true / estimated` of the four figures of one row, where both are known.
#[derive(Debug, Clone, Copy, Default)]
struct Residuals {
    ttft: Option<f64>,
    itl: Option<f64>,
    ntpot: Option<f64>,
    throughput: Option<f64>,
}

type Weighted = (Residuals, f64, usize);

impl Calibration {
    /// The same constants with intervals from rows that fits did not see: whole groups for accelerators that were
    /// fitted, whole accelerators for those that were not.
    pub fn with_intervals(&self, catalog: &Catalog, rows: &[&MeasuredRow]) -> Self {
        let (group_of, weights) = groups(rows);
        let part = |index: usize| group_of[index] % PARTS;
        let by_group = self.left_out(catalog, rows, &weights, &group_of, part);
        let accelerators = fitted_accelerators(rows);
        let accelerator = |index: usize| {
            let id = &rows[index].experiment.configuration.accelerator;
            accelerators.iter().position(|known| known == id).unwrap_or(0)
        };
        let by_accelerator = self.left_out(catalog, rows, &weights, &group_of, accelerator);
        let near = (0..step::SERVERS.len()).map(|server| {
            let of_server: Vec<Weighted> =
                by_group.iter().copied().filter(|(_, _, of)| *of == server).collect();
            bands(&of_server, &bands(&by_group, &FigureBands::expected()))
        });
        let bands = Bands {
            near: near.collect(),
            far: bands(&by_accelerator, &FigureBands::expected()),
            fitted: accelerators,
        };
        Self { constants: self.constants.clone(), bands }
    }

    /// Residuals of all rows, each predicted by a fit to the rows of other parts.
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
                (residuals(&estimator, row), weights[group_of[*index]], server)
            });
            all.extend(residuals);
        }
        all
    }
}

fn residuals(estimator: &Estimator<'_>, row: &MeasuredRow) -> Residuals {
    if !is_fit_for_fitting(row) {
        return Residuals::default();
    }
    let Ok(predicted) = estimator.predict_experiment(&row.experiment) else { return Residuals::default() };
    let told = !row.is_saturated();
    let ratio = |measured: Option<f64>, predicted: Option<Banded>| {
        Some(measured? / predicted?.value).filter(|ratio| ratio.is_finite())
    };
    let figures = row.figures;
    let throughput = figures.output_tokens_per_second.or(row.output_tokens_per_second_by_littles_law());
    let latency = |value: Option<f64>| value.filter(|_| told);
    Residuals {
        ttft: ratio(latency(figures.ttft.map(|ttft| ttft.milliseconds())), predicted.ttft_milliseconds),
        itl: ratio(latency(figures.itl.map(|itl| itl.milliseconds())), predicted.itl_milliseconds),
        ntpot: ratio(latency(figures.ntpot.map(|ntpot| ntpot.milliseconds())), predicted.ntpot_milliseconds),
        throughput: ratio(throughput, predicted.output_tokens_per_second),
    }
}

/// Intervals of some rows' residuals; `otherwise` where there are too few.
fn bands(rows: &[Weighted], otherwise: &FigureBands) -> FigureBands {
    let band = |of: fn(&Residuals) -> Option<f64>, otherwise: RatioBand| {
        let ratios: Vec<(f64, f64)> =
            rows.iter().filter_map(|(residuals, weight, _)| Some((of(residuals)?, *weight))).collect();
        RatioBand::holding(Banded::COVERAGE, &ratios).unwrap_or(otherwise)
    };
    FigureBands {
        ttft: band(|row| row.ttft, otherwise.ttft),
        itl: band(|row| row.itl, otherwise.itl),
        ntpot: band(|row| row.ntpot.or(row.itl), otherwise.ntpot),
        throughput: band(|row| row.throughput, otherwise.throughput),
    }
}
