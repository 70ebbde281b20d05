//! A server of metrics that plays what a test wants the controller to read, and writes down what it read when.

use super::metrics_api;
use crate::certificates::MountedCertificates;
use crate::control_plane::{ControlPlane, Settings};
use crate::tls;
use anyhow::{Context, Result, anyhow, bail};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Values are given out at multiples of this, so that a test knows what lies within a window of whole seconds: none of
/// 2, 3, 4 and 5 s is nearer than 0.1 s to a multiple.
const TICK: Duration = Duration::from_millis(700);

/// What a metric is asked of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    External,
    Pods,
    Object,
}

/// A control plane whose API server forwards `external.metrics.k8s.io` and `custom.metrics.k8s.io` to this process.
/// Its controller looks ten times a second, and waits 4 s before it takes replicas away unless told otherwise.
pub struct PlayedMetrics {
    control_plane: ControlPlane,
    plays: Plays,
    _certificates: TempDir,
}

type Plays = Arc<Mutex<BTreeMap<String, Play>>>;

/// One pass of the controller, as far as its first metric shows it.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Time since the server's start at which it was asked: the pass before was over a little more than the
    /// controller's period ago.
    pub asked: Duration,
    /// Time at which it was answered.
    pub at: Duration,
    /// What it was given: which row of values, and how many replicas there were; `None` where it was refused.
    pub given: Option<(usize, u32)>,
}

/// What is played to one namespace.
struct Play {
    deployment: String,
    metrics: Vec<String>,
    rows: Vec<Vec<Option<f64>>>,
    next: usize,
    /// Whether nothing was on its way at the query before: the controller reads the replicas ahead of the metrics, so
    /// only then did it read them settled.
    settled_before: bool,
    /// The row that holds for the other metrics of the pass, and the names of the Pods.
    current: Option<(usize, Vec<String>)>,
    passes: Vec<Pass>,
    /// Replicas after the last row.
    last: Option<u32>,
}

#[derive(Clone)]
struct Server {
    client: Client,
    plays: Plays,
    start: Instant,
}

impl PlayedMetrics {
    /// Flags of the controller manager; tests play the algorithm with the same.
    const FLAGS: [&str; 5] = [
        "--horizontal-pod-autoscaler-sync-period=100ms",
        "--horizontal-pod-autoscaler-downscale-stabilization=4s",
        "--concurrent-horizontal-pod-autoscaler-syncs=40",
        "--kube-api-qps=2000",
        "--kube-api-burst=4000",
    ];

    /// What `--horizontal-pod-autoscaler-sync-period` is here.
    pub const SYNC_PERIOD: Duration = Duration::from_millis(100);

    /// What `--horizontal-pod-autoscaler-downscale-stabilization` is here.
    pub const DOWNSCALE_STABILIZATION: Duration = Duration::from_secs(4);

