//! What comes nearest, when targets were asked and nothing meets them.

use super::asked::Asked;
use super::rank::rank;
use super::{
    Change, CurveSource, Infeasible, Nearest, RecommendError, Recommendation, Recommendations, Rejected,
    Rejection, Requirements, TargetKind, Unmet,
};
use crate::curve::Curve;
use crate::workload::{Itl, LatencyMetric, Ntpot, Targets, Ttft};

impl Asked<'_> {
    /// What comes nearest, when targets were asked and nothing meets them.
    pub(super) fn infeasible(
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
            without_price: without_price(&answers.rejected),
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

/// How many candidates only lack a price.
fn without_price(rejected: &[Rejected]) -> usize {
    rejected.iter().filter(|rejected| rejected.why == Rejection::NoPrice).count()
}
