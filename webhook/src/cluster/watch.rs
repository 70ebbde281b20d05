//! One watch: list, changes, errors, for ever.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::Client;
use kube::runtime::watcher::{self, Event};
use tokio::time::sleep;

use super::World;
use crate::metrics::Metrics;
use crate::readiness::Readiness;

/// Objects of one page of a list: what is in memory at once before the unrelated ones are dropped.
const PAGE: u32 = 100;

/// How long one watch call lasts. A connection that died silently is noticed after that.
const CALL_SECONDS: u32 = 60;

/// First and longest wait after an error. Short, since what is decided grows old meanwhile.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// How often it is looked for an API that is not installed.
const ABSENT: Duration = Duration::from_secs(30);

/// What every watch needs.
#[derive(Clone)]
pub(super) struct Watches {
    pub(super) client: Client,
    pub(super) world: Arc<World>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) readiness: Readiness,
}

/// Takes what a watch sees.
pub(super) trait Sink: Send + 'static {
    /// Kind of the objects.
    type Object: Send;

    /// An object that is new or changed; `listing` while the list is not complete.
    fn apply(&mut self, object: Self::Object, listing: bool);

    /// An object that is gone.
    fn delete(&mut self, object: Self::Object);

    /// A new list begins. What was known stays in force until it is complete.
    fn begin(&mut self);

    /// The list is complete: what it did not hold is gone. Returns how many objects are kept.
    fn complete(&mut self) -> usize;
}

/// Settings of every watch.
pub(super) fn config() -> watcher::Config {
    watcher::Config::default().page_size(PAGE).timeout(CALL_SECONDS)
}

impl Watches {
    /// Sends everything on `events` to `sink`, for ever. `resource` is its name in metrics, logs and readiness.
    /// Returns when the API is no longer there.
    pub(super) async fn run<S, E>(&self, resource: &'static str, events: E, sink: &mut S)
    where
        S: Sink<Object: Debug>,
        E: Stream<Item = watcher::Result<Event<S::Object>>> + Send,
    {
        futures::pin_mut!(events);
        let (first, longest) = RETRY;
        let mut wait = first;
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => sink.begin(),
                Ok(Event::InitApply(object)) => sink.apply(object, true),
                Ok(Event::InitDone) => {
                    let kept = sink.complete();
                    self.world.synced(resource);
                    tracing::info!(resource, kept, "list complete");
                    wait = first;
                }
                Ok(Event::Apply(object)) => sink.apply(object, false),
                Ok(Event::Delete(object)) => sink.delete(object),
                Err(error) => {
                    self.metrics.watch_failed(resource);
                    if is_absent(&error) {
                        tracing::warn!(resource, "the API is not installed");
                        return;
                    }
                    tracing::warn!(resource, %error, "watch failed; what is known stays in force");
                    sleep(wait).await;
                    wait = (wait * 2).min(longest);
                }
            }
        }
    }

    /// Waits until the cluster has `plural` of the API `version`, such as `keda.sh/v1alpha1`. `absent` is called
    /// each time that it has not.
    pub(super) async fn installed(&self, version: &str, plural: &str, mut absent: impl FnMut()) {
        loop {
            match self.client.list_api_group_resources(version).await {
                Ok(list) if list.resources.iter().any(|resource| resource.name == plural) => return,
                Ok(_) => absent(),
                Err(kube::Error::Api(status)) if status.code == 404 => absent(),
                Err(error) => {
                    tracing::warn!(version, plural, %error, "cannot ask for the API");
                    sleep(RETRY.1).await;
                    continue;
                }
            }
            sleep(ABSENT).await;
        }
    }
}

fn is_absent(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error)) = error else {
        return false;
    };
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
