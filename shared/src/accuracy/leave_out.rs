//! Predictions by what has never seen the like of the row.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::{Prediction, Predictor, Unpredictable};
use crate::catalog::Catalog;
use crate::measured::MeasuredRow;
use crate::parallel;

/// What can be calibrated anew.
pub trait Refit: Sync {
    /// A predictor that rests on `kept` alone.
    ///
    /// # Errors
    /// Why these rows are not enough.
    fn refit(&self, kept: &[&MeasuredRow]) -> Result<Box<dyn Predictor + '_>, Unpredictable>;
}

/// Which rows are left out of the calibration that predicts a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveOut {
    /// Those of its model, precision, accelerator and server: a fit that has seen one point of a curve has seen the
    /// curve.
    Group,
    /// Those of its accelerator.
    Accelerator,
    /// Those of its publisher.
    Source,
}

impl LeaveOut {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Group, Self::Accelerator, Self::Source];

    /// Name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Accelerator => "accelerator",
            Self::Source => "source",
        }
    }

    /// What rows that are left out together have in common. Names are the catalog's where it knows them: a checkpoint
    /// and its precision by either name are the same.
    fn key(self, row: &MeasuredRow, catalog: &Catalog) -> String {
        let configuration = &row.experiment.configuration;
        let known = catalog.known_accelerator(&configuration.accelerator).ok().flatten();
        let accelerator = known.map_or(configuration.accelerator.as_str(), |known| known.id.as_str());
        match self {
            Self::Source => row.publisher().to_owned(),
            Self::Accelerator => accelerator.to_owned(),
            Self::Group => {
                let found = catalog.known_model(&configuration.model).ok().flatten();
                let model = found.map_or(configuration.model.as_str(), |found| found.model.id.as_str());
                let precision = configuration.precision.or(found.map(|found| found.checkpoint.precision));
                let server = catalog.known_server(&configuration.server).ok().flatten();
                let server = server.map_or(configuration.server.as_str(), |server| server.name.as_str());
                format!("{model} {precision:?} {accelerator} {server}")
            }
        }
    }
}

/// Predicts each of `rows` with what `refit` makes of `training` without the rows that belong with it, worked out by
/// `threads` threads; the second value is how often it was refitted.
pub fn left_out(
    refit: &dyn Refit,
    training: &[MeasuredRow],
    rows: &[&MeasuredRow],
    by: LeaveOut,
    catalog: &Catalog,
    threads: NonZeroUsize,
) -> (Vec<Result<Prediction, Unpredictable>>, usize) {
    let mut folds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        folds.entry(by.key(row, catalog)).or_default().push(index);
    }
    let keys: Vec<String> = training.iter().map(|row| by.key(row, catalog)).collect();
    let folds: Vec<(String, Vec<usize>)> = folds.into_iter().collect();
    let of_folds = parallel::map(&folds, threads, |(key, members)| {
        let kept = training.iter().zip(&keys).filter(|(_, of)| *of != key).map(|(row, _)| row);
        let predictor = refit.refit(&kept.collect::<Vec<_>>());
        let predict = |index: &usize| match &predictor {
            Ok(predictor) => predictor.predict(&rows[*index].experiment),
            Err(unpredictable) => Err(unpredictable.clone()),
        };
        members.iter().map(|index| (*index, predict(index))).collect::<Vec<_>>()
    });
    let mut predictions: Vec<_> = of_folds.into_iter().flatten().collect();
    predictions.sort_unstable_by_key(|(index, _)| *index);
    (predictions.into_iter().map(|(_, prediction)| prediction).collect(), folds.len())
}
