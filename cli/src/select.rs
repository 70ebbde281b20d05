//! `--filter`, `--sort-by` and `--limit`, the same for every list.

use infer_core::recommend::{Filter, Row, SortOrder};

use crate::arguments::ListOptions;
use crate::failure::Failure;

/// The rows that the options keep, in the order that they ask for.
pub(crate) fn select<R: Row>(mut rows: Vec<R>, options: &ListOptions) -> Result<Vec<R>, Failure> {
    if let Some(expression) = &options.filter {
        let filter = Filter::<R>::parse(expression).map_err(|error| {
            Failure::argument(error).hint("filters look like `model:gemma AND ttftMilliseconds<300`")
        })?;
        rows.retain(|row| filter.matches(row));
    }
    if let Some(columns) = &options.sort_by {
        let order = SortOrder::<R>::parse(columns)
            .map_err(|error| Failure::argument(anyhow::Error::new(error).context("cannot sort")))?;
        order.sort(&mut rows);
    }
    if let Some(most) = options.limit.0 {
        rows.truncate(most.get());
    }
    Ok(rows)
}
