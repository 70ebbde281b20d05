//! From a request to a plan: what the catalog and the curves decide.

use std::cell::RefCell;

use super::plan::is_writable;
use super::{ManifestError, ManifestRequest, Plan};
use crate::catalog::{
    Accelerator, Catalog, Checkpoint, Found, Machine, Precision, PricingModel, Server, ServerVersion,
};
use crate::curve::{Curve, MaximumReason, NoKnee, OperatingKind, Origin, Parallelism, Range};
use crate::estimate::memory::{self, EngineLimits, MemoryPlan};
use crate::recommend::{
    CurveSource, Placement, Question, RecommendError, Recommendation, Replica, Requirements, recommend,
};
use crate::workload::{LatencyMetric, Traffic};

/// Share of the computed context that a server is told: it refuses to start when its own count of free memory
/// comes out below the length it was told.
const CONTEXT_MARGIN: f64 = 0.9;

/// Decides everything that a manifest needs.
///
/// A measured configuration comes first: the cheapest that meets the targets, with the stock weights if any
/// meets them, of the traffic asked, else of the one nearest to chat. Without one, and without targets, it is
/// the fewest accelerators whose memory holds the model.
///
/// # Errors
/// Names that the catalog does not have, targets out of reach, a model that does not fit, and whatever else
/// no manifest could express.
pub fn plan<'a>(
    catalog: &'a Catalog,
    source: &dyn CurveSource,
    request: &'a ManifestRequest,
) -> Result<Plan<'a>, ManifestError> {
    if let Some(load) = request.requests_per_second.filter(|load| !(load.is_finite() && *load > 0.0)) {
        return Err(ManifestError::Load(load));
    }
    request.autoscaling.check()?;
    let source = &Remembered::new(source);
    let asked = Asked::resolve(catalog, source, request)?;
    let plan = match asked.recommended()? {
        Some(recommendation) => asked.measured(recommendation)?,
        None if request.targets().is_empty() => asked.fitting()?,
        None => return Err(asked.no_curve()?),
    };
    plan.check().map_err(|error| asked.with_capable(error))?;
    Ok(plan)
}

/// A source that computes each answer once, and knows the curve behind a recommendation.
struct Remembered<'s> {
    source: &'s dyn CurveSource,
    answers: RefCell<Vec<(OwnedQuestion, Vec<Curve>)>>,
}

/// A question with names of its own.
#[derive(PartialEq)]
struct OwnedQuestion {
    names: [Option<String>; 4],
    traffic: Option<Traffic>,
}

impl<'s> Remembered<'s> {
    fn new(source: &'s dyn CurveSource) -> Self {
        Self { source, answers: RefCell::new(Vec::new()) }
    }

    /// The curve that a recommendation was read off.
    fn curve_of(&self, found: &Recommendation) -> Option<Curve> {
        let is_it = |curve: &&Curve| {
            curve.configuration == found.configuration
                && curve.traffic == found.traffic
                && curve.load_kind == found.load_kind
                && curve.provenance.source == found.provenance.source
        };
        self.answers.borrow().iter().flat_map(|(_, curves)| curves).find(is_it).cloned()
    }
}

impl CurveSource for Remembered<'_> {
    fn curves(&self, question: &Question<'_>) -> Result<Vec<Curve>, RecommendError> {
        let names = [question.model, question.server, question.server_version, question.accelerator];
        let asked =
            OwnedQuestion { names: names.map(|name| name.map(str::to_owned)), traffic: question.traffic };
        if let Some((_, curves)) = self.answers.borrow().iter().find(|(earlier, _)| *earlier == asked) {
            return Ok(curves.clone());
        }
        let curves = self.source.curves(question)?;
        self.answers.borrow_mut().push((asked, curves.clone()));
        Ok(curves)
    }
}

