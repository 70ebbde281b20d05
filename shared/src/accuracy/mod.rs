//! How far predictions are from measurements: the program's own check of what it says about what nobody measured.
//!
//! [`assess`] holds the predictions of a [`Predictor`] against measured rows, each predicted from its
//! [`Experiment`](crate::measured::Experiment) alone, and makes a [`Report`] by group. [`left_out`] predicts each row with what was
//! calibrated without its group, accelerator or source, so that figures on the calibration's own rows are honest.

mod compare;
mod leave_out;
mod predictor;
mod report;
mod score;
mod statistics;
#[cfg(test)]
mod tests;

pub(crate) use compare::{Metric, comparisons};
pub use leave_out::{LeaveOut, Refit, left_out};
pub use predictor::{Prediction, Predictor, Unpredictable, predict};
pub use report::{GROUPED_BY, Group, Overall, Report, Skipped, assess};
pub use score::{Metrics, Score};
pub(crate) use statistics::quantile;
