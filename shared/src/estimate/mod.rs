//! What can be computed about a configuration that nobody measured: its memory, and how its engine schedules.

pub mod memory;
pub mod scheduler;
