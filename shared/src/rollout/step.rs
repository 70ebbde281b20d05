//! Which step comes next.

use std::fmt;

use thiserror::Error;

use super::{Observed, ObservedAutoscaler, Record, Stage, Way};

/// What the user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Replicas to end with, at least one.
    pub replicas: u32,
    /// Whether a serving workload may be scaled to one replica while the cache is warmed.
    pub allow_capacity_drop: bool,
}

/// One change to the cluster, or a reason to look again later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write down what is under way.
    Remember(Record),
    /// Hold the autoscaler of this index at a number of replicas.
    Hold {
        /// Index in [`Observed::autoscalers`].
        autoscaler: usize,
        /// Replicas.
        at: u32,
    },
    /// Set the Deployment's replicas.
    Scale(u32),
    /// Make the temporary copy.
    MakeCopy,
    /// Delete the temporary copy.
    DeleteCopy,
    /// Nothing to do but wait.
    Wait(Waiting),
    /// Let the autoscaler of this index say again what it said before.
    Release {
        /// Index in [`Observed::autoscalers`].
        autoscaler: usize,
    },
    /// Forget the rollout: it is complete.
    Forget,
    /// Nothing is under way and nothing to be done.
    Done,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// All Pods but one to end.
    OtherPodsGone,
    /// The Deployment's first replica to be ready.
    FirstReplica,
    /// The copy's replica to be ready.
    Copy,
    /// All replicas to be ready.
    Replicas(u32),
}

/// Why a rollout cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RolloutError {
    /// The autoscaler would undo it.
    #[error(
        "{replicas} replicas are outside of what the autoscaler `{autoscaler}` allows: {least} to {most}"
    )]
    OutsideAutoscaler {
        /// Replicas asked for.
        replicas: u32,
        /// Name of the autoscaler.
        autoscaler: String,
        /// Fewest that it allows.
        least: u32,
        /// Most that it allows.
        most: u32,
    },
    /// Another object has the copy's name.
    #[error(
        "a Deployment `{name}` exists that is no copy made by a rollout: rename it, or delete it if nobody needs it"
    )]
    NameTaken {
        /// Name of the copy.
        name: String,
    },
    /// An annotation that a rollout left was changed by someone else.
    #[error(
        "the annotation `{key}` cannot be read ({reason}): remove it and set replicas and autoscaler by hand"
    )]
    Annotation {
        /// Key of the annotation.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherPodsGone => f.write_str("waiting for the other Pods to end"),
            Self::FirstReplica => f.write_str("waiting for the first replica to fill the compilation cache"),
            Self::Copy => f.write_str("waiting for the temporary copy to fill the compilation cache"),
            Self::Replicas(1) => f.write_str("waiting for the replica to be ready"),
            Self::Replicas(count) => write!(f, "waiting for {count} replicas to be ready"),
        }
    }
}

/// The next step from what is observed to what is wanted. After [`Step::Forget`] the rollout is complete; what
/// autoscalers do from then on is theirs.
///
/// # Errors
///
/// An autoscaler does not allow the wanted number of replicas.
pub fn next(observed: &Observed, wanted: Wanted) -> Result<Step, RolloutError> {
    within_autoscalers(observed, wanted)?;
    let Some(record) = &observed.record else { return Ok(begin(observed, wanted)) };
    if record.stage == Stage::Releasing && record.replicas == wanted.replicas {
        return Ok(release(observed));
    }
    if record.revision != observed.revision {
        let revision = observed.revision.clone();
        return Ok(Step::Remember(Record { revision, stage: Stage::Warming, ..record.clone() }));
    }
    if record.replicas != wanted.replicas {
        let stage = record.stage.min(Stage::Starting);
        return Ok(Step::Remember(Record { replicas: wanted.replicas, stage, ..record.clone() }));
    }
    Ok(match record.stage {
        Stage::Warming => warm(observed, record),
        Stage::Starting | Stage::Releasing => start(observed, record),
    })
}

