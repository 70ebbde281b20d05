//! What comes out: objects in the order in which to apply them.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Service;
use serde::Serialize;
use serde_json::Value;

use super::comments::{self, Comment};
use super::gke::{ComputeClass, PodMonitoring};
use super::{ManifestError, ScaledObject, yaml};

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestSet {
    /// First lines: what made it and what it was tried with.
    pub header: Vec<String>,
    /// Commands to run, in order.
    pub comments: Vec<Comment>,
    /// Objects, in the order in which to apply them.
    pub objects: Vec<Object>,
}

/// Which part of a [`ManifestSet`] is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Header and objects.
    Manifest,
    /// Header and comments.
    Comments,
    /// Everything, the comments first.
    #[default]
    All,
}

impl ManifestSet {
    /// A YAML file: comments are YAML comments, so that each part can be applied or read as it is.
    pub fn to_yaml(&self, part: Part) -> Result<String, ManifestError> {
        let mut text = comments::render_header(&self.header);
        if part != Part::Manifest {
            text.push_str(&comments::render(&self.comments));
        }
        if part != Part::Comments {
            text.push_str("---\n");
            text.push_str(&to_yaml(&self.objects)?);
        }
        Ok(text)
    }

    /// One JSON object that `kubectl apply` takes: a `List` of the objects.
    pub fn to_json(&self) -> Result<Value, ManifestError> {
        let items = self.objects.iter().map(Object::to_json).collect::<Result<Vec<_>, _>>()?;
        Ok(serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}))
    }
}

/// One Kubernetes object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Object {
    /// Machines with a boot disk that holds the weights.
    ComputeClass(Box<ComputeClass>),
    /// The model server.
    Deployment(Box<Deployment>),
    /// In front of it.
    Service(Box<Service>),
    /// Scraping of its metrics.
    PodMonitoring(Box<PodMonitoring>),
    /// Scaling of its replicas.
    HorizontalPodAutoscaler(Box<HorizontalPodAutoscaler>),
    /// Scaling of its replicas by KEDA.
    ScaledObject(Box<ScaledObject>),
    /// A copy of a model into a bucket.
    Job(Box<Job>),
}

impl Object {
    /// Kind as Kubernetes names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ComputeClass(_) => "ComputeClass",
            Self::Deployment(_) => "Deployment",
            Self::Service(_) => "Service",
            Self::PodMonitoring(_) => "PodMonitoring",
            Self::HorizontalPodAutoscaler(_) => "HorizontalPodAutoscaler",
            Self::ScaledObject(_) => "ScaledObject",
            Self::Job(_) => "Job",
        }
    }

    /// Name of the object.
    pub fn name(&self) -> &str {
        let metadata = match self {
            Self::ComputeClass(object) => &object.metadata,
            Self::Deployment(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::PodMonitoring(object) => &object.metadata,
            Self::HorizontalPodAutoscaler(object) => &object.metadata,
            Self::ScaledObject(object) => &object.metadata,
            Self::Job(object) => &object.metadata,
        };
        metadata.name.as_deref().unwrap_or_default()
    }

    /// The object as JSON, keys in reading order.
    pub fn to_json(&self) -> Result<Value, ManifestError> {
        let value = serde_json::to_value(self).map_err(|error| ManifestError::Render(error.to_string()))?;
        Ok(yaml::in_reading_order(value))
    }
}

/// Renders objects as YAML documents, separated by `---`.
pub fn to_yaml(objects: &[Object]) -> Result<String, ManifestError> {
    let documents = objects.iter().map(Object::to_json).collect::<Result<Vec<_>, _>>()?;
    yaml::to_yaml(&documents)
}
