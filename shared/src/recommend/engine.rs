//! From requirements to recommendations.

use super::infeasible::{TargetKind, Unmet};
use super::placement::Replica;
use super::rank::rank;
use super::{
    Change, Cost, CurveSource, Infeasible, Nearest, NoPrice, Placement, PricedCost, Question, Reachable,
    RecommendError, Recommendation, Recommendations, Rejected, Rejection, Requirements, TokenCost, notes,
    unmeasured,
};
use crate::catalog::{Accelerator, Catalog, Checkpoint, Machine, Model, Precision, Server, ServerVersion};
use crate::curve::{self, Curve, LoadPoint, NoOperatingPoint};
use crate::workload::{Itl, LatencyMetric, Ntpot, Targets, Ttft};

/// Everything that meets the requirements, best first, and why the rest does not.
///
/// # Errors
/// Requirements that make no sense, names that the catalog does not have, and a catalog that cannot be read.
/// Finding nothing is no error: the answer then says what is nearest.
pub fn recommend(
    catalog: &Catalog,
    source: &dyn CurveSource,
    requirements: &Requirements,
) -> Result<Recommendations, RecommendError> {
    let asked = Asked::resolve(catalog, requirements)?;
    let curves = asked.curves(source)?;
    let mut answers = asked.answers(&curves)?;
    rank(&mut answers.ranked);
    answers.not_measured = unmeasured::fitting(&asked, &curves)?;
    answers.notes = notes::of(&answers.ranked, requirements);
    answers.infeasible = asked.infeasible(source, &curves, &answers)?;
    Ok(answers)
}

/// Requirements whose names have been found in the catalog.
pub(super) struct Asked<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) requirements: &'a Requirements,
    pub(super) model: Option<&'a Model>,
    /// Set where the question names weights other than the stock ones.
    pub(super) precision: Option<Precision>,
    pub(super) server: Option<&'a Server>,
    pub(super) version: Option<&'a ServerVersion>,
    pub(super) accelerator: Option<&'a Accelerator>,
    pub(super) machine: Option<&'a Machine>,
}

impl<'a> Asked<'a> {
    pub(super) fn resolve(
        catalog: &'a Catalog,
        requirements: &'a Requirements,
    ) -> Result<Self, RecommendError> {
        check_numbers(requirements)?;
        check_region(catalog, requirements)?;
        let found = requirements.model.as_deref().map(|name| catalog.find_model(name)).transpose()?;
        let is_stock = found.is_some_and(|found| found.checkpoint.id == found.model.id);
        let server = requirements.server.as_deref().map(|name| catalog.find_server(name)).transpose()?;
        let version = match (server, requirements.server_version.as_deref()) {
            (_, None) => None,
            (Some(server), Some(version)) => Some(server.find_version(version)?),
            (None, Some(version)) => return Err(RecommendError::VersionWithoutServer(version.to_owned())),
        };
        let accelerator = requirements.accelerator.as_deref();
        let machine = requirements.machine.as_deref();
        Ok(Self {
            catalog,
            requirements,
            model: found.map(|found| found.model),
            precision: found.filter(|_| !is_stock).map(|found| found.checkpoint.precision),
            server,
            version,
            accelerator: accelerator.map(|name| catalog.find_accelerator(name)).transpose()?,
            machine: machine.map(|name| catalog.find_machine(name)).transpose()?,
        })
    }

    /// Curves of everything that the question covers, whatever their traffic.
    pub(super) fn curves(&self, source: &dyn CurveSource) -> Result<Vec<Curve>, RecommendError> {
        let of_machine = self.machine.map(|machine| machine.accelerator.as_str());
        let mut curves = source.curves(&Question {
            model: self.model.map(|model| model.id.as_str()),
            server: self.server.map(|server| server.name.as_str()),
            server_version: self.version.map(|version| version.version.as_str()),
            accelerator: self.accelerator.map(|accelerator| accelerator.id.as_str()).or(of_machine),
            traffic: self.requirements.traffic,
        })?;
        curves
            .retain(|curve| self.precision.is_none_or(|asked| curve.configuration.precision == Some(asked)));
        Ok(curves)
    }

