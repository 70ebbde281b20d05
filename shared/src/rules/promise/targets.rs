//! Latency targets that annotations promise.

use crate::inspect::Workload;
use crate::workload::{Itl, LatencyMetric, Ntpot, Targets, Ttft};

/// What every annotation of a target begins with.
pub(super) const PREFIX: &str = "kubectl-infer.io/target-";

/// Annotations of targets in milliseconds.
pub(super) const ANNOTATIONS: [(LatencyMetric, &str); 3] = [
    (LatencyMetric::Ttft, "kubectl-infer.io/target-ttft-ms"),
    (LatencyMetric::Itl, "kubectl-infer.io/target-itl-ms"),
    (LatencyMetric::Ntpot, "kubectl-infer.io/target-ntpot-ms"),
];

/// The targets that the annotations of a workload promise; what is malformed is none.
pub(in crate::rules) fn targets(workload: &Workload<'_>) -> Targets {
    let [ttft, itl, ntpot] = ANNOTATIONS.map(|(_, key)| workload.annotation(key).and_then(milliseconds));
    Targets {
        ttft: ttft.map(Ttft::from_milliseconds),
        itl: itl.map(Itl::from_milliseconds),
        ntpot: ntpot.map(Ntpot::from_milliseconds),
        ..Targets::default()
    }
}

/// A positive, finite number of milliseconds.
pub(super) fn milliseconds(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value: &f64| value.is_finite() && *value > 0.0)
}
