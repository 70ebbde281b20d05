//! How far estimates may be off: intervals from what estimates of unseen measurements missed by.
//!
//! Residuals are taken from groups of measurements that the constants were fitted without, and the interval of a new
//! estimate is that which held eight of ten of them (split conformal prediction; Vovk, Gammerman and Shafer 2005), for
//! each server and metric by itself. What is farther from everything measured gets the residuals of whole accelerators
//! left out, and where not even those tell anything, a wider interval that says so.

use serde::{Deserialize, Serialize};

use super::correction::CommonShares;
use super::replica::Replica;
use super::step::{Family, SERVERS};
use crate::curve::FigureBands;

/// Times the logarithmic half-width grows for each fact that no measurement is about: a family of chips, exchanges
/// over PCIe, an engine of another generation. Each is one more source of error of the size of those seen between
/// groups: √2.
const FARTHER: f64 = std::f64::consts::SQRT_2;

/// Intervals by how near an estimate is to measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bands {
    /// Of accelerators that were fitted, by server in the order of [`SERVERS`].
    pub near: Vec<FigureBands>,
    /// Of accelerators that were not, all servers together.
    pub far: FigureBands,
    /// Accelerators that were fitted, by catalog id.
    pub fitted: Vec<String>,
    /// How much of a miss measurements of one replica have in common.
    pub common: CommonShares,
}

impl Bands {
    /// Before any residual.
    pub fn expected() -> Self {
        Self {
            near: vec![FigureBands::expected(); SERVERS.len()],
            far: FigureBands::expected(),
            fitted: Vec::new(),
            common: CommonShares::expected(),
        }
    }

    /// The intervals of a replica on the accelerator of this catalog id.
    pub fn of(&self, replica: &Replica, accelerator: &str) -> FigureBands {
        let is_fitted = self.fitted.iter().any(|fitted| fitted == accelerator);
        let near = self.near.get(replica.server).copied().filter(|_| is_fitted);
        let mut strangeness = 0;
        strangeness += i32::from(matches!(replica.chip.family, Family::Other | Family::Tpu | Family::Amd));
        strangeness += i32::from(replica.chip.is_pcie && replica.work.accelerators > 1.0);
        strangeness += i32::from(replica.is_old);
        near.unwrap_or(self.far).widened(FARTHER.powi(strangeness))
    }
}
