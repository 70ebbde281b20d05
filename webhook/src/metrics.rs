//! What is counted, as Prometheus reads it.

use std::fmt;
use std::sync::atomic::AtomicU64;

use infer_core::policy::{Judgement, Operation, Outcome, Phase};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Kinds that metrics tell apart: those that the configurations ask for. Names from outside would make series
/// without end.
const KINDS: [&str; 15] = [
    "CronJob",
    "DaemonSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "InferencePolicy",
    "Job",
    "JobSet",
    "LeaderWorkerSet",
    "Pod",
    "RayCluster",
    "ReplicaSet",
    "ReplicationController",
    "Scale",
    "ScaledObject",
    "StatefulSet",
];

/// Upper ends of the buckets of a review's duration, in seconds: from the cost of a decision to the time limit of
/// a call.
const SECONDS: [f64; 12] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 3.0];

/// Which reviews.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReviewLabels {
    phase: &'static str,
    kind: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

/// Which phase.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabels {
    phase: &'static str,
}

/// Which rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabels {
    phase: &'static str,
    rule: &'static str,
    consequence: &'static str,
}

/// Why a request was no review.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResourceLabels {
    resource: &'static str,
}

/// Which policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabels {
    policy: String,
}

/// What this program is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
    catalog: String,
}

/// A gauge of whole numbers that only grow or are times; a `u64` would not fit `Gauge`'s default on 32 bits.
type Seconds = Gauge<f64, AtomicU64>;

/// All metrics of the program.
pub(crate) struct Metrics {
    registry: Registry,
    reviews: Family<ReviewLabels, Counter>,
    durations: Family<PhaseLabels, Histogram>,
    findings: Family<RuleLabels, Counter>,
    patch_operations: Counter,
    decision_errors: Family<PhaseLabels, Counter>,
    rejected: Family<ReasonLabels, Counter>,
    /// Open connections to the port of the reviews.
    pub connections: Gauge,
    /// TLS handshakes that failed or took too long.
    pub handshake_errors: Counter,
    /// When the certificate in use expires, in seconds since 1970.
    pub certificate_expiry: Seconds,
    /// 1 while a new certificate cannot be used and the old one goes on.
    pub certificate_broken: Gauge,
    /// Certificates that could not be read, renewed or used.
    pub certificate_errors: Counter,
    /// Certificates taken into use.
    pub certificate_reloads: Counter,
    watch_errors: Family<ResourceLabels, Counter>,
    watched: Family<ResourceLabels, Gauge>,
    policy_generation: Family<PolicyLabels, Gauge>,
    policy_broken: Family<PolicyLabels, Gauge>,
    /// How often what decisions rest on was replaced.
    pub snapshots: Counter,
    /// 1 once both configurations are registered.
    pub registered: Gauge,
    /// Attempts to register that failed.
    pub registration_errors: Counter,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Metrics of a program that starts, with the version of its catalog.
    pub(crate) fn new(catalog_version: &str) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let mut metrics = Self {
            registry: Registry::with_prefix("infer_webhook"),
            reviews: Family::default(),
            durations: Family::new_with_constructor(histogram),
            findings: Family::default(),
            patch_operations: Counter::default(),
            decision_errors: Family::default(),
            rejected: Family::default(),
            connections: Gauge::default(),
            handshake_errors: Counter::default(),
            certificate_expiry: Seconds::default(),
            certificate_broken: Gauge::default(),
            certificate_errors: Counter::default(),
            certificate_reloads: Counter::default(),
            watch_errors: Family::default(),
            watched: Family::default(),
            policy_generation: Family::default(),
            policy_broken: Family::default(),
            snapshots: Counter::default(),
            registered: Gauge::default(),
            registration_errors: Counter::default(),
        };
        metrics.register_reviews();
        metrics.register_operation();
        let build = BuildLabels { version: env!("CARGO_PKG_VERSION"), catalog: catalog_version.to_owned() };
        metrics.registry.register("build", "Versions of program and catalog", Info::new(build));
        metrics
    }

    fn register_reviews(&mut self) {
        let registry = &mut self.registry;
        registry.register("reviews", "Reviews answered", self.reviews.clone());
        registry.register_with_unit(
            "review_duration",
            "Time from the request's head to its answer",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register("findings", "Findings of rules in reviews", self.findings.clone());
        let operations = self.patch_operations.clone();
        registry.register("patch_operations", "Operations in the patches that were sent", operations);
        let errors = self.decision_errors.clone();
        registry.register("decision_errors", "Decisions that failed and were answered with 500", errors);
        registry.register("rejected_requests", "Requests that were no reviews", self.rejected.clone());
    }

    fn register_operation(&mut self) {
        let registry = &mut self.registry;
        registry.register("connections", "Open connections of reviews", self.connections.clone());
        let handshakes = self.handshake_errors.clone();
        registry.register("handshake_errors", "TLS handshakes that failed or took too long", handshakes);
        let expiry = self.certificate_expiry.clone();
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "When the certificate expires, since 1970",
            expiry,
        );
        let broken = self.certificate_broken.clone();
        registry.register("certificate_broken", "1 while a new certificate cannot be used", broken);
        let errors = self.certificate_errors.clone();
        registry.register("certificate_errors", "Certificates that could not be read or used", errors);
        let reloads = self.certificate_reloads.clone();
        registry.register("certificate_reloads", "Certificates taken into use", reloads);
        registry.register("watch_errors", "Errors of watches", self.watch_errors.clone());
        registry.register("watched_objects", "Objects kept from watches", self.watched.clone());
        let generation = self.policy_generation.clone();
        registry.register("policy_generation", "Generation of each policy in force", generation);
        let broken = self.policy_broken.clone();
        registry.register("policy_broken", "1 while a policy's newest generation is broken", broken);
        registry.register("snapshots", "Replacements of what decisions rest on", self.snapshots.clone());
        registry.register("registered", "1 once both configurations are registered", self.registered.clone());
        let errors = self.registration_errors.clone();
        registry.register("registration_errors", "Attempts to register that failed", errors);
    }

    /// Counts a review that was answered.
    pub(crate) fn reviewed(&self, phase: Phase, kind: &str, operation: Operation, outcome: Outcome) {
        let labels = ReviewLabels {
            phase: phase_name(phase),
            kind: kind_label(kind),
            operation: operation_name(operation),
            outcome: outcome.name(),
        };
        self.reviews.get_or_create(&labels).inc();
    }

    /// Notes how long the answer to a review took.
    pub(crate) fn took(&self, phase: Phase, seconds: f64) {
        self.durations.get_or_create(&PhaseLabels { phase: phase_name(phase) }).observe(seconds);
    }

    /// Counts a finding of a rule, by what became of it.
    pub(crate) fn judged(&self, phase: Phase, judgement: &Judgement) {
        let (rule, consequence) = (judgement.finding.rule.id, judgement.consequence.name());
        self.findings.get_or_create(&RuleLabels { phase: phase_name(phase), rule, consequence }).inc();
    }

    /// Counts the operations of a patch.
    pub(crate) fn patched(&self, operations: usize) {
        self.patch_operations.inc_by(operations as u64);
    }

    /// Counts a decision that failed.
    pub(crate) fn decision_failed(&self, phase: Phase) {
        self.decision_errors.get_or_create(&PhaseLabels { phase: phase_name(phase) }).inc();
    }

    /// Counts a request that was no review.
    pub(crate) fn rejected(&self, reason: &'static str) {
        self.rejected.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts an error of a watch.
    pub(crate) fn watch_failed(&self, resource: &'static str) {
        self.watch_errors.get_or_create(&ResourceLabels { resource }).inc();
    }

    /// Notes how many objects of a watch are kept.
    pub(crate) fn watching(&self, resource: &'static str, objects: usize) {
        let objects = i64::try_from(objects).unwrap_or(i64::MAX);
        self.watched.get_or_create(&ResourceLabels { resource }).set(objects);
    }

    /// Notes which generation of a policy is in force, and whether its newest is broken.
    pub(crate) fn policy(&self, policy: &str, generation: i64, broken: bool) {
        let labels = PolicyLabels { policy: policy.to_owned() };
        self.policy_generation.get_or_create(&labels).set(generation);
        self.policy_broken.get_or_create(&labels).set(i64::from(broken));
    }

    /// Forgets a policy that is gone.
    pub(crate) fn policy_gone(&self, policy: &str) {
        let labels = PolicyLabels { policy: policy.to_owned() };
        self.policy_generation.remove(&labels);
        self.policy_broken.remove(&labels);
    }

    /// Everything, as OpenMetrics text.
    ///
    /// # Errors
    ///
    /// A metric cannot be written.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Name of a phase in metrics and logs.
pub(crate) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Mutate => "mutate",
        Phase::Validate => "validate",
    }
}

