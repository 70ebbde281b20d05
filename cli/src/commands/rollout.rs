//! `rollout`: one look at the cluster, one step, and again.

mod cluster;
mod progress;

use std::time::{Duration, Instant};

use infer_core::rollout::{Observed, RolloutError, Step, Waiting, Wanted, next, plan};

use crate::arguments::{ClusterOptions, Rollout};
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::output::Outcome;

use self::cluster::{Scene, Target};
use self::progress::Progress;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// `rollout`.
pub(super) fn run(cluster_options: &ClusterOptions, options: &Rollout) -> Result<Outcome, Failure> {
    let cluster = Cluster::connect(cluster_options, &options.connection)?;
    let target = Target::new(&cluster, &options.deployment);
    let wanted = Wanted { replicas: options.replicas, allow_capacity_drop: options.allow_capacity_drop };
    if options.dry_run {
        let scene = cluster.block_on(target.look())?;
        return planned(&scene.observed, wanted, &options.deployment);
    }
    cluster.block_on(go(&target, wanted, options.timeout))?;
    Ok(Outcome::print(format!("deployment/{} has {} replicas\n", options.deployment, options.replicas)))
}

fn planned(observed: &Observed, wanted: Wanted, name: &str) -> Result<Outcome, Failure> {
    let steps = plan(observed, wanted).map_err(refused)?;
    let mut text = String::new();
    for said in steps.iter().filter_map(|step| progress::sentence(step, observed)) {
        text.push_str(&format!("{said}\n"));
    }
    if text.is_empty() {
        text = format!("deployment/{name} has {} replicas: nothing to do\n", wanted.replicas);
    }
    Ok(Outcome::print(text))
}

/// Steps until none is left. What changes between a look and a step makes the API server refuse the step, and the
/// next look sees it.
async fn go(target: &Target, wanted: Wanted, timeout: Duration) -> Result<(), Failure> {
    let mut progress = Progress::new();
    let mut stage: Option<(Waiting, Instant)> = None;
    loop {
        let scene = target.look().await?;
        let step = next(&scene.observed, wanted).map_err(refused)?;
        match step {
            Step::Done => return Ok(()),
            Step::Wait(waiting) => {
                let since = match stage {
                    Some((same, since)) if same == waiting => since,
                    _ => Instant::now(),
                };
                stage = Some((waiting, since));
                progress.waiting(waiting, target.pods(&scene, waiting).await);
                if since.elapsed() >= timeout {
                    return Err(too_long(waiting, timeout));
                }
                tokio::time::sleep(PAUSE).await;
            }
            step => {
                progress.step(&step, &scene.observed);
                if !take(target, &scene, &step).await? {
                    tokio::time::sleep(PAUSE).await;
                } else if step == Step::Forget {
                    return Ok(());
                }
            }
        }
    }
}

/// Takes a step; false where something changed meanwhile.
async fn take(target: &Target, scene: &Scene, step: &Step) -> Result<bool, Failure> {
    match target.take(scene, step).await {
        Ok(()) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(false),
        Err(error) => Err(crate::cluster::failure(error)),
    }
}

fn too_long(waiting: Waiting, timeout: Duration) -> Failure {
    let minutes = timeout.as_secs_f64() / 60.0;
    Failure::user(anyhow::anyhow!("still {waiting} after {minutes:.0} minutes"))
        .hint("what is reached is kept: mend what holds the Pods up and run the same command again")
        .hint("`--timeout` waits longer")
}

fn refused(error: RolloutError) -> Failure {
    Failure::user(error)
}
