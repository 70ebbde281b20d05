//! Control planes for tests of autoscaling, with somebody who answers for metrics.
//!
//! They are apart from the shared one: an API of metrics has one owner in a cluster, and the controller looks every
//! 15 s there, as it does on GKE.

mod exporter;
mod metrics_api;
mod monitored;
mod played;
mod servers;
mod tunnel;

pub use exporter::CLUSTER;
pub use monitored::Monitored;
pub use played::{Pass, PlayedMetrics};
pub use servers::ModelServer;