    /// The one of this process, started at first use.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<PlayedMetrics, String>> = OnceLock::new();
        let started = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        started
            .as_ref()
            .map_err(|error| anyhow!("the control plane with played metrics did not start: {error}"))
    }

    fn start() -> Result<Self> {
        let control_plane =
            ControlPlane::start(Settings { controllers: &Self::FLAGS, ..Settings::default() })?;
        let folder = tempfile::tempdir()?;
        let certificates = MountedCertificates::mount(folder.path())?;
        let acceptor = tls::acceptor(&certificates)?;
        let listener = control_plane.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let port = listener.local_addr()?.port();
        let plays = Plays::default();
        let server =
            Server { client: control_plane.client(), plays: Arc::clone(&plays), start: Instant::now() };
        control_plane.spawn(tls::serve(listener, acceptor, routes(server)));
        metrics_api::register(&control_plane, "external.metrics.k8s.io", "v1beta1", port)?;
        metrics_api::register(&control_plane, "custom.metrics.k8s.io", "v1beta2", port)?;
        Ok(Self { control_plane, plays, _certificates: folder })
    }

    /// The control plane.
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// Plays rows of values to the autoscaler of a Deployment: a value for each of `metrics`, which are in the order of
    /// the autoscaler; `None` is no value. An External or Object metric gets the value, Pods get equal shares of it.
    ///
    /// A row is given out once the replicas are what was asked for and all of them are ready. Until then the metrics
    /// cannot be read, and so nothing is decided.
    pub fn play(&self, namespace: &str, deployment: &str, metrics: &[&str], rows: Vec<Vec<Option<f64>>>) {
        let play = Play {
            deployment: deployment.to_owned(),
            metrics: metrics.iter().map(|&metric| metric.to_owned()).collect(),
            rows,
            next: 0,
            settled_before: false,
            current: None,
            passes: Vec::new(),
            last: None,
        };
        locked(&self.plays).insert(namespace.to_owned(), play);
    }

    /// Waits until everything was played, and returns all passes and the replicas that came of the last.
    pub fn played(&self, namespace: &str, deadline: Duration) -> Result<(Vec<Pass>, u32)> {
        let start = Instant::now();
        loop {
            {
                let plays = locked(&self.plays);
                let play = plays.get(namespace).context("nothing is played there")?;
                if let Some(last) = play.last {
                    return Ok((play.passes.clone(), last));
                }
                if start.elapsed() > deadline {
                    let (next, rows) = (play.next, play.rows.len());
                    bail!("{namespace}: {next} of {rows} rows were read within {} s", deadline.as_secs());
                }
            }
            self.control_plane.check()?;
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn locked(plays: &Plays) -> std::sync::MutexGuard<'_, BTreeMap<String, Play>> {
    plays.lock().unwrap_or_else(PoisonError::into_inner)
}

fn routes(server: Server) -> Router {
    let resources = |group_version: &'static str| {
        move || async move {
            json_of(&json!({
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": [],
            }))
        }
    };
    const EXTERNAL: &str = "/apis/external.metrics.k8s.io/v1beta1";
    const CUSTOM: &str = "/apis/custom.metrics.k8s.io/v1beta2";
    Router::new()
        .route(EXTERNAL, get(resources("external.metrics.k8s.io/v1beta1")))
        .route(CUSTOM, get(resources("custom.metrics.k8s.io/v1beta2")))
        .route(&format!("{EXTERNAL}/namespaces/{{namespace}}/{{metric}}"), get(external))
        .route(&format!("{CUSTOM}/namespaces/{{namespace}}/{{resource}}/{{name}}/{{metric}}"), get(custom))
        .with_state(server)
}

async fn external(
    State(server): State<Server>,
    Path((namespace, metric)): Path<(String, String)>,
) -> Response {
    server.answer(&namespace, &metric, Asked::External).await
}

async fn custom(
    State(server): State<Server>,
    Path((namespace, _, name, metric)): Path<(String, String, String, String)>,
) -> Response {
    let asked = if name == "*" { Asked::Pods } else { Asked::Object };
    server.answer(&namespace, &metric, asked).await
}

impl Server {
    async fn answer(&self, namespace: &str, metric: &str, asked: Asked) -> Response {
        let Some((deployment, is_first)) = self.asked_for(namespace, metric) else {
            return (StatusCode::NOT_FOUND, "no such metric").into_response();
        };
        if is_first && !self.next_row(namespace, &deployment).await {
            return (StatusCode::SERVICE_UNAVAILABLE, "the replicas are on their way").into_response();
        }
        let plays = locked(&self.plays);
        let given = plays.get(namespace).and_then(|play| {
            let (row, pods) = play.current.as_ref()?;
            let index = play.metrics.iter().position(|name| name == metric)?;
            Some((play.rows.get(*row)?.get(index).copied()?, pods))
        });
        match given {
            Some((value, pods)) => json_of(&list(namespace, metric, asked, value, pods)),
            None => (StatusCode::SERVICE_UNAVAILABLE, "the replicas are on their way").into_response(),
        }
    }

    /// The Deployment that a metric is played to, and whether it is the first of its autoscaler.
    fn asked_for(&self, namespace: &str, metric: &str) -> Option<(String, bool)> {
        let plays = locked(&self.plays);
        let play = plays.get(namespace)?;
        let index = play.metrics.iter().position(|name| name == metric)?;
        Some((play.deployment.clone(), index == 0))
    }

