//! A real Kubernetes control plane for end-to-end tests of `kubectl infer`.
//!
//! API server, etcd, controller manager, scheduler and `kubectl` are the real programs; nodes and kubelets are
//! simulated by KWOK. One control plane serves a test process, and every test has a namespace and nodes of its
//! own in it:
//!
//! ```no_run
//! use infer_tests::{ControlPlane, NodeShape};
//! use std::time::Duration;
//!
//! # fn main() -> anyhow::Result<()> {
//! let namespace = ControlPlane::shared()?.namespace("my-test")?;
//! namespace.add_node(&NodeShape::new("l4").label("cloud.google.com/gke-accelerator", "nvidia-l4"))?;
//! namespace.apply("apiVersion: v1\nkind: Pod\n…")?;
//! namespace.wait_until_running("app=my-app", 1, Duration::from_secs(30))?;
//! # Ok(())
//! # }
//! ```

pub mod autoscaling;
pub mod binaries;
mod certificates;
mod checksum;
mod control_plane;
mod crd;
pub mod krew;
mod machine;
mod metrics_api;
mod namespace;
mod node;
mod pod;
mod registration;
mod relay;
mod sidecar_injector;
mod supervisor;
mod tls;
mod wait;
mod webhook;

pub use certificates::MountedCertificates;
pub use checksum::sha256;
pub use control_plane::ControlPlane;
pub use metrics_api::MetricsApi;
pub use namespace::TestNamespace;
pub use node::NodeShape;
pub use registration::{CONFIGURATIONS, Registration, exclusive_registration};
pub use relay::Relay;
pub use sidecar_injector::{Injection, SidecarInjector};
pub use webhook::{InferWebhook, Probe};
