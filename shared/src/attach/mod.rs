//! An autoscaler for a workload that is there already, whoever wrote it: what scrapes its metrics, and what scales it.
//!
//! Labels, ports and names are the workload's own. Thresholds are those that a user names, else read off the curve of
//! what the workload runs, else half of what a signal can read.

mod monitoring;
mod signals;
#[cfg(test)]
mod tests;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use thiserror::Error;

pub use signals::SignalChoice;

use crate::autoscale::{
    Aim, AutoscaleError, AutoscalingOptions, Expression, Headroom, Held, Kind, ReactionTime, Replicas,
    ScalingSteps, Start,
};
use crate::catalog::{Catalog, CatalogError, Server, ServerVersion};
use crate::curve::{NoOperatingPoint, OperatingPoint};
use crate::estimate::Calibration;
use crate::explain::Loads;
use crate::inspect::{Identity, ModelSource, Subject, inspect};
use crate::manifest::{
    AdapterValues, ManifestError, Parts, Scaled, adapter_values, tpu_monitoring, yaml_of_documents,
};
use crate::rules::{Background, Facts};
use crate::workload::{LatencyMetric, Targets};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttachRequest {
    /// Kind of autoscaler, times, names.
    pub options: AutoscalingOptions,
    /// Latency targets.
    pub targets: Targets,
    /// Signals to scale by; empty: the best that the server exports.
    pub signals: Vec<SignalChoice>,
    /// Load to be ready for, in requests a second.
    pub requests_per_second: Option<f64>,
    /// Fewest replicas.
    pub min_replicas: Option<u32>,
    /// Most replicas.
    pub max_replicas: Option<u32>,
    /// Port of the server's metrics, by number or name.
    pub metrics_port: Option<String>,
    /// Namespace of a workload that names none itself.
    pub namespace: Option<String>,
}

/// Why there is no autoscaler.
#[derive(Debug, Error)]
pub enum AttachError {
    /// No Deployment or the like that runs a model server.
    #[error("{0} runs no model server that is known here: vLLM, SGLang, TGI, JetStream and TensorRT-LLM are")]
    NoServer(String),
    /// The selector of the workload has no labels that its Pods have.
    #[error(
        "the Pods of {workload} do not have the label `{label}` that its selector asks for: the API server refuses it, and \
         nothing could scrape them"
    )]
    Label {
        /// Workload.
        workload: String,
        /// Label.
        label: String,
    },
    /// A port that no container has.
    #[error("no container of {workload} has port {port}: {} are accepted", .known.join(", "))]
    Port {
        /// Workload.
        workload: String,
        /// What was asked.
        port: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Metrics that are switched off.
    #[error("{server} of {workload} exports no metrics: {how}")]
    SwitchedOff {
        /// Server.
        server: String,
        /// Workload.
        workload: String,
        /// How to switch them on.
        how: String,
    },
    /// A target that the curve does not reach.
    #[error("{0}")]
    OutOfReach(String),
    /// A target, and no curve.
    #[error("a latency target needs a curve: {0}")]
    NoCurve(String),
    /// What no autoscaler can be.
    #[error(transparent)]
    Autoscale(#[from] AutoscaleError),
    /// What cannot be written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The catalog cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// What comes out.
#[derive(Debug, Clone, PartialEq)]
pub struct Attached {
    /// What was decided and why, one paragraph each.
    pub reasons: Vec<String>,
    /// What scrapes, and what scales.
    pub objects: Vec<Value>,
    /// Values of prometheus-adapter, where that is the adapter.
    pub values: Option<AdapterValues>,
}

impl Attached {
    /// A YAML file: reasons as comments, then the objects.
    ///
    /// # Errors
    /// What the YAML writer refuses.
    pub fn to_yaml(&self, catalog: &Catalog) -> Result<String, ManifestError> {
        let mut text = format!("# Catalog {}\n", catalog.release()?.version);
        for reason in &self.reasons {
            text.push_str("#\n");
            for line in crate::manifest::wrapped(reason) {
                text.push_str(&format!("# {line}\n"));
            }
        }
        text.push_str("---\n");
        text.push_str(&yaml_of_documents(&self.objects)?);
        Ok(text)
    }
}

/// Plans an autoscaler for the workload that `object` is.
///
/// # Errors
/// See [`AttachError`].
pub fn attach(
    object: &Value,
    request: &AttachRequest,
    background: &Background<'_>,
    calibration: &Calibration,
) -> Result<Attached, AttachError> {
    request.options.check()?;
    let name = name_of(object);
    let subject = inspect(object);
    let Subject::Workload(workload) = &subject else { return Err(AttachError::NoServer(name)) };
    let facts = workload.pods.first().map(|pod| Facts::of_workload(workload, pod, background)).transpose()?;
    let facts = facts.ok_or_else(|| AttachError::NoServer(name.clone()))?;
    let server = facts.server.ok_or_else(|| AttachError::NoServer(name.clone()))?;
    monitoring::check_labels(&facts, &name)?;
    let mut reasons = Vec::new();
    let version = version(&facts, server, &mut reasons).ok_or_else(|| AttachError::NoServer(name.clone()))?;
    let asked = Asked { facts: &facts, server, version, request, catalog: background.catalog, name: &name };
    let mut plan = asked.plan(calibration)?;
    plan.reasons.splice(0..0, reasons);
    asked.write(plan)
}

fn name_of(object: &Value) -> String {
    let identity = Identity::of(object);
    let text = |of: Option<&str>| of.unwrap_or("without a name").to_owned();
    identity.map_or_else(|| "the object".to_owned(), |of| format!("{} `{}`", of.kind, text(of.name)))
}

/// The version that runs, else the newest that is known, which is said.
fn version<'a>(
    facts: &Facts<'a>,
    server: &'a Server,
    reasons: &mut Vec<String>,
) -> Option<&'a ServerVersion> {
    facts.version.or_else(|| {
        let newest = server.versions.last()?;
        reasons.push(format!(
            "Note: the catalog does not know this version of {}; metrics are taken to be those of {}.",
            server.display_name, newest.version
        ));
        Some(newest)
    })
}

