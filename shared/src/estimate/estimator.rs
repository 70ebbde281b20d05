//! A serving curve for any configuration.

use std::collections::BTreeMap;

use super::calibrate::Calibration;
use super::conditions::{Conditions, NoShare};
use super::correction::{Correction, Replicated, Silent, corrections};
use super::memory::MemoryPlan;
use super::protocol::Protocol;
use super::replica::{CannotEstimate, Replica};
use super::run::{Run, drawn, ttft_statistic};
use super::scheduler::{Distribution, Outcome, Window};
use super::step::{MeanShape, StepParts, server_index};
use crate::accuracy::{Prediction, Predictor, Refit, Unpredictable};
use crate::catalog::Catalog;
use crate::curve::{Configuration, Curve, FigureBands, Load, LoadKind, LoadPoint, Origin, Provenance};
use crate::measured::{Experiment, MeasuredRow, OfferedLoad};
use crate::workload::{Arrivals, Itl, LengthSource, Ntpot, Percentile, Statistic, Traffic, Ttft};

/// Shares of the highest request rate at which a curve is computed: close together where it bends. Halving the distance
/// where a latency rises most instead, with as many loads, draws no sharper knees.
const LADDER: [f64; 11] = [0.05, 0.15, 0.3, 0.45, 0.6, 0.7, 0.78, 0.85, 0.9, 0.94, 0.97];

/// A curve, and what stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The curve.
    pub curve: Curve,
    /// A decode step in the middle of the curve.
    pub step: TypicalStep,
    /// Memory of one accelerator.
    pub memory: Option<MemoryPlan>,
}

/// A decode step and what its time is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TypicalStep {
    /// Sequences that decode.
    pub sequences: f64,
    /// Tokens that each holds.
    pub context_tokens: f64,
    /// Seconds of its parts.
    pub parts: StepParts,
}

/// Computes curves from a calibration.
#[derive(Debug, Clone)]
pub struct Estimator<'a> {
    catalog: &'a Catalog,
    calibration: Calibration,
    conditions: Conditions,
    corrections: BTreeMap<Replicated, Correction>,
}

impl<'a> Estimator<'a> {
    /// With `calibration` over `catalog`.
    pub const fn new(catalog: &'a Catalog, calibration: Calibration) -> Self {
        Self {
            catalog,
            calibration,
            conditions: Conditions {
                percentile: Percentile::P50,
                common_prefix_share: 0.0,
                draft_acceptance: None,
                lengths: None,
            },
            corrections: BTreeMap::new(),
        }
    }

    /// The same, with curves of the replicas of `rows` shifted to what was measured of them, and narrower intervals.
    /// Measurements of other loads and lengths, with other versions and arguments of the server, count as well as those
    /// of the curve itself. What corrected a replica before wins. The second value names the rows that say nothing.
    pub fn corrected_by(mut self, rows: &[&MeasuredRow]) -> (Self, Vec<Silent>) {
        let (corrections, silent) = corrections(self.catalog, &self, rows);
        self.add(corrections);
        (self, silent)
    }

    /// The same, corrected by the measurements that it was calibrated on, where nothing corrects a replica yet.
    pub fn corrected(mut self) -> Self {
        self.add(self.calibration.corrections.clone());
        self
    }

    fn add(&mut self, corrections: Vec<Correction>) {
        for correction in corrections {
            self.corrections.entry(correction.of.clone()).or_insert(correction);
        }
    }

    /// What corrects estimates of a configuration; `None` for names that the catalog does not have, too.
    pub fn correction(&self, configuration: &Configuration) -> Option<&Correction> {
        if self.corrections.is_empty() {
            return None;
        }
        let of = Replicated::of(self.catalog, configuration).ok()?;
        let common = &self.calibration.bands.common;
        self.corrections.get(&of).filter(|correction| correction.says_something(common))
    }

    /// The same, with curves for `conditions`.
    ///
    /// # Errors
    /// Shares that are none.
    pub fn under(self, conditions: Conditions) -> Result<Self, NoShare> {
        conditions.validate()?;
        Ok(Self { conditions, ..self })
    }

    /// What its curves are computed for.
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Whether some measurement told something of a server's own times.
    pub fn knows(&self, server: &str) -> bool {
        let index = server_index(server);
        let constants = self.calibration.constants.servers.get(index);
        super::step::SERVERS.contains(&server) && constants.is_some_and(|server| server.step_ms.points > 0)
    }

    /// The latency-throughput curve of `configuration` for requests of `traffic` that arrive independently.
    ///
    /// # Errors
    /// Names that the catalog lacks, what does not fit in memory, and requests that cannot run.
    pub fn curve(&self, configuration: &Configuration, traffic: &Traffic) -> Result<Curve, CannotEstimate> {
        let replica = self.replica(configuration, traffic)?;
        self.curve_of(&replica, configuration, traffic)
    }