    fn answers(&self, curves: &[Curve]) -> Result<Recommendations, RecommendError> {
        let allowed = |curve: &&Curve| self.requirements.provenance.allows(curve.provenance.origin);
        let serves =
            |curve: &&Curve| self.requirements.traffic.is_none_or(|asked| curve.traffic.serves(&asked));
        let reachable = Reachable::of(curves.iter().filter(allowed).filter(serves));
        let mut answers = Recommendations { reachable, ..Recommendations::default() };
        for curve in curves.iter().filter(allowed) {
            match self.answer(curve, &self.requirements.targets)? {
                Ok(recommendation) => answers.ranked.push(recommendation),
                Err(why) => answers.rejected.push(why),
            }
        }
        Ok(answers)
    }

    /// What one curve answers to some targets.
    fn answer(
        &self,
        curve: &Curve,
        targets: &Targets,
    ) -> Result<Result<Recommendation, Rejected>, RecommendError> {
        let rejected = |machine: Option<&Placement>, why: Rejection| Rejected {
            configuration: curve.configuration.clone(),
            machine: machine.map(|placement| placement.machine.name.clone()),
            traffic: curve.traffic,
            load_kind: curve.load_kind,
            why,
        };
        let weights = self.weights(curve)?;
        let replica = Replica {
            accelerator: &curve.configuration.accelerator,
            accelerators: curve.configuration.accelerators,
            weights_bytes: weights.bytes,
        };
        let only = self.machine.map(|machine| machine.name.as_str());
        let placement = match Placement::of(self.catalog, replica, curve.machine.as_deref(), only)? {
            Ok(placement) => placement,
            Err(why) => return Ok(Err(rejected(None, Rejection::NoMachine(why)))),
        };
        if let Some(asked) = self.requirements.traffic.filter(|asked| !curve.traffic.serves(asked)) {
            return Ok(Err(rejected(Some(&placement), Rejection::Traffic { asked })));
        }
        let operating = match curve.operating_point(targets) {
            Ok(operating) => operating,
            Err(why) => return Ok(Err(rejected(Some(&placement), why.into()))),
        };
        let cost = self.cost(&placement, &operating.point)?;
        if let Some(why) = misses_cost(targets, &cost) {
            return Ok(Err(rejected(Some(&placement), why)));
        }
        let mut provenance = curve.provenance.clone();
        provenance.notes.push(placement.note.clone());
        provenance.notes.extend(weights.note);
        Ok(Ok(Recommendation {
            configuration: curve.configuration.clone(),
            checkpoint: weights.checkpoint,
            placement,
            traffic: curve.traffic,
            load_kind: curve.load_kind,
            operating,
            cost,
            provenance,
        }))
    }

    /// The weights that a curve's configuration serves.
    pub(super) fn weights(&self, curve: &Curve) -> Result<Weights, RecommendError> {
        let model = match self.model {
            Some(model) => model,
            None => self.catalog.find_model(&curve.configuration.model)?.model,
        };
        let precision = curve.configuration.precision;
        let published = match precision {
            Some(precision) => model.checkpoint_of(precision),
            None => model.stock_checkpoint(),
        };
        Ok(match (published, precision) {
            (Some(Checkpoint { id, bytes, .. }), _) => {
                Weights { checkpoint: id.clone(), bytes: *bytes, note: None }
            }
            (None, precision) => Weights {
                checkpoint: model.id.clone(),
                bytes: precision.map_or(0, |precision| {
                    // Below 2^53: parameters are at most some 10^13.
                    (model.parameters as f64 * precision.bytes_per_weight()) as u64
                }),
                note: precision
                    .map(|precision| format!("the catalog knows no {precision} weights of this model")),
            },
        })
    }

    pub(super) fn cost(&self, placement: &Placement, point: &LoadPoint) -> Result<Cost, RecommendError> {
        let machine = placement.machine.name.as_str();
        let default_region = Catalog::default_region(machine);
        let region = self.requirements.region.as_deref().unwrap_or(default_region);
        let pricing_model = self.requirements.pricing_model;
        let no_price = || {
            Cost::NoPrice(NoPrice { machine: machine.to_owned(), region: region.to_owned(), pricing_model })
        };
        let Some(price) = self.catalog.price(machine, region, pricing_model)? else {
            return Ok(no_price());
        };
        let usd_per_hour_whole = price.usd_per_hour * f64::from(placement.machines);
        let usd_per_hour = usd_per_hour_whole * placement.share;
        let tokens = TokenCost::of(
            usd_per_hour,
            point.input_tokens_per_second,
            point.output_tokens_per_second,
            self.requirements.output_input_cost_ratio,
        );
        const MILLION: f64 = 1e6;
        Ok(tokens.map_or_else(no_price, |tokens| {
            Cost::Priced(PricedCost {
                usd_per_hour,
                usd_per_hour_whole,
                usd_per_million_input_tokens: tokens.usd_per_input_token * MILLION,
                usd_per_million_output_tokens: tokens.usd_per_output_token * MILLION,
                price,
            })
        }))
    }

