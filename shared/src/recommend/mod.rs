//! From requirements to ranked, priced recommendations, or why there is none and what is nearest.

mod cost;
mod infeasible;
mod placement;
mod recommendation;
mod requirements;

pub use cost::{Cost, NoPrice, PricedCost, TokenCost};
pub use infeasible::{Infeasible, Nearest, Rejected, Rejection, Relaxation, TokenKind, UnmetCost};
pub use placement::Placement;
pub use recommendation::{NotMeasured, Recommendation, Recommendations};
pub use requirements::{ProvenanceFilter, Requirements};
