//! What predicts.

use std::num::NonZeroUsize;

use thiserror::Error;

use crate::curve::Banded;
use crate::measured::{Experiment, MeasuredRow};
use crate::parallel;

/// Predicts what an experiment would measure, from the experiment alone.
pub trait Predictor: Sync {
    /// The statistics that the experiment asks for, each with its 80 % interval.
    ///
    /// # Errors
    /// Why nothing can be said: an unknown model, a replica that does not fit, a load that makes no sense.
    fn predict(&self, experiment: &Experiment) -> Result<Prediction, Unpredictable>;
}

/// What an experiment would measure. `None` where nothing can be said, as of latencies above capacity.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Prediction {
    /// TTFT in milliseconds.
    pub ttft_milliseconds: Option<Banded>,
    /// ITL in milliseconds.
    pub itl_milliseconds: Option<Banded>,
    /// NTPOT in milliseconds.
    pub ntpot_milliseconds: Option<Banded>,
    /// Output tokens a second of the replica. For [`OfferedLoad::AtThroughput`](crate::measured::OfferedLoad), whose
    /// throughput is the question, the most that the replica can give.
    pub output_tokens_per_second: Option<Banded>,
}

/// Why an experiment cannot be predicted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Unpredictable {
    /// What is missing or wrong, and where it helps, what would be accepted.
    pub reason: String,
}

impl Unpredictable {
    /// With this reason.
    pub fn because(reason: impl ToString) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// The prediction of each row, in the order of the rows, worked out by `threads` threads.
pub fn predict(
    predictor: &dyn Predictor,
    rows: &[&MeasuredRow],
    threads: NonZeroUsize,
) -> Vec<Result<Prediction, Unpredictable>> {
    parallel::map(rows, threads, |row| predictor.predict(&row.experiment))
}
