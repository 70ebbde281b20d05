//! What a rollout would do.

use super::{Held, Observed, ObservedCopy, RolloutError, Step, Waiting, Wanted, next};

/// The steps that are left, if nothing fails on the way.
///
/// # Errors
///
/// As [`next`].
pub fn plan(observed: &Observed, wanted: Wanted) -> Result<Vec<Step>, RolloutError> {
    // The longest way has about a dozen steps and three for each autoscaler.
    let most = 20 + 4 * observed.autoscalers.len();
    let mut seen = observed.clone();
    let mut steps = Vec::new();
    while steps.len() < most {
        let step = next(&seen, wanted)?;
        if step == Step::Done {
            break;
        }
        seen.take(&step);
        steps.push(step);
        if steps.last() == Some(&Step::Forget) {
            break;
        }
    }
    Ok(steps)
}

impl Observed {
    /// What would be observed once `step` is done, and what it waits for has come.
    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Remember(record) => self.record = Some(record.clone()),
            Step::Forget => self.record = None,
            Step::Scale(replicas) => {
                self.replicas = *replicas;
                self.ready = self.ready.min(*replicas);
                self.serving = self.serving.min(*replicas);
            }
            Step::MakeCopy => {
                self.copy = Some(ObservedCopy { ready: false, revision: self.revision.clone() });
            }
            Step::DeleteCopy => self.copy = None,
            Step::Wait(waiting) => self.wait(*waiting),
            Step::Hold { autoscaler, at } => self.hold(*autoscaler, *at),
            Step::Release { autoscaler } => {
                let Some(autoscaler) = self.autoscalers.get_mut(*autoscaler) else { return };
                let Some(held) = autoscaler.held.take() else { return };
                autoscaler.min_replicas = held.min_replicas;
                autoscaler.max_replicas = held.max_replicas;
            }
            Step::Done => {}
        }
    }

    fn wait(&mut self, waiting: Waiting) {
        match waiting {
            Waiting::OtherPodsGone => self.pods = 1,
            Waiting::FirstReplica => (self.pods, self.ready, self.serving) = (1, 1, 1),
            Waiting::Replicas(count) => (self.pods, self.ready, self.serving) = (count, count, count),
            Waiting::Copy => {
                if let Some(copy) = &mut self.copy {
                    copy.ready = true;
                }
            }
        }
    }

    fn hold(&mut self, autoscaler: usize, at: u32) {
        let Some(autoscaler) = self.autoscalers.get_mut(autoscaler) else { return };
        let (min_replicas, max_replicas) = (autoscaler.min_replicas, autoscaler.max_replicas);
        let before = autoscaler.held.take();
        let before = before.unwrap_or(Held { at, min_replicas, max_replicas, paused: None });
        autoscaler.held = Some(Held { at, ..before });
        (autoscaler.min_replicas, autoscaler.max_replicas) = (Some(at), Some(at));
    }
}
