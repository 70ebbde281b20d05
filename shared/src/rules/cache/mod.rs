//! Where the weights lie while they load.

pub(super) mod hub_cache_on_disk;
