//! What can be computed about a configuration that nobody measured: today its memory.

pub mod memory;
