//! Where the weights lie while they load.

use super::Rule;

mod hub_cache_on_disk;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] = &[&hub_cache_on_disk::RULE];
