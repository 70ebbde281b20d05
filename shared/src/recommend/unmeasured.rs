//! What fits in memory but has no curve.

use super::asked::Asked;
use super::placement::Replica;
use super::{NotMeasured, Placement, RecommendError};
use crate::catalog::{Accelerator, Checkpoint, Model, Server, ServerVersion};
use crate::curve::{Configuration, Curve, Parallelism};
use crate::estimate::memory::{EngineLimits, fewest_accelerators, least_context_tokens};

/// Configurations of the asked model that fit on one machine and that no curve of the asked traffic covers: of
/// each server that has an image, accelerator and checkpoint the one with the fewest accelerators.
///
/// Without a model there is nothing to list.
pub(super) fn fitting(asked: &Asked<'_>, curves: &[Curve]) -> Result<Vec<NotMeasured>, RecommendError> {
    let Some(model) = asked.model else {
        return Ok(Vec::new());
    };
    let servers = asked.catalog.servers()?.iter();
    let servers = servers.filter(|server| asked.server.is_none_or(|asked| asked.name == server.name));
    let of_machine = asked.machine.map(|machine| machine.accelerator.as_str());
    let covers = |accelerator: &&Accelerator| {
        asked.accelerator.is_none_or(|asked| asked.id == accelerator.id)
            && of_machine.is_none_or(|id| id == accelerator.id)
    };
    let accelerators: Vec<&Accelerator> = asked.catalog.accelerators()?.iter().filter(covers).collect();
    let checkpoints: Vec<&Checkpoint> = match asked.checkpoint {
        Some(checkpoint) => vec![checkpoint],
        None => model.checkpoint_of_each_precision().collect(),
    };
    let mut fitting = Vec::new();
    for server in servers {
        for accelerator in &accelerators {
            let version = asked.version.or_else(|| server.default_version(accelerator.kind));
            let Some(version) = version.filter(|version| version.image(accelerator.kind).is_some()) else {
                continue;
            };
            for checkpoint in &checkpoints {
                let candidate = Candidate { model, server, version, accelerator, checkpoint };
                if !candidate.is_measured(asked, curves) {
                    fitting.extend(candidate.fit(asked)?);
                }
            }
        }
    }
    Ok(fitting)
}

struct Candidate<'a> {
    model: &'a Model,
    server: &'a Server,
    version: &'a ServerVersion,
    accelerator: &'a Accelerator,
    checkpoint: &'a Checkpoint,
}

impl Candidate<'_> {
    fn is_measured(&self, asked: &Asked<'_>, curves: &[Curve]) -> bool {
        let stock = self.model.stock_checkpoint().map(|checkpoint| checkpoint.precision);
        curves.iter().any(|curve| {
            let Configuration { precision, server, accelerator, .. } = &curve.configuration;
            let traffic = asked.requirements.traffic;
            precision.or(stock) == Some(self.checkpoint.precision)
                && *server == self.server.name
                && *accelerator == self.accelerator.id
                && traffic.is_none_or(|traffic| curve.traffic.serves(&traffic))
        })
    }

    fn fit(&self, asked: &Asked<'_>) -> Result<Option<NotMeasured>, RecommendError> {
        if !self.accelerator.runs(self.checkpoint.precision) {
            return Ok(None);
        }
        let only = asked.machine.map(|machine| machine.name.as_str());
        let sizes = asked.catalog.replica_sizes(self.accelerator, only)?;
        let limits = EngineLimits::of(self.version, self.accelerator);
        let context = least_context_tokens(asked.requirements.traffic);
        let fewest =
            fewest_accelerators(self.model, self.checkpoint, self.accelerator, &sizes, limits, context);
        let Ok((accelerators, plan)) = fewest else {
            return Ok(None);
        };
        let replica =
            Replica { accelerator: &self.accelerator.id, accelerators, weights_bytes: self.checkpoint.bytes };
        let placement = Placement::of(asked.catalog, replica, None, only)?;
        Ok(placement.ok().map(|placement| NotMeasured {
            configuration: self.configuration(accelerators),
            checkpoint: self.checkpoint.id.clone(),
            placement,
            max_context_tokens: plan.max_context_tokens,
        }))
    }

    fn configuration(&self, accelerators: u32) -> Configuration {
        Configuration {
            model: self.model.id.clone(),
            precision: Some(self.checkpoint.precision),
            server: self.server.name.clone(),
            server_version: Some(self.version.version.clone()),
            accelerator: self.accelerator.id.clone(),
            accelerators,
            parallelism: Parallelism::tensor(accelerators),
            engine_arguments: String::new(),
        }
    }
}
