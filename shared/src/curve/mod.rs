//! How latency and throughput of one configuration follow its load: points, provenance, and what is read off them.

mod configuration;
mod point;
mod provenance;

pub use configuration::{Configuration, Parallelism};
pub use point::{Curve, Load, LoadKind, LoadPoint};
pub use provenance::{Origin, Provenance};
