//! What a rollout sees of the cluster.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{HELD, KEDA_PAUSED, RECORD, REVISION, Record, RolloutError, WARMS, copy_name};
use crate::inspect::{AutoscalerKind, Subject, inspect};

/// What a rollout sees of a Deployment, its autoscalers and its temporary copy.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// `spec.replicas`.
    pub replicas: u32,
    /// Ready replicas of the current template.
    pub ready: u32,
    /// Ready replicas of any template: what serves.
    pub serving: u32,
    /// Pods, ready or not.
    pub pods: u32,
    /// Revision of the template.
    pub revision: Option<String>,
    /// The rollout under way.
    pub record: Option<Record>,
    /// Autoscalers of the Deployment that nobody else owns.
    pub autoscalers: Vec<ObservedAutoscaler>,
    /// The temporary copy.
    pub copy: Option<ObservedCopy>,
}

/// An autoscaler of the Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedAutoscaler {
    /// HorizontalPodAutoscaler or ScaledObject.
    pub kind: AutoscalerKind,
    /// Its name.
    pub name: String,
    /// Fewest replicas that it says now, where it says so.
    pub min_replicas: Option<u32>,
    /// Most replicas that it says now, where it says so.
    pub max_replicas: Option<u32>,
    /// What it said before a rollout held it; `None` where none does.
    pub held: Option<Held>,
}

/// What an autoscaler said before a rollout held it at a number of replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Held {
    /// Replicas that it is held at.
    pub at: u32,
    /// `minReplicas` before; absent where it was not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<u32>,
    /// `maxReplicas` before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<u32>,
    /// KEDA's pausing annotation before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
}

/// The temporary copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedCopy {
    /// Whether its replica is ready.
    pub ready: bool,
    /// Revision that it is a copy of.
    pub revision: Option<String>,
}

impl Observed {
    /// Reads a Deployment, the autoscalers of its namespace and the Deployment with the name of its copy, as the
    /// API server gives them.
    ///
    /// # Errors
    ///
    /// An annotation that a rollout left cannot be read, or a foreign object has the copy's name.
    pub fn read(
        deployment: &Value,
        autoscalers: &[Value],
        copy: Option<&Value>,
    ) -> Result<Self, RolloutError> {
        let name = text(deployment, "/metadata/name").unwrap_or_default();
        let status = |field: &str| number(deployment, &format!("/status/{field}")).unwrap_or(0);
        let current = is_current(deployment);
        let serving = status("readyReplicas");
        let mut mine = Vec::new();
        for object in autoscalers {
            mine.extend(ObservedAutoscaler::read(object, name)?);
        }
        let copy = copy.filter(|copy| copy.pointer("/metadata/deletionTimestamp").is_none());
        Ok(Self {
            replicas: number(deployment, "/spec/replicas").unwrap_or(1),
            ready: if current { serving.min(status("updatedReplicas")) } else { 0 },
            serving,
            pods: status("replicas"),
            revision: annotation(deployment, "deployment.kubernetes.io/revision").map(str::to_owned),
            record: remembered(deployment, RECORD)?,
            autoscalers: mine,
            copy: copy.map(|copy| ObservedCopy::read(copy, deployment)).transpose()?,
        })
    }
}

impl ObservedAutoscaler {
    /// `None` for what does not scale the Deployment `name`, or is made by another controller (KEDA makes a
    /// HorizontalPodAutoscaler for every ScaledObject).
    fn read(object: &Value, name: &str) -> Result<Option<Self>, RolloutError> {
        let Subject::Autoscaler(autoscaler) = inspect(object) else { return Ok(None) };
        let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let is_owned =
            owners.into_iter().flatten().any(|owner| owner.get("controller") == Some(&true.into()));
        if autoscaler.target_kind != "Deployment" || autoscaler.target_name != name || is_owned {
            return Ok(None);
        }
        Ok(Some(Self {
            kind: autoscaler.kind,
            name: autoscaler.identity.name.unwrap_or_default().to_owned(),
            min_replicas: autoscaler.min_replicas,
            max_replicas: autoscaler.max_replicas,
            held: remembered(object, HELD)?,
        }))
    }

    /// What it would be held from: its words of now, to be given back later.
    pub(super) fn hold(&self, object: &Value, at: u32) -> Held {
        match &self.held {
            Some(held) => Held { at, ..held.clone() },
            None => Held {
                at,
                min_replicas: self.min_replicas,
                max_replicas: self.max_replicas,
                paused: annotation(object, KEDA_PAUSED).map(str::to_owned),
            },
        }
    }
}

impl ObservedCopy {
    fn read(copy: &Value, deployment: &Value) -> Result<Self, RolloutError> {
        let warms = copy.pointer("/metadata/labels").and_then(|labels| labels.get(WARMS)?.as_str());
        if warms.is_none() || warms != text(deployment, "/metadata/uid") {
            let name = text(deployment, "/metadata/name").unwrap_or_default();
            return Err(RolloutError::NameTaken { name: copy_name(name) });
        }
        let ready = number(copy, "/status/readyReplicas").unwrap_or(0) > 0 && is_current(copy);
        Ok(Self { ready, revision: annotation(copy, REVISION).map(str::to_owned) })
    }
}

/// Whether the status speaks of the spec that stands in the object.
fn is_current(deployment: &Value) -> bool {
    let generation = |path: &str| deployment.pointer(path).and_then(Value::as_i64);
    generation("/status/observedGeneration") >= generation("/metadata/generation")
}

fn remembered<T: for<'de> Deserialize<'de>>(
    object: &Value,
    key: &'static str,
) -> Result<Option<T>, RolloutError> {
    let Some(text) = annotation(object, key) else { return Ok(None) };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|error| RolloutError::Annotation { key, reason: error.to_string() })
}

fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.pointer("/metadata/annotations")?.get(key)?.as_str()
}

fn text<'a>(object: &'a Value, path: &str) -> Option<&'a str> {
    object.pointer(path)?.as_str()
}

fn number(object: &Value, path: &str) -> Option<u32> {
    u32::try_from(object.pointer(path)?.as_u64()?).ok()
}
