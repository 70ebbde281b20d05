//! What machines cost.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Evidence;
use super::entry::{Entry, Problem, Reference, Section, name, positive_if_given};

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

/// The price book's page of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceTable {
    /// Machine type.
    pub machine: String,
    /// Day of the price book, `YYYY-MM-DD`.
    pub as_of: String,
    /// How the figures were computed from others; absent: they are listed as they stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<String>,
    /// USD for an hour of the whole machine, by region.
    pub usd_per_hour: BTreeMap<String, RegionPrices>,
    /// Where the figures come from.
    pub evidence: Evidence,
}

/// USD an hour in one region; absent where the book has no figure.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RegionPrices {
    /// List price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_demand: Option<f64>,
    /// Preemptible capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<f64>,
    /// Three years of committed use.
    #[serde(default, rename = "3-years-cud", skip_serializing_if = "Option::is_none")]
    pub three_years_cud: Option<f64>,
    /// One year of committed use.
    #[serde(default, rename = "1-year-cud", skip_serializing_if = "Option::is_none")]
    pub one_year_cud: Option<f64>,
}

impl RegionPrices {
    /// The figure for one way of paying.
    pub const fn get(&self, pricing_model: PricingModel) -> Option<f64> {
        match pricing_model {
            PricingModel::OnDemand => self.on_demand,
            PricingModel::Spot => self.spot,
            PricingModel::ThreeYearsCud => self.three_years_cud,
            PricingModel::OneYearCud => self.one_year_cud,
        }
    }

    /// These figures, and the others where these are absent.
    const fn or(&self, others: &Self) -> Self {
        const fn first(a: Option<f64>, b: Option<f64>) -> Option<f64> {
            if a.is_some() { a } else { b }
        }
        Self {
            on_demand: first(self.on_demand, others.on_demand),
            spot: first(self.spot, others.spot),
            three_years_cud: first(self.three_years_cud, others.three_years_cud),
            one_year_cud: first(self.one_year_cud, others.one_year_cud),
        }
    }
}

impl PriceTable {
    /// The price in one region, where the book has it.
    pub fn price(&self, region: &str, pricing_model: PricingModel) -> Option<Price> {
        let usd_per_hour = self.usd_per_hour.get(region)?.get(pricing_model)?;
        Some(Price {
            usd_per_hour,
            region: region.to_owned(),
            pricing_model,
            basis: match &self.derived {
                Some(how) => PriceBasis::Derived(how.clone()),
                None => PriceBasis::Listed,
            },
        })
    }
}

impl Entry for PriceTable {
    const KIND: &'static str = "price table";

    fn key(&self) -> String {
        self.machine.clone()
    }

    fn validate(&self) -> Result<(), Problem> {
        name("machine", &self.machine)?;
        name("asOf", &self.as_of)?;
        for (region, prices) in &self.usd_per_hour {
            name("usdPerHour", region)?;
            for pricing_model in PricingModel::ALL {
                positive_if_given(pricing_model.name(), prices.get(pricing_model), 1e5)
                    .map_err(|problem| problem.within(&format!("usdPerHour.{region}")))?;
            }
        }
        self.evidence.validate()
    }

    fn references(&self) -> Vec<Reference<'_>> {
        vec![Reference { field: "machine", section: Section::Machines, name: &self.machine }]
    }

    /// Region by region and figure by figure, so that one own price does not hide the rest of the book.
    fn overlaid_by(&self, overlay: &Self) -> Self {
        let mut merged = overlay.clone();
        for (region, old) in &self.usd_per_hour {
            let new = merged.usd_per_hour.entry(region.clone()).or_default();
            *new = new.or(old);
        }
        merged
    }
}
