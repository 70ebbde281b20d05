//! The curves behind the recommendations, every point priced.

use super::asked::Asked;
use super::{Cost, CurveSource, Placement, RecommendError, Requirements};
use crate::catalog::Catalog;
use crate::curve::{Configuration, Curve, LoadKind, LoadPoint, Provenance, Zone};
use crate::workload::Traffic;

/// One curve with the price of every point.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    /// Model, precision, server, version, accelerators, parallelism.
    pub configuration: Configuration,
    /// Machines of a replica; `None` where GKE has none for the accelerators.
    pub placement: Option<Placement>,
    /// Lengths of the requests.
    pub traffic: Traffic,
    /// How load was put on.
    pub load_kind: LoadKind,
    /// Where the figures come from.
    pub provenance: Provenance,
    /// By rising load.
    pub points: Vec<BenchmarkPoint>,
}

/// One point of a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchmarkPoint {
    /// Load, throughput, latencies.
    pub point: LoadPoint,
    /// Where on the curve it lies.
    pub zone: Zone,
    /// Whether it is the knee.
    pub is_knee: bool,
    /// What a million tokens costs there; `None` without a machine.
    pub cost: Option<Cost>,
}

/// Every curve that the requirements cover, in the catalog's order. Targets are not looked at.
///
/// # Errors
/// As [`super::recommend`].
pub fn benchmarks(
    catalog: &Catalog,
    source: &dyn CurveSource,
    requirements: &Requirements,
) -> Result<Vec<Benchmark>, RecommendError> {
    let asked = Asked::resolve(catalog, requirements)?;
    let mut benchmarks = Vec::new();
    for curve in asked.curves(source)? {
        let is_allowed = requirements.provenance.allows(curve.provenance.origin);
        let serves = requirements.traffic.is_none_or(|traffic| curve.traffic.serves(&traffic));
        if is_allowed && serves {
            benchmarks.extend(asked.benchmark(curve)?);
        }
    }
    Ok(benchmarks)
}

impl Asked<'_> {
    /// The priced curve; `None` when another machine was asked for.
    fn benchmark(&self, curve: Curve) -> Result<Option<Benchmark>, RecommendError> {
        let placement = self.place(&curve, &self.weights(&curve)?)?.ok();
        if placement.is_none() && self.machine.is_some() {
            return Ok(None);
        }
        let knee = curve.knee().ok();
        let mut points = Vec::new();
        for (index, point) in curve.points.iter().enumerate() {
            let cost = placement.as_ref().map(|placement| self.cost(placement, point)).transpose()?;
            let zone = curve.zone_of(index);
            points.push(BenchmarkPoint { point: *point, zone, is_knee: knee == Some(index), cost });
        }
        let mut provenance = curve.provenance;
        provenance.notes.extend(placement.iter().map(|placement| placement.note.clone()));
        Ok(Some(Benchmark {
            configuration: curve.configuration,
            placement,
            traffic: curve.traffic,
            load_kind: curve.load_kind,
            provenance,
            points,
        }))
    }
}