fn within_autoscalers(observed: &Observed, wanted: Wanted) -> Result<(), RolloutError> {
    for autoscaler in &observed.autoscalers {
        let said = autoscaler.held.as_ref().map(|held| (held.min_replicas, held.max_replicas));
        let (least, most) = said.unwrap_or((autoscaler.min_replicas, autoscaler.max_replicas));
        let (least, most) = (least.unwrap_or(0), most.unwrap_or(u32::MAX));
        if wanted.replicas < least || wanted.replicas > most {
            let autoscaler = autoscaler.name.clone();
            return Err(RolloutError::OutsideAutoscaler {
                replicas: wanted.replicas,
                autoscaler,
                least,
                most,
            });
        }
    }
    Ok(())
}

fn begin(observed: &Observed, wanted: Wanted) -> Step {
    let way = match (observed.serving, wanted.allow_capacity_drop) {
        (0, _) => Way::FirstReplica,
        (_, true) => Way::CapacityDrop,
        (_, false) => Way::Copy,
    };
    if observed.replicas == wanted.replicas && observed.ready >= wanted.replicas {
        return Step::Done;
    }
    // Fewer replicas: nothing starts, so nothing compiles.
    let stage = if wanted.replicas <= observed.ready { Stage::Starting } else { Stage::Warming };
    Step::Remember(Record { way, replicas: wanted.replicas, revision: observed.revision.clone(), stage })
}

fn warm(observed: &Observed, record: &Record) -> Step {
    let at = if record.way == Way::Copy { observed.replicas.max(1) } else { 1 };
    // The number that a serving workload is held at is decided once.
    let unheld = observed.autoscalers.iter().position(|autoscaler| autoscaler.held.is_none());
    if let Some(autoscaler) = unheld {
        return Step::Hold { autoscaler, at };
    }
    let is_warm = || Step::Remember(Record { stage: Stage::Starting, ..record.clone() });
    match record.way {
        Way::Copy => match &observed.copy {
            None => Step::MakeCopy,
            Some(copy) if copy.revision != observed.revision => Step::DeleteCopy,
            Some(copy) if copy.ready => is_warm(),
            Some(_) => Step::Wait(Waiting::Copy),
        },
        Way::FirstReplica | Way::CapacityDrop => match observed {
            Observed { replicas, .. } if *replicas != 1 => Step::Scale(1),
            Observed { pods, .. } if *pods > 1 => Step::Wait(Waiting::OtherPodsGone),
            Observed { ready, .. } if *ready >= 1 => is_warm(),
            _ => Step::Wait(Waiting::FirstReplica),
        },
    }
}

/// The cache is warm: everyone may start. An autoscaler is held at the number wanted, so that it does not undo it.
fn start(observed: &Observed, record: &Record) -> Step {
    let wanted = record.replicas;
    if observed.copy.is_some() {
        return Step::DeleteCopy;
    }
    let held_at = |autoscaler: &ObservedAutoscaler| autoscaler.held.as_ref().map(|held| held.at);
    let elsewhere = |autoscaler: &ObservedAutoscaler| held_at(autoscaler) != Some(wanted);
    if let Some(autoscaler) = observed.autoscalers.iter().position(elsewhere) {
        return Step::Hold { autoscaler, at: wanted };
    }
    match observed {
        Observed { replicas, .. } if *replicas != wanted => Step::Scale(wanted),
        Observed { ready, .. } if *ready < wanted => Step::Wait(Waiting::Replicas(wanted)),
        _ => Step::Remember(Record { stage: Stage::Releasing, ..record.clone() }),
    }
}

fn release(observed: &Observed) -> Step {
    match observed.autoscalers.iter().position(|autoscaler| autoscaler.held.is_some()) {
        Some(autoscaler) => Step::Release { autoscaler },
        None => Step::Forget,
    }
}
