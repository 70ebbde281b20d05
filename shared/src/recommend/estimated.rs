//! Curves of what nobody measured.

use super::{CurveSource, Measured, Question, RecommendError};
use crate::catalog::{Accelerator, Catalog, Checkpoint, Model, Server, ServerVersion};
use crate::curve::{Configuration, Curve, Parallelism};
use crate::estimate::Estimator;
use crate::parallel::on_all_processors;
use crate::workload::Traffic;

/// The estimator's curves of every configuration of a model that fits in memory, on every accelerator that the catalog
/// has a machine for.
#[derive(Debug, Clone)]
pub struct Estimated<'a> {
    catalog: &'a Catalog,
    estimator: &'a Estimator<'a>,
}

/// Measured curves; where none serves the question, estimated ones.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    measured: Measured<'a>,
    estimated: Estimated<'a>,
}

impl<'a> Estimated<'a> {
    /// Curves of `estimator` over `catalog`.
    pub const fn new(catalog: &'a Catalog, estimator: &'a Estimator<'a>) -> Self {
        Self { catalog, estimator }
    }

    /// Every configuration that the question covers, whether or not it fits, always in the same order.
    fn configurations(&self, question: &Question<'_>) -> Result<Vec<Configuration>, RecommendError> {
        let Some(model) = question.model else { return Ok(Vec::new()) };
        let model = self.catalog.find_model(model)?.model;
        let mut configurations = Vec::new();
        for server in self.catalog.servers()? {
            if question.server.is_some_and(|asked| asked != server.name)
                || !self.estimator.knows(&server.name)
            {
                continue;
            }
            for accelerator in self.catalog.accelerators()? {
                if question.accelerator.is_some_and(|asked| asked != accelerator.id) {
                    continue;
                }
                let version = match question.server_version {
                    Some(version) => server.known_version(version),
                    None => server.default_version(accelerator.kind),
                };
                let Some(version) = version.filter(|version| version.image(accelerator.kind).is_some())
                else {
                    continue;
                };
                self.of_accelerator(model, server, version, accelerator, &mut configurations)?;
            }
        }
        Ok(configurations)
    }

    fn of_accelerator(
        &self,
        model: &Model,
        server: &Server,
        version: &ServerVersion,
        accelerator: &Accelerator,
        configurations: &mut Vec<Configuration>,
    ) -> Result<(), RecommendError> {
        let sizes = self.catalog.replica_sizes(accelerator, None)?;
        let runs = |checkpoint: &&Checkpoint| accelerator.runs(checkpoint.precision);
        for checkpoint in model.checkpoints.iter().filter(runs) {
            for accelerators in &sizes {
                configurations.push(Configuration {
                    model: model.id.clone(),
                    precision: Some(checkpoint.precision),
                    server: server.name.clone(),
                    server_version: Some(version.version.clone()),
                    accelerator: accelerator.id.clone(),
                    accelerators: *accelerators,
                    parallelism: Parallelism::tensor(*accelerators),
                    engine_arguments: String::new(),
                });
            }
        }
        Ok(())
    }
}

impl CurveSource for Estimated<'_> {
    fn curves(&self, question: &Question<'_>) -> Result<Vec<Curve>, RecommendError> {
        let traffic = question.traffic.unwrap_or(Traffic::SHAREGPT);
        let configurations = self.configurations(question)?;
        // What does not fit is no candidate; `accelerators list` says why.
        let curves = on_all_processors(&configurations, |configuration| {
            let mut curve = self.estimator.curve(configuration, &traffic).ok()?;
            // Nobody should run where an open loop has no steady latency.
            curve.points.retain(|point| point.ttft.is_some());
            Some(curve)
        });
        Ok(curves.into_iter().flatten().collect())
    }
}

impl<'a> Known<'a> {
    /// The profiles of `catalog`, and curves of `estimator` where it has none.
    pub const fn new(catalog: &'a Catalog, estimator: &'a Estimator<'a>) -> Self {
        Self { measured: Measured::new(catalog), estimated: Estimated::new(catalog, estimator) }
    }
}

impl CurveSource for Known<'_> {
    fn curves(&self, question: &Question<'_>) -> Result<Vec<Curve>, RecommendError> {
        let measured = self.measured.curves(question)?;
        let serves = |curve: &Curve| question.traffic.is_none_or(|asked| curve.traffic.serves(&asked));
        if measured.iter().any(serves) {
            return Ok(measured);
        }
        let estimated = self.estimated.curves(question)?;
        Ok(if estimated.is_empty() { measured } else { estimated })
    }
}
