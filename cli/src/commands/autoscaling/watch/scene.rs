//! One look at an autoscaler.

use infer_core::autoscale::controller::Milli;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus,
};
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Api;
use kube::api::ListParams;

use crate::cluster::{Cluster, failure};
use crate::failure::Failure;

/// An autoscaler of a cluster.
pub(super) struct Watched {
    name: String,
    autoscalers: Api<HorizontalPodAutoscaler>,
    deployments: Api<Deployment>,
    events: Api<Event>,
}

/// What there is to see of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Scene {
    /// Name of the autoscaler, and what it scales.
    pub(super) name: String,
    pub(super) target: String,
    pub(super) replicas: i32,
    pub(super) wanted: i32,
    pub(super) bounds: (i32, i32),
    /// Of a Deployment.
    pub(super) ready: Option<i32>,
    pub(super) metrics: Vec<Reading>,
    /// Conditions that hold replicas back.
    pub(super) conditions: Vec<String>,
    /// Events by their id, oldest first.
    pub(super) events: Vec<(String, String)>,
}

/// A metric against its target.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) name: String,
    /// `None` while it cannot be read.
    pub(super) current: Option<String>,
    pub(super) target: String,
}

impl Watched {
    pub(super) fn new(cluster: &Cluster, name: &str) -> Result<Self, Failure> {
        let (kind, name) = name.split_once('/').unwrap_or(("hpa", name));
        let kinds = ["hpa", "horizontalpodautoscaler", "horizontalpodautoscalers"];
        if !kinds.contains(&kind) {
            let message = format!("`{kind}` is no HorizontalPodAutoscaler: `NAME` or `hpa/NAME` is accepted");
            return Err(Failure::argument(anyhow::anyhow!(message)));
        }
        let (client, namespace) = (cluster.client(), cluster.namespace());
        Ok(Self {
            name: name.to_owned(),
            autoscalers: Api::namespaced(client.clone(), namespace),
            deployments: Api::namespaced(client.clone(), namespace),
            events: Api::namespaced(client, namespace),
        })
    }

    pub(super) async fn look(&self) -> Result<Scene, Failure> {
        let found = self.autoscalers.get(&self.name).await.map_err(failure)?;
        let spec = found.spec.unwrap_or_default();
        let status = found.status.unwrap_or_default();
        let reference = &spec.scale_target_ref;
        let ready = if reference.kind == "Deployment" {
            let deployment = self.deployments.get_opt(&reference.name).await.map_err(failure)?;
            let status = deployment.and_then(|deployment| deployment.status);
            status.map(|status| status.ready_replicas.unwrap_or(0))
        } else {
            None
        };
        let conditions = status.conditions.unwrap_or_default().into_iter();
        let holds_back = |kind: &str, status: &str| match kind {
            "ScalingLimited" => status == "True",
            _ => status == "False",
        };
        let conditions =
            conditions.filter(|condition| holds_back(&condition.type_, &condition.status)).map(|condition| {
                let reason = condition.reason.unwrap_or_default();
                format!("{}: {reason}: {}", condition.type_, condition.message.unwrap_or_default())
            });
        let current = status.current_metrics.unwrap_or_default();
        let metrics = spec.metrics.unwrap_or_default();
        Ok(Scene {
            name: self.name.clone(),
            target: format!("{} {}", reference.kind, reference.name),
            replicas: status.current_replicas.unwrap_or(0),
            wanted: status.desired_replicas,
            bounds: (spec.min_replicas.unwrap_or(1), spec.max_replicas),
            ready,
            metrics: metrics
                .iter()
                .enumerate()
                .map(|(index, metric)| reading(metric, current.get(index)))
                .collect(),
            conditions: conditions.collect(),
            events: self.events().await?,
        })
    }

    /// Who may not read events still sees the rest.
    async fn events(&self) -> Result<Vec<(String, String)>, Failure> {
        let fields = format!("involvedObject.kind=HorizontalPodAutoscaler,involvedObject.name={}", self.name);
        let list = match self.events.list(&ListParams::default().fields(&fields)).await {
            Ok(list) => list.items,
            Err(kube::Error::Api(status)) if status.code == 403 => return Ok(Vec::new()),
            Err(error) => return Err(failure(error)),
        };
        let mut events: Vec<_> = list
            .into_iter()
            .map(|event| {
                let at = event.last_timestamp.map(|time| time.0).or(event.event_time.map(|time| time.0));
                let id = event.metadata.uid.unwrap_or_default();
                let text =
                    format!("{}: {}", event.reason.unwrap_or_default(), event.message.unwrap_or_default());
                (at, id, text)
            })
            .collect();
        events.sort();
        Ok(events.into_iter().map(|(_, id, text)| (id, text)).collect())
    }
}

fn reading(metric: &MetricSpec, status: Option<&MetricStatus>) -> Reading {
    let status = status.filter(|status| status.type_ == metric.type_);
    let (name, target, current) = match metric.type_.as_str() {
        "Pods" => {
            let found = metric.pods.as_ref();
            let current = status.and_then(|status| Some(&status.pods.as_ref()?.current));
            (found.map(|of| of.metric.name.as_str()), found.map(|of| &of.target), current)
        }
        "Object" => {
            let found = metric.object.as_ref();
            let current = status.and_then(|status| Some(&status.object.as_ref()?.current));
            (found.map(|of| of.metric.name.as_str()), found.map(|of| &of.target), current)
        }
        "External" => {
            let found = metric.external.as_ref();
            let current = status.and_then(|status| Some(&status.external.as_ref()?.current));
            (found.map(|of| of.metric.name.as_str()), found.map(|of| &of.target), current)
        }
        _ => {
            let found = metric.resource.as_ref();
            let current = status.and_then(|status| Some(&status.resource.as_ref()?.current));
            (found.map(|of| of.name.as_str()), found.map(|of| &of.target), current)
        }
    };
    Reading {
        name: name.unwrap_or(&metric.type_).to_owned(),
        current: current.and_then(current_of),
        target: target.map(target_of).unwrap_or_default(),
    }
}

fn number(Quantity(text): &Quantity) -> String {
    Milli::parse(text).map_or_else(|| text.clone(), |milli| milli.to_string())
}

fn current_of(current: &MetricValueStatus) -> Option<String> {
    let percent = current.average_utilization.map(|percent| format!("{percent} %"));
    percent.or_else(|| current.average_value.as_ref().or(current.value.as_ref()).map(number))
}

fn target_of(target: &MetricTarget) -> String {
    if let Some(percent) = target.average_utilization {
        return format!("{percent} %");
    }
    match (&target.average_value, &target.value) {
        (Some(average), _) => format!("{} a replica", number(average)),
        (None, Some(value)) => number(value),
        (None, None) => String::new(),
    }
}
