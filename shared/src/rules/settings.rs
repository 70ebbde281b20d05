//! What a policy, or the command line of `lint`, tells the rules.

use std::collections::BTreeSet;

use crate::catalog::PricingModel;

/// What a policy, or the command line of `lint`, tells the rules. The default is what holds without any policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Secret that holds the Hugging Face token.
    pub token_secret: String,
    /// Key of the token in it.
    pub token_key: String,
    /// Version of the cluster's GKE, where it is told: `1.33.2-gke.1111000`.
    pub gke_version: Option<String>,
    /// Medium of the caches that fixes add; `None`: as the machine offers it.
    pub cache_medium: Option<CacheMedium>,
    /// What the fix does about an XLA cache that several replicas write.
    pub shared_xla_cache: SharedXlaCache,
    /// What offers the servers' metrics to autoscalers; `None`: not told, and no fix writes such a metric.
    pub metrics_api: Option<MetricsApi>,
    /// How machines are paid for that are not Spot. Pods that select Spot are priced as Spot.
    pub pricing_model: PricingModel,
    /// Region whose prices hold where a Pod names none; `None`: the price book's default of each machine.
    pub region: Option<String>,
    /// What a workload may use.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token_secret: "hf-secret".to_owned(),
            token_key: "hf_api_token".to_owned(),
            gke_version: None,
            cache_medium: None,
            shared_xla_cache: SharedXlaCache::default(),
            metrics_api: None,
            pricing_model: PricingModel::OnDemand,
            region: None,
            limits: Limits::default(),
        }
    }
}

/// What a workload may use; `None` is no limit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limits {
    /// Accelerators, by catalog id (GKE's label value) or alias.
    pub accelerators: Option<BTreeSet<String>>,
    /// USD an hour of one workload, all its replicas at the autoscaler's maximum.
    pub usd_per_hour: Option<f64>,
    /// Replicas of one workload, at the autoscaler's maximum.
    pub replicas: Option<u32>,
    /// Regions that a Pod may select.
    pub regions: Option<BTreeSet<String>>,
}

/// What offers the servers' metrics to autoscalers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricsApi {
    /// The Custom Metrics Stackdriver Adapter over Managed Service for Prometheus: a gauge is a `Pods` metric named
    /// `prometheus.googleapis.com|NAME|gauge`.
    Stackdriver,
}

/// Medium of a cache volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CacheMedium {
    /// RAM.
    Memory,
    /// The node's ephemeral storage, which is local SSD where the machine brings it.
    Disk,
}

/// What the fix does about an XLA cache that several replicas write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SharedXlaCache {
    /// Nothing: the finding says to fill it with one replica first.
    #[default]
    Keep,
    /// Removes the variable: every replica compiles for itself.
    Remove,
}
