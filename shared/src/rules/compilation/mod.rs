//! XLA's compilation cache.

use super::Rule;

mod cache;
mod no_cache;
mod read_only_cache;
mod shared_cache;
mod stale_cache;
#[cfg(test)]
mod tests;

pub(super) use cache::most_replicas;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] =
    &[&shared_cache::RULE, &no_cache::RULE, &read_only_cache::RULE, &stale_cache::RULE];
