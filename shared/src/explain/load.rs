//! At which load a replica passes a threshold, and what its clients see there.

use serde::Serialize;

use super::metric::Reading;
use crate::autoscale::{Reach, resident_tokens};
use crate::catalog::{Catalog, Meaning};
use crate::curve::{Configuration, Curve, LoadPoint, Origin, Parallelism};
use crate::estimate::scheduler::{Outcome, Window};
use crate::estimate::{Calibration, Estimator, Protocol, Replica, Run};
use crate::recommend::{CurveSource, Measured, Question};
use crate::rules::Facts;
use crate::rules::autoscaling::threshold::seats;
use crate::workload::{Arrivals, LatencyMetric, Traffic};

/// Halvings of the interval in which a rate is looked for: to a millionth of it.
const HALVINGS: u32 = 20;

/// Requests of a simulated load: enough for a ninth decile.
const REQUESTS: u32 = 300;

/// Where an autoscaler acts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScalesAt {
    /// What the signal reads of one replica when it acts.
    pub signal: f64,
    /// Requests a second of one replica there.
    pub requests_per_second: f64,
    /// Output tokens a second of one replica there.
    pub output_tokens_per_second: f64,
    /// Median time to first token in milliseconds, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttft_p50_milliseconds: Option<f64>,
    /// Ninth decile of it, simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttft_p90_milliseconds: Option<f64>,
    /// Median normalised time per output token in milliseconds, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ntpot_p50_milliseconds: Option<f64>,
    /// Ninth decile of it, simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ntpot_p90_milliseconds: Option<f64>,
    /// Share of the highest rate of the curve.
    pub share_of_highest_rate: f64,
    /// Lengths that the figures are for.
    pub traffic: String,
    /// Where the figures come from.
    pub provenance: String,
    /// Whether the replica only passes the threshold once it is saturated, where a queue grows without end.
    pub only_when_saturated: bool,
}

/// The curve of a workload, and what it takes to simulate a load on it.
#[derive(Debug, Default)]
pub(crate) struct Loads<'a> {
    curve: Option<Curve>,
    replica: Option<Replica>,
    calibration: Option<&'a Calibration>,
    seats: Option<u64>,
    why: Option<String>,
}

impl<'a> Loads<'a> {
    /// The measured curve of what the workload runs, else an estimated one.
    pub(crate) fn of(facts: &Facts<'_>, catalog: &Catalog, calibration: &'a Calibration) -> Self {
        let Some(configuration) = configuration(facts) else {
            let why = "the load at which it acts is unknown: the manifest does not tell model, server version and \
                       accelerators";
            return Self { why: Some(why.to_owned()), seats: seats(facts), ..Self::default() };
        };
        let measured = measured(catalog, &configuration);
        let traffic = measured.as_ref().map_or(Traffic::SHAREGPT, |curve| curve.traffic);
        let replica = Replica::of(catalog, &configuration, &traffic, Protocol::Defaults, true);
        let estimated = || Estimator::new(catalog, calibration.clone()).curve(&configuration, &traffic);
        let (curve, why) = match measured.map_or_else(|| estimated().map_err(|why| why.to_string()), Ok) {
            Ok(curve) => (Some(curve), None),
            Err(why) => (None, Some(format!("the load at which it acts is unknown: {why}"))),
        };
        Self { curve, replica: replica.ok(), calibration: Some(calibration), seats: seats(facts), why }
    }

    /// The most that a replica runs at once: its seats, and what its cache holds of requests as the curve's.
    pub(crate) fn reach(&self) -> Reach {
        let traffic = self.curve.as_ref().map(|curve| curve.traffic);
        let memory = self.replica.as_ref().and_then(|replica| replica.memory.as_ref());
        let cache = traffic.zip(memory).map(|(traffic, memory)| {
            let tokens = resident_tokens(&traffic);
            (memory.sequences_of(tokens), tokens)
        });
        Reach { seats: self.seats, cache }
    }

    /// The curve.
    pub(crate) fn curve(&self) -> Option<&Curve> {
        self.curve.as_ref()
    }

    /// Why there is no curve.
    pub(crate) fn why_unknown(&self) -> Option<String> {
        self.why.clone()
    }