/// A workload whose server is known, and what is asked for it.
struct Asked<'a> {
    facts: &'a Facts<'a>,
    server: &'a Server,
    version: &'a ServerVersion,
    request: &'a AttachRequest,
    catalog: &'a Catalog,
    name: &'a str,
}

/// Signals, replicas and steps.
struct Planned<'a> {
    held: Vec<Held<'a>>,
    replicas: Replicas,
    steps: ScalingSteps,
    reasons: Vec<String>,
}

impl<'a> Asked<'a> {
    /// Namespace that everything goes into.
    fn namespace(&self) -> Option<&'a str> {
        self.facts.workload.identity.namespace.or(self.request.namespace.as_deref())
    }

    fn plan(&self, calibration: &Calibration) -> Result<Planned<'a>, AttachError> {
        let Self { facts, server, version, request, catalog, name } = *self;
        let loads = Loads::of(facts, catalog, calibration);
        let reaction = reaction(facts, catalog, &request.options)?;
        let headroom = Headroom::of(&request.options, reaction);
        let mut exported = catalog.signals_of(server, version)?;
        exported.retain(|signal| signal.good_for.is_some());
        monitoring::check_switched_on(facts, &exported, server, name)?;
        let aims = aims(&loads, request, headroom)?;
        let of_chips = catalog.signals()?;
        let kind = request.options.autoscaler;
        let reach = loads.reach();
        let held = signals::held(kind, &request.signals, &exported, of_chips, aims.as_ref(), &reach);
        let held = held.map_err(|why| why.of(server, version))?;
        let mut reasons: Vec<String> = aims.iter().map(|aims| said(&aims.joint)).collect();
        reasons.extend(held.iter().map(|held| {
            let names: Vec<&str> =
                held.expression.signals().iter().map(|signal| signal.metric.as_str()).collect();
            format!("Signal {}: {}.", names.join(" + "), held.why)
        }));
        let replicas = replicas(facts, request, aims.as_ref().map(|aims| &aims.joint))?;
        Ok(Planned { held, replicas, steps: ScalingSteps::of(&reaction), reasons })
    }

    fn write(&self, plan: Planned<'_>) -> Result<Attached, AttachError> {
        let Self { facts, server, request, catalog, name, .. } = *self;
        let identity = &facts.workload.identity;
        let workload = identity.name.unwrap_or_default();
        let mut objects = Vec::new();
        let monitor = monitoring::object(facts, server, request, name, self.namespace())?;
        if !facts.background.neighbours.scrapes(identity.namespace, facts.pod.template) {
            objects.push(monitor);
        }
        if plan.held.iter().any(|held| monitoring::is_of_chips(&held.expression)) {
            objects.push(tpu_monitoring(catalog, request.options.scrape_seconds())?);
        }
        let options = &request.options;
        let parts = Parts {
            scaled: Scaled {
                api_version: identity.api_version,
                kind: identity.kind,
                name: workload,
                namespace: self.namespace(),
                container: monitoring::accelerated_container(facts),
                job: workload,
            },
            held: &plan.held,
            replicas: plan.replicas,
            steps: plan.steps,
            options,
        };
        let metadata = ObjectMeta {
            name: Some(workload.to_owned()),
            namespace: self.namespace().map(str::to_owned),
            ..ObjectMeta::default()
        };
        if let Some(object) = parts.object(options.autoscaler, metadata)? {
            objects.push(object.to_json()?);
        }
        let expressions: Vec<Expression<'_>> = plan.held.iter().map(|held| held.expression.clone()).collect();
        let values = (options.autoscaler == Kind::PrometheusAdapter)
            .then(|| adapter_values(&expressions, options.cluster_name(), &options.prometheus_url()));
        Ok(Attached { reasons: plan.reasons, objects, values })
    }
}

