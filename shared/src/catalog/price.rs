//! What machines cost.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a machine is paid for; the service's four, with its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PricingModel {
    /// List price.
    OnDemand,
    /// Preemptible capacity; the service's default.
    #[default]
    Spot,
    /// Three years of committed use.
    #[serde(rename = "3-years-cud")]
    ThreeYearsCud,
    /// One year of committed use.
    #[serde(rename = "1-year-cud")]
    OneYearCud,
}

impl PricingModel {
    /// All four, in the service's order.
    pub const ALL: [Self; 4] = [Self::OnDemand, Self::Spot, Self::ThreeYearsCud, Self::OneYearCud];

    /// Name as the service writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
            Self::ThreeYearsCud => "3-years-cud",
            Self::OneYearCud => "1-year-cud",
        }
    }
}

impl fmt::Display for PricingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a price was come by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PriceBasis {
    /// As the price book lists it.
    Listed,
    /// Computed from another entry; the text says how, such as `8 × the 1-chip slice`.
    Derived(String),
}

/// What one machine costs in one region.
#[derive(Debug, Clone, PartialEq)]
pub struct Price {
    /// USD for an hour of the whole machine.
    pub usd_per_hour: f64,
    /// GCP region.
    pub region: String,
    /// How it is paid.
    pub pricing_model: PricingModel,
    /// Listed or derived.
    pub basis: PriceBasis,
}
