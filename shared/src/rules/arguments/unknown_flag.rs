//! INF070: a flag that the server's version does not have.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{reaches_server, version_of};
use crate::catalog::{FlagTable, FlagVersion, Support};
use crate::inspect::{Argument, ArgumentPlace, PointerBuf};
use crate::rules::examples::examples;
use crate::rules::finding::Found;
use crate::rules::{Caution, Check, Edit, Facts, Fix, Group, Rule, Scope, Severity};

/// Flags that a later version lacks because what they asked for is what it does anyway: requests are not logged unless
/// asked, there is one block manager, a reasoning parser is enough, nothing is swapped.
const IDLE: [&str; 4] = ["disable-log-requests", "use-v2-block-manager", "enable-reasoning", "swap-space"];

/// INF070.
pub(crate) static RULE: Rule = Rule {
    id: "INF070",
    name: "unknown-flag",
    group: Group::Arguments,
    severity: Severity::Error,
    scope: Scope::Everywhere,
    summary: "The image's version of the server does not have a flag",
    needs: "vLLM's or SGLang's own image with a version whose flags the catalog has; flags in a place where the \
            server's own parser reads them",
    rationale: "The server prints `unrecognized arguments` and exits; the Pod restarts without end.",
    fix: Some(
        "removes a flag that newer versions do without: `--disable-log-requests`, `--swap-space`, \
               `--enable-reasoning`, `--use-v2-block-manager`",
    ),
    source: "shared/data/flags: the argument parsers of the published versions",
    check: Check::Workload(check),
    examples: examples!("INF070"),
};

fn check(facts: &Facts<'_>) -> Vec<Found> {
    let Some((table, version)) = judged(facts) else { return Vec::new() };
    let options = facts.pod.arguments.options.iter();
    let found = options.filter_map(|option| {
        let name = option_name(option)?;
        match table.support(version, name) {
            Support::Taken | Support::TakenUntil(_) => None,
            Support::Refused(None) if is_beginning(table, version, name) => None,
            Support::Refused(span) => Some(finding(facts, option, name, table, version, span)),
        }
    });
    found.collect()
}

/// The table and the version to judge by, where both are known.
pub(super) fn judged<'a>(facts: &Facts<'a>) -> Option<(&'a FlagTable, FlagVersion)> {
    let table = facts.flags?;
    let version = table.version(version_of(facts.pod)?)?;
    reaches_server(facts.pod).then_some((table, version))
}

/// Letters of the shortest name that is judged, `task`; shorter ones are short forms.
const SHORTEST: usize = 4;

/// Name to look up: without the field of a JSON flag (`--compilation-config.level`). Short names and anything that is
/// no plain word is not judged.
pub(super) fn option_name(option: &Argument) -> Option<&str> {
    let name = option.name.split('.').next()?;
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
    (plain && starts && name.len() >= SHORTEST).then_some(name)
}

/// argparse takes the beginning of a name for the name.
fn is_beginning(table: &FlagTable, version: FlagVersion, name: &str) -> bool {
    table.taken(version).any(|flag| flag.starts_with(name))
}

fn finding(
    facts: &Facts<'_>,
    option: &Argument,
    name: &str,
    table: &FlagTable,
    version: FlagVersion,
    span: Option<&crate::catalog::FlagSpan>,
) -> Found {
    let server = facts.server.map_or(table.server.as_str(), |server| server.display_name.as_str());
    let own = version_of(facts.pod).unwrap_or_default();
    let history = match span {
        None => "no version that the catalog knows has it".to_owned(),
        Some(span) => match &span.before {
            Some(before) => format!("it was taken from {} on and is gone since {before}", span.from),
            None => format!("it comes with {}", span.from),
        },
    };
    let what = format!("{server} {own} exits at start: it has no `--{name}`; {history}");
    let nearest = if span.is_none() { table.nearest(version, name) } else { None };
    // What is given already is hardly meant once more.
    let nearest = nearest.filter(|flag| facts.pod.arguments.option(&[flag.as_str()]).is_none());
    let idle = IDLE.contains(&name);
    let remedy = match nearest {
        Some(flag) => format!("write `--{flag}`, if that is meant, or remove it"),
        None if idle => "remove it: the server does so by itself".to_owned(),
        None => "remove it, or take an image of a version that has it".to_owned(),
    };
    let found = Found::new(option.at.pointer().clone(), what, remedy);
    let list = option.at.pointer().split_back().map(|(list, _)| list.to_buf());
    match list.filter(|_| idle && !matches!(option.at, ArgumentPlace::Script(_))) {
        Some(list) => found.with_fix(removal(facts, table, version, list)),
        None => found,
    }
}

/// Writes the list without any of the flags that the server does without: findings of one list have one and the same
/// fix, which no index can spoil.
fn removal(facts: &Facts<'_>, table: &FlagTable, version: FlagVersion, list: PointerBuf) -> Fix {
    let options = facts.pod.arguments.options.iter();
    let refused = options.filter(|option| {
        let name = option_name(option).filter(|name| IDLE.contains(name));
        name.is_some_and(|name| matches!(table.support(version, name), Support::Refused(_)))
    });
    let places = refused.flat_map(|option| match &option.at {
        ArgumentPlace::Element(at) => vec![at],
        ArgumentPlace::Pair { name, value } => vec![name, value],
        ArgumentPlace::Script(_) => Vec::new(),
    });
    let places: BTreeSet<&str> = places.map(|at| at.as_str()).collect();
    let elements = facts.workload.object.pointer(list.as_str()).and_then(Value::as_array);
    let elements = elements.into_iter().flatten().enumerate();
    let kept = elements.filter(|(index, _)| !places.contains(list.with_trailing_token(*index).as_str()));
    Fix {
        summary: "remove flags that the server does without".to_owned(),
        caution: Caution::Arguments,
        edits: vec![Edit::Set { value: kept.map(|(_, element)| element.clone()).collect(), at: list }],
    }
}
