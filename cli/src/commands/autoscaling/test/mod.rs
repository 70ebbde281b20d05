//! `autoscaling test`: a burst of requests to one Service.

mod burst;
mod report;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;

use crate::arguments::{ClusterOptions, TestAutoscaling};
use crate::cluster::{Cluster, failure};
use crate::failure::Failure;
use crate::output::Outcome;

use self::burst::{Endpoint, burst};
use self::report::{Progress, Tally};

/// Most requests that one command sends.
const MOST_REQUESTS: f64 = 1e5;

/// `autoscaling test`.
pub(crate) fn test(cluster: &ClusterOptions, options: &TestAutoscaling) -> Result<Outcome, Failure> {
    let count = count(options)?;
    let cluster = Cluster::connect(cluster, &options.connection)?;
    let autoscalers: Api<HorizontalPodAutoscaler> = Api::namespaced(cluster.client(), cluster.namespace());
    let tally = cluster.block_on(async {
        let endpoint = Endpoint::of(&cluster, options).await?;
        let name = options.autoscaler.clone().unwrap_or_else(|| endpoint.service.clone());
        if options.autoscaler.is_some() {
            autoscalers.get(&name).await.map_err(failure)?;
        }
        let tally = RefCell::new(Tally::new(count));
        let begun = Instant::now();
        let sending = burst(&endpoint, options, count, begun, &tally);
        let watching = follow(&autoscalers, &name, begun, &tally);
        let all = async {
            sending.await;
            tokio::time::sleep(options.wait).await;
        };
        tokio::select! {
            () = all => {}
            () = watching => {}
        }
        Ok::<_, Failure>(tally.into_inner())
    })?;
    let status = u8::from(tally.answered() == 0);
    Ok(Outcome { status, ..Outcome::print(tally.report()) })
}

fn count(options: &TestAutoscaling) -> Result<u32, Failure> {
    let (Some(duration), Some(rate)) = (options.duration, options.rate) else { return Ok(options.requests) };
    let count = (duration.as_secs_f64() * rate).ceil();
    if count > MOST_REQUESTS {
        let message = format!("{count:.0} requests are too many: at most {MOST_REQUESTS:.0} are sent");
        return Err(Failure::argument(anyhow::anyhow!(message)));
    }
    // From 1 to a hundred thousand: the cast is exact.
    Ok(count as u32)
}

/// Looks at the replicas every second, for ever.
async fn follow(
    autoscalers: &Api<HorizontalPodAutoscaler>,
    name: &str,
    begun: Instant,
    tally: &RefCell<Tally>,
) {
    let mut progress = Progress::default();
    loop {
        // A look that fails says nothing; the requests go on.
        if let Ok(Some(autoscaler)) = autoscalers.get_opt(name).await {
            let status = autoscaler.status.unwrap_or_default();
            tally.borrow_mut().saw(
                begun.elapsed(),
                status.current_replicas.unwrap_or(0),
                status.desired_replicas,
            );
        }
        progress.say(begun.elapsed(), &tally.borrow());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