    /// What comes nearest, when targets were asked and nothing meets them.
    fn infeasible(
        &self,
        source: &dyn CurveSource,
        curves: &[Curve],
        answers: &Recommendations,
    ) -> Result<Option<Infeasible>, RecommendError> {
        let by_target = |rejected: &Rejected| {
            matches!(rejected.why, Rejection::Unmet(_) | Rejection::NeverMeasured(_) | Rejection::NoPrice)
        };
        if !answers.ranked.is_empty() || !answers.rejected.iter().any(by_target) {
            return Ok(None);
        }
        Ok(Some(Infeasible {
            nearest: nearest(&answers.rejected),
            never_measured: never_measured(&answers.rejected),
            least_change: self.least_change(curves)?,
            elsewhere: self.elsewhere(source)?.map(Box::new),
        }))
    }

    /// The cheapest answer to the same question without its limits on servers and machines.
    fn elsewhere(&self, source: &dyn CurveSource) -> Result<Option<Recommendation>, RecommendError> {
        let wider = Requirements {
            server: None,
            server_version: None,
            accelerator: None,
            machine: None,
            ..self.requirements.clone()
        };
        if wider == *self.requirements {
            return Ok(None);
        }
        let asked = Asked::resolve(self.catalog, &wider)?;
        let mut answers = asked.answers(&asked.curves(source)?)?.ranked;
        rank(&mut answers);
        Ok(answers.into_iter().next())
    }

    /// The change whose largest step is the smallest multiple of its target; the cheapest of equals.
    fn least_change(&self, curves: &[Curve]) -> Result<Option<Change>, RecommendError> {
        let step = |change: &Change| change.targets.iter().map(Unmet::excess).fold(1.0, f64::max);
        let cost = |change: &Change| {
            let cost = change.recommendation.cost.priced();
            cost.map_or(f64::INFINITY, |cost| cost.usd_per_million_output_tokens)
        };
        let mut least: Option<Change> = None;
        for curve in curves {
            let Some(change) = self.change_for(curve)? else { continue };
            let is_less = least.as_ref().is_none_or(|least| {
                let order = step(&change).total_cmp(&step(least));
                order.then(cost(&change).total_cmp(&cost(least))).is_lt()
            });
            if is_less {
                least = Some(change);
            }
        }
        Ok(least)
    }

    /// How the targets would have to change for this curve to answer.
    fn change_for(&self, curve: &Curve) -> Result<Option<Change>, RecommendError> {
        // Latencies first, then the cost of the point that meets them: two rounds find all.
        const ROUNDS: usize = 2;
        let mut targets = self.requirements.targets;
        let mut changes: Vec<Unmet> = Vec::new();
        for _ in 0..=ROUNDS {
            match self.answer(curve, &targets)? {
                Ok(recommendation) => {
                    let recommendation = Box::new(recommendation);
                    return Ok(Some(Change { targets: changes, recommendation }));
                }
                Err(Rejected { why: Rejection::Unmet(unmet), .. }) => {
                    for unmet in unmet {
                        set(&mut targets, unmet.kind, unmet.nearest);
                        changes.push(unmet);
                    }
                }
                Err(_) => return Ok(None),
            }
        }
        Ok(None)
    }
}

pub(super) struct Weights {
    checkpoint: String,
    pub(super) bytes: u64,
    note: Option<String>,
}