/// The load that is left to a replica, with its numbers.
fn said(aim: &Aim) -> String {
    let Headroom { tolerance, growth_per_minute, reaction } = aim.headroom;
    format!(
        "A replica meets the targets up to {:.2} requests/s; the autoscaler leaves it {:.2}, for its tolerance of {:.0} % \
         and load that may grow by {:.2} % a minute for {:.0} s ({reaction}).",
        aim.most_requests_per_second,
        aim.requests_per_second(),
        tolerance * 100.0,
        growth_per_minute * 100.0,
        reaction.seconds(),
    )
}

fn reaction(
    facts: &Facts<'_>,
    catalog: &Catalog,
    options: &AutoscalingOptions,
) -> Result<ReactionTime, CatalogError> {
    let kind = facts.accelerator.map(|accelerator| accelerator.kind);
    let times = kind.map(|kind| catalog.start_times(kind)).transpose()?.flatten();
    let start = Start {
        image_gb: None,
        weights_bytes: facts.model.map_or(0, |(_, checkpoint)| checkpoint.bytes),
        downloads: matches!(facts.pod.model, ModelSource::Hub(_)),
        is_compiled: false,
    };
    Ok(ReactionTime::of(times, &start, options))
}

/// The load to leave to a replica.
struct Aims {
    /// For all targets together.
    joint: Aim,
    /// For each target alone.
    each: Vec<(LatencyMetric, Aim)>,
}

/// Off the curve of what the workload runs; `None` without targets.
fn aims(loads: &Loads<'_>, request: &AttachRequest, headroom: Headroom) -> Result<Option<Aims>, AttachError> {
    if request.targets.latencies().next().is_none() {
        return Ok(None);
    }
    let why = || loads.why_unknown().unwrap_or_else(|| "there is none".to_owned());
    let curve = loads.curve().ok_or_else(|| AttachError::NoCurve(why()))?.pessimistic();
    let at = |targets: &Targets| curve.operating_point(targets);
    let operating: OperatingPoint = at(&request.targets).map_err(|error| out_of_reach(&error, &curve))?;
    let aim = |point: &OperatingPoint| Aim::of(&curve, &point.point, headroom);
    let joint = aim(&operating).ok_or_else(|| AttachError::NoCurve("it has no request rates".to_owned()))?;
    let each = request
        .targets
        .latencies()
        .filter_map(|(metric, _)| Some((metric, aim(&at(&request.targets.only(metric)).ok()?)?)));
    Ok(Some(Aims { joint, each: each.collect() }))
}

fn out_of_reach(error: &NoOperatingPoint, curve: &crate::curve::Curve) -> AttachError {
    let ranges: Vec<String> = LatencyMetric::ALL
        .into_iter()
        .filter_map(|metric| Some(format!("{metric} of {}", curve.reach(metric)?.in_milliseconds())))
        .collect();
    let why = match error {
        NoOperatingPoint::Unmet(_) => "no load meets the targets",
        NoOperatingPoint::NeverMeasured(_) => "a latency that was asked is not known",
        NoOperatingPoint::Empty => "the curve has no points",
    };
    AttachError::OutOfReach(format!("{why}: a replica reaches {}", ranges.join(", ")))
}

fn replicas(
    facts: &Facts<'_>,
    request: &AttachRequest,
    aim: Option<&Aim>,
) -> Result<Replicas, AutoscaleError> {
    let each = facts.accelerators_per_pod().unwrap_or(1);
    let planned = match aim {
        Some(aim) => Replicas::of(aim, request.requests_per_second, &request.options, each)?,
        None => Replicas { least: 1, most: 4 }.within(request.options.max_accelerators, each)?,
    };
    let least = request.min_replicas.unwrap_or(planned.least.min(request.max_replicas.unwrap_or(u32::MAX)));
    Replicas::chosen(least, request.max_replicas.unwrap_or(planned.most.max(least)))
}
