//! What scales the replicas: decided from a plan's curve, written as one object, whoever serves its metrics.

mod adapter_values;
mod horizontal;
mod keda;
mod query;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub use adapter_values::{AdapterValues, adapter_values};
pub(crate) use horizontal::{behavior, gauge_metric};
pub use keda::{ScaledObject, ScaledObjectSpec};

use super::request::Storage;
use super::{ManifestError, Object, Plan, explain, labels};
use crate::autoscale::{
    Aim, AutoscaleError, AutoscalingOptions, Headroom, Held, Kind, Reach, ReactionTime, Replicas,
    ScalingSteps, Start, held,
};
use crate::curve::Curve;
use crate::workload::{LatencyMetric, Targets};

/// What an autoscaler scales, and how its metrics find it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaled<'a> {
    /// API of the workload: `apps/v1`.
    pub api_version: &'a str,
    /// Kind of the workload.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its namespace; `None`: not named, and `kubectl` decides.
    pub namespace: Option<&'a str>,
    /// Container of the server.
    pub container: &'a str,
    /// The `job` of its series: the name of the PodMonitoring.
    pub job: &'a str,
}

/// Everything that is decided about the autoscaler of a plan.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AutoscalingPlan<'a> {
    /// Which objects.
    pub(crate) kind: Kind,
    /// The load that is left to a replica.
    pub(crate) aim: Aim,
    /// The same for each latency target alone.
    pub(crate) of_targets: Vec<(LatencyMetric, Aim)>,
    /// Signals and their thresholds.
    pub(crate) held: Vec<Held<'a>>,
    /// Fewest and most replicas.
    pub(crate) replicas: Replicas,
    /// How fast they come and go.
    pub(crate) steps: ScalingSteps,
}

impl<'a> AutoscalingPlan<'a> {
    /// Decides for a plan with an operating point.
    pub(crate) fn of(plan: &Plan<'a>) -> Result<Self, ManifestError> {
        let options = &plan.request.autoscaling;
        let no_curve = || ManifestError::NoRequestsInFlight {
            model: plan.model.id.clone(),
            accelerator: plan.accelerator.id.clone(),
        };
        let headroom = headroom(plan);
        let aim = aim(plan, headroom).ok_or_else(no_curve)?;
        let of_targets = of_targets(plan, headroom);
        let reach = reach(plan);
        let no_signal = |reason: String| AutoscaleError::NoSignal {
            server: plan.server.display_name.clone(),
            version: plan.version.version.clone(),
            reason,
        };
        if let Some(reason) = switched_off(plan) {
            return Err(no_signal(reason).into());
        }
        let kind = options.autoscaler;
        let held = held(kind, &plan.signals, &aim, &of_targets, &reach).map_err(no_signal)?;
        let replicas = Replicas::of(&aim, plan.request.requests_per_second, options, plan.accelerators)?;
        let steps = ScalingSteps::of(&headroom.reaction);
        Ok(Self { kind, aim, of_targets, held, replicas, steps })
    }
}

/// Why a server does not export what its version could, as these manifests start it.
fn switched_off(plan: &Plan<'_>) -> Option<String> {
    let arguments = plan.version.arguments.as_ref().map_or(&[][..], |names| &names.always);
    let is_scaled = plan.signals.iter().filter(|signal| signal.good_for.is_some());
    let missing: Vec<Option<&str>> = is_scaled.map(|signal| signal.missing_setting(arguments)).collect();
    let needs = missing.first().copied().flatten()?;
    missing.iter().all(Option::is_some).then(|| {
        format!("it exports metrics only with `{needs}`, which these manifests do not set; leave the latency target out")
    })
}

/// The most that a replica of the plan runs at once.
pub(crate) fn reach(plan: &Plan<'_>) -> Reach {
    let ranks = u64::from(plan.parallelism.data.max(1));
    let default = (!plan.version.scheduler_defaults.is_empty()).then_some(plan.limits.max_sequences);
    let seats = plan.max_sequences.or(default).map(|seats| u64::from(seats) * ranks);
    let cache = plan.memory.as_ref().zip(plan.recommendation.as_ref()).map(|(memory, found)| {
        // A request in the middle of its answer holds its prompt and half of the answer. Lengths are positive and
        // finite; the cast saturates.
        let traffic = found.traffic;
        let tokens = (traffic.mean_input_tokens() + traffic.mean_output_tokens() / 2.0).ceil() as u64;
        (memory.sequences_of(tokens), tokens)
    });
    Reach { seats, cache }
}

