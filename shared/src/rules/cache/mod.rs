//! Where the weights lie while they load.

use super::Rule;

mod gated_without_token;
mod hub_cache;
mod hub_cache_on_disk;
mod hub_cache_on_fuse;
mod memory;
mod no_shared_memory;
mod ram_cache_too_large;
mod ram_cache_without_volume;
mod read_only_root;
mod shared_memory_above_limit;
#[cfg(test)]
mod tests;
mod token_in_plain_text;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] = &[
    &hub_cache_on_disk::RULE,
    &ram_cache_without_volume::RULE,
    &ram_cache_too_large::RULE,
    &shared_memory_above_limit::RULE,
    &no_shared_memory::RULE,
    &hub_cache_on_fuse::RULE,
    &gated_without_token::RULE,
    &token_in_plain_text::RULE,
    &read_only_root::RULE,
];
