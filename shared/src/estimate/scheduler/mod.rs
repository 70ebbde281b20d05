//! A discrete simulation of continuous batching.

mod blocks;
mod clock;
mod engine;
mod error;
mod recording;
mod settings;

pub use clock::{StepClock, StepShape};
pub use error::SimulationError;
pub use recording::{Agreement, Disagreement, Recording, RecordingError};
pub use settings::{Admission, Batching, EngineSettings, Speculation};
