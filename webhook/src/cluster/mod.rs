//! What is known of the cluster, kept current by watches.

mod namespaces;
mod neighbours;
mod policies;
mod registration;
mod relevance;
mod status;
mod watch;
mod world;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

pub(crate) use registration::Registration;
pub(crate) use status::write as write_status;
pub(crate) use world::World;

use crate::metrics::Metrics;
use crate::readiness::Readiness;

/// A client of the cluster in the kubeconfig, else of the one that the program runs in.
///
/// # Errors
///
/// There is no such configuration, or it cannot be read.
pub(crate) async fn connect(kubeconfig: Option<&Path>) -> anyhow::Result<Client> {
    let config = match kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path);
            let read = read.with_context(|| format!("cannot read kubeconfig `{}`", path.display()))?;
            Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?
        }
        None => Config::incluster().context("not in a cluster; name one with `--kubeconfig`")?,
    };
    Ok(Client::try_from(config)?)
}

/// Starts all watches. Each is a condition of `readiness` until its first list is complete.
pub(crate) fn follow(client: &Client, world: &Arc<World>, metrics: &Arc<Metrics>, readiness: &Readiness) {
    let watches = watch::Watches {
        client: client.clone(),
        world: Arc::clone(world),
        metrics: Arc::clone(metrics),
        readiness: readiness.clone(),
    };
    namespaces::follow(&watches);
    neighbours::follow(&watches);
    policies::follow(&watches);
}
