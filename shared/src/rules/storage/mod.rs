//! Cloud Storage FUSE.

use super::Rule;

mod fuse_feature_too_new;
mod fuse_in_init_container;
mod fuse_model_writable;
mod fuse_mount_options;
mod fuse_sidecar_resources;
mod fuse_without_annotation;
mod gke_version;
mod model_bucket;
mod model_bucket_malformed;
mod model_bucket_not_mounted;
mod model_bucket_not_served;
mod model_path_without_volume;
mod mount_options;
#[cfg(test)]
mod tests;
mod weights;

pub(super) use model_bucket::named as model_bucket;
pub(super) use mount_options::MountOptions;

/// Rules of this group, by id.
pub(super) static RULES: &[&Rule] = &[
    &model_bucket_not_mounted::RULE,
    &model_bucket_not_served::RULE,
    &model_bucket_malformed::RULE,
    &fuse_without_annotation::RULE,
    &fuse_mount_options::RULE,
    &fuse_sidecar_resources::RULE,
    &fuse_feature_too_new::RULE,
    &fuse_model_writable::RULE,
    &fuse_in_init_container::RULE,
    &model_path_without_volume::RULE,
];
