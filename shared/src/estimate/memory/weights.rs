//! Weights of one accelerator.

use crate::catalog::{Checkpoint, Model, Precision};
use crate::curve::Parallelism;

/// Bytes of weights on one accelerator: routed experts split over all accelerators of the replica, everything else
/// over the tensor-parallel ranks, so that attention data parallelism keeps a copy of it on every rank.
pub(super) fn bytes_per_accelerator(model: &Model, checkpoint: &Checkpoint, parallelism: Parallelism) -> f64 {
    let total = checkpoint.loaded_bytes.unwrap_or(checkpoint.bytes) as f64;
    let tensor = f64::from(parallelism.tensor);
    let accelerators = (tensor * f64::from(parallelism.data)).max(f64::from(parallelism.expert));
    let expert_parameters = routed_expert_parameters(model);
    if expert_parameters == 0.0 {
        return total / tensor;
    }
    let rest_parameters = (model.parameters as f64 - expert_parameters).max(0.0);
    // 4-bit checkpoints of mixtures keep everything but the experts in BF16.
    let rest_bytes_each = match checkpoint.precision {
        Precision::Int4 | Precision::Nvfp4 | Precision::Mxfp4 => 2.0,
        other => other.bytes_per_weight(),
    };
    let rest = (rest_parameters * rest_bytes_each).min(total);
    rest / tensor + (total - rest) / accelerators
}

fn routed_expert_parameters(model: &Model) -> f64 {
    let architecture = &model.architecture;
    let of_group = architecture
        .feed_forward
        .iter()
        .map(|group| group.kind.parameters(architecture.hidden).routed() as f64 * f64::from(group.layers));
    of_group.sum()
}
