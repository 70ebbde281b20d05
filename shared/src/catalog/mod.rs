//! What is known: models, accelerators, machines, prices, model servers, use cases and measured profiles.
//!
//! The embedded catalog lies in `shared/data` in the same format that overlays use (see `docs/catalog.md`).
//! Each section is parsed when it is first asked for.

mod accelerator;
mod ceiling;
mod document;
mod embedded;
mod entry;
mod error;
mod evidence;
mod flags;
mod hugging_face;
mod lookup;
mod machine;
mod model;
mod parameters;
mod price;
mod profile;
mod server;
mod signal;
mod start_times;
mod use_case;

pub use accelerator::{Accelerator, AcceleratorKind, PeakCompute};
pub use ceiling::{Ceiling, CeilingPoint};
pub use document::MAX_DOCUMENT_BYTES;
pub use error::CatalogError;
pub(crate) use error::nearest;
pub use evidence::Evidence;
pub use flags::{FlagSpan, FlagTable, FlagVersion, Support};
pub use hugging_face::{ConfigError, MAX_CONFIG_BYTES, model_from_config};
pub use lookup::{Catalog, Found, OverlayDocument, Release};
pub use machine::{BootDisk, Machine, Topology};
pub use model::{
    Architecture, AttentionKind, AttentionLayers, CacheElement, Checkpoint, FeedForwardKind,
    FeedForwardLayers, Model, Precision,
};
pub use parameters::{AttentionParameters, FeedForwardParameters};
pub use price::{Price, PriceBasis, PriceTable, PricingModel, RegionPrices};
pub use profile::{Profile, ProfilePoint};
pub use server::{ArgumentNames, MemoryScope, SchedulerDefaults, Server, ServerImage, ServerVersion};
pub use signal::{
    Bound, Endpoint, Goal, Meaning, MetricType, Signal, SignalScope, SignalUnit, TPU_DEVICE_PLUGIN,
};
pub use start_times::StartTimes;
pub use use_case::UseCase;

/// Bytes of a GiB.
pub const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