/// Name of an operation in metrics and logs.
pub(crate) fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::Connect => "connect",
    }
}

fn kind_label(kind: &str) -> &'static str {
    KINDS.into_iter().find(|known| *known == kind).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const ALERTS: &str = include_str!("../../deploy/monitoring/alerts.yaml");
    const DASHBOARD: &str = include_str!("../../deploy/monitoring/dashboard.json");

    /// Series by their names in Prometheus, after everything has happened once.
    fn series() -> BTreeSet<String> {
        let metrics = Metrics::new("1");
        metrics.reviewed(Phase::Mutate, "Pod", Operation::Create, Outcome::Clean);
        metrics.took(Phase::Mutate, 0.001);
        let rule = RuleLabels { phase: "validate", rule: "INF001", consequence: "warned" };
        metrics.findings.get_or_create(&rule).inc();
        metrics.decision_failed(Phase::Mutate);
        metrics.rejected("size");
        metrics.watch_failed("namespaces");
        metrics.watching("namespaces", 1);
        metrics.policy("default", 1, false);
        let text = metrics.text().unwrap();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.map(|line| line.split(['{', ' ']).next().unwrap_or_default().to_owned()).collect()
    }

    fn named(text: &str) -> BTreeSet<String> {
        text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
            .filter(|word| word.starts_with("infer_webhook_"))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn alerts_and_dashboard_name_series_that_there_are() {
        let series = series();
        for text in [ALERTS, DASHBOARD] {
            let named = named(text);
            assert!(named.len() > 5, "{named:?}");
            assert_eq!(named.difference(&series).collect::<Vec<_>>(), Vec::<&String>::new(), "{series:?}");
        }
    }

    /// A number that nobody looks at is a question that nobody asked.
    #[test]
    fn everything_is_on_the_dashboard() {
        let named = named(DASHBOARD);
        let series = series();
        // Sum and count of a histogram are told by its buckets.
        let parts = ["_sum", "_count"];
        let shown = series.iter().filter(|name| !parts.iter().any(|part| name.ends_with(part)));
        assert_eq!(shown.filter(|name| !named.contains(*name)).collect::<Vec<_>>(), Vec::<&String>::new());
    }
}
