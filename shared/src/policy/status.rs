//! What a replica of the webhook writes into a policy's status.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{InferencePolicyStatus, PolicyCondition, PolicyReport, ReplicaStatus};

impl PolicyReport {
    /// The status of the policy after `replica` has seen it: the status before, `previous`, with this replica's
    /// generation in it and without those of replicas that are not in `replicas` any more. Nothing changes where
    /// nothing is new, so that replicas do not wake each other without end.
    pub fn status(
        &self,
        previous: &InferencePolicyStatus,
        replica: &str,
        replicas: &BTreeSet<String>,
        now_unix_seconds: i64,
    ) -> InferencePolicyStatus {
        let now = Timestamp::from_second(now_unix_seconds).unwrap_or(Timestamp::MIN).to_string();
        let generation = self.generation.unwrap_or_default();
        let others =
            previous.replicas.iter().filter(|seen| seen.name != replica && replicas.contains(&seen.name));
        let mut seen: Vec<_> = others.cloned().collect();
        let ours = previous.replicas.iter().find(|seen| seen.name == replica);
        seen.push(match ours.filter(|ours| ours.observed_generation == generation) {
            Some(ours) => ours.clone(),
            None => ReplicaStatus {
                name: replica.to_owned(),
                observed_generation: generation,
                seen_at: now.clone(),
            },
        });
        seen.sort_by(|a, b| a.name.cmp(&b.name));
        // A replica that has not said anything yet has seen nothing.
        let silent = replicas.iter().any(|name| !seen.iter().any(|seen| seen.name == *name));
        let slowest = seen.iter().map(|seen| seen.observed_generation).min().filter(|_| !silent);
        let reasons: Vec<_> = self.errors.iter().map(ToString::to_string).collect();
        let conditions = [
            self.condition("Accepted", reasons.is_empty(), self.accepted_because(&reasons)),
            self.condition("Conflicting", !self.conflicts.is_empty(), self.conflicting_because()),
        ];
        InferencePolicyStatus {
            accepted: Some(reasons.is_empty()),
            observed_generation: slowest.or(previous.observed_generation),
            replicas: seen,
            reasons,
            conflicts: self.conflicts.clone(),
            conditions: conditions.into_iter().map(|condition| since(condition, previous, &now)).collect(),
        }
    }

    fn accepted_because(&self, reasons: &[String]) -> (&'static str, String) {
        match (reasons, self.in_force) {
            ([], _) => ("Valid", "in force as it stands".to_owned()),
            (reasons, Some(generation)) => {
                ("Invalid", format!("generation {generation} stays in force: {}", reasons.join("; ")))
            }
            (reasons, None) => ("Invalid", format!("no version is in force: {}", reasons.join("; "))),
        }
    }

    fn conflicting_because(&self) -> (&'static str, String) {
        if self.conflicts.is_empty() {
            return ("None", "no other policy says otherwise".to_owned());
        }
        ("OtherPolicies", self.conflicts.join("; "))
    }

    fn condition(&self, kind: &str, holds: bool, because: (&str, String)) -> PolicyCondition {
        PolicyCondition {
            kind: kind.to_owned(),
            status: if holds { "True" } else { "False" }.to_owned(),
            reason: because.0.to_owned(),
            message: because.1,
            observed_generation: self.generation,
            last_transition_time: String::new(),
        }
    }
}

/// The condition with the moment since which it has this status.
fn since(condition: PolicyCondition, previous: &InferencePolicyStatus, now: &str) -> PolicyCondition {
    let earlier = previous.conditions.iter().find(|earlier| earlier.kind == condition.kind);
    let same = earlier.filter(|earlier| earlier.status == condition.status);
    let moment = same.map_or(now, |earlier| earlier.last_transition_time.as_str());
    PolicyCondition { last_transition_time: moment.to_owned(), ..condition }
}
