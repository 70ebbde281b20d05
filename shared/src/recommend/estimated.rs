//! Curves of what nobody measured.

use super::{CurveSource, Measured, Question, RecommendError};
use crate::catalog::{Accelerator, Catalog, Checkpoint, Model, Precision, Server, ServerVersion};
use crate::curve::{Configuration, Curve, Parallelism};
use crate::estimate::{Correction, Estimator, Replicated};
use crate::parallel::on_all_processors;
use crate::workload::{Percentile, Traffic};

/// The estimator's curves of every configuration of a model that fits in memory, on every accelerator that the catalog
/// has a machine for.
#[derive(Debug, Clone)]
pub struct Estimated<'a> {
    catalog: &'a Catalog,
    estimator: &'a Estimator<'a>,
}

/// Measured curves of open loops, those of closed loops converted, and estimated ones of every configuration of the asked
/// model of which none was measured under the asked traffic; where it was measured under another, corrected by that.
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

    /// Curves of those configurations that fit in memory, in their order; `accelerators list` says why others do not.
    fn of(&self, configurations: &[Configuration], question: &Question<'_>) -> Vec<Curve> {
        let traffic = question.traffic.unwrap_or(Traffic::SHAREGPT);
        let curves = on_all_processors(configurations, |configuration| {
            let mut curve = self.estimator.curve(configuration, &traffic).ok()?;
            // Nobody should run where an open loop has no steady latency.
            curve.points.retain(|point| point.ttft.is_some());
            Some(curve)
        });
        curves.into_iter().flatten().collect()
    }

    /// Precision of what a source serves that does not say.
    fn stock_precision(&self, question: &Question<'_>) -> Result<Option<Precision>, RecommendError> {
        let Some(model) = question.model else { return Ok(None) };
        let model = self.catalog.find_model(model)?.model;
        Ok(model.stock_checkpoint().map(|checkpoint| checkpoint.precision))
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
        // Several publishers of weights of one precision make no difference to a curve.
        let runs = |checkpoint: &&Checkpoint| accelerator.runs(checkpoint.precision);
        for checkpoint in model.checkpoint_of_each_precision().filter(runs) {
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
        let configurations = self.configurations(question)?;
        Ok(self.of(&configurations, question))
    }
}

impl<'a> Known<'a> {
    /// The profiles of `catalog`, and curves of `estimator` where it has none.
    pub const fn new(catalog: &'a Catalog, estimator: &'a Estimator<'a>) -> Self {
        Self { measured: Measured::new(catalog), estimated: Estimated::new(catalog, estimator) }
    }

    /// Measured curves, those of closed loops as they would be with requests that come by themselves: the estimator's curve
    /// of the same replica, corrected by what was measured of it. A fixed number of requests in flight waits for the
    /// server, and hides what a queue does to latency. So it is with replicas that the asking have measured themselves.
    /// Curves of lengths that do not serve stay as they are.
    fn steady(&self, estimator: &Estimator<'_>, measured: Vec<Curve>, question: &Question<'_>) -> Vec<Curve> {
        let serves = |curve: &Curve| question.traffic.is_none_or(|asked| curve.traffic.serves(&asked));
        let own = |curve: &Curve| self.estimated.estimator.correction(&curve.configuration).is_some();
        let mut curves = Vec::new();
        let mut distinct: Vec<(&Replicated, Curve)> = Vec::new();
        for curve in measured {
            let is_to_be = serves(&curve) && (!curve.load_kind.is_open_loop() || own(&curve));
            let correction = estimator.correction(&curve.configuration).filter(|_| is_to_be);
            let Some(Correction { of, .. }) = correction else {
                curves.push(curve);
                continue;
            };
            // Several runs of one replica are one curve, of its newest version.
            match distinct.iter_mut().find(|(other, known)| *other == of && known.traffic == curve.traffic) {
                Some((_, known)) if self.newness(known) < self.newness(&curve) => *known = curve,
                Some(_) => {}
                None => distinct.push((of, curve)),
            }
        }
        let converted = on_all_processors(&distinct, |(_, curve)| {
            let mut steady =
                estimator.curve(&curve.configuration, &question.traffic.unwrap_or(curve.traffic)).ok()?;
            steady.points.retain(|point| point.ttft.is_some());
            steady.machine.clone_from(&curve.machine);
            steady.provenance.notes.extend(curve.provenance.notes.clone());
            Some(steady)
        });
        let with_curve = converted.into_iter().zip(distinct);
        curves.extend(with_curve.map(|(converted, (_, curve))| converted.unwrap_or(curve)));
        curves
    }

    /// How new the server of a curve is: the place of its version in the catalog, from 1; 0 of no version.
    fn newness(&self, curve: &Curve) -> usize {
        let Configuration { server, server_version, .. } = &curve.configuration;
        let Ok(server) = self.estimated.catalog.find_server(server) else { return 0 };
        let is_it = |version: &ServerVersion| Some(&version.version) == server_version.as_ref();
        server.versions.iter().position(is_it).map_or(0, |place| place + 1)
    }
}

impl CurveSource for Known<'_> {
    fn curves(&self, question: &Question<'_>) -> Result<Vec<Curve>, RecommendError> {
        let estimator = self.estimated.estimator.clone().corrected();
        let estimated = Estimated::new(self.estimated.catalog, &estimator);
        let measured = match estimator.conditions().percentile {
            Percentile::P50 => self.measured.curves(question)?,
            // What was measured and published are medians.
            Percentile::P90 | Percentile::P99 => Vec::new(),
        };
        let mut known = self.steady(&estimator, measured, question);
        let stock = estimated.stock_precision(question)?;
        let serves = |curve: &Curve| question.traffic.is_none_or(|asked| curve.traffic.serves(&asked));
        let is_known = |configuration: &Configuration| {
            let same = |curve: &Curve| {
                let known = &curve.configuration;
                known.precision.or(stock) == configuration.precision
                    && known.server == configuration.server
                    && known.accelerator == configuration.accelerator
                    && known.accelerators == configuration.accelerators
            };
            known.iter().filter(|curve| serves(curve)).any(same)
        };
        let mut unknown = estimated.configurations(question)?;
        unknown.retain(|configuration| !is_known(configuration));
        known.extend(estimated.of(&unknown, question));
        Ok(known)
    }
}
