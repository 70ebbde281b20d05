//! Warming a compilation cache before several replicas start on it.
//!
//! Replicas that share a writable XLA cache collide when they compile at the same time. A rollout lets one replica
//! compile, and only then starts the others: of a workload that serves nothing yet by scaling it 0 → 1 → N, of a
//! serving one by a temporary copy of one replica, so that no capacity is lost.
//!
//! It is a machine without memory of its own: [`next`] looks at what the cluster holds ([`Observed`]) and names one
//! [`Step`]. What has to be remembered stands in annotations, so that a rollout that was interrupted anywhere is
//! completed by running it again.

mod copy;
mod foresight;
mod observed;
mod patch;
mod record;
mod step;
#[cfg(test)]
mod tests;

pub use copy::{copy_name, copy_of};
pub use foresight::plan;
pub use observed::{Held, Observed, ObservedAutoscaler, ObservedCopy};
pub use patch::{hold_patch, record_patch, release_patch, scale_patch};
pub use record::{Record, Stage, Way};
pub use step::{RolloutError, Step, Waiting, Wanted, next};

/// Annotation of the Deployment: the rollout under way.
pub const RECORD: &str = "kubectl-infer.io/rollout";

/// Annotation of an autoscaler that a rollout holds: what it said before.
pub const HELD: &str = "kubectl-infer.io/held-by-rollout";

/// Label of the temporary copy and its Pods: the uid of the Deployment that it warms the cache for.
pub const WARMS: &str = "kubectl-infer.io/warms";

/// Annotation of the temporary copy: the revision of the Deployment that it is a copy of.
const REVISION: &str = "kubectl-infer.io/revision";

/// KEDA's annotation that holds a ScaledObject at a number of replicas.
const KEDA_PAUSED: &str = "autoscaling.keda.sh/paused-replicas";
