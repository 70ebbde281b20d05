//! Metrics of the Pods of a cluster, as their servers export them and a managed collector scrapes them.
//!
//! KWOK's Pods run nothing, so one page of this process has the metrics of all of them under their real names, with the
//! labels that Managed Service for Prometheus adds to what a PodMonitoring selects. What none selects, or what one asks
//! for at a wrong port or path, is not there. As one page it is of one moment: between two scrapes of several Pods a sum
//! over them would hold for neither.

use super::servers::{Load, ModelServer, Servers};
use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use tokio::net::TcpListener;

/// What the label `cluster` says.
pub const CLUSTER: &str = "tests";

/// Where GKE runs the device plugin of TPUs, and how its Pods are labelled.
const DEVICE_PLUGIN: (&str, &str, &str) = ("kube-system", "k8s-app", "tpu-device-plugin");

/// Port of the device plugin's metrics.
const DEVICE_PLUGIN_PORT: &str = "2112";

pub(super) async fn serve(listener: TcpListener, servers: Servers) {
    let routes = Router::new().route("/metrics", get(metrics)).with_state(servers);
    drop(axum::serve(listener, routes).await);
}

async fn metrics(State(servers): State<Servers>) -> Response {
    match page(&servers).await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

async fn page(servers: &Servers) -> Result<String> {
    let (monitors, ready) = tokio::try_join!(monitors(servers), servers.ready_pods())?;
    // Lines by metric.
    let mut series: BTreeMap<&str, String> = BTreeMap::new();
    for (namespace, load) in servers.loads() {
        let is_here = |pod: &&Pod| pod.metadata.namespace.as_deref() == Some(&namespace);
        let pods: Vec<&Pod> = ready.iter().filter(is_here).collect();
        servers.has_replicas(&namespace, pods.len());
        let each = load.in_flight() / pods.len().max(1) as f64;
        for pod in pods {
            for (metric, labels, value) in scraped(&monitors, &namespace, &load, pod, each) {
                if !load.hidden.iter().any(|hidden| hidden == metric) {
                    // Writing to a string cannot fail.
                    let _ = writeln!(
                        series.entry(metric).or_default(),
                        "{metric}{{cluster=\"{CLUSTER}\",{labels}}} {value}"
                    );
                }
            }
        }
    }
    Ok(series.into_iter().map(|(metric, lines)| format!("# TYPE {metric} gauge\n{lines}")).collect())
}

async fn monitors(servers: &Servers) -> Result<Vec<Value>> {
    let gvk = GroupVersionKind::gvk("monitoring.googleapis.com", "v1", "PodMonitoring");
    let api: Api<DynamicObject> = Api::all_with(servers.client(), &ApiResource::from_gvk(&gvk));
    let list = api.list(&ListParams::default()).await?;
    Ok(list.items.into_iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
}

/// Name, labels and value of each gauge of a Pod that a PodMonitoring asks for.
fn scraped(
    monitors: &[Value],
    namespace: &str,
    load: &Load,
    pod: &Pod,
    each: f64,
) -> Vec<(&'static str, String, f64)> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let mut found = Vec::new();
    if let Some(job) = job(monitors, namespace, &labels, &ports(containers), load.server.metrics_path()) {
        let of_target = format!("namespace=\"{namespace}\",pod=\"{name}\",job=\"{job}\"");
        let figures = figures(load.server, each).into_iter();
        found.extend(figures.map(|(metric, labels, value)| (metric, format!("{of_target},{labels}"), value)));
    }
    let (plugin, key, value) = DEVICE_PLUGIN;
    let of_plugin = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let port = [DEVICE_PLUGIN_PORT.to_owned()];
    if let (ModelServer::JetStream { slots }, Some(job)) =
        (load.server, job(monitors, plugin, &of_plugin, &port, "/metrics"))
    {
        // The device plugin says of whom it speaks, and labels that the collector sets as well get a prefix.
        let labels = format!(
            "namespace=\"{plugin}\",job=\"{job}\",accelerator_id=\"0\",container=\"{}\",\
             exported_namespace=\"{namespace}\",exported_pod=\"{name}\"",
            with_chips(containers)
        );
        const TOTAL: f64 = 16.0 * 1024.0 * 1024.0 * 1024.0;
        let used = TOTAL * (each / f64::from(slots)).min(1.0);
        found.extend([("memory_used", labels.clone(), used), ("memory_total", labels, TOTAL)]);
    }
    found
}

/// Names and numbers of the ports of all containers.
fn ports(containers: &[Container]) -> Vec<String> {
    let ports = containers.iter().flat_map(|container| container.ports.iter().flatten());
    ports.flat_map(|port| port.name.clone().into_iter().chain([port.container_port.to_string()])).collect()
}

fn with_chips(containers: &[Container]) -> &str {
    let has_chips = |container: &&Container| {
        let requests = container.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        requests.is_some_and(|requests| requests.contains_key("google.com/tpu"))
    };
    containers.iter().find(has_chips).map_or("", |container| &container.name)
}

/// The PodMonitoring that scrapes Pods with these labels where they export; the label `job` is its name.
fn job<'a>(
    monitors: &'a [Value],
    namespace: &str,
    labels: &BTreeMap<String, String>,
    ports: &[String],
    path: &str,
) -> Option<&'a str> {
    let selects = |monitor: &&Value| {
        let wanted = monitor["spec"]["selector"]["matchLabels"].as_object();
        monitor["metadata"]["namespace"] == namespace
            && wanted
                .into_iter()
                .flatten()
                .all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str())
    };
    let asks = |monitor: &&Value| {
        let endpoints = monitor["spec"]["endpoints"].as_array();
        endpoints.into_iter().flatten().any(|endpoint| {
            let port = &endpoint["port"];
            let port = port.as_str().map_or_else(|| port.to_string(), str::to_owned);
            ports.contains(&port) && endpoint["path"].as_str().unwrap_or("/metrics") == path
        })
    };
    monitors.iter().filter(selects).find(asks)?["metadata"]["name"].as_str()
}

/// Names, labels and values of the gauges of one replica.
fn figures(server: ModelServer, in_flight: f64) -> Vec<(&'static str, &'static str, f64)> {
    match server {
        ModelServer::Vllm { seats } => {
            let running = in_flight.min(f64::from(seats));
            vec![
                ("vllm:num_requests_running", "model_name=\"model\"", running),
                ("vllm:num_requests_waiting", "model_name=\"model\"", in_flight - running),
                ("vllm:gpu_cache_usage_perc", "model_name=\"model\"", running / f64::from(seats)),
            ]
        }
        ModelServer::JetStream { slots } => {
            let decoding = in_flight.min(f64::from(slots));
            vec![
                ("jetstream_prefill_backlog_size", "id=\"server\"", in_flight - decoding),
                ("jetstream_slots_used_percentage", "id=\"server\"", decoding / f64::from(slots)),
            ]
        }
    }
}
