//! Measurements that an estimate can be held against: one row, one measured point of one configuration.
//!
//! Tables in the clean form ([`Column`] names its columns) are read by [`MeasuredTable::read`]; the catalog's own
//! profiles become the same rows by [`from_catalog`]. A row keeps what was run ([`Experiment`]) apart from what came
//! out ([`Figures`]), so that nothing that predicts the second can look at it.

mod cells;
mod column;
mod error;
mod experiment;
mod from_catalog;
mod row;
mod table;
mod tag;

pub use column::Column;
pub use error::{TableError, UnusableRow};
pub use experiment::{Experiment, OfferedLoad};
pub use from_catalog::from_catalog;
pub use row::{Figures, MeasuredRow, RowPlace};
pub use table::{MAX_TABLE_BYTES, MAX_TABLE_ROWS, MeasuredTable};
pub use tag::Tag;
