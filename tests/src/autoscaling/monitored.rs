//! The real loop: Prometheus, prometheus-adapter, the controller, the scheduler, and servers under load.

use super::exporter::{self, CLUSTER};
use super::servers::{ModelServer, Servers};
use super::{metrics_api, tunnel};
use crate::binaries;
use crate::control_plane::{ControlPlane, Settings, free_ports};
use crate::wait;
use anyhow::{Result, anyhow, ensure};
use serde_json::{Value, json};
use std::fs;
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};

/// Generous: it takes seconds, but a machine that runs other builds is slow.
const START: Duration = Duration::from_secs(120);

/// A control plane whose `external.metrics.k8s.io` the real prometheus-adapter serves, from a real Prometheus that
/// scrapes the Pods' servers every two seconds. Its controller looks once a second.
///
/// The adapter runs with what `kubectl infer autoscaling setup` writes, and requests to Services reach model servers.
pub struct Monitored {
    control_plane: ControlPlane,
    servers: Servers,
}

impl Monitored {
    const FLAGS: [&str; 2] =
        ["--horizontal-pod-autoscaler-sync-period=1s", "--concurrent-horizontal-pod-autoscaler-syncs=20"];

    /// The one of this process, started at first use.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Monitored, String>> = OnceLock::new();
        let started = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        started.as_ref().map_err(|error| anyhow!("the control plane with Prometheus did not start: {error}"))
    }

    fn start() -> Result<Self> {
        // Builds come first: nothing should time out on them.
        let (prometheus, adapter) = (binaries::prometheus()?, binaries::prometheus_adapter()?);
        let rules = rules()?;
        let control_plane = ControlPlane::start(Settings { controllers: &Self::FLAGS, has_egress: true })?;
        let servers = Servers::new(control_plane.client());
        let egress = control_plane.block_on(async { UnixListener::bind(control_plane.egress()) })?;
        control_plane.spawn(tunnel::serve(egress, servers.clone()));
        let exporter = control_plane.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let exporter_port = exporter.local_addr()?.port();
        control_plane.spawn(exporter::serve(exporter, servers.clone()));

        let [prometheus_port, adapter_port] = free_ports()?;
        let dir = control_plane.logs().to_owned();
        let configuration = dir.join("prometheus.yaml");
        fs::write(&configuration, scrape(exporter_port))?;
        let mut command = Command::new(prometheus);
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("prometheus").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{prometheus_port}"));
        control_plane.start_program("prometheus", command)?;

        let configuration = dir.join("adapter.yaml");
        fs::write(&configuration, rules.to_string())?;
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
        let monitored = Self { control_plane, servers };
        monitored.wait_until_served()?;
        Ok(monitored)
    }

    fn wait_until_served(&self) -> Result<()> {
        let served = wait::until("start of prometheus-adapter", START, async || {
            self.control_plane.check()?;
            Ok(match self.ask("").await {
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

    /// From now on the Pods of a namespace run a server, with so many requests in flight over all of them beside those
    /// of clients.
    pub fn load(&self, namespace: &str, server: ModelServer, in_flight: f64) {
        self.servers.set(namespace, server, in_flight);
    }

    /// The servers of a namespace export everything but these metrics.
    pub fn hide(&self, namespace: &str, metrics: &[&str]) {
        self.servers.hide(namespace, metrics);
    }

    /// How many values the adapter has of an external metric of a namespace's workload `job`.
    pub fn values(&self, namespace: &str, metric: &str, job: &str) -> Result<usize> {
        let path = format!("/namespaces/{namespace}/{metric}?labelSelector=job%3D{job}");
        let text = self.control_plane.block_on(self.ask(&path))?;
        let list: Value = serde_json::from_str(&text)?;
        Ok(list["items"].as_array().map_or(0, Vec::len))
    }

    async fn ask(&self, path: &str) -> Result<String> {
        let path = format!("/apis/external.metrics.k8s.io/v1beta1{path}");
        let request = axum::http::Request::get(path).body(Vec::new())?;
        Ok(self.control_plane.client().request_text(request).await?)
    }
}

/// What our own command writes for the adapter: the chart makes the adapter's `externalRules` of its values'
/// `rules.external`.
fn rules() -> Result<Value> {
    let mut command = Command::new(binaries::kubectl_infer()?);
    command.args(["autoscaling", "setup", "--autoscaler=prometheus-adapter", "--tpu-metrics"]);
    let output = command.args(["--output=values", "--cluster-name", CLUSTER]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let values: Value = serde_saphyr::from_slice(&output.stdout)?;
    Ok(json!({ "externalRules": values["rules"]["external"] }))
}

/// One target stands for all Pods, and says itself of which Pod a series is. A scrape that comes late makes all series
/// stale, so a busy machine has to have some time.
fn scrape(port: u16) -> String {
    format!(
        "global: {{scrape_interval: 2s, scrape_timeout: 2s}}
scrape_configs:
- job_name: pods
  honor_labels: true
  static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"
    )
}
