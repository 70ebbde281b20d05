//! From requirements to recommendations.

use super::asked::Asked;
use super::rank::rank;
use super::{
    Cost, CurveSource, FigureBanded, Fleet, Optimism, Placement, Reachable, RecommendError, Recommendation,
    Recommendations, Rejected, Rejection, Requirements, TargetKind, Unmet, notes, unmeasured,
};
use crate::catalog::Catalog;
use crate::curve::{self, Curve, FigureBands, LoadPoint, NoOperatingPoint, OperatingPoint, RatioBand};
use crate::workload::{LatencyMetric, Targets};

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
    answers.notes = notes::notes(&answers.ranked, requirements);
    answers.infeasible = asked.infeasible(source, &curves, &answers)?;
    Ok(answers)
}

impl Asked<'_> {
    /// What every curve answers, in the order of the curves.
    pub(super) fn answers(&self, curves: &[Curve]) -> Result<Recommendations, RecommendError> {
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
    pub(super) fn answer(
        &self,
        curve: &Curve,
        targets: &Targets,
    ) -> Result<Result<Recommendation, Rejected>, RecommendError> {
        let weights = self.weights(curve)?;
        let placement = match self.place(curve, &weights)? {
            Ok(placement) => placement,
            Err(why) => return Ok(Err(rejected(curve, None, Rejection::NoMachine(why)))),
        };
        let (operating, cost, is_promise) = match self.operate(curve, targets, &placement)? {
            Ok(operation) => operation,
            Err(why) => return Ok(Err(rejected(curve, Some(&placement), why))),
        };
        let mut provenance = curve.provenance.clone();
        provenance.notes.push(placement.note.clone());
        provenance.notes.extend(weights.note);
        let bands = curve.bands.map(|bands| FigureBanded::of(&operating.point, &bands, is_promise));
        let each = operating.point.requests_per_second;
        let fleet = |rate| Fleet::of(rate, each, placement.share, &cost);
        let fleet = self.requirements.requests_per_second.and_then(fleet);
        Ok(Ok(Recommendation {
            configuration: curve.configuration.clone(),
            checkpoint: weights.checkpoint,
            placement,
            traffic: curve.traffic,
            load_kind: curve.load_kind,
            operating,
            cost,
            bands,
            fleet,
            provenance,
        }))
    }

    /// Where a curve should run under some targets, what that costs, and whether the figures are the worse ends of
    /// their intervals; or why it does not serve.
    fn operate(
        &self,
        curve: &Curve,
        targets: &Targets,
        placement: &Placement,
    ) -> Result<Result<(OperatingPoint, Cost, bool), Rejection>, RecommendError> {
        if let Some(asked) = self.requirements.traffic.filter(|asked| !curve.traffic.serves(asked)) {
            return Ok(Err(Rejection::Traffic { asked }));
        }
        // A promise is made with the pessimistic end of what is only estimated.
        let is_promise = curve.bands.is_some()
            && targets.latencies().next().is_some()
            && self.requirements.optimism == Optimism::Pessimistic;
        let promised;
        let curve = if is_promise {
            promised = curve.pessimistic();
            &promised
        } else {
            curve
        };
        let operating = match curve.operating_point(targets) {
            Ok(operating) => operating,
            Err(why) => return Ok(Err(why.into())),
        };
        let cost = self.cost(placement, &operating.point)?;
        Ok(match misses_cost(targets, &cost) {
            Some(why) => Err(why),
            None => Ok((operating, cost, is_promise)),
        })
    }
}

impl FigureBanded {
    /// The intervals around the figures of `point`, which are the worse ends of them where it `is_promise`.
    fn of(point: &LoadPoint, bands: &FigureBands, is_promise: bool) -> Self {
        let latency = |metric, band: RatioBand| {
            let figure = point.latency_milliseconds(metric)?;
            Some(band.around(if is_promise { figure / band.around(1.0).high } else { figure }))
        };
        let throughput = point.output_tokens_per_second;
        let slowest = bands.throughput.around(1.0).low;
        Self {
            ttft: latency(LatencyMetric::Ttft, bands.ttft),
            itl: latency(LatencyMetric::Itl, bands.itl),
            ntpot: latency(LatencyMetric::Ntpot, bands.ntpot),
            output_tokens_per_second: bands.throughput.around(if is_promise {
                throughput / slowest
            } else {
                throughput
            }),
        }
    }
}

fn rejected(curve: &Curve, placement: Option<&Placement>, why: Rejection) -> Rejected {
    Rejected {
        configuration: curve.configuration.clone(),
        machine: placement.map(|placement| placement.machine.name.clone()),
        traffic: curve.traffic,
        load_kind: curve.load_kind,
        why,
    }
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
