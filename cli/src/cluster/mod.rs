//! The cluster that kubectl would talk to.
//!
//! [`Cluster::connect`] reads what kubectl reads: the flags, the files of `KUBECONFIG` or `~/.kube/config`, and inside
//! a Pod its service account. A command is a short process, so [`Cluster::block_on`] drives one task on this thread.

mod failure;
pub(crate) mod objects;

use std::future::Future;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::runtime::Runtime;

use crate::arguments::{ClusterOptions, ConnectionOptions};
use crate::environment;
use crate::failure::Failure;

pub(crate) use failure::failure;

/// A cluster, and what drives the requests to it.
pub(crate) struct Cluster {
    client: Client,
    namespace: String,
    runtime: Runtime,
}

impl Cluster {
    /// The cluster that the flags name, else the one that kubectl would choose. Nothing is sent yet.
    pub(crate) fn connect(options: &ClusterOptions, connection: &ConnectionOptions) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::user(anyhow::Error::new(error).context("cannot start a runtime")))?;
        let config = runtime.block_on(config(options, connection))?;
        let namespace = options.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let _inside = runtime.enter();
        let client = Client::try_from(config).map_err(failure)?;
        Ok(Self { client, namespace, runtime })
    }

    /// Client of its API server.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Namespace of the flag, else of the context, else `default`.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Runs a task of requests to its end.
    pub(crate) fn block_on<T>(&self, task: impl Future<Output = T>) -> T {
        self.runtime.block_on(task)
    }
}

async fn config(options: &ClusterOptions, connection: &ConnectionOptions) -> Result<Config, Failure> {
    let choice = KubeConfigOptions {
        context: options.context.clone(),
        cluster: connection.cluster.clone(),
        user: connection.user.clone(),
    };
    let mut config = match kubeconfig(options)? {
        Some(file) => Config::from_custom_kubeconfig(file, &choice).await.map_err(|error| {
            Failure::user(anyhow::Error::new(error).context("the kubeconfig names no cluster to talk to"))
                .hint("`kubectl config get-contexts` lists what it names")
        })?,
        None => Config::incluster().map_err(|error| {
            Failure::user(anyhow::Error::new(error).context("no cluster is configured"))
                .hint("name a kubeconfig file with `--kubeconfig` or `KUBECONFIG`")
        })?,
    };
    if let Some(user) = &connection.impersonate {
        config.auth_info.impersonate = Some(user.clone());
        let groups = &connection.impersonate_groups;
        config.auth_info.impersonate_groups = (!groups.is_empty()).then(|| groups.clone());
    }
    if !connection.request_timeout.is_zero() {
        config.connect_timeout = Some(connection.request_timeout);
        config.read_timeout = Some(connection.request_timeout);
        config.write_timeout = Some(connection.request_timeout);
    }
    Ok(config)
}

/// The kubeconfig that holds; `None` where there is none, as inside a Pod.
fn kubeconfig(options: &ClusterOptions) -> Result<Option<Kubeconfig>, Failure> {
    let cannot = |error| Failure::user(anyhow::Error::new(error).context("cannot read the kubeconfig"));
    if let Some(path) = &options.kubeconfig {
        return Kubeconfig::read_from(path).map(Some).map_err(cannot);
    }
    // As kubectl does it: files of the list that do not exist are left out, the first to name a thing wins.
    let mut merged: Option<Kubeconfig> = None;
    for path in environment::kubeconfig_paths().into_iter().filter(|path| path.exists()) {
        let next = Kubeconfig::read_from(&path).map_err(cannot)?;
        merged = Some(match merged {
            Some(before) => before.merge(next).map_err(cannot)?,
            None => next,
        });
    }
    Ok(merged)
}
