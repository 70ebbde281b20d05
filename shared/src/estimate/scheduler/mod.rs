//! A discrete simulation of continuous batching.

mod blocks;
mod clock;
mod engine;
mod error;
mod outcome;
mod recording;
mod settings;
mod simulate;
#[cfg(test)]
mod tests;

pub use clock::{StepClock, StepShape};
pub use error::SimulationError;
pub use outcome::{Distribution, Outcome, Sample};
pub use recording::{Agreement, Disagreement, Recording, RecordingError};
pub use settings::{Admission, Batching, EngineSettings, Speculation};
pub use simulate::{ClientPath, CommonPrefix, Simulation, Streaming, Window};
