//! XLA's compilation cache.

use super::Rule;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] = &[];
