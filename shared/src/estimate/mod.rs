//! What can be computed about a configuration that nobody measured: its memory, how its engine schedules, how long its
//! steps take, and from these the curve of its latency and throughput.

mod band;
mod calibrate;
mod estimator;
pub mod memory;
mod parallel;
mod protocol;
mod replica;
mod run;
pub mod scheduler;
pub mod step;

pub use band::Bands;
pub use calibrate::{Calibration, CalibrationError, group_key, is_fit_for_fitting};
pub use estimator::{Estimate, Estimator, TypicalStep};
pub(crate) use parallel::in_parallel;
pub use protocol::{Launch, Protocol};
pub use replica::{CannotEstimate, Replica};
pub use run::Run;
