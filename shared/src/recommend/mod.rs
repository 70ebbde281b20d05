//! From requirements to ranked, priced recommendations, or why there is none and what is nearest.
//!
//! [`recommend`] asks one [`CurveSource`] for curves and does not know what is behind it.

mod asked;
mod benchmarks;
mod columns;
mod cost;
mod engine;
mod error;
mod estimated;
mod filter;
mod infeasible;
mod nearest;
mod notes;
mod placement;
mod rank;
mod recommendation;
mod recommendation_columns;
mod requirements;
mod source;
#[cfg(test)]
mod tests;
mod unmeasured;

pub use benchmarks::{Benchmark, BenchmarkPoint, benchmarks};
pub use columns::{Column, ColumnKind, Row, SortOrder, UnknownColumn, Value, find_column};
pub use cost::{Cost, Fleet, NoPrice, PricedCost, TokenCost};
pub use engine::recommend;
pub use error::RecommendError;
pub use estimated::{Estimated, Known};
pub use filter::{Filter, FilterError};
pub use infeasible::{Change, Infeasible, Nearest, Rejected, Rejection, TargetKind, Unmet};
pub use notes::notes;
pub use placement::{Placement, Replica, server_host_gib};
pub use recommendation::{FigureBanded, NotMeasured, Reachable, Recommendation, Recommendations};
pub use requirements::{Optimism, ProvenanceFilter, Requirements};
pub use source::{CurveSource, Measured, Question};
