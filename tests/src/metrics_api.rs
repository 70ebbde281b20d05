//! An adapter of metrics for HorizontalPodAutoscalers, in the place of one that needs a cloud.

use crate::certificates::MountedCertificates;
use crate::control_plane::ControlPlane;
use crate::tls;
use anyhow::Result;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Serves `custom.metrics.k8s.io/v1beta2` and `external.metrics.k8s.io/v1beta1` as the API's types have them: a load that
/// the Pods of a request share evenly. Every path that was asked is kept as it came.
pub struct MetricsApi {
    port: u16,
    state: Arc<Shared>,
    server: JoinHandle<()>,
    _certificates: TempDir,
}

struct Shared {
    client: Client,
    asked: Mutex<Vec<String>>,
    loads: Mutex<BTreeMap<String, u64>>,
}

impl MetricsApi {
    /// Starts it beside a control plane.
    pub fn start(control_plane: &ControlPlane) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let certificates = MountedCertificates::mount(folder.path())?;
        let acceptor = tls::acceptor(&certificates)?;
        let listener = control_plane.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Shared {
            client: control_plane.client(),
            asked: Mutex::default(),
            loads: Mutex::default(),
        });
        let server = control_plane.spawn(tls::serve(listener, acceptor, routes(Arc::clone(&state))));
        Ok(Self { port, state, server, _certificates: folder })
    }

    /// Port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets what all Pods together have of a metric; without it the metric does not exist.
    pub fn set(&self, metric: &str, load: u64) -> Result<()> {
        self.state
            .loads
            .lock()
            .map_err(|_| anyhow::anyhow!("a request failed"))?
            .insert(metric.to_owned(), load);
        Ok(())
    }

    /// Paths and queries of metrics that were asked so far, in order.
    pub fn asked(&self) -> Result<Vec<String>> {
        Ok(self.state.asked.lock().map_err(|_| anyhow::anyhow!("a request failed"))?.clone())
    }
}

impl Drop for MetricsApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn routes(state: Arc<Shared>) -> Router {
    Router::new()
        .route("/apis/{group}/{version}", get(resources))
        .route(
            "/apis/custom.metrics.k8s.io/v1beta2/namespaces/{namespace}/pods/{pods}/{metric}",
            get(of_pods),
        )
        .route("/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}", get(external))
        .with_state(state)
}

/// What discovery asks.
async fn resources(Path((group, version)): Path<(String, String)>) -> String {
    let resource = |name: &str, kind: &str| json!({"name": name, "singularName": "", "namespaced": true, "kind": kind, "verbs": ["get"]});
    let resources = if group.starts_with("custom") {
        json!([resource("pods/metric", "MetricValueList")])
    } else {
        json!([resource("metric", "ExternalMetricValueList")])
    };
    json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": format!("{group}/{version}"), "resources": resources,
    })
    .to_string()
}

type Answer = Result<([(&'static str, &'static str); 1], String), (StatusCode, String)>;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

async fn of_pods(
    State(state): State<Arc<Shared>>,
    uri: Uri,
    Path((namespace, _, metric)): Path<(String, String, String)>,
) -> Answer {
    let load = state.load(asked(&uri), &metric)?;
    let pods: Api<Pod> = Api::namespaced(state.client.clone(), &namespace);
    let pods = pods.list(&ListParams::default().labels(&selector(&uri))).await;
    let pods = pods.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let count = pods.items.len().max(1) as u64;
    let items: Vec<Value> = pods
        .items
        .iter()
        .map(|pod| {
            json!({
                "describedObject": {
                    "kind": "Pod", "apiVersion": "/v1", "namespace": namespace, "name": pod.metadata.name,
                },
                "metric": {"name": metric, "selector": null},
                "timestamp": now(),
                "value": format!("{}m", load * 1000 / count),
            })
        })
        .collect();
    let list = json!({
        "kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {}, "items": items,
    });
    Ok((JSON, list.to_string()))
}

async fn external(
    State(state): State<Arc<Shared>>,
    uri: Uri,
    Path((_, metric)): Path<(String, String)>,
) -> Answer {
    let load = state.load(asked(&uri), &metric)?;
    let list = json!({
        "kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {},
        "items": [{"metricName": metric, "metricLabels": {}, "timestamp": now(), "value": load.to_string()}],
    });
    Ok((JSON, list.to_string()))
}

/// What was asked of this server: over HTTP/2 a request's URI has the server's name before it.
fn asked(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |asked| asked.as_str())
}

/// The label selector of a query, in which only `=` and `,` are escaped for names as Kubernetes has them.
fn selector(uri: &Uri) -> String {
    let parameters = uri.query().unwrap_or_default().split('&');
    let selector = parameters.filter_map(|parameter| parameter.strip_prefix("labelSelector=")).next();
    selector.unwrap_or_default().replace("%3D", "=").replace("%2C", ",").replace("%2F", "/")
}

impl Shared {
    fn load(&self, path: &str, metric: &str) -> Result<u64, (StatusCode, String)> {
        let failed = |_| (StatusCode::INTERNAL_SERVER_ERROR, "another request failed".to_owned());
        self.asked.lock().map_err(|_| failed(()))?.push(path.to_owned());
        let loads = self.loads.lock().map_err(|_| failed(()))?;
        let missing = || {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound",
                "message": format!("metric {metric} not found"),
            });
            (StatusCode::NOT_FOUND, status.to_string())
        };
        loads.get(metric).copied().ok_or_else(missing)
    }
}

fn now() -> String {
    k8s_openapi::jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
