//! Questions that cannot be answered at all.

use thiserror::Error;

use crate::catalog::CatalogError;
use crate::curve::CurveError;
use crate::workload::TargetError;

/// A question that makes no sense, or a catalog that cannot answer any.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RecommendError {
    /// A name that the catalog does not have, or a catalog that cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A target that nothing can be compared with.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A ratio of costs that is not positive.
    #[error("output to input cost ratio is {0}: it must be a positive, finite number")]
    Ratio(f64),
    /// Lengths that no request has.
    #[error("{what} length is {tokens} tokens: it must be a positive, finite number")]
    Length {
        /// `input` or `output`.
        what: &'static str,
        /// What was given.
        tokens: f64,
    },
    /// A version means nothing without its server.
    #[error("server version `{0}` needs the server that it is a version of")]
    VersionWithoutServer(String),
    /// A region that the price book does not have.
    #[error("the price book has no region `{region}`; it has {}", .known.join(", "))]
    UnknownRegion {
        /// What was asked.
        region: String,
        /// Regions with prices.
        known: Vec<String>,
    },
    /// A catalog entry that is no curve.
    #[error("profile {profile} {error}")]
    Profile {
        /// Which entry.
        profile: String,
        /// What is wrong with it.
        error: CurveError,
    },
}
