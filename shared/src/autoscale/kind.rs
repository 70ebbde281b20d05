//! Kinds of autoscaler, told apart by who serves the metrics.

use serde::{Deserialize, Serialize};

/// Which objects scale a workload, and who serves them its metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A HorizontalPodAutoscaler over the Custom Metrics Stackdriver Adapter.
    #[default]
    Stackdriver,
    /// A HorizontalPodAutoscaler over prometheus-adapter.
    PrometheusAdapter,
    /// A ScaledObject of KEDA with Prometheus triggers.
    Keda,
    /// No autoscaler.
    None,
}

impl Kind {
    /// All, as the command line names them.
    pub const ALL: [Self; 4] = [Self::Stackdriver, Self::PrometheusAdapter, Self::Keda, Self::None];

    /// Name as the command line writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stackdriver => "stackdriver",
            Self::PrometheusAdapter => "prometheus-adapter",
            Self::Keda => "keda",
            Self::None => "none",
        }
    }

    /// Whether one metric can be an expression of several.
    pub const fn takes_expressions(self) -> bool {
        matches!(self, Self::PrometheusAdapter | Self::Keda)
    }
}
