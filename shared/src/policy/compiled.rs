//! One policy, checked and made ready for decisions.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::resource::{
    InferencePolicySpec, Medium, PolicyDefaults, PolicyLimits, PolicyMetricsApi, XlaCache,
};
use super::selector::Selector;
use super::{Action, LabelSelector, PolicyError, RuleAction};
use crate::catalog::nearest;
use crate::inspect::Subject;
use crate::rules::{self, CacheMedium, Group, Limits, MetricsApi, Rule, Settings, SharedXlaCache, rules};

/// One policy, ready for decisions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compiled {
    pub(super) name: Arc<str>,
    pub(super) generation: Option<i64>,
    pub(super) namespaces: Selector,
    pub(super) workloads: Selector,
    pub(super) rules: BTreeMap<&'static str, Entry>,
    pub(super) groups: BTreeMap<Group, Entry>,
    pub(super) limits: Limits,
    pub(super) defaults: PolicyDefaults,
    exemptions: Vec<CompiledExemption>,
}

/// What a policy does about a rule or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) action: Action,
    pub(super) overwrite: bool,
    pub(super) allow_ignore: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct CompiledExemption {
    namespace: String,
    name: Option<String>,
    /// Empty: all.
    rules: Vec<&'static Rule>,
    until: Option<Timestamp>,
    reason: String,
}

/// What a rule's entry names.
enum Named {
    Rule(&'static Rule),
    Group(Group),
}

/// The object's metadata and spec, each field of which is read by itself, so that a policy with a broken field is
/// still known by name and, where they can be read, by its selectors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) name: Arc<str>,
    pub(super) generation: Option<i64>,
    pub(super) spec: Value,
}

impl Written {
    /// Name and spec of `object`, which is an InferencePolicy as the API server or a file has it.
    pub(super) fn of(object: &Value) -> Self {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str);
        Self {
            name: text("/metadata/name").unwrap_or_default().into(),
            generation: object.pointer("/metadata/generation").and_then(Value::as_i64),
            spec: object.get("spec").cloned().unwrap_or(Value::Null),
        }
    }

    /// The selectors, where both can be read.
    pub(super) fn selectors(&self) -> Option<(Selector, Selector)> {
        let read = |field: &str| {
            let selector = match self.spec.get(field) {
                None | Some(Value::Null) => None,
                Some(value) => Some(LabelSelector::deserialize(value).ok()?),
            };
            Selector::compile(selector.as_ref(), field).ok()
        };
        Some((read("namespaceSelector")?, read("workloadSelector")?))
    }

    /// Whether it would refuse anything, as far as it can be read.
    pub(super) fn enforces(&self) -> bool {
        let has_limits = self.spec.get("limits").is_some_and(|limits| !limits.is_null());
        let rules = self.spec.get("rules").and_then(Value::as_array);
        let denies = |entry: &Value| entry.get("action").and_then(Value::as_str) == Some("deny");
        has_limits || rules.is_some_and(|rules| rules.iter().any(denies))
    }
}

impl Compiled {
    /// Checks and compiles a policy.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(super) fn of(written: &Written) -> Result<Self, Vec<PolicyError>> {
        if written.name.is_empty() {
            let reason = "a policy needs a name".to_owned();
            return Err(vec![PolicyError::Unreadable { field: "metadata.name".to_owned(), reason }]);
        }
        let spec: InferencePolicySpec = serde_path_to_error::deserialize(&written.spec).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { "spec".to_owned() } else { format!("spec.{path}") };
            vec![PolicyError::Unreadable { field, reason: error.into_inner().to_string() }]
        })?;
        let mut errors = Vec::new();
        let mut selector = |selector: Option<&LabelSelector>, field| {
            Selector::compile(selector, field).unwrap_or_else(|error| {
                errors.push(error);
                Selector::default()
            })
        };
        let namespaces = selector(spec.namespace_selector.as_ref(), "spec.namespaceSelector");
        let workloads = selector(spec.workload_selector.as_ref(), "spec.workloadSelector");
        let (rules, groups) = entries(&spec.rules, &mut errors);
        let exemptions = exemptions(&spec, &mut errors);
        let limits = spec.limits.unwrap_or_default();
        let defaults = spec.defaults.unwrap_or_default();
        check_limits(&limits, &defaults, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            name: Arc::clone(&written.name),
            generation: written.generation,
            namespaces,
            workloads,
            rules,
            groups,
            limits: Limits {
                accelerators: limits.accelerators.map(|names| names.into_iter().collect()),
                usd_per_hour: limits.usd_per_hour,
                replicas: limits.replicas,
                regions: limits.regions.map(|names| names.into_iter().collect()),
            },
            defaults,
            exemptions,
        })
    }

    /// What it does about `rule`, and whether it names the rule itself.
    pub(super) fn entry(&self, rule: &Rule) -> Option<(Entry, bool)> {
        let own = self.rules.get(rule.id).map(|entry| (*entry, true));
        own.or_else(|| self.limit(rule)).or_else(|| self.groups.get(&rule.group).map(|entry| (*entry, false)))
    }

    /// A limit that the policy sets is refused beyond, or it would be none.
    fn limit(&self, rule: &Rule) -> Option<(Entry, bool)> {
        let is_limited = match rule.name {
            "accelerator-not-allowed" => self.limits.accelerators.is_some(),
            "over-budget" => self.limits.usd_per_hour.is_some(),
            "too-many-replicas" => self.limits.replicas.is_some(),
            "region-not-allowed" => self.limits.regions.is_some(),
            _ => false,
        };
        let entry = Entry { action: Action::Deny, overwrite: false, allow_ignore: false };
        is_limited.then_some((entry, true))
    }

    /// Why it only records findings of `rule` in `subject`, where it does.
    pub(super) fn exemption(
        &self,
        rule: &Rule,
        namespace: &str,
        subject: &SubjectName,
        now: Timestamp,
    ) -> Option<&str> {
        let exempt = self.exemptions.iter().find(|exemption| {
            exemption.namespace == namespace
                && exemption.name.as_deref().is_none_or(|name| subject.is(name))
                && (exemption.rules.is_empty() || exemption.rules.contains(&rule))
                && exemption.until.is_none_or(|until| now < until)
        });
        exempt.map(|exemption| exemption.reason.as_str())
    }

    pub(super) fn has_exemptions(&self) -> bool {
        !self.exemptions.is_empty()
    }

    /// Whether it tells the rules anything.
    pub(super) fn has_settings(&self) -> bool {
        self.limits != Limits::default() || self.defaults != PolicyDefaults::default()
    }

    /// Whether no workload can be selected by both, as far as values of the same label tell.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        self.namespaces.excludes(&other.namespaces) || self.workloads.excludes(&other.workloads)
    }
}

