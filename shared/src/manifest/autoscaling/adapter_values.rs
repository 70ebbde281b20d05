//! Values of the Helm chart `prometheus-community/prometheus-adapter`.

use serde::Serialize;

use super::query;
use crate::autoscale::Expression;
use crate::catalog::{Signal, SignalScope};
use crate::manifest::{ManifestError, yaml};

/// Values that make prometheus-adapter serve some expressions as external metrics, of any workload: the HPA's selector
/// says which, and the adapter adds the HPA's namespace.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdapterValues {
    prometheus: Prometheus,
    rules: Rules,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Prometheus {
    url: String,
    port: u16,
    path: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Rules {
    default: bool,
    external: Vec<ExternalRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRule {
    series_query: String,
    resources: Resources,
    name: Name,
    metrics_query: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Resources {
    template: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespaced: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Name {
    matches: &'static str,
    r#as: String,
}

/// The values for some expressions, each once, of the series of `cluster` in the Prometheus at `url`.
pub fn adapter_values(expressions: &[Expression<'_>], cluster: &str, url: &str) -> AdapterValues {
    let mut external: Vec<ExternalRule> = Vec::new();
    for expression in expressions {
        let rule = rule(expression, cluster);
        if !external.iter().any(|other| other.name == rule.name) {
            external.push(rule);
        }
    }
    AdapterValues { prometheus: Prometheus::of(url), rules: Rules { default: false, external } }
}

impl AdapterValues {
    /// As the file that helm reads.
    ///
    /// # Errors
    /// What the YAML writer refuses.
    pub fn to_yaml(&self) -> Result<String, ManifestError> {
        let value = serde_json::to_value(self).map_err(|error| ManifestError::Render(error.to_string()))?;
        yaml::to_yaml(&[value])
    }

    /// As JSON.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Result<serde_json::Value, ManifestError> {
        serde_json::to_value(self).map_err(|error| ManifestError::Render(error.to_string()))
    }
}

impl Prometheus {
    /// The chart takes the address apart: `http://HOST`, port, path.
    fn of(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let default = if scheme == "https" { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().unwrap_or(default)),
            None => (authority, default),
        };
        Self { url: format!("{scheme}://{host}"), port, path: path.trim_end_matches('/').to_owned() }
    }
}

/// Names are written out, since Managed Service for Prometheus takes no regular expression on a metric's name. Metrics of
/// chips are of another namespace than the workload's: the HPA's selector has it instead.
fn rule(expression: &Expression<'_>, cluster: &str) -> ExternalRule {
    let signals = expression.signals();
    let is_of_chips = signals.iter().any(|signal| signal.scope == SignalScope::Chip);
    let series = signals.first().map_or("", |signal| signal.metric.as_str());
    let matchers = |_: &Signal| format!("<<.LabelMatchers>>,cluster=\"{cluster}\"");
    ExternalRule {
        series_query: format!("{series}{{cluster=\"{cluster}\"}}"),
        resources: Resources { template: "<<.Resource>>", namespaced: is_of_chips.then_some(false) },
        name: Name { matches: "", r#as: expression.metric_name() },
        metrics_query: query::expression(expression, matchers),
    }
}