    /// Turns to the next row at the next tick, if nothing is on its way.
    async fn next_row(&self, namespace: &str, deployment: &str) -> bool {
        let asked = self.start.elapsed();
        let seen = self.settled(namespace, deployment).await;
        {
            let mut plays = locked(&self.plays);
            let Some(play) = plays.get_mut(namespace) else { return false };
            let was_settled = std::mem::replace(&mut play.settled_before, seen.is_some());
            play.current = None;
            let is_over = play.next >= play.rows.len();
            let settled = seen.as_ref().filter(|_| was_settled);
            if is_over && play.last.is_none() {
                play.last = settled.map(|(replicas, _)| *replicas);
            }
            if settled.is_none() || is_over {
                if !is_over {
                    play.passes.push(Pass { asked, at: self.start.elapsed(), given: None });
                }
                return false;
            }
        }
        let Some((replicas, pods)) = seen else { return false };
        let ticks = self.start.elapsed().as_millis() / TICK.as_millis() + 1;
        let tick = TICK * u32::try_from(ticks).unwrap_or(u32::MAX);
        tokio::time::sleep_until((self.start + tick).into()).await;
        let mut plays = locked(&self.plays);
        let Some(play) = plays.get_mut(namespace) else { return false };
        play.passes.push(Pass { asked, at: self.start.elapsed(), given: Some((play.next, replicas)) });
        play.current = Some((play.next, pods));
        play.next += 1;
        // What is decided now is on its way.
        play.settled_before = false;
        true
    }

    /// Replicas and names of the Pods, where all that were asked for are ready and no other is left.
    async fn settled(&self, namespace: &str, deployment: &str) -> Option<(u32, Vec<String>)> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let deployment = deployments.get(deployment).await.ok()?;
        let (spec, status) = (deployment.spec?, deployment.status?);
        let replicas = spec.replicas?;
        let observed = status.observed_generation == deployment.metadata.generation;
        let counts = [status.replicas, status.ready_replicas, status.available_replicas];
        if !observed || counts.iter().any(|count| count.unwrap_or(0) != replicas) {
            return None;
        }
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let pods = pods.list(&ListParams::default()).await.ok()?.items;
        let names: Vec<String> = pods.into_iter().filter_map(|pod| pod.metadata.name).collect();
        (names.len() == usize::try_from(replicas).ok()?).then_some((u32::try_from(replicas).ok()?, names))
    }
}

/// What each Pod is given of a value, in thousandths.
pub(super) fn share(value: f64, pods: usize) -> i64 {
    infer_core::autoscale::controller::Milli::from_number(value / pods.max(1) as f64).0
}

fn list(namespace: &str, metric: &str, asked: Asked, value: Option<f64>, pods: &[String]) -> Value {
    const TIMESTAMP: &str = "2026-01-01T00:00:00Z";
    let milli = |value: f64, pods| format!("{}m", share(value, pods));
    let described = |kind: &str, version: &str, name: &str, quantity: String| {
        json!({
            "describedObject": { "kind": kind, "apiVersion": version, "namespace": namespace, "name": name },
            "metric": { "name": metric },
            "timestamp": TIMESTAMP,
            "value": quantity,
        })
    };
    let items: Vec<Value> = match (asked, value) {
        (_, None) => Vec::new(),
        (Asked::External, Some(value)) => vec![json!({
            "metricName": metric, "metricLabels": {}, "timestamp": TIMESTAMP, "value": milli(value, 1),
        })],
        (Asked::Pods, Some(value)) => {
            pods.iter().map(|name| described("Pod", "v1", name, milli(value, pods.len()))).collect()
        }
        (Asked::Object, Some(value)) => vec![described("Deployment", "apps/v1", "server", milli(value, 1))],
    };
    let (kind, version) = match asked {
        Asked::External => ("ExternalMetricValueList", "external.metrics.k8s.io/v1beta1"),
        Asked::Pods | Asked::Object => ("MetricValueList", "custom.metrics.k8s.io/v1beta2"),
    };
    json!({ "kind": kind, "apiVersion": version, "metadata": {}, "items": items })
}

fn json_of(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}
