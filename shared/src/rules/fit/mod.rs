//! Memory, parallelism, node and image.

mod accelerators_without_limit;
mod context_exceeds_cache;
mod format_not_supported;
mod heads_do_not_divide;
mod idle_accelerators;
mod image_of_other_chip;
mod no_selector;
mod request_exceeds_machine;
mod split;
mod tag_never_published;
#[cfg(test)]
mod tests;
mod too_few_accelerators;
mod topology_mismatch;
mod unpinned_image;
mod weights_exceed_memory;
mod weights_not_quantized;

use super::Rule;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] = &[
    &weights_exceed_memory::RULE,
    &context_exceeds_cache::RULE,
    &too_few_accelerators::RULE,
    &idle_accelerators::RULE,
    &heads_do_not_divide::RULE,
    &topology_mismatch::RULE,
    &format_not_supported::RULE,
    &no_selector::RULE,
    &request_exceeds_machine::RULE,
    &accelerators_without_limit::RULE,
    &unpinned_image::RULE,
    &tag_never_published::RULE,
    &image_of_other_chip::RULE,
    &weights_not_quantized::RULE,
];
