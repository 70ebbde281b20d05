//! Metrics of the Pods of a cluster, as their servers export them.
//!
//! KWOK's Pods run nothing, so one server of this process answers for all of them: `/targets` lists the ready Pods, as
//! Prometheus' HTTP service discovery wants it, and `/metrics/NAMESPACE/POD` is what the server in that Pod would say
//! under its share of the load.

use anyhow::Result;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// What the label `cluster` says, as Managed Prometheus adds it.
pub const CLUSTER: &str = "tests";

/// A server whose metrics are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelServer {
    /// vLLM from 0.10 on, with so many seats (`--max-num-seqs`).
    Vllm {
        /// Requests that run at once.
        seats: u32,
    },
    /// JetStream, with so many slots, and the device plugin of its TPU.
    JetStream {
        /// Requests that decode at once.
        slots: u32,
    },
}

#[derive(Clone, Debug)]
struct Load {
    server: ModelServer,
    in_flight: f64,
    hidden: Vec<String>,
}

/// The servers of a cluster, as Prometheus sees them.
#[derive(Clone)]
pub(super) struct Exporter {
    client: Client,
    loads: Arc<Mutex<BTreeMap<String, Load>>>,
    port: u16,
}

impl Exporter {
    pub(super) fn new(client: Client, port: u16) -> Self {
        Self { client, loads: Arc::default(), port }
    }

    pub(super) async fn serve(self, listener: TcpListener) {
        let routes = Router::new()
            .route("/targets", get(targets))
            .route("/metrics/{namespace}/{pod}", get(metrics))
            .with_state(self);
        drop(axum::serve(listener, routes).await);
    }

    pub(super) fn set(&self, namespace: &str, server: ModelServer, in_flight: f64) {
        let mut loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        let load = loads.entry(namespace.to_owned()).or_insert_with(|| Load {
            server,
            in_flight,
            hidden: Vec::new(),
        });
        (load.server, load.in_flight) = (server, in_flight);
    }

    pub(super) fn hide(&self, namespace: &str, metrics: &[&str]) {
        let mut loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(load) = loads.get_mut(namespace) {
            load.hidden = metrics.iter().map(|&metric| metric.to_owned()).collect();
        }
    }

    fn load(&self, namespace: &str) -> Option<Load> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner).get(namespace).cloned()
    }

    async fn ready_pods(&self, namespace: &str) -> Result<Vec<String>> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let pods = pods.list(&ListParams::default()).await?.items;
        let ready = pods.into_iter().filter(|pod| {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
            let is_ready = conditions
                .into_iter()
                .flatten()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True");
            is_ready && pod.metadata.deletion_timestamp.is_none()
        });
        Ok(ready.filter_map(|pod| pod.metadata.name).collect())
    }
}

async fn targets(State(exporter): State<Exporter>) -> Response {
    let loads = exporter.loads.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut groups = Vec::new();
    for (namespace, load) in loads {
        let Ok(pods) = exporter.ready_pods(&namespace).await else { continue };
        for pod in pods {
            let path = format!("/metrics/{namespace}/{pod}");
            groups.push(group(exporter.port, &path, &namespace, &pod));
            if matches!(load.server, ModelServer::JetStream { .. }) {
                // The device plugin runs in another namespace and says which Pod it speaks of.
                let path = format!("/metrics/{namespace}/tpu.{pod}");
                groups.push(group(exporter.port, &path, "kube-system", "tpu-device-plugin"));
            }
        }
    }
    ([(header::CONTENT_TYPE, "application/json")], Value::Array(groups).to_string()).into_response()
}

fn group(port: u16, path: &str, namespace: &str, pod: &str) -> Value {
    json!({
        "targets": [format!("127.0.0.1:{port}")],
        "labels": { "__metrics_path__": path, "namespace": namespace, "pod": pod, "cluster": CLUSTER },
    })
}

async fn metrics(
    State(exporter): State<Exporter>,
    Path((namespace, pod)): Path<(String, String)>,
) -> Response {
    let load = exporter.load(&namespace);
    let (Some(load), Ok(pods)) = (load, exporter.ready_pods(&namespace).await) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (tpu, name) = pod.strip_prefix("tpu.").map_or((false, pod.as_str()), |name| (true, name));
    if !pods.iter().any(|ready| ready == name) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let each = load.in_flight / pods.len() as f64;
    let mut text = String::new();
    for (metric, labels, value) in figures(load.server, each, tpu, &namespace, name) {
        if !load.hidden.iter().any(|hidden| *hidden == metric) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# TYPE {metric} gauge\n{metric}{{{labels}}} {value}");
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

/// Names, labels and values of the gauges of one replica.
fn figures(
    server: ModelServer,
    in_flight: f64,
    tpu: bool,
    namespace: &str,
    pod: &str,
) -> Vec<(&'static str, String, f64)> {
    match server {
        ModelServer::Vllm { seats } => {
            let running = in_flight.min(f64::from(seats));
            let labels = || "engine=\"0\",model_name=\"model\"".to_owned();
            vec![
                ("vllm:num_requests_running", labels(), running),
                ("vllm:num_requests_waiting", labels(), in_flight - running),
                ("vllm:kv_cache_usage_perc", labels(), running / f64::from(seats)),
            ]
        }
        ModelServer::JetStream { slots } if !tpu => {
            let decoding = in_flight.min(f64::from(slots));
            let labels = || "id=\"server\"".to_owned();
            vec![
                ("jetstream_prefill_backlog_size", labels(), in_flight - decoding),
                ("jetstream_slots_used_percentage", labels(), decoding / f64::from(slots)),
            ]
        }
        ModelServer::JetStream { slots } => {
            const TOTAL: f64 = 16.0 * 1024.0 * 1024.0 * 1024.0;
            let labels = || {
                format!(
                    "accelerator_id=\"0\",container=\"jetstream-http\",namespace=\"{namespace}\",pod=\"{pod}\""
                )
            };
            let used = (in_flight / f64::from(slots)).min(1.0);
            vec![("memory_used", labels(), TOTAL * used), ("memory_total", labels(), TOTAL)]
        }
    }
}
