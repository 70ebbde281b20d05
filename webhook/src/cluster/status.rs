//! What this replica makes of each policy, written into the policy's status.

use std::time::Duration;

use anyhow::Context;
use infer_core::policy::{
    InferencePolicy, InferencePolicyStatus, PolicyCondition, PolicyReport, ReplicaStatus,
};
use jiff::Timestamp;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

/// How often a replica says that it is still there.
const REFRESH: Duration = Duration::from_secs(5 * 60);

/// How long a replica that says nothing is still counted.
const FORGOTTEN_SECONDS: i64 = 15 * 60;

/// How soon after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// How long the API server may take for one policy.
const CALL: Duration = Duration::from_secs(20);

/// Tries where other replicas write the same status.
const TRIES: usize = 8;

/// Writes each of `reports` into the status of its policy, again whenever they change, for ever.
pub(crate) async fn write(client: Client, replica: String, mut reports: watch::Receiver<Vec<PolicyReport>>) {
    // As JSON: a policy with a field that this version does not know has a status too.
    let api: Api<DynamicObject> = Api::all_with(client, &ApiResource::erase::<InferencePolicy>(&()));
    loop {
        let current = reports.borrow_and_update().clone();
        let mut wait = REFRESH;
        for report in &current {
            let written = timeout(CALL, write_one(&api, &replica, report)).await;
            let written = written.unwrap_or_else(|_| Err(anyhow::anyhow!("the API server did not answer")));
            if let Err(error) = written {
                let error = format!("{error:#}");
                tracing::warn!(policy = report.name, error, "status not written");
                wait = RETRY;
            }
        }
        if let Ok(Err(_)) = timeout(wait, reports.changed()).await {
            return;
        }
    }
}

async fn write_one(api: &Api<DynamicObject>, replica: &str, report: &PolicyReport) -> anyhow::Result<()> {
    for _ in 0..TRIES {
        let Some(policy) = api.get_opt(&report.name).await.context("cannot read the policy")? else {
            return Ok(());
        };
        let old = policy.data.get("status").cloned().unwrap_or_default();
        let old: InferencePolicyStatus = serde_json::from_value(old).unwrap_or_default();
        let new = merged(&old, replica, report, Timestamp::now());
        if new == old {
            return Ok(());
        }
        let version = policy.metadata.resource_version;
        let patch = json!({ "metadata": { "resourceVersion": version }, "status": new });
        match api.patch_status(&report.name, &PatchParams::default(), &Patch::Merge(patch)).await {
            Ok(_) => return Ok(()),
            // Another replica was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(error).context("cannot write the status"),
        }
    }
    anyhow::bail!("others kept writing it")
}

/// The status `old` with what this replica reports. It is the same as `old` where there is nothing new to say.
fn merged(
    old: &InferencePolicyStatus,
    replica: &str,
    report: &PolicyReport,
    now: Timestamp,
) -> InferencePolicyStatus {
    let generation = report.generation.unwrap_or_default();
    let mut replicas: Vec<_> =
        old.replicas.iter().filter(|other| age(other, now) < FORGOTTEN_SECONDS).cloned().collect();
    let known = replicas.iter().position(|other| other.name == replica);
    let own =
        ReplicaStatus { name: replica.to_owned(), observed_generation: generation, seen_at: now.to_string() };
    match known.and_then(|index| replicas.get_mut(index)) {
        Some(seen)
            if seen.observed_generation == generation && age(seen, now) < REFRESH.as_secs().cast_signed() => {
        }
        Some(seen) => *seen = own,
        None => replicas.push(own),
    }
    replicas.sort_by(|a, b| a.name.cmp(&b.name));
    let is_accepted = report.errors.is_empty();
    let reasons: Vec<_> = report.errors.iter().map(ToString::to_string).collect();
    InferencePolicyStatus {
        accepted: Some(is_accepted),
        observed_generation: replicas.iter().map(|replica| replica.observed_generation).min(),
        conditions: conditions(old, report, &reasons, generation, now),
        replicas,
        reasons,
        conflicts: report.conflicts.clone(),
    }
}

fn conditions(
    old: &InferencePolicyStatus,
    report: &PolicyReport,
    reasons: &[String],
    generation: i64,
    now: Timestamp,
) -> Vec<PolicyCondition> {
    let accepted = match (reasons.is_empty(), report.in_force) {
        (true, _) => ("Accepted", "The policy is in force".to_owned()),
        (false, Some(last)) => {
            ("LastGenerationInForce", format!("Generation {last} stays in force: {}", reasons.join("; ")))
        }
        (false, None) => ("NeverAccepted", format!("No generation is in force: {}", reasons.join("; "))),
    };
    let conflicting = match report.conflicts.as_slice() {
        [] => ("NoConflicts", "No other policy says otherwise".to_owned()),
        conflicts => ("Conflicts", conflicts.join("; ")),
    };
    let states = [
        ("Accepted", reasons.is_empty(), accepted),
        ("Conflicting", !report.conflicts.is_empty(), conflicting),
    ];
    let condition = |(kind, is_so, (reason, message)): (&str, bool, (&str, String))| {
        let status = if is_so { "True" } else { "False" };
        let before =
            old.conditions.iter().find(|condition| condition.kind == kind && condition.status == status);
        let since = before.map(|condition| condition.last_transition_time.clone());
        PolicyCondition {
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message,
            observed_generation: Some(generation),
            last_transition_time: since.unwrap_or_else(|| now.to_string()),
        }
    };
    states.into_iter().map(condition).collect()
}

/// Seconds since a replica said something; one whose clock is ahead, or cannot be read, counts as just heard of.
fn age(replica: &ReplicaStatus, now: Timestamp) -> i64 {
    replica.seen_at.parse::<Timestamp>().map_or(0, |seen| now.as_second() - seen.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(generation: i64) -> PolicyReport {
        PolicyReport {
            name: "team".to_owned(),
            generation: Some(generation),
            in_force: Some(generation),
            errors: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn the_generation_is_the_one_that_every_replica_has_seen() {
        let one = merged(&InferencePolicyStatus::default(), "a", &report(3), at(0));
        let two = merged(&one, "b", &report(4), at(1));
        assert_eq!(two.observed_generation, Some(3));
        let both = merged(&two, "a", &report(4), at(2));
        assert_eq!(both.observed_generation, Some(4));
    }

    #[test]
    fn nothing_new_is_not_written_and_a_sign_of_life_now_and_then() {
        let first = merged(&InferencePolicyStatus::default(), "a", &report(1), at(0));
        assert_eq!(merged(&first, "a", &report(1), at(299)), first);
        assert_ne!(merged(&first, "a", &report(1), at(301)), first);
    }

    #[test]
    fn a_replica_that_is_gone_is_forgotten() {
        let both = merged(&InferencePolicyStatus::default(), "gone", &report(1), at(0));
        let both = merged(&both, "stays", &report(2), at(1));
        assert_eq!(both.observed_generation, Some(1));
        let later = merged(&both, "stays", &report(2), at(901));
        assert_eq!(later.observed_generation, Some(2));
    }

    #[test]
    fn a_condition_keeps_the_time_of_its_last_change() {
        let first = merged(&InferencePolicyStatus::default(), "a", &report(1), at(0));
        let second = merged(&first, "a", &report(2), at(60));
        assert_eq!(second.conditions[0].last_transition_time, first.conditions[0].last_transition_time);
        assert_eq!(second.conditions[0].observed_generation, Some(2));
    }
}
