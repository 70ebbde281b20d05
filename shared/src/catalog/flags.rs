//! Options of a server's command line, by version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Evidence;
use super::entry::{Entry, Problem, Reference, Section, name};
use super::error::nearest;

/// The options that a server's versions take on their command line. Versions whose options were read stand in
/// `versions`; nothing is said of any other but what the two beside it agree on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlagTable {
    /// Catalog name of the server.
    pub server: String,
    /// Versions whose options were read, oldest first, without a leading `v`.
    pub versions: Vec<String>,
    /// Every option of any of `versions`, without leading dashes and with dashes between words.
    pub names: BTreeMap<String, Vec<FlagSpan>>,
    /// Where the facts come from.
    pub evidence: Evidence,
}

/// A run of versions that have an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlagSpan {
    /// The first of the table's versions that has it.
    pub from: String,
    /// The first of the table's versions that no longer has it; absent: the newest has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// What a version does with an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support<'a> {
    /// Takes it, and so does every later version of the table.
    Taken,
    /// Takes it; this later version no longer does.
    TakenUntil(&'a str),
    /// Refuses it. The versions that took it, where there were any.
    Refused(Option<&'a FlagSpan>),
}

/// The two versions of a table between which another one lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagVersion {
    older: usize,
    newer: usize,
}

impl FlagTable {
    /// Where `version` (`v0.9.0`, `0.8.5.post1`) lies in the table; `None` where it is older than all of it, newer
    /// than its last release, or no release at all.
    pub fn version(&self, version: &str) -> Option<FlagVersion> {
        let asked = release(version)?;
        // Versions of a table are releases, oldest first.
        let is_later = |known: &String| release(known).is_some_and(|known| known.numbers() > asked.numbers());
        let after = self.versions.partition_point(|known| !is_later(known));
        let older = after.checked_sub(1)?;
        let exact = release(self.versions.get(older)?)?.numbers() == asked.numbers();
        match () {
            () if exact => Some(FlagVersion { older, newer: older }),
            () if after < self.versions.len() => Some(FlagVersion { older, newer: after }),
            () => None,
        }
    }

    /// What `version` does with the option `name`; an option counts as taken where either of the two versions beside
    /// `version` takes it. `--no-NAME` is the other side of a switch.
    pub fn support(&self, version: FlagVersion, name: &str) -> Support<'_> {
        let spans = self.names.get(name);
        let spans = spans.or_else(|| self.names.get(name.strip_prefix("no-")?));
        let Some(spans) = spans else { return Support::Refused(None) };
        let taking = spans.iter().find(|span| {
            let (from, before) = self.range(span);
            [version.older, version.newer].iter().any(|at| (from..before).contains(at))
        });
        match taking {
            None => Support::Refused(spans.last()),
            Some(span) => match (&span.before, spans.last() == Some(span)) {
                (Some(before), true) => Support::TakenUntil(before),
                _ => Support::Taken,
            },
        }
    }

    /// Options that `version` takes.
    pub fn taken(&self, version: FlagVersion) -> impl Iterator<Item = &str> {
        let names = self.names.keys().map(String::as_str);
        names.filter(move |name| !matches!(self.support(version, name), Support::Refused(_)))
    }

    /// The option of `version` whose name is most like `name`.
    pub fn nearest(&self, version: FlagVersion, name: &str) -> Option<String> {
        nearest(name, self.taken(version)).into_iter().next()
    }

    fn range(&self, span: &FlagSpan) -> (usize, usize) {
        let index = |version: &str| self.versions.iter().position(|known| known == version);
        let from = index(&span.from).unwrap_or(self.versions.len());
        (from, span.before.as_deref().and_then(index).unwrap_or(self.versions.len()))
    }
}

/// The numbers of a release.
#[derive(Debug, Clone, Copy)]
struct Release {
    numbers: [u32; Self::MOST],
    count: usize,
}

impl Release {
    /// More numbers than any release has.
    const MOST: usize = 6;

    fn numbers(&self) -> &[u32] {
        &self.numbers[..self.count]
    }
}