    /// The curve with what stands behind it.
    ///
    /// # Errors
    /// As [`Self::curve`].
    pub fn estimate(
        &self,
        configuration: &Configuration,
        traffic: &Traffic,
    ) -> Result<Estimate, CannotEstimate> {
        let replica = self.replica(configuration, traffic)?;
        let curve = self.curve_of(&replica, configuration, traffic)?;
        let middle = curve.points.get(curve.points.len() / 2);
        let sequences = middle.and_then(|point| point.running).unwrap_or(1.0).max(1.0).round();
        let context_tokens = traffic.mean_input_tokens() + 0.5 * traffic.mean_output_tokens();
        let clock = replica.clock(&self.calibration.constants);
        let parts = clock.parts(&MeanShape::decode(sequences, context_tokens));
        let step = TypicalStep { sequences, context_tokens, parts };
        Ok(Estimate { curve, step, memory: replica.memory })
    }

    fn replica(&self, configuration: &Configuration, traffic: &Traffic) -> Result<Replica, CannotEstimate> {
        let replica = Replica::of(self.catalog, configuration, traffic, Protocol::Defaults, true)?;
        Ok(replica.under(&self.conditions))
    }

    fn curve_of(
        &self,
        replica: &Replica,
        configuration: &Configuration,
        traffic: &Traffic,
    ) -> Result<Curve, CannotEstimate> {
        let highest = self.highest_rate(replica, traffic)?;
        let lengths = drawn(&self.conditions.lengths(traffic), self.conditions.requests())?;
        let mut points = Vec::with_capacity(LADDER.len() + 1);
        for share in LADDER {
            points.push(self.point(replica, traffic, &lengths, highest.requests_per_second * share)?);
        }
        points.push(highest);
        let curve = Curve {
            configuration: configuration.clone(),
            machine: None,
            traffic: *traffic,
            load_kind: LoadKind::Poisson,
            provenance: self.provenance(),
            bands: Some(self.bands(replica, configuration)),
            points,
        };
        Ok(match self.correction(configuration) {
            Some(correction) => correction.applied(curve, &self.calibration.bands.common),
            None => curve,
        })
    }

    /// How far estimates of `replica` may be off.
    fn bands(&self, replica: &Replica, configuration: &Configuration) -> FigureBands {
        self.calibration.bands.of(replica, &configuration.accelerator)
    }

    /// Throughput with as many requests at once as there are seats that the cache fills: past it an open loop is
    /// unstable, so the point has no latencies.
    fn highest_rate(&self, replica: &Replica, traffic: &Traffic) -> Result<LoadPoint, CannotEstimate> {
        let tokens = traffic.mean_input_tokens() + traffic.mean_output_tokens();
        let held = (replica.settings.kv_tokens() as f64 / tokens).max(1.0);
        let seats = held.min(f64::from(replica.settings.seats)).ceil();
        let run = Run {
            arrivals: Arrivals::ClosedLoop { in_flight: seats as u32 },
            lengths: self.conditions.lengths(traffic),
            requests: (seats as u32).max(self.conditions.requests()),
            window: Window::SteadyState,
            common_prefix_share: self.conditions.common_prefix_share,
        };
        let outcome = replica.run(&run, &replica.clock(&self.calibration.constants))?;
        Ok(LoadPoint { ttft: None, itl: None, ntpot: None, ..self.point_of(&outcome, Load::Unknown) })
    }

    fn point(
        &self,
        replica: &Replica,
        traffic: &Traffic,
        lengths: &LengthSource,
        rate: f64,
    ) -> Result<LoadPoint, CannotEstimate> {
        let clock = replica.clock(&self.calibration.constants);
        let run = Run {
            arrivals: Arrivals::Poisson { requests_per_second: rate },
            lengths: lengths.clone(),
            requests: self.conditions.requests(),
            window: Window::SteadyState,
            common_prefix_share: self.conditions.common_prefix_share,
        };
        let outcome = replica.run(&run, &clock)?;
        let answer = clock.answer_seconds(median(&outcome.itl) * 1e-3, outcome.running + outcome.waiting);
        Ok(with_answer(self.point_of(&outcome, Load::RequestsPerSecond(rate)), answer, traffic))
    }

