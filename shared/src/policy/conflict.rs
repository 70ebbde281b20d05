//! Where policies say different things of the same workloads.

use std::sync::Arc;

use super::compiled::Compiled;
use crate::rules::Limits;

/// Where other policies say otherwise than the one called `name`, as its status says it. Policies that cannot select
/// the same workload are not compared.
pub(super) fn conflicts(name: &str, policies: &[Arc<Compiled>]) -> Vec<String> {
    let Some(ours) = policies.iter().find(|policy| *policy.name == *name) else { return Vec::new() };
    let others = policies.iter().filter(|other| other.name != ours.name && !ours.excludes(other));
    let mut conflicts = Vec::new();
    for other in others {
        stricter_actions(ours, other, &mut conflicts);
        empty_limits(&ours.limits, &other.limits, &other.name, &mut conflicts);
        if other.name < ours.name {
            earlier_defaults(ours, other, &mut conflicts);
        }
    }
    conflicts
}

fn stricter_actions(ours: &Compiled, other: &Compiled, conflicts: &mut Vec<String>) {
    let mut compare = |called: &str, ours, theirs| {
        if theirs > ours {
            let other = &other.name;
            conflicts.push(format!("`{called}`: `{theirs}` of policy `{other}` is stricter than `{ours}`"));
        }
    };
    for (rule, entry) in &ours.rules {
        if let Some(theirs) = other.rules.get(rule) {
            compare(rule, entry.action, theirs.action);
        }
    }
    for (group, entry) in &ours.groups {
        if let Some(theirs) = other.groups.get(group) {
            compare(group.name(), entry.action, theirs.action);
        }
    }
}

fn empty_limits(ours: &Limits, theirs: &Limits, other: &str, conflicts: &mut Vec<String>) {
    let lists = [
        ("accelerators", &ours.accelerators, &theirs.accelerators),
        ("regions", &ours.regions, &theirs.regions),
    ];
    for (what, ours, theirs) in lists {
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && ours.is_disjoint(theirs)
        {
            conflicts.push(format!("`limits.{what}`: none is allowed by policy `{other}` as well"));
        }
    }
}

fn earlier_defaults(ours: &Compiled, other: &Compiled, conflicts: &mut Vec<String>) {
    let (a, b) = (&ours.defaults, &other.defaults);
    let differing = [
        ("tokenSecret", differ(&a.token_secret, &b.token_secret)),
        ("cacheMedium", differ(&a.cache_medium, &b.cache_medium)),
        ("sharedXlaCache", differ(&a.shared_xla_cache, &b.shared_xla_cache)),
        ("metricsApi", differ(&a.metrics_api, &b.metrics_api)),
        ("gkeVersion", differ(&a.gke_version, &b.gke_version)),
        ("pricingModel", differ(&a.pricing_model, &b.pricing_model)),
        ("region", differ(&a.region, &b.region)),
    ];
    for (what, _) in differing.into_iter().filter(|(_, differ)| *differ) {
        let other = &other.name;
        conflicts
            .push(format!("`defaults.{what}`: that of policy `{other}` holds, which comes first by name"));
    }
}

fn differ<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a != b)
}
