//! The replica that is simulated: the best that `list` finds.

use infer_core::autoscale::simulation::ServingCurve;
use infer_core::autoscale::{Aim, AutoscalingOptions, Headroom, ReactionTime, Start};
use infer_core::catalog::{Catalog, Signal};
use infer_core::curve::{Curve, EngineArguments};
use infer_core::estimate::memory::EngineLimits;
use infer_core::estimate::{Calibration, Estimator};
use infer_core::recommend::{
    self, CurveSource, Estimated, Known, Measured, ProvenanceFilter, Question, Recommendation, Requirements,
};

use crate::arguments::ListProfiles;
use crate::commands::profiles;
use crate::failure::{Failure, unknown};
use crate::requirements;

/// What a replica is and does.
pub(super) struct Replica {
    /// What it is, in a few words.
    pub(super) name: String,
    /// What its figures rest on.
    pub(super) provenance: String,
    /// What it does.
    pub(super) curve: ServingCurve,
    /// Requests a second at the operating point.
    pub(super) operating_rate: f64,
    /// USD for an hour of it.
    pub(super) usd_per_hour: Option<f64>,
    /// Mean tokens of an answer.
    pub(super) output_tokens: f64,
    /// Where an autoscaler should hold it.
    pub(super) aim: Aim,
    /// From a change of the load to a replica that serves it.
    pub(super) reaction: ReactionTime,
    /// What the server exports.
    pub(super) signals: Vec<Signal>,
    /// Requests that it runs at once.
    pub(super) seats: Option<u32>,
}

impl Replica {
    pub(super) fn of(
        catalog: &Catalog,
        options: &ListProfiles,
        timing: &AutoscalingOptions,
    ) -> Result<Self, Failure> {
        let asked = requirements::of_list(catalog, options)?;
        if asked.model.is_none() {
            return Err(Failure::argument(anyhow::anyhow!(
                "`--model` is needed: a replica serves one model"
            )));
        }
        let calibration = Calibration::embedded().map_err(Failure::unexpected)?;
        let estimator = Estimator::new(catalog, calibration);
        let source: &dyn CurveSource = match asked.provenance {
            ProvenanceFilter::Measured => &Measured::new(catalog),
            ProvenanceFilter::Estimated => &Estimated::new(catalog, &estimator),
            ProvenanceFilter::Any => &Known::new(catalog, &estimator),
        };
        let answers = recommend::recommend(catalog, source, &asked).map_err(profiles::failure)?;
        let Some(best) = answers.ranked.first() else { return Err(profiles::nothing(&asked, &answers)) };
        let curve = curve(source, best, &asked)?;
        Self::new(catalog, best, &curve, timing)
    }

    fn new(
        catalog: &Catalog,
        best: &Recommendation,
        curve: &Curve,
        timing: &AutoscalingOptions,
    ) -> Result<Self, Failure> {
        let configuration = &best.configuration;
        let server = catalog.find_server(&configuration.server).map_err(unknown)?;
        let accelerator = catalog.find_accelerator(&configuration.accelerator).map_err(unknown)?;
        let version = match &configuration.server_version {
            Some(version) => server.find_version(version).ok(),
            None => server.default_version(accelerator.kind),
        };
        let told = EngineArguments::read(&configuration.engine_arguments).max_sequences;
        let seats =
            told.or_else(|| version.map(|version| EngineLimits::of(version, accelerator).max_sequences));
        let start = Start {
            image_gb: None,
            weights_bytes: catalog.find_model(&best.checkpoint).map_err(unknown)?.checkpoint.bytes,
            downloads: true,
            is_compiled: false,
        };
        let times = catalog.start_times(accelerator.kind).map_err(unknown)?;
        let reaction = ReactionTime::of(times, &start, timing);
        let headroom = Headroom::of(timing, reaction);
        let aim = Aim::of(curve, &best.operating.point, headroom).ok_or_else(|| {
            Failure::user(anyhow::anyhow!("the curve has no rate of requests, so nothing can be aimed at"))
        })?;
        let signals = match version {
            Some(version) => catalog.signals_of(server, version).map_err(unknown)?,
            None => Vec::new(),
        };
        let serving = ServingCurve::of(curve, seats).map_err(Failure::user)?;
        Ok(Self {
            name: format!(
                "{} on {} × {} with {}",
                best.checkpoint, configuration.accelerators, configuration.accelerator, server.display_name
            ),
            provenance: format!("{} ({})", best.provenance.origin.name(), best.provenance.source),
            curve: serving,
            operating_rate: best.operating.point.requests_per_second,
            usd_per_hour: best.cost.priced().map(|cost| cost.usd_per_hour),
            output_tokens: best.traffic.mean_output_tokens(),
            aim,
            reaction,
            signals: signals.into_iter().cloned().collect(),
            seats,
        })
    }
}

/// The curve behind a recommendation: the pessimistic end of an estimate where a target has to be kept, as the
/// recommendation is.
fn curve(source: &dyn CurveSource, best: &Recommendation, asked: &Requirements) -> Result<Curve, Failure> {
    let configuration = &best.configuration;
    let question = Question {
        model: Some(&configuration.model),
        server: Some(&configuration.server),
        server_version: configuration.server_version.as_deref(),
        accelerator: Some(&configuration.accelerator),
        traffic: asked.traffic,
    };
    let curves = source.curves(&question).map_err(profiles::failure)?;
    let is_it = |curve: &&Curve| {
        curve.configuration == *configuration
            && curve.traffic == best.traffic
            && curve.load_kind == best.load_kind
            && curve.provenance.source == best.provenance.source
    };
    let curve = curves.iter().find(is_it).ok_or_else(|| {
        Failure::unexpected(anyhow::anyhow!("the curve behind the recommendation is not among its source's"))
    })?;
    let promises = asked.targets.latencies().next().is_some();
    Ok(if promises { curve.pessimistic() } else { curve.clone() })
}
