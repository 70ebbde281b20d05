//! Why no autoscaler can be planned.

use thiserror::Error;

/// Why no autoscaler can be planned, and what would be accepted.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AutoscaleError {
    /// A number that makes no sense.
    #[error("{what} is {value}: {accepted}")]
    Number {
        /// What it is.
        what: &'static str,
        /// What was given.
        value: f64,
        /// What is accepted.
        accepted: &'static str,
    },
    /// A name that would have to be quoted in a query.
    #[error("cluster name `{}`: lower-case letters, digits and `-` are accepted, at most 63", .0.escape_debug())]
    ClusterName(String),
    /// Where no Prometheus answers.
    #[error("`{}` is no address of a Prometheus: `http://HOST:PORT` or `https://HOST` is accepted", .0.escape_debug())]
    PrometheusUrl(String),
    /// A peak below the load to be ready for.
    #[error(
        "the peak of {peak} requests/s is below the load of {load} requests/s: it has to be at least as high"
    )]
    PeakBelowLoad {
        /// Peak.
        peak: f64,
        /// Load to be ready for.
        load: f64,
    },
    /// Fewer accelerators than the load needs.
    #[error(
        "{accelerators} accelerators are too few: {replicas} replicas of {each} accelerators need {}; raise \
         `--max-accelerators` or lower the load", u64::from(*.replicas) * u64::from(*.each)
    )]
    TooFewAccelerators {
        /// Accelerators that there may be.
        accelerators: u32,
        /// Replicas that are needed.
        replicas: u32,
        /// Accelerators of a replica.
        each: u32,
    },
    /// More replicas at least than at most.
    #[error("at least {least} and at most {most} replicas: the least has to be 1 or more, the most no less")]
    MinAboveMax {
        /// Fewest replicas.
        least: u32,
        /// Most replicas.
        most: u32,
    },
    /// The server exports nothing that an autoscaler could follow.
    #[error("{server} {version} has no autoscaling signal: {reason}")]
    NoSignal {
        /// Server.
        server: String,
        /// Version.
        version: String,
        /// Why not.
        reason: String,
    },
    /// A signal that this server does not export.
    #[error("{server} {version} exports no metric of {signal}: {} are accepted", .known.join(", "))]
    UnknownSignal {
        /// What was asked.
        signal: String,
        /// Server.
        server: String,
        /// Version.
        version: String,
        /// What it exports.
        known: Vec<String>,
    },
    /// A threshold that no replica can pass.
    #[error(
        "a threshold of {threshold} for {signal} is out of reach: a replica reads {most} at most, and half of it, \
         {}, is the highest that lets a full replica ask for double", .most / 2.0
    )]
    OutOfReach {
        /// What was asked.
        threshold: f64,
        /// Of which signal.
        signal: String,
        /// The most that it can read.
        most: f64,
    },
    /// Neither curve nor bound says where the threshold of a signal lies.
    #[error(
        "nothing says where the threshold of {signal} lies: nobody measured the configuration and the signal has no \
         bound; name one with `--signal {signal}=NUMBER`"
    )]
    NoThreshold {
        /// The signal.
        signal: String,
    },
}
