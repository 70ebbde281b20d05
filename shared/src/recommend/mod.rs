//! From requirements to ranked, priced recommendations, or why there is none and what is nearest.

mod columns;
mod cost;
mod filter;
mod infeasible;
mod placement;
mod recommendation;
mod requirements;

pub use columns::{Column, ColumnKind, Row, SortOrder, UnknownColumn, Value, find_column};
pub use cost::{Cost, NoPrice, PricedCost, TokenCost};
pub use filter::{Filter, FilterError};
pub use infeasible::{Infeasible, Nearest, Rejected, Rejection, Relaxation, TokenKind, UnmetCost};
pub use placement::Placement;
pub use recommendation::{NotMeasured, Recommendation, Recommendations};
pub use requirements::{ProvenanceFilter, Requirements};
