//! The custom resource `InferencePolicy`, from which its definition in the cluster is generated.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, LabelSelector};
use crate::catalog::PricingModel;

/// What is done about which rule's findings, in which namespaces and workloads.
///
/// Where several policies select a workload the strictest action wins, the smallest limit, and of accelerators and
/// regions what all of them allow; a default is taken from the first policy, by name, that has it. A rule that no
/// policy names keeps its default: a safe fix is made, anything else is a warning, information is recorded.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "kubectl-infer.io",
    version = "v1alpha1",
    kind = "InferencePolicy",
    plural = "inferencepolicies",
    shortname = "ipol",
    category = "kubectl-infer",
    doc = "Which rules of `kubectl infer` are recorded, warned of, put right or refused, and where.",
    derive = "PartialEq",
    status = "InferencePolicyStatus",
    printcolumn = r#"{"name":"Accepted","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].status","description":"Whether the policy as it stands is in force"}"#,
    printcolumn = r#"{"name":"Generation","type":"integer","jsonPath":".metadata.generation","priority":1,"description":"Generation of the policy"}"#,
    printcolumn = r#"{"name":"Seen","type":"integer","jsonPath":".status.observedGeneration","description":"Generation that every replica of the webhook has seen"}"#,
    printcolumn = r#"{"name":"Conflicting","type":"string","jsonPath":".status.conditions[?(@.type==\"Conflicting\")].status","description":"Whether another policy says otherwise"}"#,
    printcolumn = r#"{"name":"Message","type":"string","jsonPath":".status.conditions[?(@.type==\"Accepted\")].message","priority":1,"description":"Why it is not accepted"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[x_kube(
    validation = Rule::new("!has(self.limits) || !has(self.limits.regions) || !has(self.defaults) || !has(self.defaults.region) || self.defaults.region in self.limits.regions")
        .message("`defaults.region` must be one of `limits.regions`")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InferencePolicySpec {
    /// Labels of the namespaces that it holds in; absent or empty: in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// Labels of the workloads, on the objects' own metadata, that it holds for; absent or empty: for all. An
    /// autoscaler is selected by its own labels or by those of what it scales.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<LabelSelector>,
    /// What is done about a rule's or a group's findings. A rule's own entry goes before its group's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["rule".to_owned()]))]
    pub rules: Vec<RuleAction>,
    /// What a workload may use. A limit is refused beyond unless the policy names its rule with another action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<PolicyLimits>,
    /// What fixes and rules take where a workload says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<PolicyDefaults>,
    /// Workloads for which this policy only records what it finds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub exemptions: Vec<Exemption>,
}

/// What is done about a rule's or a group's findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.overwrite) || !self.overwrite || self.action == 'mutate'")
        .message("`overwrite` needs `action: mutate`"),
    validation = Rule::new("!has(self.allowIgnore) || !self.allowIgnore || self.action == 'deny'")
        .message("`allowIgnore` needs `action: deny`: what is not refused can be ignored anyway")
)]
pub struct RuleAction {
    /// Id (`INF001`), name (`hub-cache-on-disk`) or group (`cache`) of rules. A group's action does not make more
    /// than a record of what is mere information.
    #[schemars(length(min = 1, max = 63))]
    pub rule: String,
    /// What is done. Write `"off"` in quotes: kubectl takes the bare word for `false`.
    pub action: Action,
    /// With `mutate`: fixes may also replace what the author wrote; each is said in a warning.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overwrite: bool,
    /// With `deny`: the author's `kubectl-infer.io/ignore` counts nevertheless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_ignore: bool,
}

/// What a workload may use.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.usdPerHour) || self.usdPerHour > 0.0").message("`usdPerHour` must be more than 0")
)]
pub struct PolicyLimits {
    /// Accelerators, as the catalog or GKE's node label names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 63)))]
    pub accelerators: Option<Vec<String>>,
    /// USD an hour of one workload, all its replicas at the autoscaler's maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_hour: Option<f64>,
    /// Replicas of one workload, at the autoscaler's maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    // The API server warns of `uint32`, which no document of Kubernetes knows.
    #[schemars(range(min = 1, max = 100_000), extend("format" = "int64"))]
    pub replicas: Option<u32>,
    /// Regions that a Pod may select.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 63)))]
    pub regions: Option<Vec<String>>,
}

/// What fixes and rules take where a workload says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyDefaults {
    /// Where the Hugging Face token lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_secret: Option<SecretKey>,
    /// Medium of the caches that fixes add.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_medium: Option<Medium>,
    /// What the fix does about an XLA cache that several replicas write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_xla_cache: Option<XlaCache>,
    /// What offers the servers' metrics to autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_api: Option<PolicyMetricsApi>,
    /// Version of the cluster's GKE: `1.33.2-gke.1111000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub gke_version: Option<String>,
    /// How machines are paid for that are not Spot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Pricing>")]
    pub pricing_model: Option<PricingModel>,
    /// Region whose prices hold where a Pod names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub region: Option<String>,
}

/// A key of a Secret in the workload's namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKey {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in it.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// Medium of a cache volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Medium {
    /// RAM.
    Memory,
    /// The node's ephemeral storage.
    Disk,
}

/// What the fix does about an XLA cache that several replicas write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum XlaCache {
    /// Nothing: the finding says to fill it with one replica first.
    Keep,
    /// Removes the variable: every replica compiles for itself.
    Remove,
}

/// What offers the servers' metrics to autoscalers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PolicyMetricsApi {
    /// The Custom Metrics Stackdriver Adapter over Managed Service for Prometheus.
    Stackdriver,
}

/// Schema of [`PricingModel`], which the catalog owns.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code, reason = "only its schema is used")]
enum Pricing {
    /// List price.
    OnDemand,
    /// Preemptible capacity.
    Spot,
    /// Three years of committed use.
    #[serde(rename = "3-years-cud")]
    ThreeYearsCud,
    /// One year of committed use.
    #[serde(rename = "1-year-cud")]
    OneYearCud,
}

/// Workloads for which a policy only records what it finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exemption {
    /// Namespace of the workloads.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Name of the one workload, and of what its autoscaler scales; absent: all of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Rules by id, name or group; absent: all that the policy names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 63)))]
    pub rules: Vec<String>,
    /// Moment from which it no longer holds; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub until: Option<String>,
    /// Why; it stands in the audit log.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
}

/// What the replicas of the webhook make of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InferencePolicyStatus {
    /// Whether the policy as it stands is in force; where it is not, its last accepted version is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// Generation that every replica has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Generation that each replica has seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<ReplicaStatus>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Where another policy says otherwise, and which of them holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// `Accepted` and `Conflicting`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<PolicyCondition>,
}

/// What one replica of the webhook has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// Its Pod.
    pub name: String,
    /// Generation that it has seen.
    pub observed_generation: i64,
    /// When, in RFC 3339; a replica that is gone is dropped after a while.
    pub seen_at: String,
}

/// A condition in Kubernetes' own form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyCondition {
    /// `Accepted`, `Conflicting`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True` or `False`.
    pub status: String,
    /// One word in camel case.
    pub reason: String,
    /// The same for people.
    pub message: String,
    /// Generation that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` last changed, in RFC 3339.
    pub last_transition_time: String,
}
