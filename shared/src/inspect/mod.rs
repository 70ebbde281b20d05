//! Any object's JSON → the inference workload or the autoscaler in it.
//!
//! The way in is [`inspect`]. It reads raw JSON by path, so that objects with fields unknown to everyone, and kinds
//! whose types this project does not have, are read like any other, and it borrows from the object: nothing is
//! decoded and nothing can be lost. It knows JSON and nothing of the catalog.
//!
//! What cannot be told is [`Told::Unknown`], never guessed.

mod accelerator;
mod arguments;
mod autoscaler;
mod cache;
mod command_line;
mod container;
mod flags;
mod identity;
mod image;
mod metric;
mod model;
mod node;
mod placeholder;
mod pod;
mod probe;
mod program;
mod quantity;
mod recognise;
mod serve_config;
mod server;
mod settings;
mod shell;
mod template;
#[cfg(test)]
mod tests;
mod token;
mod told;
mod variables;
mod volume;
mod word;
mod workload;

use serde_json::Value;

pub use json_patch::jsonptr::{Pointer, PointerBuf};

pub use accelerator::AcceleratorRequest;
pub use arguments::{Abbreviation, Argument, ArgumentPlace, ArgumentValue, Arguments};
pub use autoscaler::{Autoscaler, AutoscalerKind};
pub use cache::{CacheDirectory, Sharing};
pub use container::{Container, Environment, EnvironmentValue, Resources};
pub use identity::Identity;
pub use image::{Entrypoint, Image};
pub use metric::{Metric, MetricTarget};
pub use model::ModelSource;
pub use node::NodeConstraints;
pub use placeholder::is_placeholder;
pub use pod::{Parallelism, Role, ServingPod};
pub use probe::{ContainerPort, Port, PreStop, Probe, ProbeHandler, ProbeKind};
pub use quantity::parse_quantity;
pub use server::ServerKind;
pub use template::{PodTemplate, pod_templates};
pub use token::{HubToken, TokenSource};
pub use told::Told;
pub use variables::Variables;
pub use volume::{Mount, Volume, VolumeSource};
pub use word::Word;
pub use workload::Workload;

/// What an object is to this project.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject<'a> {
    /// An object with at least one Pod template in which a container serves a model.
    Workload(Workload<'a>),
    /// An object that decides on the replicas of another.
    Autoscaler(Autoscaler<'a>),
    /// Nothing that any rule speaks about.
    Unrelated,
}

/// What `object` is.
pub fn inspect(object: &Value) -> Subject<'_> {
    if let Some(autoscaler) = Autoscaler::of(object) {
        return Subject::Autoscaler(autoscaler);
    }
    Workload::of(object).map_or(Subject::Unrelated, Subject::Workload)
}
