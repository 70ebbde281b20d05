//! What a user may say about autoscaling, in the user's terms.

use serde::{Deserialize, Serialize};

use super::{AutoscaleError, Kind};

/// Share of the load by which it may rise in a minute, unless told otherwise, in percent. A day whose peak is four times
/// its trough climbs by at most 0.33 % a minute (1 + 0.6·sin over 24 hours rises fastest at 0.196 of itself an hour);
/// three times that leaves room for days that are not smooth.
const GROWTH_PERCENT_PER_MINUTE: f64 = 1.0;

/// Name of the cluster in queries where none is given; the commands in the comments set the same.
const CLUSTER_NAME: &str = "inference";

/// Namespace of the frontend for Managed Service for Prometheus that `autoscaling setup` installs.
pub(crate) const MONITORING_NAMESPACE: &str = "monitoring";

/// Service and Deployment of that frontend.
pub(crate) const FRONTEND: &str = "prometheus-frontend";

/// Its port.
pub(crate) const FRONTEND_PORT: u16 = 9090;

/// Longest of the times, in seconds, that is taken for meant: a day.
const MOST_SECONDS: f64 = 86_400.0;

/// What a user says about autoscaling; `None`: what the catalog or Kubernetes says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AutoscalingOptions {
    /// Which objects scale, and who serves their metrics.
    #[serde(skip_serializing_if = "is_default_kind")]
    pub autoscaler: Kind,
    /// Highest load to grow to, in requests a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_requests_per_second: Option<f64>,
    /// Accelerators that there may be at most, of quota or node pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_accelerators: Option<u32>,
    /// Share by which the metric has to be off before the autoscaler acts; written into the HPA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// Percent by which the load may rise in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth_percent_per_minute: Option<f64>,
    /// Name of the cluster, which queries filter by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    /// Address of the Prometheus that is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus_url: Option<String>,
    /// Seconds between two scrapes of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape_seconds: Option<u32>,
    /// Seconds from a scrape until it can be queried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingestion_seconds: Option<f64>,
    /// Seconds between two looks of the HPA controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_seconds: Option<f64>,
    /// Seconds until a node for the replica takes Pods; 0 where nodes stand ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_seconds: Option<f64>,
    /// Seconds to pull the image; 0 where nodes have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_seconds: Option<f64>,
    /// Seconds until the weights are in the accelerators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights_seconds: Option<f64>,
    /// Seconds of the rest of a start: imports, compilation, graph capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_seconds: Option<f64>,
}

// serde hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_default_kind(kind: &Kind) -> bool {
    *kind == Kind::default()
}

impl AutoscalingOptions {
    /// Whether nothing was said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// The first value that makes none.
    pub fn check(&self) -> Result<(), AutoscaleError> {
        const TIME: &str = "0 to 86400 seconds are accepted";
        let times = [
            ("the ingestion delay", self.ingestion_seconds),
            ("the HPA's interval", self.sync_seconds),
            ("the start of a node", self.node_seconds),
            ("the pull of the image", self.image_seconds),
            ("the loading of the weights", self.weights_seconds),
            ("the start of the engine", self.engine_seconds),
        ];
        for (what, value) in times {
            within(what, value, 0.0, MOST_SECONDS, TIME)?;
        }
        let scrape = self.scrape_seconds.map(f64::from);
        within("the scrape interval", scrape, 5.0, 300.0, "5 to 300 seconds are accepted")?;
        within("the tolerance", self.tolerance, 0.0, 1.0, "a share from 0 to 1 is accepted")?;
        let growth = self.growth_percent_per_minute;
        within("the growth of the traffic", growth, 0.0, 1000.0, "0 to 1000 percent a minute are accepted")?;
        let accelerators = self.max_accelerators.map(f64::from);
        within(
            "the limit on accelerators",
            accelerators,
            1.0,
            f64::from(u32::MAX),
            "1 or more are accepted",
        )?;
        let peak = self.peak_requests_per_second;
        within(
            "the peak",
            peak,
            f64::MIN_POSITIVE,
            1e9,
            "a positive number of requests a second is accepted",
        )?;
        if let Some(name) = self.cluster_name.as_deref().filter(|name| !is_cluster_name(name)) {
            return Err(AutoscaleError::ClusterName(name.to_owned()));
        }
        if let Some(url) = self.prometheus_url.as_deref().filter(|url| !is_url(url)) {
            return Err(AutoscaleError::PrometheusUrl(url.to_owned()));
        }
        Ok(())
    }

    /// Share by which the metric has to be off before the autoscaler acts.
    pub fn tolerance(&self) -> f64 {
        self.tolerance.unwrap_or(super::TOLERANCE)
    }

    /// Share by which the load may rise in a minute.
    pub fn growth_per_minute(&self) -> f64 {
        self.growth_percent_per_minute.unwrap_or(GROWTH_PERCENT_PER_MINUTE) / 100.0
    }

    /// Seconds between two scrapes.
    pub fn scrape_seconds(&self) -> u32 {
        const SCRAPE_SECONDS: u32 = 15;
        self.scrape_seconds.unwrap_or(SCRAPE_SECONDS)
    }

    /// Name of the cluster in queries.
    pub fn cluster_name(&self) -> &str {
        self.cluster_name.as_deref().unwrap_or(CLUSTER_NAME)
    }

    /// Address of the Prometheus that is asked, without a slash at its end.
    pub fn prometheus_url(&self) -> String {
        let own = || format!("http://{FRONTEND}.{MONITORING_NAMESPACE}.svc:{FRONTEND_PORT}");
        self.prometheus_url.as_deref().map_or_else(own, |url| url.trim_end_matches('/').to_owned())
    }
}

fn within(
    what: &'static str,
    value: Option<f64>,
    least: f64,
    most: f64,
    accepted: &'static str,
) -> Result<(), AutoscaleError> {
    match value.filter(|value| !(least..=most).contains(value)) {
        Some(value) => Err(AutoscaleError::Number { what, value, accepted }),
        None => Ok(()),
    }
}

fn is_cluster_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(allowed)
}

/// An address that can stand in YAML, a query and a command line as it is.
fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '/' | '_');
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(allowed))
}