/// From a change of the load to a replica of the plan that serves it.
pub(super) fn reaction(plan: &Plan<'_>) -> ReactionTime {
    let shares_cache = matches!(plan.request.storage, Storage::Bucket { xla_cache_bucket_uri: Some(_), .. });
    let start = Start {
        image_gb: plan.version.image(plan.accelerator.kind).and_then(|image| image.size_gb),
        weights_bytes: plan.checkpoint.bytes,
        downloads: matches!(plan.request.storage, Storage::HuggingFace { .. }),
        is_compiled: shares_cache,
    };
    ReactionTime::of(plan.start_times, &start, &plan.request.autoscaling)
}

fn headroom(plan: &Plan<'_>) -> Headroom {
    Headroom::of(&plan.request.autoscaling, reaction(plan))
}

/// The curve that a promise is made with: the pessimistic end where it is estimated.
fn promised(plan: &Plan<'_>) -> Option<Curve> {
    plan.curve.as_ref().map(Curve::pessimistic)
}

fn aim(plan: &Plan<'_>, headroom: Headroom) -> Option<Aim> {
    let operating = &plan.recommendation.as_ref()?.operating;
    Aim::of(&promised(plan)?, &operating.point, headroom)
}

/// Each latency target as if it were the only one.
fn of_targets(plan: &Plan<'_>, headroom: Headroom) -> Vec<(LatencyMetric, Aim)> {
    let Some(curve) = promised(plan) else { return Vec::new() };
    let asked = plan.request.targets();
    let alone = |metric: LatencyMetric| match metric {
        LatencyMetric::Ttft => Targets { ttft: asked.ttft, ..Targets::default() },
        LatencyMetric::Itl => Targets { itl: asked.itl, ..Targets::default() },
        LatencyMetric::Ntpot => Targets { ntpot: asked.ntpot, ..Targets::default() },
    };
    let aims = asked.latencies().filter_map(|(metric, _)| {
        let operating = curve.operating_point(&alone(metric)).ok()?;
        Some((metric, Aim::of(&curve, &operating.point, headroom)?))
    });
    aims.collect()
}

/// Replicas to start with: one where they share an XLA cache, which has to be filled before there are more.
pub(super) fn first_replicas(plan: &Plan<'_>, wanted: u32) -> u32 {
    match plan.request.storage {
        Storage::Bucket { xla_cache_bucket_uri: Some(_), .. } => 1,
        _ => wanted,
    }
}

/// The autoscaler of a plan; `None` where the request wants none.
pub(super) fn object(
    plan: &Plan<'_>,
    autoscaling: &AutoscalingPlan<'_>,
) -> Result<Option<Object>, ManifestError> {
    let mut metadata = labels::metadata(plan, plan.workload());
    let annotations = metadata.annotations.get_or_insert_default();
    annotations.insert(labels::THRESHOLD_REASON.to_owned(), explain::threshold_reason(plan, autoscaling));
    let name = plan.workload();
    let scaled = Scaled {
        api_version: "apps/v1",
        kind: "Deployment",
        name: &name,
        namespace: plan.request.namespace.as_deref(),
        container: super::deployment::CONTAINER,
        job: &name,
    };
    let replicas =
        Replicas { least: first_replicas(plan, autoscaling.replicas.least), ..autoscaling.replicas };
    let parts = Parts {
        scaled,
        held: &autoscaling.held,
        replicas,
        steps: autoscaling.steps,
        options: &plan.request.autoscaling,
    };
    parts.object(autoscaling.kind, metadata)
}

/// What an autoscaler is written from.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// What is scaled.
    pub scaled: Scaled<'a>,
    /// By which signals.
    pub held: &'a [Held<'a>],
    /// Between which numbers of replicas.
    pub replicas: Replicas,
    /// How fast.
    pub steps: ScalingSteps,
    /// Cluster, Prometheus and tolerance.
    pub options: &'a AutoscalingOptions,
}

impl Parts<'_> {
    /// The object of a kind of autoscaler; none of [`Kind::None`].
    ///
    /// # Errors
    /// A metric that this kind cannot read.
    pub fn object(&self, kind: Kind, metadata: ObjectMeta) -> Result<Option<Object>, ManifestError> {
        Ok(match kind {
            Kind::Stackdriver | Kind::PrometheusAdapter => {
                let autoscaler = horizontal::autoscaler(self, kind, metadata)?;
                Some(Object::HorizontalPodAutoscaler(Box::new(autoscaler)))
            }
            Kind::Keda => Some(Object::ScaledObject(Box::new(keda::scaled_object(self, metadata)))),
            Kind::None => None,
        })
    }
}
