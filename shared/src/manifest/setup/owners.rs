//! Who serves the APIs of metrics: only one service can.

use std::fmt;

use serde_json::Value;

use crate::autoscale::Kind;

/// A service that serves an API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetricsOwner {
    /// Namespace of the Service.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for MetricsOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl MetricsOwner {
    /// The service of an APIService; `None` where the API server serves the API itself.
    pub fn of(api_service: &Value) -> Option<Self> {
        let text = |pointer: &str| api_service.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Some(Self { namespace: text("/spec/service/namespace")?, name: text("/spec/service/name")? })
    }

    /// The kind of autoscaler that goes with it; `None` where nothing here knows it.
    pub fn kind(&self) -> Option<Kind> {
        let has = |part: &str| self.name.contains(part);
        if has("stackdriver") {
            Some(Kind::Stackdriver)
        } else if has("keda") {
            Some(Kind::Keda)
        } else if has("prometheus-adapter") {
            Some(Kind::PrometheusAdapter)
        } else {
            None
        }
    }
}

/// Whose an API is, seen from a kind of autoscaler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// Nobody serves it.
    Free,
    /// The adapter of the kind.
    Ours(MetricsOwner),
    /// Another, which is left alone.
    Others(MetricsOwner),
}

/// Whose the API of `api_service` is.
pub fn ownership(kind: Kind, api_service: Option<&Value>) -> Ownership {
    match api_service.and_then(MetricsOwner::of) {
        None => Ownership::Free,
        Some(owner) if owner.kind() == Some(kind) => Ownership::Ours(owner),
        Some(owner) => Ownership::Others(owner),
    }
}

/// Names of the APIServices that a kind of autoscaler needs.
pub fn metrics_apis(kind: Kind) -> &'static [&'static str] {
    const CUSTOM: [&str; 3] =
        ["v1beta1.custom.metrics.k8s.io", "v1beta2.custom.metrics.k8s.io", "v1beta1.external.metrics.k8s.io"];
    match kind {
        Kind::Stackdriver => &CUSTOM,
        Kind::PrometheusAdapter | Kind::Keda => &["v1beta1.external.metrics.k8s.io"],
        Kind::None => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_api_of_another_adapter_is_not_ours() {
        let served = |name: &str| json!({"spec": {"service": {"namespace": "x", "name": name}}});
        let keda = served("keda-operator-metrics-apiserver");
        assert!(matches!(ownership(Kind::Keda, Some(&keda)), Ownership::Ours(_)));
        assert!(matches!(ownership(Kind::PrometheusAdapter, Some(&keda)), Ownership::Others(_)));
        let unknown = served("datadog-cluster-agent");
        for kind in [Kind::Stackdriver, Kind::PrometheusAdapter, Kind::Keda] {
            assert!(matches!(ownership(kind, Some(&unknown)), Ownership::Others(_)));
            assert_eq!(ownership(kind, None), Ownership::Free);
        }
    }
}
