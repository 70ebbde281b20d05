//! Model servers in Pods that run nothing.
//!
//! One load is shared evenly by the ready replicas of a namespace: what a test says that is in flight, and the requests
//! that clients have sent and not yet got answered.

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::stream;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time to the first token of an answer.
const FIRST_TOKEN: Duration = Duration::from_millis(200);

/// Most requests that a replica finishes at the same time: with more it is busy, and answers go on until there are more
/// replicas. A burst lasts until the autoscaler has answered it, however slow the machine of the tests is.
const BUSY: f64 = 50.0;

/// Time from then on to the end of an answer: for some scrapes and some looks of the controller.
const DECODE: Duration = Duration::from_secs(4);

/// Longest answer.
const LONGEST: Duration = Duration::from_secs(90);

/// A server whose metrics are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelServer {
    /// vLLM v0.7.2, with so many seats (`--max-num-seqs`).
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

impl ModelServer {
    /// Where it exports its metrics.
    pub(super) fn metrics_path(self) -> &'static str {
        match self {
            Self::Vllm { .. } => "/metrics",
            Self::JetStream { .. } => "/",
        }
    }
}

/// What the replicas of a namespace do.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) server: ModelServer,
    in_flight: f64,
    /// Requests of clients.
    requests: u32,
    /// Replicas at the last scrape.
    replicas: usize,
    /// Metrics that are not exported.
    pub(super) hidden: Vec<String>,
}

impl Load {
    /// Requests in flight in all replicas together.
    pub(super) fn in_flight(&self) -> f64 {
        self.in_flight + f64::from(self.requests)
    }
}

/// The servers of a cluster.
#[derive(Clone)]
pub(super) struct Servers {
    client: Client,
    loads: Arc<Mutex<BTreeMap<String, Load>>>,
}

impl Servers {
    pub(super) fn new(client: Client) -> Self {
        Self { client, loads: Arc::default() }
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(super) fn set(&self, namespace: &str, server: ModelServer, in_flight: f64) {
        let mut loads = self.lock();
        let new = || Load { server, in_flight, requests: 0, replicas: 0, hidden: Vec::new() };
        let load = loads.entry(namespace.to_owned()).or_insert_with(new);
        (load.server, load.in_flight) = (server, in_flight);
    }

    pub(super) fn hide(&self, namespace: &str, metrics: &[&str]) {
        if let Some(load) = self.lock().get_mut(namespace) {
            load.hidden = metrics.iter().map(|&metric| metric.to_owned()).collect();
        }
    }

    /// Load by namespace.
    pub(super) fn loads(&self) -> BTreeMap<String, Load> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Load>> {
        self.loads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A namespace has so many replicas now.
    pub(super) fn has_replicas(&self, namespace: &str, replicas: usize) {
        if let Some(load) = self.lock().get_mut(namespace) {
            load.replicas = replicas;
        }
    }

    fn is_busy(&self, namespace: &str) -> bool {
        let loads = self.lock();
        loads.get(namespace).is_some_and(|load| load.in_flight() > BUSY * load.replicas as f64)
    }

    /// The ready Pods of all namespaces.
    pub(super) async fn ready_pods(&self) -> Result<Vec<Pod>> {
        let pods: Api<Pod> = Api::all(self.client());
        let mut pods = pods.list(&ListParams::default()).await?.items;
        pods.retain(|pod| {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
            let mut conditions = conditions.into_iter().flatten();
            let is_ready =
                conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
            is_ready && pod.metadata.deletion_timestamp.is_none()
        });
        Ok(pods)
    }

    /// The namespace of the Pod with an address.
    pub(super) async fn namespace_of(&self, address: &str) -> Result<Option<String>> {
        let pods: Api<Pod> = Api::all(self.client());
        let pods = pods.list(&ListParams::default().fields(&format!("status.podIP={address}"))).await?.items;
        Ok(pods.into_iter().find_map(|pod| pod.metadata.namespace))
    }

    /// What the server in a Pod of a namespace answers.
    pub(super) fn routes(&self, namespace: &str) -> Router {
        Router::new()
            .route("/v1/models", get(models))
            .route("/v1/completions", post(completions))
            .with_state((self.clone(), namespace.to_owned()))
    }
}

async fn models() -> Response {
    let models = json!({ "object": "list", "data": [{ "id": "model", "object": "model" }] });
    ([(header::CONTENT_TYPE, "application/json")], models.to_string()).into_response()
}

/// A request of a client, until it is answered or given up.
struct Request {
    servers: Servers,
    namespace: String,
}

impl Request {
    fn count(&self, count: impl FnOnce(u32) -> u32) {
        if let Some(load) = self.servers.lock().get_mut(&self.namespace) {
            load.requests = count(load.requests);
        }
    }

    /// Until all tokens are there.
    async fn decode(&self) {
        let start = Instant::now();
        while self.servers.is_busy(&self.namespace) && start.elapsed() < LONGEST {
            tokio::time::sleep(FIRST_TOKEN).await;
        }
        tokio::time::sleep(DECODE).await;
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.count(|requests| requests.saturating_sub(1));
    }
}

/// A streamed answer: a token at once, and the end after a while.
async fn completions(State((servers, namespace)): State<(Servers, String)>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    if asked["model"] != "model" || asked["prompt"].as_str().is_none() || asked["stream"] != true {
        return (StatusCode::BAD_REQUEST, "not a request for a streamed completion").into_response();
    }
    let request = Request { servers, namespace };
    request.count(|requests| requests + 1);
    let body = stream::unfold((request, 0), |(request, chunk)| async move {
        let text = match chunk {
            0 => {
                tokio::time::sleep(FIRST_TOKEN).await;
                "data: {\"choices\": [{\"text\": \"It\"}]}\n\n"
            }
            1 => {
                request.decode().await;
                "data: [DONE]\n\n"
            }
            _ => return None,
        };
        Some((Ok::<_, Infallible>(text), (request, chunk + 1)))
    });
    Body::from_stream(body).into_response()
}