/// Names by which an exemption can mean an object: its own, and that of what it scales.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SubjectName {
    pub(super) own: Option<String>,
    pub(super) target: Option<String>,
}

impl SubjectName {
    pub(super) fn of(subject: &Subject<'_>) -> Self {
        let owned = |name: Option<&str>| name.map(str::to_owned);
        match subject {
            Subject::Workload(workload) => Self { own: owned(workload.identity.name), target: None },
            Subject::Autoscaler(scaler) => {
                Self { own: owned(scaler.identity.name), target: Some(scaler.target_name.to_owned()) }
            }
            Subject::Unrelated => Self::default(),
        }
    }

    fn is(&self, name: &str) -> bool {
        self.own.as_deref() == Some(name) || self.target.as_deref() == Some(name)
    }
}

type Entries = (BTreeMap<&'static str, Entry>, BTreeMap<Group, Entry>);

fn entries(written: &[RuleAction], errors: &mut Vec<PolicyError>) -> Entries {
    let (mut rules, mut groups) = Entries::default();
    for (index, entry) in written.iter().enumerate() {
        let at = |part: &str| format!("spec.rules[{index}].{part}");
        let compiled =
            Entry { action: entry.action, overwrite: entry.overwrite, allow_ignore: entry.allow_ignore };
        if entry.overwrite && entry.action != Action::Mutate {
            let reason = "needs `action: mutate`".to_owned();
            errors.push(PolicyError::Contradiction { field: at("overwrite"), reason });
        }
        if entry.allow_ignore && entry.action != Action::Deny {
            let reason = "needs `action: deny`; what is not refused can be ignored anyway".to_owned();
            errors.push(PolicyError::Contradiction { field: at("allowIgnore"), reason });
        }
        let earlier = match named(&entry.rule, &at("rule")) {
            Ok(Named::Rule(rule)) => rules.insert(rule.id, compiled),
            Ok(Named::Group(group)) => groups.insert(group, compiled),
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        if earlier.is_some() {
            errors.push(PolicyError::Twice { field: at("rule"), name: entry.rule.clone() });
        }
    }
    (rules, groups)
}

fn named(name: &str, field: &str) -> Result<Named, PolicyError> {
    if let Some(group) = Group::ALL.into_iter().find(|group| group.name() == name) {
        return Ok(Named::Group(group));
    }
    if let Some(rule) = rules::find(name) {
        return Ok(Named::Rule(rule));
    }
    let names = rules().flat_map(|rule| [rule.id, rule.name]);
    let nearest = nearest(name, names.chain(Group::ALL.map(Group::name)));
    Err(PolicyError::UnknownRule { field: field.to_owned(), name: name.to_owned(), nearest })
}

fn exemptions(spec: &InferencePolicySpec, errors: &mut Vec<PolicyError>) -> Vec<CompiledExemption> {
    let mut compiled = Vec::new();
    for (index, exemption) in spec.exemptions.iter().enumerate() {
        let at = |part: &str| format!("spec.exemptions[{index}].{part}");
        if exemption.reason.trim().is_empty() {
            let reason = "an exemption says why".to_owned();
            errors.push(PolicyError::Contradiction { field: at("reason"), reason });
        }
        let until = exemption.until.as_deref().map(str::parse::<Timestamp>).transpose();
        let until = until.unwrap_or_else(|_| {
            let reason = "expected a moment in RFC 3339, such as `2027-01-31T00:00:00Z`".to_owned();
            errors.push(PolicyError::Contradiction { field: at("until"), reason });
            None
        });
        let mut exempt = Vec::new();
        for (place, name) in exemption.rules.iter().enumerate() {
            match named(name, &at(&format!("rules[{place}]"))) {
                Ok(Named::Rule(rule)) => exempt.push(rule),
                Ok(Named::Group(group)) => exempt.extend(rules().filter(|rule| rule.group == group)),
                Err(error) => errors.push(error),
            }
        }
        compiled.push(CompiledExemption {
            namespace: exemption.namespace.clone(),
            name: exemption.name.clone(),
            rules: exempt,
            until,
            reason: exemption.reason.clone(),
        });
    }
    compiled
}

fn check_limits(limits: &PolicyLimits, defaults: &PolicyDefaults, errors: &mut Vec<PolicyError>) {
    let mut contradiction = |field: &str, reason: &str| {
        errors.push(PolicyError::Contradiction { field: field.to_owned(), reason: reason.to_owned() });
    };
    if limits.usd_per_hour.is_some_and(|usd| !(usd.is_finite() && usd > 0.0)) {
        contradiction("spec.limits.usdPerHour", "must be more than 0");
    }
    if limits.replicas == Some(0) {
        contradiction("spec.limits.replicas", "must be 1 or more");
    }
    if limits.accelerators.as_ref().is_some_and(Vec::is_empty) {
        contradiction("spec.limits.accelerators", "must name an accelerator; leave it away for no limit");
    }
    let Some(regions) = &limits.regions else { return };
    if regions.is_empty() {
        contradiction("spec.limits.regions", "must name a region; leave it away for no limit");
    } else if defaults.region.as_ref().is_some_and(|region| !regions.contains(region)) {
        contradiction("spec.defaults.region", "must be one of `spec.limits.regions`");
    }
}

/// Puts what `policy` says into `settings`: its limits where they are smaller, its defaults where none is set yet,
/// which `set` keeps.
pub(super) fn merge(settings: &mut Settings, set: &mut PolicyDefaults, policy: &Compiled) {
    let ours = &mut settings.limits;
    let theirs = &policy.limits;
    ours.usd_per_hour = smaller(ours.usd_per_hour, theirs.usd_per_hour);
    ours.replicas = smaller(ours.replicas, theirs.replicas);
    for (ours, theirs) in
        [(&mut ours.accelerators, &theirs.accelerators), (&mut ours.regions, &theirs.regions)]
    {
        let Some(theirs) = theirs else { continue };
        match ours {
            Some(names) => names.retain(|name| theirs.contains(name)),
            None => *ours = Some(theirs.clone()),
        }
    }
    let defaults = &policy.defaults;
    if let Some(secret) = first(&mut set.token_secret, &defaults.token_secret) {
        settings.token_secret.clone_from(&secret.name);
        settings.token_key.clone_from(&secret.key);
    }
    if let Some(medium) = first(&mut set.cache_medium, &defaults.cache_medium) {
        settings.cache_medium = Some(match medium {
            Medium::Memory => CacheMedium::Memory,
            Medium::Disk => CacheMedium::Disk,
        });
    }
    if let Some(cache) = first(&mut set.shared_xla_cache, &defaults.shared_xla_cache) {
        settings.shared_xla_cache = match cache {
            XlaCache::Keep => SharedXlaCache::Keep,
            XlaCache::Remove => SharedXlaCache::Remove,
        };
    }
    if let Some(PolicyMetricsApi::Stackdriver) = first(&mut set.metrics_api, &defaults.metrics_api) {
        settings.metrics_api = Some(MetricsApi::Stackdriver);
    }
    if let Some(version) = first(&mut set.gke_version, &defaults.gke_version) {
        settings.gke_version = Some(version.clone());
    }
    if let Some(pricing) = first(&mut set.pricing_model, &defaults.pricing_model) {
        settings.pricing_model = *pricing;
    }
    if let Some(region) = first(&mut set.region, &defaults.region) {
        settings.region = Some(region.clone());
    }
}

/// `theirs`, where nothing is set yet.
fn first<'a, T: Clone>(set: &mut Option<T>, theirs: &'a Option<T>) -> Option<&'a T> {
    let theirs = theirs.as_ref().filter(|_| set.is_none())?;
    *set = Some(theirs.clone());
    Some(theirs)
}

fn smaller<T: PartialOrd + Copy>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b < a { b } else { a }),
        (a, b) => a.or(b),
    }
}
