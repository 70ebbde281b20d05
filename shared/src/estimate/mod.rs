//! What can be computed about a configuration that nobody measured: its memory, how its engine schedules, how long its
//! steps take, and from these the curve of its latency and throughput.

mod band;
mod calibrate;
mod conditions;
mod correction;
mod estimator;
pub mod memory;
mod protocol;
mod replica;
mod run;
pub mod scheduler;
pub mod step;

pub use band::Bands;
pub use calibrate::{Calibration, CalibrationError};
pub use conditions::{Conditions, NoShare};
pub use correction::{CommonShares, Correction, Miss, Replicated, Silent, corrected_predictions};
pub use estimator::{Estimate, Estimator, TypicalStep};
pub use protocol::{Launch, Protocol};
pub use replica::{CannotEstimate, Replica};
pub use run::Run;