/// The numbers of a release; `None` for anything else. `0.8.5.post1` is 0, 8, 5, 1, which no patch release of a
/// server with post releases is.
fn release(version: &str) -> Option<Release> {
    let mut release = Release { numbers: [0; Release::MOST], count: 0 };
    for part in version.trim_start_matches('v').split('.') {
        *release.numbers.get_mut(release.count)? = part.strip_prefix("post").unwrap_or(part).parse().ok()?;
        release.count += 1;
    }
    (release.count >= 3).then_some(release)
}

impl Entry for FlagTable {
    const KIND: &'static str = "flag table";

    fn key(&self) -> String {
        self.server.clone()
    }

    fn validate(&self) -> Result<(), Problem> {
        name("server", &self.server)?;
        let releases: Option<Vec<_>> = self.versions.iter().map(|version| release(version)).collect();
        if !releases
            .is_some_and(|releases| releases.is_sorted_by(|one, other| one.numbers() < other.numbers()))
        {
            return Err(Problem::new("versions", "holds something else than releases, oldest first"));
        }
        for (flag, spans) in &self.names {
            name("names", flag)?;
            let ends = spans.iter().flat_map(|span| span.before.iter().chain([&span.from]));
            if let Some(other) = ends.into_iter().find(|version| !self.versions.contains(version)) {
                return Err(Problem::new(
                    "names",
                    format!("has `{other}` at `{flag}`, which `versions` lacks"),
                ));
            }
        }
        self.evidence.validate()
    }

    fn references(&self) -> Vec<Reference<'_>> {
        vec![Reference { field: "server", section: Section::Servers, name: &self.server }]
    }
}

#[cfg(test)]
mod tests {
    use super::{FlagTable, Support};
    use crate::catalog::Catalog;

    fn with<T>(look: impl FnOnce(&FlagTable) -> T) -> T {
        let catalog = Catalog::embedded();
        let tables = catalog.flags().unwrap();
        look(tables.iter().find(|table| table.server == "vllm").unwrap())
    }

    #[test]
    fn every_option_that_a_running_server_lists_is_known() {
        // What the help text shows in passing is no option of the server.
        const EXAMPLES: [&str; 5] = ["data-parallel-", "disable-log-", "json-arg", "membind", "physcpubind"];
        with(|table| {
            let version = table.version("v0.32.0").unwrap();
            let listed = include_str!("../../tests/data/vllm-0.32.0-flags.txt");
            for flag in listed.lines().map(|line| line.trim_start_matches('-')) {
                let support = table.support(version, flag);
                assert!(EXAMPLES.contains(&flag) || support == Support::Taken, "{flag}: {support:?}");
            }
        });
    }

    #[test]
    fn options_that_came_and_went() {
        with(|table| {
            let support = |version: &str, flag: &str| table.support(table.version(version).unwrap(), flag);
            assert_eq!(support("v0.9.0", "disable-log-requests"), Support::TakenUntil("0.17.0"));
            assert!(matches!(support("v0.32.0", "disable-log-requests"), Support::Refused(Some(_))));
            assert_eq!(support("v0.6.6", "swap-space"), Support::TakenUntil("0.18.0"));
            assert!(matches!(support("v0.19.0", "swap-space"), Support::Refused(Some(_))));
            assert_eq!(support("v0.9.0", "max-num-seqs"), Support::Taken);
            assert_eq!(support("v0.9.0", "no-enable-prefix-caching"), Support::Taken);
            assert_eq!(support("v0.9.0", "max-model-length"), Support::Refused(None));
        });
    }

    #[test]
    fn what_was_not_read_is_not_judged() {
        with(|table| {
            for version in ["v0.3.0", "v0.99.0", "latest", "nightly", "v0.10.1rc1", "0.6.3.dev116", "25.03"] {
                assert_eq!(table.version(version), None, "{version}");
            }
            assert!(table.version("0.8.5.post1").is_some());
            assert!(table.version("v0.10.1.1").is_some());
        });
    }
}