/// A request whose names have been found in the catalog.
struct Asked<'a, 's> {
    catalog: &'a Catalog,
    source: &'s Remembered<'s>,
    request: &'a ManifestRequest,
    found: Found<'a>,
    quantize_at_load: Option<Precision>,
    server: &'a Server,
    version: Option<&'a ServerVersion>,
    accelerator: &'a Accelerator,
}

impl<'a, 's> Asked<'a, 's> {
    fn resolve(
        catalog: &'a Catalog,
        source: &'s Remembered<'s>,
        request: &'a ManifestRequest,
    ) -> Result<Self, ManifestError> {
        let server = catalog.find_server(&request.model_server)?;
        let version = request.model_server_version.as_deref();
        let (found, quantize_at_load) = weights(catalog, request, server)?;
        Ok(Self {
            catalog,
            source,
            request,
            found,
            quantize_at_load,
            server,
            version: version.map(|version| server.find_version(version)).transpose()?,
            accelerator: catalog.find_accelerator(&request.accelerator_type)?,
        })
    }

    /// Format that the request means, whether loaded or made at load.
    fn precision(&self) -> Precision {
        self.quantize_at_load.unwrap_or(self.found.checkpoint.precision)
    }

    /// The best measured configuration that can be written: of the version asked if there is one, else of
    /// any.
    fn recommended(&self) -> Result<Option<Recommendation>, ManifestError> {
        let version = self.version.map(|version| version.version.clone());
        let of_version = self.best(version.clone())?;
        match (of_version, version) {
            (None, Some(_)) => self.best(None),
            (best, _) => Ok(best),
        }
    }

    /// What was measured and meets the targets, best first, whether or not a manifest can follow it.
    fn answers(&self, server_version: Option<String>) -> Result<Vec<Recommendation>, ManifestError> {
        let requirements = Requirements {
            model: Some(self.found.checkpoint.id.clone()),
            server: Some(self.server.name.clone()),
            accelerator: Some(self.accelerator.id.clone()),
            machine: self.request.instance_type.clone(),
            traffic: self.request.traffic,
            targets: self.request.targets(),
            server_version,
            pricing_model: if self.request.spot { PricingModel::Spot } else { PricingModel::OnDemand },
            ..Requirements::default()
        };
        let answers = recommend(self.catalog, self.source, &requirements)?;
        if let Some(infeasible) = answers.infeasible {
            let ranges = self.ranges()?;
            let accelerator = self.accelerator.id.clone();
            return Err(ManifestError::OutOfReach { accelerator, ranges, infeasible: Box::new(infeasible) });
        }
        Ok(answers.ranked)
    }

    fn best(&self, server_version: Option<String>) -> Result<Option<Recommendation>, ManifestError> {
        let answers = self.answers(server_version)?;
        let usable: Vec<&Recommendation> =
            answers.iter().filter(|found| self.obstacle(found).is_none()).collect();
        // An estimate stands in where nobody measured, however much cheaper it looks.
        let is_measured = |found: &&Recommendation| found.provenance.origin != Origin::Estimated;
        let measured: Vec<&Recommendation> = usable.iter().copied().filter(is_measured).collect();
        let measured = self.of_wanted_precision(measured);
        let candidates = if measured.is_empty() { self.of_wanted_precision(usable) } else { measured };
        Ok(self.of_likeliest_traffic(&candidates).cloned())
    }

