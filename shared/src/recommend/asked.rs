//! A question whose names are found and whose numbers make sense: what it covers, and what that costs.

use super::placement::Replica;
use super::{
    Cost, CurveSource, NoPrice, Placement, PricedCost, Question, RecommendError, Requirements, TokenCost,
};
use crate::catalog::{Accelerator, Catalog, Checkpoint, Machine, Model, Server, ServerVersion};
use crate::curve::{Curve, LoadPoint};

/// Requirements whose names have been found in the catalog.
pub(super) struct Asked<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) requirements: &'a Requirements,
    pub(super) model: Option<&'a Model>,
    /// Set where the question names weights other than the stock ones.
    pub(super) checkpoint: Option<&'a Checkpoint>,
    pub(super) server: Option<&'a Server>,
    pub(super) version: Option<&'a ServerVersion>,
    pub(super) accelerator: Option<&'a Accelerator>,
    pub(super) machine: Option<&'a Machine>,
}

impl<'a> Asked<'a> {
    /// Finds every name and checks every number.
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
            checkpoint: found.filter(|_| !is_stock).map(|found| found.checkpoint),
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
        curves.retain(|curve| {
            self.checkpoint.is_none_or(|asked| curve.configuration.precision == Some(asked.precision))
        });
        Ok(curves)
    }

    /// The weights that a curve's configuration serves.
    pub(super) fn weights(&self, curve: &Curve) -> Result<Weights, RecommendError> {
        let model = match self.model {
            Some(model) => model,
            None => self.catalog.find_model(&curve.configuration.model)?.model,
        };
        let precision = curve.configuration.precision;
        let published = match (self.checkpoint, precision) {
            (Some(asked), _) => Some(asked),
            (None, Some(precision)) => model.checkpoint_of(precision),
            (None, None) => model.stock_checkpoint(),
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

    /// The machines of a curve's replica, or why there are none.
    pub(super) fn place(
        &self,
        curve: &Curve,
        weights: &Weights,
    ) -> Result<Result<Placement, String>, RecommendError> {
        let replica = Replica {
            accelerator: &curve.configuration.accelerator,
            accelerators: curve.configuration.accelerators,
            weights_bytes: weights.bytes,
        };
        let only = self.machine.map(|machine| machine.name.as_str());
        Ok(Placement::of(self.catalog, replica, curve.machine.as_deref(), only)?)
    }

    /// What a replica costs at a point.
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
}

/// The weights of a configuration.
pub(super) struct Weights {
    /// Hugging Face id.
    pub(super) checkpoint: String,
    /// Their size; 0 where it is unknown.
    pub(super) bytes: u64,
    /// What the catalog does not know about them.
    pub(super) note: Option<String>,
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
