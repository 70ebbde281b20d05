//! A discrete simulation of continuous batching: what a load comes to on an engine whose steps take a known time.
//!
//! * [`EngineSettings`] says how an engine schedules; there is one engine, and servers are its settings.
//! * [`StepClock`] says how long a step takes; the simulation knows nothing of models or accelerators.
//! * [`Simulation`] puts arrivals and lengths on it, and [`Outcome`] is what clients and server see.
//! * [`Recording`] is what a real vLLM decided; the simulation decides the same, step by step.
//!
//! Every step is decided as the engine decides it. Speed comes from what is not done: decoding sequences are one
//! number each until something happens to them, equal steps are taken together, and only blocks that can be found
//! again have an identity.

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
