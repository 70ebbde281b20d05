//! How latency and throughput of one configuration follow its load: points, provenance, and what is read off them.

mod at_rate;
mod band;
mod configuration;
mod engine_arguments;
#[cfg(test)]
pub(crate) mod fixtures;
mod from_profile;
mod interpolation;
mod knee;
mod operating;
mod point;
mod provenance;
mod reach;
mod zone;

pub use band::{Banded, FigureBands, RatioBand};
pub use configuration::{Configuration, Parallelism};
pub use engine_arguments::{EngineArguments, Speculation};
pub use from_profile::CurveError;
pub use interpolation::LatencyAt;
pub use knee::{NoKnee, PUBLISHED_KNEE};
pub use operating::{MaximumReason, NoOperatingPoint, OperatingKind, OperatingPoint, Unmet};
pub use point::{Curve, Load, LoadKind, LoadPoint};
pub use provenance::{Origin, Provenance};
pub use reach::Range;
pub use zone::{Zone, ZoneRates};