fn check_numbers(requirements: &Requirements) -> Result<(), RecommendError> {
    let is_positive = |value: f64| value.is_finite() && value > 0.0;
    requirements.targets.validate()?;
    if !is_positive(requirements.output_input_cost_ratio) {
        return Err(RecommendError::Ratio(requirements.output_input_cost_ratio));
    }
    let lengths = requirements
        .traffic
        .map(|traffic| [("input", traffic.input_tokens), ("output", traffic.output_tokens)]);
    for (what, tokens) in lengths.into_iter().flatten() {
        if !is_positive(tokens) {
            return Err(RecommendError::Length { what, tokens });
        }
    }
    Ok(())
}

fn check_region(catalog: &Catalog, requirements: &Requirements) -> Result<(), RecommendError> {
    let Some(region) = requirements.region.as_deref() else {
        return Ok(());
    };
    let known = catalog.regions()?;
    if known.contains(&region) {
        return Ok(());
    }
    Err(RecommendError::UnknownRegion {
        region: region.to_owned(),
        known: known.into_iter().map(str::to_owned).collect(),
    })
}

fn misses_cost(targets: &Targets, cost: &Cost) -> Option<Rejection> {
    let asked = [
        (TargetKind::InputCost, targets.usd_per_million_input_tokens),
        (TargetKind::OutputCost, targets.usd_per_million_output_tokens),
    ];
    if asked.iter().all(|(_, target)| target.is_none()) {
        return None;
    }
    let Some(cost) = cost.priced() else {
        return Some(Rejection::NoPrice);
    };
    let unmet = asked.into_iter().filter_map(|(kind, target)| {
        let target = target?;
        let nearest = match kind {
            TargetKind::InputCost => cost.usd_per_million_input_tokens,
            _ => cost.usd_per_million_output_tokens,
        };
        (nearest > target).then_some(Unmet { kind, target, nearest })
    });
    let unmet: Vec<Unmet> = unmet.collect();
    (!unmet.is_empty()).then_some(Rejection::Unmet(unmet))
}

fn set(targets: &mut Targets, kind: TargetKind, value: f64) {
    match kind {
        TargetKind::Latency(LatencyMetric::Ttft) => targets.ttft = Some(Ttft::from_milliseconds(value)),
        TargetKind::Latency(LatencyMetric::Itl) => targets.itl = Some(Itl::from_milliseconds(value)),
        TargetKind::Latency(LatencyMetric::Ntpot) => targets.ntpot = Some(Ntpot::from_milliseconds(value)),
        TargetKind::InputCost => targets.usd_per_million_input_tokens = Some(value),
        TargetKind::OutputCost => targets.usd_per_million_output_tokens = Some(value),
    }
}

/// Of each unmet target the nearest value of any candidate.
fn nearest(rejected: &[Rejected]) -> Vec<Nearest> {
    let mut nearest: Vec<Nearest> = Vec::new();
    for Rejected { configuration, why, .. } in rejected {
        let Rejection::Unmet(unmet) = why else { continue };
        for unmet in unmet {
            let here = Nearest { unmet: *unmet, configuration: configuration.clone() };
            match nearest.iter_mut().find(|best| best.unmet.kind == unmet.kind) {
                Some(best) if unmet.nearest < best.unmet.nearest => *best = here,
                Some(_) => {}
                None => nearest.push(here),
            }
        }
    }
    nearest.sort_by_key(|nearest| nearest.unmet.kind);
    nearest
}

/// Latencies that were asked, and for how many candidates they were never measured.
fn never_measured(rejected: &[Rejected]) -> Vec<(LatencyMetric, usize)> {
    let of = |metric: &LatencyMetric| {
        let is = |rejected: &&Rejected| rejected.why == Rejection::NeverMeasured(*metric);
        rejected.iter().filter(is).count()
    };
    let counts = LatencyMetric::ALL.iter().map(|metric| (*metric, of(metric)));
    counts.filter(|(_, count)| *count > 0).collect()
}

impl From<NoOperatingPoint> for Rejection {
    fn from(why: NoOperatingPoint) -> Self {
        let unmet = |unmet: curve::Unmet| Unmet {
            kind: TargetKind::Latency(unmet.metric),
            target: unmet.target,
            nearest: unmet.nearest,
        };
        match why {
            NoOperatingPoint::Unmet(all) => Self::Unmet(all.into_iter().map(unmet).collect()),
            NoOperatingPoint::NeverMeasured(metric) => Self::NeverMeasured(metric),
            NoOperatingPoint::Empty => Self::NoPoints,
        }
    }
}