    /// Those of the request's precision; all, where there are none and the request leaves the choice.
    fn of_wanted_precision<'r>(&self, found: Vec<&'r Recommendation>) -> Vec<&'r Recommendation> {
        let is_it = |found: &&Recommendation| self.is_of_precision(found);
        let wanted: Vec<&Recommendation> = found.iter().copied().filter(is_it).collect();
        if wanted.is_empty() && self.is_free() { found } else { wanted }
    }

    fn is_of_precision(&self, found: &Recommendation) -> bool {
        found.configuration.precision.is_none_or(|of| of == self.precision())
    }

    /// Whether the request leaves the choice of the weights.
    fn is_free(&self) -> bool {
        self.request.precision.is_none() && self.found.checkpoint.id == self.found.model.id
    }

    /// The best of the candidates, all of one traffic: costs of unlike traffics do not compare. Where no lengths
    /// are asked, it is the measured traffic nearest to the service's own, chat.
    fn of_likeliest_traffic<'r>(&self, candidates: &[&'r Recommendation]) -> Option<&'r Recommendation> {
        if self.request.traffic.is_some() {
            return candidates.first().copied();
        }
        let distance = |found: &&Recommendation| found.traffic.distance(&Traffic::SHAREGPT);
        // The first of equals, and candidates stand in the order of their rank.
        candidates.iter().copied().min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// Why no Pod can be the replica, or nobody publishes weights of that precision; `None` when neither holds.
    fn obstacle(&self, found: &Recommendation) -> Option<String> {
        let configuration = &found.configuration;
        let precision = configuration.precision.unwrap_or(self.precision());
        if found.placement.machines > 1 {
            let Placement { machines, machine, .. } = &found.placement;
            return Some(format!("a replica spans {machines} × {}", machine.name));
        }
        if self.found.model.checkpoint_of(precision).is_none() && self.quantize_at_load != Some(precision) {
            return Some(format!("the catalog knows no {precision} weights of it"));
        }
        if !self.accelerator.runs(precision) {
            return Some(format!("{} does not run {precision}", self.accelerator.id));
        }
        if self.request.accelerators.is_some_and(|asked| asked != configuration.accelerators) {
            return Some(format!("they are of {} accelerators", configuration.accelerators));
        }
        // Without a target a single point says neither where to run nor that this is the configuration to
        // take.
        if found.operating.kind
            == OperatingKind::MaximumThroughput(MaximumReason::NoKnee(NoKnee::SinglePoint))
        {
            return Some("they are single points".to_owned());
        }
        let version = self.version_for(configuration.server_version.as_deref()).ok();
        // Without names the plan says what is missing.
        let names = version.and_then(|version| version.arguments.as_ref())?;
        let Parallelism { data, expert, .. } = configuration.parallelism;
        let spreads =
            (data == 1 || names.data_parallel.is_some()) && (expert == 1 || names.expert_parallel.is_some());
        (!spreads).then(|| format!("no flag of {} spreads it as measured", self.server.display_name))
    }

    /// A plan of what somebody measured.
    fn measured(&self, recommendation: Recommendation) -> Result<Plan<'a>, ManifestError> {
        let configuration = &recommendation.configuration;
        let asked = self.precision();
        let precision = configuration.precision.unwrap_or(asked);
        let mut notes = Vec::new();
        if self.request.traffic.is_none() && recommendation.traffic != Traffic::SHAREGPT {
            notes.push(format!(
                "no lengths were named: of those that were measured, {} tokens in/out come nearest to chat ({}); \
                 name yours to have figures of them",
                recommendation.traffic,
                Traffic::SHAREGPT
            ));
        }
        let (checkpoint, quantize_at_load) = if precision == asked {
            (self.found.checkpoint, self.quantize_at_load)
        } else {
            let id = &recommendation.checkpoint;
            notes.push(format!(
                "the weights are {id} ({precision}): the stock weights ({asked}) were not measured to meet \
                 this"
            ));
            (self.found.model.checkpoint_of(precision).unwrap_or(self.found.checkpoint), None)
        };
        let version = self.version_for(configuration.server_version.as_deref())?;
        let measured_version = configuration.server_version.as_deref();
        if measured_version != Some(version.version.as_str()) {
            let measured = measured_version.unwrap_or("an unknown version");
            notes.push(format!(
                "the figures are of {} {measured}, the manifest runs {}",
                self.server.display_name, version.version
            ));
        }
        let machine = self.catalog.find_machine(&recommendation.placement.machine.name)?;
        let parallelism = configuration.parallelism;
        let max_sequences = max_sequences_of(&configuration.engine_arguments);
        if !configuration.engine_arguments.is_empty() {
            notes.push(format!(
                "the figures are of a server started with `{}`",
                configuration.engine_arguments
            ));
        }
        let accelerators = configuration.accelerators;
        let curve = self.source.curve_of(&recommendation);
        let memory = self.memory(checkpoint, quantize_at_load, version, parallelism).ok();
        let plan = self.with(checkpoint, quantize_at_load, version, machine, accelerators);
        Ok(Plan {
            parallelism,
            max_sequences,
            max_context_tokens: memory.map(|memory| self.context(&memory)),
            memory,
            recommendation: Some(recommendation),
            curve,
            notes,
            ..plan?
        })
    }

    /// A plan of the fewest accelerators that hold the model.
    fn fitting(&self) -> Result<Plan<'a>, ManifestError> {
        let version = self.version_for(None)?;
        let checkpoint = self.found.checkpoint;
        let mut last = None;
        for accelerators in self.counts()? {
            let parallelism = Parallelism::tensor(accelerators);
            match self.memory(checkpoint, self.quantize_at_load, version, parallelism) {
                Ok(memory) => {
                    let machine = self.machine(accelerators, checkpoint)?;
                    let plan =
                        self.with(checkpoint, self.quantize_at_load, version, machine, accelerators)?;
                    let max_context_tokens = Some(self.context(&memory));
                    return Ok(Plan { max_context_tokens, memory: Some(memory), ..plan });
                }
                Err(why) => last = Some((accelerators, why)),
            }
        }
        let model = checkpoint.id.clone();
        let accelerator = self.accelerator.id.clone();
        Err(match last {
            Some((accelerators, why)) => {
                let (smaller, elsewhere) = (self.smaller(version)?, self.holders()?);
                ManifestError::DoesNotFit { model, accelerator, accelerators, why, smaller, elsewhere }
            }
            None => ManifestError::NoMachine(format!("no GKE machine gives whole {accelerator} to one Pod")),
        })
    }

    /// Numbers of accelerators that one Pod can have, the fewest first.
    fn counts(&self) -> Result<Vec<u32>, ManifestError> {
        if let Some(accelerators) = self.request.accelerators {
            return Ok(vec![accelerators]);
        }
        let only = self.request.instance_type.as_deref();
        if let Some(only) = only {
            self.catalog.find_machine(only)?;
        }
        Ok(self.catalog.replica_sizes(self.accelerator, only)?)
    }

    /// Other weights of the model that the accelerator holds, on the fewest, where the request leaves the choice.
    fn smaller(&self, version: &ServerVersion) -> Result<Option<(Precision, u32)>, ManifestError> {
        if !self.is_free() {
            return Ok(None);
        }
        let counts = self.counts()?;
        let fewest = |checkpoint: &Checkpoint| {
            let holds =
                |count: &u32| self.memory(checkpoint, None, version, Parallelism::tensor(*count)).is_ok();
            let count = counts.iter().copied().find(holds)?;
            Some((checkpoint.precision, count))
        };
        let others = self.found.model.checkpoint_of_each_precision();
        Ok(others.filter(|other| self.accelerator.runs(other.precision)).find_map(fewest))
    }

    /// Other accelerators of GKE that hold the model in one Pod of the same server, each with the fewest it takes.
    fn holders(&self) -> Result<Vec<String>, ManifestError> {
        let Found { model, checkpoint } = self.found;
        let context = memory::least_context_tokens(self.request.traffic);
        let mut holders = Vec::new();
        for other in self.catalog.accelerators()?.iter().filter(|other| other.id != self.accelerator.id) {
            let version = self.server.default_version(other.kind);
            let Some(version) = version.filter(|_| other.runs(checkpoint.precision)) else { continue };
            let limits = EngineLimits::of(version, other);
            let sizes = self.catalog.replica_sizes(other, None)?;
            let fewest = memory::fewest_accelerators(model, checkpoint, other, &sizes, limits, context);
            holders.extend(fewest.ok().map(|(size, _)| format!("{size} × {}", other.id)));
        }
        Ok(holders)
    }

    fn machine(&self, accelerators: u32, checkpoint: &Checkpoint) -> Result<&'a Machine, ManifestError> {
        let replica =
            Replica { accelerator: &self.accelerator.id, accelerators, weights_bytes: checkpoint.bytes };
        let placement = Placement::of(self.catalog, replica, None, self.request.instance_type.as_deref())?;
        let placement = placement.map_err(ManifestError::NoMachine)?;
        Ok(self.catalog.find_machine(&placement.machine.name)?)
    }

    /// The version asked, else the measured one if it can be written, else the catalog's choice.
    fn version_for(&self, measured: Option<&str>) -> Result<&'a ServerVersion, ManifestError> {
        let kind = self.accelerator.kind;
        let server = self.server;
        let measured = measured.and_then(|measured| server.find_version(measured).ok());
        let writable = |version: &&'a ServerVersion| is_writable(version, kind);
        let chosen = self.version.or(measured.filter(writable)).or(server.default_version(kind));
        // Without any, the newest serves to say what is missing.
        chosen.or(server.versions.last()).ok_or_else(|| ManifestError::ServerNotWritable {
            server: server.display_name.clone(),
            version: "of any version".to_owned(),
            kind: kind.resource(),
            what: "version",
            writable: Vec::new(),
        })
    }

    fn memory(
        &self,
        checkpoint: &Checkpoint,
        quantize_at_load: Option<Precision>,
        version: &ServerVersion,
        parallelism: Parallelism,
    ) -> Result<MemoryPlan, memory::DoesNotFit> {
        let limits = EngineLimits::of(version, self.accelerator);
        let context = memory::least_context_tokens(self.request.traffic);
        let quantized = quantize_at_load.map(|precision| Checkpoint {
            precision,
            bytes: (self.found.model.parameters as f64 * precision.bytes_per_weight()) as u64,
            loaded_bytes: None,
            cache_element: None,
            ..checkpoint.clone()
        });
        let checkpoint = quantized.as_ref().unwrap_or(checkpoint);
        memory::fit(self.found.model, checkpoint, self.accelerator, parallelism, limits, context)
    }

    /// Context that the server is told: all that the model was made for, else what memory holds, rounded
    /// down.
    fn context(&self, memory: &MemoryPlan) -> u64 {
        const STEP: u64 = 1024;
        let made_for = self.found.model.max_context_tokens;
        if memory.max_context_tokens >= made_for {
            return made_for;
        }
        let safe = (memory.max_context_tokens as f64 * CONTEXT_MARGIN) as u64;
        if safe > STEP { safe / STEP * STEP } else { safe.max(1) }
    }

    fn with(
        &self,
        checkpoint: &'a Checkpoint,
        quantize_at_load: Option<Precision>,
        version: &'a ServerVersion,
        machine: &'a Machine,
        accelerators: u32,
    ) -> Result<Plan<'a>, ManifestError> {
        Ok(Plan {
            request: self.request,
            model: self.found.model,
            checkpoint,
            quantize_at_load,
            server: self.server,
            version,
            accelerator: self.accelerator,
            machine,
            accelerators,
            parallelism: Parallelism::tensor(accelerators),
            max_sequences: None,
            max_context_tokens: None,
            limits: EngineLimits::of(version, self.accelerator),
            memory: None,
            recommendation: None,
            curve: None,
            signals: self.catalog.signals_of(self.server, version)?,
            start_times: self.catalog.start_times(self.accelerator.kind)?,
            notes: Vec::new(),
            catalog_version: self.catalog.release()?.version,
        })
    }

    /// What the curves of the accelerator reach, of each latency that was asked.
    fn ranges(&self) -> Result<Vec<(LatencyMetric, Range)>, ManifestError> {
        let curves = self.curves(Some(&self.accelerator.id))?;
        let reach = |metric| {
            let reached = curves.iter().filter_map(|curve| curve.reach(metric));
            Range::of(reached.flat_map(|range| [range.lowest, range.highest])).map(|range| (metric, range))
        };
        Ok(self.request.targets().latencies().filter_map(|(metric, _)| reach(metric)).collect())
    }

    fn curves(&self, accelerator: Option<&str>) -> Result<Vec<Curve>, ManifestError> {
        let question = Question {
            model: Some(&self.found.model.id),
            server: Some(&self.server.name),
            accelerator,
            traffic: self.request.traffic,
            ..Question::default()
        };
        let mut curves = self.source.curves(&question)?;
        curves.retain(|curve| self.request.traffic.is_none_or(|asked| curve.traffic.serves(&asked)));
        Ok(curves)
    }

    /// Why there is no curve to hold a latency with.
    fn no_curve(&self) -> Result<ManifestError, ManifestError> {
        let (model, server) = (self.found.checkpoint.id.clone(), self.server.display_name.clone());
        let accelerator = self.accelerator.id.clone();
        let of_others = |found: &Recommendation| {
            let precision = found.configuration.precision.filter(|_| !self.is_of_precision(found));
            precision.map(|precision| format!("they are of {precision} weights"))
        };
        let answers = self.answers(None)?;
        let mut reasons: Vec<String> =
            answers.iter().filter_map(|found| self.obstacle(found).or(of_others(found))).collect();
        reasons.sort_unstable();
        reasons.dedup();
        if !reasons.is_empty() {
            return Ok(ManifestError::CurvesUnusable { model, server, accelerator, reasons });
        }
        let mut measured: Vec<String> =
            self.curves(None)?.into_iter().map(|curve| curve.configuration.accelerator).collect();
        measured.sort_unstable();
        measured.dedup();
        let traffic = self.request.traffic.map(|traffic| traffic.to_string());
        Ok(ManifestError::NoCurve { model, server, accelerator, traffic, measured })
    }

    /// Adds to a refused precision the accelerators of the catalog that run it.
    fn with_capable(&self, error: ManifestError) -> ManifestError {
        match error {
            ManifestError::Precision { accelerator, precision, instead, .. } => {
                let on_gke =
                    |id: &str| self.catalog.machines_with(id).is_ok_and(|machines| !machines.is_empty());
                let all = self.catalog.accelerators().unwrap_or_default().iter();
                let able = all.filter(|other| other.runs(precision) && on_gke(&other.id));
                let capable = able.map(|other| other.id.clone()).collect();
                ManifestError::Precision { accelerator, precision, capable, instead }
            }
            other => other,
        }
    }
}

/// The weights that a request means, and whether the server makes its precision while it loads them.
fn weights<'a>(
    catalog: &'a Catalog,
    request: &ManifestRequest,
    server: &Server,
) -> Result<(Found<'a>, Option<Precision>), ManifestError> {
    let found = catalog.find_model(&request.model)?;
    let Some(asked) = request.precision.filter(|asked| *asked != found.checkpoint.precision) else {
        return Ok((found, None));
    };
    if let Some(found) = found.of_precision(asked) {
        return Ok((found, None));
    }
    if asked == Precision::Fp8 && !found.checkpoint.precision.is_quantized() && server.name == "vllm" {
        return Ok((found, Some(Precision::Fp8)));
    }
    Err(ManifestError::no_such_precision(found, asked))
}

/// The `--max-num-seqs` of a source's engine arguments.
fn max_sequences_of(engine_arguments: &str) -> Option<u32> {
    let mut words = engine_arguments.split(['=', ' ']).filter(|word| !word.is_empty());
    words.find(|word| matches!(word.trim_start_matches('-'), "max-num-seqs" | "max_num_seqs"))?;
    words.next()?.parse().ok()
}
