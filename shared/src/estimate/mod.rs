//! What can be computed about a configuration that nobody measured: today its memory.

pub mod memory;

/// Bytes of a GiB.
pub const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
