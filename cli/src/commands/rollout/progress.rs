//! What a rollout says while it works, on standard error: a line for each step, and one whenever what is waited for
//! changes.

use std::io::{self, Write};
use std::time::Instant;

use infer_core::rollout::{Observed, Step, Waiting, Way};
use k8s_openapi::api::core::v1::Pod;

/// The lines said so far.
pub(super) struct Progress {
    begun: Instant,
    last: String,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), last: String::new() }
    }

    /// A step that is about to be taken.
    pub(super) fn step(&mut self, step: &Step, observed: &Observed) {
        if let Some(sentence) = sentence(step, observed) {
            self.say(sentence);
        }
    }

    /// What is waited for, and what holds it up.
    pub(super) fn waiting(&mut self, waiting: Waiting, trouble: Option<String>) {
        match trouble {
            Some(trouble) => self.say(format!("{waiting}: {trouble}")),
            None => self.say(waiting.to_string()),
        }
    }

    fn say(&mut self, line: String) {
        if line == self.last {
            return;
        }
        let seconds = self.begun.elapsed().as_secs();
        // Standard error may be closed; the rollout goes on.
        let _ = writeln!(io::stderr().lock(), "[{:>2}:{:02}] {line}", seconds / 60, seconds % 60);
        self.last = line;
    }
}

/// A step in words; `None` for bookkeeping.
pub(super) fn sentence(step: &Step, observed: &Observed) -> Option<String> {
    let autoscaler = |index: &usize| observed.autoscalers.get(*index).map(|found| found.name.as_str());
    Some(match step {
        Step::Remember(record) if observed.record.is_none() => match record.way {
            Way::FirstReplica => {
                "nothing serves yet: the first replica fills the compilation cache".to_owned()
            }
            Way::Copy => {
                format!("{} replicas serve: a temporary copy fills the compilation cache", observed.serving)
            }
            Way::CapacityDrop => {
                format!(
                    "{} replicas serve: all but one stop while it fills the compilation cache",
                    observed.serving
                )
            }
        },
        Step::Remember(_) | Step::Forget | Step::Done => return None,
        Step::Hold { autoscaler: index, at } => {
            format!("hold autoscaler {} at {at} replicas", autoscaler(index)?)
        }
        Step::Release { autoscaler: index } => format!("let autoscaler {} go", autoscaler(index)?),
        Step::Scale(1) => "scale to 1 replica".to_owned(),
        Step::Scale(replicas) => format!("scale to {replicas} replicas"),
        Step::MakeCopy => "make the temporary copy".to_owned(),
        Step::DeleteCopy => "delete the temporary copy".to_owned(),
        Step::Wait(waiting) => waiting.to_string(),
    })
}

/// What holds a Pod up, in the words of its status.
pub(super) fn trouble(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let name = pod.metadata.name.as_deref()?;
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let unscheduled = conditions.iter().find(|condition| {
        condition.type_ == "PodScheduled" && condition.reason.as_deref() == Some("Unschedulable")
    });
    if let Some(condition) = unscheduled {
        return Some(format!("{name} finds no node: {}", condition.message.as_deref().unwrap_or_default()));
    }
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let waiting = containers.filter_map(|container| container.state.as_ref()?.waiting.as_ref());
    waiting.filter_map(|state| state.reason.as_deref()).next().map(|reason| format!("{name} is in {reason}"))
}
