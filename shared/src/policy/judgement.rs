//! What a finding leads to.

use super::annotation::Author;
use super::{Action, InForce, Ruling};
use crate::rules::{Caution, Finding};

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consequence {
    /// It stands in the audit log only.
    Recorded,
    /// Its author wants to hear nothing of it; it stands in the audit log only.
    Ignored,
    /// It is put right.
    Fixed,
    /// Its author is warned.
    Warned,
    /// The object is refused for it.
    Denied,
}

impl Consequence {
    /// Name for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Ignored => "ignored",
            Self::Fixed => "fixed",
            Self::Warned => "warned",
            Self::Denied => "denied",
        }
    }
}

/// Why a fix is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unfixed {
    /// The author ignores the rule.
    Ignored,
    /// It changes the command line, and no policy says `mutate`.
    NeedsMutate,
    /// It replaces what the author wrote, and no policy says `overwrite`.
    NeedsOverwrite,
    /// The policy's action makes no fixes.
    Action,
    /// It would remove what admission never removes.
    Removes,
    /// It cannot be made in this object, or fixes undo each other.
    Impossible,
}

impl Unfixed {
    /// Name as [`super::annotation::NOT_APPLIED`] writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::NeedsMutate => "needs-mutate",
            Self::NeedsOverwrite => "needs-overwrite",
            Self::Action => "not-asked-for",
            Self::Removes => "removes",
            Self::Impossible => "impossible",
        }
    }
}

/// A finding and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What is wrong.
    pub finding: Finding,
    /// What is done about it, and who says so.
    pub ruling: Ruling,
    /// What became of it.
    pub consequence: Consequence,
    /// Why its fix is not made, where it has one that is not.
    pub unfixed: Option<Unfixed>,
}

impl Judgement {
    /// What `in_force` and the author say about `finding`; `None` where the rule is off.
    pub(super) fn of(finding: Finding, in_force: &InForce<'_>, author: &Author) -> Option<Self> {
        let ruling = in_force.ruling(&finding);
        let is_ignored = author.ignores(finding.rule);
        let consequence = match ruling.action {
            Action::Off => return None,
            Action::Deny if !(is_ignored && ruling.allow_ignore) => Consequence::Denied,
            _ if is_ignored => Consequence::Ignored,
            Action::Audit => Consequence::Recorded,
            Action::Warn | Action::Mutate | Action::Deny => Consequence::Warned,
        };
        let unfixed = unfixed(&finding, &ruling, is_ignored);
        Some(Self { finding, ruling, consequence, unfixed })
    }

    /// Whether its fix shall be made.
    pub fn is_to_be_fixed(&self) -> bool {
        self.finding.fix.is_some() && self.unfixed.is_none()
    }

    /// Policy that decided, as messages call it.
    pub fn decided_by(&self) -> String {
        match &self.ruling.policy {
            Some(policy) => format!("policy {policy}"),
            None => "default policy".to_owned(),
        }
    }

    /// The warning about it: rule, policy, place, what is wrong, what to do, what is most telling first, since long
    /// ones are cut.
    pub(super) fn warning(&self) -> String {
        let Finding { rule, at, what, remedy, .. } = &self.finding;
        let note = match self.unfixed {
            Some(Unfixed::NeedsMutate) => " (a policy with `mutate` does it)",
            Some(Unfixed::NeedsOverwrite) => " (a policy with `overwrite` does it)",
            _ => "",
        };
        format!("{} {} ({}): {what}; {remedy}{note}, at {at}", rule.id, rule.name, self.decided_by())
    }

    /// The refusal for it.
    pub(super) fn denial(&self) -> String {
        let Finding { rule, at, what, remedy, .. } = &self.finding;
        let place = if at.is_root() { String::new() } else { format!(", at {at}") };
        format!("{} {} ({}){place}: {what}. What to do: {remedy}.", rule.id, rule.name, self.decided_by())
    }
}

fn unfixed(finding: &Finding, ruling: &Ruling, is_ignored: bool) -> Option<Unfixed> {
    let fix = finding.fix.as_ref()?;
    match fix.caution {
        _ if is_ignored => Some(Unfixed::Ignored),
        _ if ruling.action < Action::Mutate => Some(match fix.caution {
            Caution::Safe => Unfixed::Action,
            Caution::Arguments => Unfixed::NeedsMutate,
            Caution::Overwrites => Unfixed::NeedsOverwrite,
        }),
        Caution::Arguments if !ruling.arguments => Some(Unfixed::NeedsMutate),
        Caution::Overwrites if !ruling.overwrite => Some(Unfixed::NeedsOverwrite),
        _ => None,
    }
}