    /// The lowest load at which a replica reads `value`.
    pub(super) fn scales_at(&self, reading: &Reading<'_>, value: f64) -> Option<ScalesAt> {
        let curve = self.curve.as_ref()?;
        let highest = curve.points.iter().map(|point| point.requests_per_second).fold(0.0, f64::max);
        let reads = |rate: f64| self.reads(&curve.at_rate(rate)?, reading);
        let at_most = reads(highest)?;
        let only_when_saturated = at_most < value;
        let rate = if only_when_saturated { highest } else { first_rate(highest, value, &reads)? };
        let point = curve.at_rate(rate)?;
        let spread = self.spread(rate, &curve.traffic);
        let ratio = |read: fn(&Outcome) -> &crate::estimate::scheduler::Distribution| {
            let distribution = read(spread.as_ref()?);
            Some(distribution.percentile(90.0)? / distribution.percentile(50.0)?)
        };
        let (ttft, ntpot) = (
            point.latency_milliseconds(LatencyMetric::Ttft),
            point.latency_milliseconds(LatencyMetric::Ntpot),
        );
        let ninth = |median: Option<f64>, ratio: Option<f64>| Some(hundredths(median? * ratio?));
        Some(ScalesAt {
            signal: hundredths(value),
            requests_per_second: hundredths(rate),
            output_tokens_per_second: hundredths(point.output_tokens_per_second),
            ttft_p50_milliseconds: ttft.map(hundredths),
            ttft_p90_milliseconds: ninth(ttft, ratio(|outcome| &outcome.ttft)),
            ntpot_p50_milliseconds: ntpot.map(hundredths),
            ntpot_p90_milliseconds: ninth(ntpot, ratio(|outcome| &outcome.ntpot)),
            share_of_highest_rate: hundredths(rate / highest),
            traffic: curve.traffic.to_string(),
            provenance: format!("{}: {}", curve.provenance.origin.name(), curve.provenance.source),
            only_when_saturated,
        })
    }

    /// What the signals read of one replica at a point.
    fn reads(&self, point: &LoadPoint, reading: &Reading<'_>) -> Option<f64> {
        let in_flight = || {
            let simulated = point.running.zip(point.waiting).map(|(running, waiting)| running + waiting);
            simulated.or(point.concurrency)
        };
        let of = |meaning: Meaning| match meaning {
            Meaning::Running => point.running.or_else(in_flight),
            Meaning::Waiting => point.waiting,
            Meaning::KvUse => point.kv_use,
            Meaning::SlotsUsed => Some(point.running.or_else(in_flight)? / self.seats? as f64),
            _ => None,
        };
        match reading.signals.as_slice() {
            [one] => of(one.meaning),
            [] => None,
            several => {
                let counts = several.iter().all(|s| matches!(s.meaning, Meaning::Running | Meaning::Waiting));
                counts.then(in_flight).flatten()
            }
        }
    }

    /// The latencies of a simulated load, for how far they spread.
    fn spread(&self, rate: f64, traffic: &Traffic) -> Option<Outcome> {
        let (replica, calibration) = (self.replica.as_ref()?, self.calibration?);
        let run = Run {
            arrivals: Arrivals::Poisson { requests_per_second: rate },
            lengths: (*traffic).into(),
            requests: REQUESTS,
            window: Window::SteadyState,
            common_prefix_share: 0.0,
        };
        replica.run(&run, &replica.clock(&calibration.constants)).ok()
    }
}

/// Figures are no better than that.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// By halving: what counts requests never falls with the rate.
fn first_rate(highest: f64, value: f64, reads: &impl Fn(f64) -> Option<f64>) -> Option<f64> {
    let (mut below, mut above) = (0.0, highest);
    for _ in 0..HALVINGS {
        let middle = (below + above) / 2.0;
        if reads(middle)? < value { below = middle } else { above = middle }
    }
    Some(above)
}

/// What the workload runs, where all of it is told.
fn configuration(facts: &Facts<'_>) -> Option<Configuration> {
    let (model, checkpoint) = facts.model?;
    let accelerators = facts.accelerators_per_pod()?;
    let data = facts.pod.parallelism.data.or_default(1)?.max(1);
    let tensor = facts.pod.parallelism.tensor.or_default((accelerators / data).max(1))?.max(1);
    let arguments = facts.pod.max_sequences.known().map(|seats| format!("--max-num-seqs={seats}"));
    Some(Configuration {
        model: model.id.clone(),
        precision: Some(checkpoint.precision),
        server: facts.server?.name.clone(),
        server_version: Some(facts.version?.version.clone()),
        accelerator: facts.accelerator?.id.clone(),
        accelerators,
        parallelism: Parallelism { tensor, data, expert: 1 },
        engine_arguments: arguments.unwrap_or_default(),
    })
}

/// The measured curve of this configuration whose traffic is nearest to chat: of its version, else of any.
fn measured(catalog: &Catalog, wanted: &Configuration) -> Option<Curve> {
    let question = Question {
        model: Some(&wanted.model),
        server: Some(&wanted.server),
        accelerator: Some(&wanted.accelerator),
        ..Question::default()
    };
    let mut curves = Measured::new(catalog).curves(&question).ok()?;
    curves.retain(|curve| {
        let is = &curve.configuration;
        is.accelerators == wanted.accelerators
            && is.precision.is_none_or(|precision| Some(precision) == wanted.precision)
            && is.parallelism.data == wanted.parallelism.data
            && is.engine_arguments.is_empty()
            && wanted.engine_arguments.is_empty()
            && curve.points.len() > 1
            && curve.provenance.origin != Origin::Estimated
    });
    let of_version = |curve: &&Curve| curve.configuration.server_version == wanted.server_version;
    let distance = |curve: &&Curve| curve.traffic.distance(&Traffic::SHAREGPT);
    let nearest =
        |curves: Vec<&Curve>| curves.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).cloned();
    nearest(curves.iter().filter(of_version).collect()).or_else(|| nearest(curves.iter().collect()))
}
