//! What is asked of a recommendation.

use crate::catalog::PricingModel;
use crate::curve::Origin;
use crate::workload::{Percentile, Targets, Traffic};

/// Everything that narrows or prices the answer; the default asks for all that the catalog knows.
///
/// Names may be ids or aliases of the catalog. `None` means any.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirements {
    /// Model.
    pub model: Option<String>,
    /// Model server.
    pub server: Option<String>,
    /// Version of the server.
    pub server_version: Option<String>,
    /// Accelerator.
    pub accelerator: Option<String>,
    /// Machine type.
    pub machine: Option<String>,
    /// Lengths of the requests. `None`: every traffic that was measured, each row with its own.
    pub traffic: Option<Traffic>,
    /// Latency and cost targets.
    pub targets: Targets,
    /// How machines are paid for.
    pub pricing_model: PricingModel,
    /// Region of the prices. `None`: the service's default of each machine.
    pub region: Option<String>,
    /// How many times dearer an output token is than an input token, greater than 0.
    pub output_input_cost_ratio: f64,
    /// Which kinds of knowledge may answer.
    pub provenance: ProvenanceFilter,
    /// With which end of an estimate's interval targets are held.
    pub optimism: Optimism,
    /// Requests a second that have to be served: how many replicas that takes, and what they cost, decides then.
    pub requests_per_second: Option<f64>,
    /// Share of the requests that latency targets have to hold for. Measurements are medians.
    pub percentile: Percentile,
}

/// With which end of an estimate's interval a target is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Optimism {
    /// With the worse one: the promise holds nine times out of ten.
    #[default]
    Pessimistic,
    /// With the estimate itself: it holds every other time.
    Median,
}

impl Optimism {
    /// Both, as the command line names them.
    pub const ALL: [Self; 2] = [Self::Median, Self::Pessimistic];

    /// Name as the command line writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pessimistic => "pessimistic",
            Self::Median => "median",
        }
    }
}

impl Requirements {
    /// The service's ratio of the cost of an output token to that of an input token.
    pub const DEFAULT_COST_RATIO: f64 = 4.0;
}

impl Default for Requirements {
    fn default() -> Self {
        Self {
            model: None,
            server: None,
            server_version: None,
            accelerator: None,
            machine: None,
            traffic: None,
            targets: Targets::default(),
            pricing_model: PricingModel::default(),
            region: None,
            output_input_cost_ratio: Self::DEFAULT_COST_RATIO,
            provenance: ProvenanceFilter::default(),
            optimism: Optimism::default(),
            requests_per_second: None,
            percentile: Percentile::default(),
        }
    }
}

/// Which kinds of knowledge may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProvenanceFilter {
    /// All.
    #[default]
    Any,
    /// Somebody ran it: measured, digitised or published figures.
    Measured,
    /// The estimator's curves only, corrected ones among them.
    Estimated,
}

impl ProvenanceFilter {
    /// All three, as the command line names them.
    pub const ALL: [Self; 3] = [Self::Measured, Self::Estimated, Self::Any];

    /// Name as the command line writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Measured => "measured",
            Self::Estimated => "estimated",
        }
    }

    /// Whether a curve of this origin may answer.
    pub const fn allows(self, origin: Origin) -> bool {
        match self {
            Self::Any => true,
            Self::Measured => !matches!(origin, Origin::Estimated | Origin::Corrected),
            Self::Estimated => matches!(origin, Origin::Estimated | Origin::Corrected),
        }
    }
}
