//! The real loop: Prometheus, prometheus-adapter, the controller, the scheduler, and servers under load.

use super::exporter::{Exporter, ModelServer};
use super::metrics_api;
use crate::binaries;
use crate::control_plane::{ControlPlane, free_ports};
use crate::wait;
use anyhow::{Result, anyhow};
use kube::api::Request;
use std::fs;
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::net::TcpListener;

/// Generous: it takes seconds, but a machine that runs other builds is slow.
const START: Duration = Duration::from_secs(120);

/// A control plane whose `external.metrics.k8s.io` the real prometheus-adapter serves, from a real Prometheus that
/// scrapes the Pods' servers every second. Its controller looks once a second.
pub struct Monitored {
    control_plane: ControlPlane,
    exporter: Exporter,
}

impl Monitored {
    const FLAGS: [&str; 2] =
        ["--horizontal-pod-autoscaler-sync-period=1s", "--concurrent-horizontal-pod-autoscaler-syncs=20"];

    /// The one of this process, started at first use with the adapter's configuration (YAML, `externalRules`).
    pub fn shared(rules: &str) -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Monitored, String>> = OnceLock::new();
        let started = SHARED.get_or_init(|| Self::start(rules).map_err(|error| format!("{error:#}")));
        started.as_ref().map_err(|error| anyhow!("the control plane with Prometheus did not start: {error}"))
    }

    fn start(rules: &str) -> Result<Self> {
        // Builds come first: nothing should time out on them.
        let (prometheus, adapter) = (binaries::prometheus()?, binaries::prometheus_adapter()?);
        let control_plane = ControlPlane::start(&Self::FLAGS)?;
        let listener = control_plane.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let port = listener.local_addr()?.port();
        let exporter = Exporter::new(control_plane.client(), port);
        control_plane.spawn(exporter.clone().serve(listener));

        let [prometheus_port, adapter_port] = free_ports()?;
        let dir = control_plane.logs().to_owned();
        let configuration = dir.join("prometheus.yaml");
        fs::write(&configuration, scrape(port))?;
        let mut command = Command::new(prometheus);
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("prometheus").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{prometheus_port}"));
        control_plane.start_program("prometheus", command)?;

        let configuration = dir.join("adapter.yaml");
        fs::write(&configuration, rules)?;
        let kubeconfig = control_plane.kubeconfig().display().to_string();
        let mut command = Command::new(adapter);
        command
            .arg(format!("--secure-port={adapter_port}"))
            .arg(format!("--cert-dir={}", dir.join("adapter").display()))
            .arg(format!("--prometheus-url=http://127.0.0.1:{prometheus_port}/"))
            .arg(format!("--config={}", configuration.display()))
            .arg("--metrics-relist-interval=1s")
            .arg("--metrics-max-age=1m")
            .args(
                ["lister", "authentication", "authorization"]
                    .map(|of| format!("--{of}-kubeconfig={kubeconfig}")),
            );
        control_plane.start_program("prometheus-adapter", command)?;
        metrics_api::register(&control_plane, "external.metrics.k8s.io", "v1beta1", adapter_port)?;
        let monitored = Self { control_plane, exporter };
        monitored.wait_until_served()?;
        Ok(monitored)
    }

    fn wait_until_served(&self) -> Result<()> {
        let client = self.control_plane.client();
        let served = wait::until("start of prometheus-adapter", START, async || {
            self.control_plane.check()?;
            let request =
                Request::new("/apis/external.metrics.k8s.io").get("v1beta1", &Default::default())?;
            Ok(match client.request_text(request).await {
                Ok(_) => ControlFlow::Break(()),
                Err(error) => ControlFlow::Continue(error.to_string()),
            })
        });
        self.control_plane.block_on(served)
    }

    /// The control plane.
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// From now on the Pods of a namespace run a server, with so many requests in flight over all of them.
    pub fn load(&self, namespace: &str, server: ModelServer, in_flight: f64) {
        self.exporter.set(namespace, server, in_flight);
    }

    /// The servers of a namespace export everything but these metrics.
    pub fn hide(&self, namespace: &str, metrics: &[&str]) {
        self.exporter.hide(namespace, metrics);
    }
}

fn scrape(port: u16) -> String {
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: pods
  http_sd_configs:
  - {{url: 'http://127.0.0.1:{port}/targets', refresh_interval: 1s}}
"
    )
}
