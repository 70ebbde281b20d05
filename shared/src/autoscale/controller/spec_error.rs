//! Autoscalers that the API server would refuse.

use thiserror::Error;

/// What is wrong with an autoscaler, where, and what would be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    /// Not a HorizontalPodAutoscaler.
    #[error("it is a `{kind}`, not a `HorizontalPodAutoscaler`")]
    OtherKind {
        /// What it is.
        kind: String,
    },
    /// Another version than `autoscaling/v2`.
    #[error(
        "its version is `{version}`: write it as `autoscaling/v2`, which has been in Kubernetes since 1.23 \
         (`kubectl get horizontalpodautoscalers.v2.autoscaling NAME -o yaml` prints one of the cluster so)"
    )]
    OtherVersion {
        /// Its version.
        version: String,
    },
    /// A field of another type than the API has.
    #[error("it is no HorizontalPodAutoscaler: {0}")]
    Malformed(String),
    /// A number of replicas that is not above 0.
    #[error(
        "`{0}` is {1}: it must be at least 1 (scaling to 0 is an alpha feature that is off by default; KEDA has it)"
    )]
    NoReplicas(String, i64),
    /// More replicas at least than at most.
    #[error("`spec.minReplicas` ({min}) is above `spec.maxReplicas` ({max})")]
    MinAboveMax {
        /// Fewest.
        min: u32,
        /// Most.
        max: u32,
    },
    /// A type of metric that the API does not have.
    #[error(
        "`{at}.type` is `{kind}`: accepted are `Pods`, `Object`, `External`, `Resource` and `ContainerResource`"
    )]
    UnknownMetricType {
        /// Which metric.
        at: String,
        /// Its type.
        kind: String,
    },
    /// A metric without the field of its type.
    #[error("`{at}` is of type `{kind}` and lacks the field of that type")]
    NoSource {
        /// Which metric.
        at: String,
        /// Its type.
        kind: String,
    },
    /// A metric that is held at nothing.
    #[error("`{at}` has no number for this type of metric: write {accepted}")]
    NoTarget {
        /// Which target.
        at: String,
        /// Fields that it may have.
        accepted: &'static str,
    },
    /// A text that is no number.
    #[error("`{at}` is `{found}`, which is no quantity such as `128` or `2500m`")]
    NoQuantity {
        /// Which field.
        at: String,
        /// What it says.
        found: String,
    },
    /// A threshold of 0 or less.
    #[error("`{at}` is `{found}`: a threshold must be above 0, since replicas are the metric divided by it")]
    NotAboveZero {
        /// Which field.
        at: String,
        /// What it says.
        found: String,
    },
    /// A number of 0 or less.
    #[error("`{0}` is {1}: it must be above 0")]
    NoThreshold(String, i64),
    /// A tolerance below 0.
    #[error("`{at}` is `{found}`: a tolerance is at least 0")]
    NegativeTolerance {
        /// Which field.
        at: String,
        /// What it says.
        found: String,
    },
    /// A choice of policy that the API does not have.
    #[error("`{at}` is `{found}`: accepted are `Max`, `Min` and `Disabled`")]
    UnknownSelectPolicy {
        /// Which field.
        at: String,
        /// What it says.
        found: String,
    },
    /// A type of policy that the API does not have.
    #[error("`{at}` is `{found}`: accepted are `Pods` and `Percent`")]
    UnknownPolicy {
        /// Which field.
        at: String,
        /// What it says.
        found: String,
    },
    /// An empty list of policies.
    #[error(
        "`{at}` is empty: leave it out, or name a policy (`selectPolicy: Disabled` turns a direction off)"
    )]
    NoPolicy {
        /// Which list.
        at: String,
    },
    /// Seconds out of range.
    #[error("`{at}` is {found}: it must be from {least} to {most} seconds")]
    OutsideOf {
        /// Which field.
        at: String,
        /// What it says.
        found: i64,
        /// Least that is accepted.
        least: i32,
        /// Most that is accepted.
        most: i32,
    },
}

/// What a field says, at a length that a message can bear.
pub(super) fn found(text: &str) -> String {
    text.chars().take(60).collect()
}