    /// What a measurement of `experiment` should find, from its configuration alone.
    ///
    /// # Errors
    /// Names that the catalog lacks, and requests that cannot run.
    pub fn predict_experiment(&self, experiment: &Experiment) -> Result<Prediction, CannotEstimate> {
        let replica = Replica::of_experiment(self.catalog, experiment)?;
        let clock = replica.clock(&self.calibration.constants);
        let outcome = replica.run(&Run::of(experiment), &clock)?;
        let at = |distribution: &Distribution, statistic: Statistic| match statistic {
            Statistic::P50 => distribution.percentile(50.0),
            Statistic::Mean => distribution.mean(),
        };
        let itl = at(&outcome.itl, experiment.itl_statistic);
        let late = itl.unwrap_or(0.0) * f64::from(replica.collect_steps);
        let in_flight = outcome.running + outcome.waiting;
        let answer = late + clock.answer_seconds(itl.unwrap_or(0.0) * 1e-3, in_flight) * 1e3;
        let output_tokens = experiment.traffic.mean_output_tokens();
        let ttft = at(&outcome.ttft, ttft_statistic(experiment)).map(|engine| engine + answer);
        let ntpot =
            at(&outcome.ntpot, experiment.itl_statistic).map(|engine| engine + answer / output_tokens);
        // In a closed loop the next request waits for the answer too.
        let throughput = match (&experiment.load, ttft, itl) {
            (OfferedLoad::InFlight(in_flight), Some(ttft), Some(itl)) => {
                in_flight * output_tokens * 1e3 / (ttft + itl * (output_tokens - 1.0))
            }
            _ => outcome.output_tokens_per_second,
        };
        let bands = self.bands(&replica, &experiment.configuration);
        Ok(Prediction {
            ttft_milliseconds: ttft.map(|value| bands.ttft.around(value)),
            itl_milliseconds: itl.map(|value| bands.itl.around(value)),
            ntpot_milliseconds: ntpot.map(|value| bands.ntpot.around(value)),
            output_tokens_per_second: Some(bands.throughput.around(throughput)),
        })
    }

    fn point_of(&self, outcome: &Outcome, load: Load) -> LoadPoint {
        let percent = self.conditions.percentile.percent();
        LoadPoint {
            load,
            requests_per_second: outcome.requests_per_second,
            input_tokens_per_second: outcome.input_tokens_per_second,
            output_tokens_per_second: outcome.output_tokens_per_second,
            ttft: outcome.ttft.percentile(percent).map(Ttft::from_milliseconds),
            itl: outcome.itl.percentile(percent).map(Itl::from_milliseconds),
            ntpot: outcome.ntpot.percentile(percent).map(Ntpot::from_milliseconds),
            concurrency: Some(outcome.running + outcome.waiting),
            running: Some(outcome.running),
            waiting: Some(outcome.waiting),
            kv_use: Some(outcome.kv_use),
        }
    }

    /// What a curve has to say of itself.
    fn note(&self) -> String {
        let Conditions { percentile, common_prefix_share, draft_acceptance, .. } = self.conditions;
        let mut note = "estimated at Poisson arrivals".to_owned();
        if percentile != Percentile::P50 {
            note += &format!("; latencies are {}", percentile.name());
        }
        if common_prefix_share > 0.0 {
            note += &format!("; {:.0} % of every prompt is in the prefix cache", common_prefix_share * 100.0);
        }
        if let Some(acceptance) = draft_acceptance {
            note += &format!("; {:.0} % of drafts are accepted", acceptance * 100.0);
        }
        note
    }

    fn provenance(&self) -> Provenance {
        Provenance {
            origin: Origin::Estimated,
            source: "kubectl infer estimate".to_owned(),
            ttft_statistic: Statistic::P50,
            itl_statistic: Statistic::P50,
            notes: vec![self.note()],
            tags: Vec::new(),
        }
    }
}

impl Predictor for Estimator<'_> {
    fn predict(&self, experiment: &Experiment) -> Result<Prediction, Unpredictable> {
        self.predict_experiment(experiment).map_err(Unpredictable::because)
    }
}

impl Refit for Estimator<'_> {
    fn refit(&self, kept: &[&MeasuredRow]) -> Result<Box<dyn Predictor + '_>, Unpredictable> {
        let calibration = self.calibration.refitted(self.catalog, kept);
        Ok(Box::new(Self { calibration, ..self.clone() }))
    }
}

/// Adds what a client waits beyond the engine's own time.
fn with_answer(point: LoadPoint, answer_seconds: f64, traffic: &Traffic) -> LoadPoint {
    let milliseconds = answer_seconds * 1e3;
    let ttft = point.ttft.map(|ttft| Ttft::from_milliseconds(ttft.milliseconds() + milliseconds));
    let a_token = milliseconds / traffic.mean_output_tokens();
    let ntpot = point.ntpot.map(|ntpot| Ntpot::from_milliseconds(ntpot.milliseconds() + a_token));
    LoadPoint { ttft, ntpot, ..point }
}

/// Median in the distribution's unit; 0 without requests.
fn median(distribution: &Distribution) -> f64 {
    distribution.percentile(50.0).unwrap_or(0.0)
}
