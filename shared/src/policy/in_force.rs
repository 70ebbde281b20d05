//! What holds for one workload.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::Value;

use super::compiled::{Compiled, SubjectName, merge};
use super::set::Broken;
use super::{Action, PolicyDefaults, PolicySet, Stance};
use crate::inspect::Subject;
use crate::rules::{Caution, Finding, Rule, Settings, Severity};

static WITHOUT_POLICY: LazyLock<Settings> = LazyLock::new(Settings::default);

/// What holds for one workload: the policies that select it, merged; the defaults where there is none.
#[derive(Debug, Clone)]
pub struct InForce<'a> {
    policies: Vec<&'a Compiled>,
    settings: Cow<'a, Settings>,
    broken: Vec<&'a Broken>,
    namespace: String,
    subject: SubjectName,
    now: Timestamp,
}

/// Whom a decision is about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Namespace of the object.
    pub namespace: &'a str,
    /// Labels of that namespace.
    pub namespace_labels: &'a BTreeMap<String, String>,
    /// The object.
    pub object: &'a Value,
    /// What the object scales, where it is an autoscaler and that is known.
    pub target: Option<&'a Value>,
    /// Seconds since 1970.
    pub now_unix_seconds: i64,
}

/// What is done about one finding, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// What is done.
    pub action: Action,
    /// Policy that says so, the first by name of those that say the same; `None` where the default holds.
    pub policy: Option<Arc<str>>,
    /// Whether a fix may change the command line.
    pub arguments: bool,
    /// Whether a fix may replace what the author wrote.
    pub overwrite: bool,
    /// Whether the author's ignoring counts although it is refused.
    pub allow_ignore: bool,
    /// Why a policy only records the finding.
    pub exempted: Option<String>,
    /// What every policy that names the rule says, by name, before the strictest wins.
    pub said: Vec<(Arc<str>, Action)>,
}

impl PolicySet {
    /// What holds for `subject`.
    pub fn in_force(&self, asked: &Asked<'_>, subject: &Subject<'_>) -> InForce<'_> {
        let selects = |namespaces: &super::selector::Selector, workloads: &super::selector::Selector| {
            namespaces.selects(|key| asked.namespace_labels.get(key).map(String::as_str))
                && (workloads.selects_object(asked.object)
                    || asked.target.is_some_and(|target| workloads.selects_object(target)))
        };
        let policies: Vec<&Compiled> = (self.policies.iter().map(AsRef::as_ref))
            .filter(|policy: &&Compiled| selects(&policy.namespaces, &policy.workloads))
            .collect();
        let broken = self.broken.iter().filter(|broken| match &broken.selectors {
            Some((namespaces, workloads)) => selects(namespaces, workloads),
            None => true,
        });
        InForce {
            settings: settings(&policies),
            policies,
            broken: broken.collect(),
            namespace: asked.namespace.to_owned(),
            subject: SubjectName::of(subject),
            now: Timestamp::from_second(asked.now_unix_seconds).unwrap_or(Timestamp::MAX),
        }
    }
}

fn settings<'a>(policies: &[&'a Compiled]) -> Cow<'a, Settings> {
    let mut telling = policies.iter().filter(|policy| policy.has_settings()).peekable();
    if telling.peek().is_none() {
        return Cow::Borrowed(&WITHOUT_POLICY);
    }
    let mut settings = Settings::default();
    let mut set = PolicyDefaults::default();
    telling.for_each(|policy| merge(&mut settings, &mut set, policy));
    Cow::Owned(settings)
}

impl InForce<'_> {
    /// What the rules are told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Names of the policies that select the workload.
    pub fn policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(|policy| &*policy.name)
    }

    /// The policies that select the workload.
    pub(super) fn compiled(&self) -> &[&Compiled] {
        &self.policies
    }

    /// What each policy says about `rule`, before exemptions.
    pub(super) fn stances(&self, rule: &Rule) -> Vec<Stance> {
        let stance = |policy: &&Compiled| {
            let (entry, is_named) = policy.entry(rule)?;
            let place = match (is_named, policy.rules.contains_key(rule.id)) {
                (_, true) => "rule",
                (true, false) => "limit",
                (false, false) => "group",
            };
            let exempted = policy.exemption(rule, &self.namespace, &self.subject, self.now);
            let exempted = exempted.map(str::to_owned);
            Some(Stance { policy: policy.name.to_string(), action: entry.action, place, exempted })
        };
        self.policies.iter().filter_map(stance).collect()
    }

    /// Policies that may select the workload and of which no version was ever accepted.
    pub(super) fn broken(&self) -> &[&Broken] {
        &self.broken
    }

    /// What is done about `finding`: the strictest of what the policies say that name its rule or group, the default
    /// where none does.
    pub fn ruling(&self, finding: &Finding) -> Ruling {
        let mut ruling = Ruling {
            action: Action::Off,
            policy: None,
            arguments: false,
            overwrite: false,
            allow_ignore: true,
            exempted: None,
            said: Vec::new(),
        };
        for policy in &self.policies {
            let Some((entry, is_named)) = policy.entry(finding.rule) else { continue };
            let exempted = policy.exemption(finding.rule, &self.namespace, &self.subject, self.now);
            let is_mere_information = !is_named && finding.severity == Severity::Information;
            let action = if exempted.is_some() || is_mere_information {
                entry.action.min(Action::Audit)
            } else {
                entry.action
            };
            if ruling.policy.is_none() || action > ruling.action {
                ruling.action = action;
                ruling.policy = Some(Arc::clone(&policy.name));
            }
            ruling.arguments |= action == Action::Mutate;
            ruling.overwrite |= action == Action::Mutate && entry.overwrite;
            ruling.allow_ignore &= action != Action::Deny || entry.allow_ignore;
            ruling.exempted = ruling.exempted.or_else(|| exempted.map(str::to_owned));
            ruling.said.push((Arc::clone(&policy.name), action));
        }
        if ruling.policy.is_none() {
            ruling.action = default_action(finding);
        }
        ruling
    }
}

/// What is done about a finding that no policy names: a safe fix is made, information is recorded, everything else
/// warned of.
pub(super) fn default_action(finding: &Finding) -> Action {
    match &finding.fix {
        Some(fix) if fix.caution == Caution::Safe => Action::Mutate,
        _ if finding.severity == Severity::Information => Action::Audit,
        _ => Action::Warn,
    }
}
