//! The requests.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use futures::AsyncBufReadExt;
use futures::stream::{FuturesUnordered, StreamExt};
use k8s_openapi::api::core::v1::Service;
use kube::api::{GetParams, PostParams, Request};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::report::{Answer, Tally};
use crate::arguments::TestAutoscaling;
use crate::cluster::{Cluster, failure};
use crate::failure::Failure;

/// Where requests go: a Service, through the API server.
pub(super) struct Endpoint {
    client: Client,
    pub(super) service: String,
    /// Path of the proxy of the Service's port.
    proxy: String,
    body: Vec<u8>,
}

impl Endpoint {
    /// The Service of the command, and the model that it serves.
    pub(super) async fn of(cluster: &Cluster, options: &TestAutoscaling) -> Result<Self, Failure> {
        let (kind, name) = options.service.split_once('/').unwrap_or(("service", &options.service));
        if !["service", "services", "svc"].contains(&kind) {
            let message = format!("`{kind}` is no Service: `NAME` or `service/NAME` is accepted");
            return Err(Failure::argument(anyhow::anyhow!(message)));
        }
        let services: Api<Service> = Api::namespaced(cluster.client(), cluster.namespace());
        let service = services.get(name).await.map_err(failure)?;
        let ports = service.spec.and_then(|spec| spec.ports).unwrap_or_default();
        let port = match &options.port {
            Some(port) => port.clone(),
            None => match ports.first() {
                Some(first) => first.port.to_string(),
                None => return Err(Failure::user(anyhow::anyhow!("Service `{name}` has no ports"))),
            },
        };
        let proxy = format!("/api/v1/namespaces/{}/services/{name}:{port}/proxy", cluster.namespace());
        let mut endpoint =
            Self { client: cluster.client(), service: name.to_owned(), proxy, body: Vec::new() };
        let model = match &options.model {
            Some(model) => model.clone(),
            None => endpoint.first_model().await?,
        };
        endpoint.body = json!({
            "model": model,
            "prompt": options.prompt,
            "max_tokens": options.max_tokens,
            "stream": true,
        })
        .to_string()
        .into_bytes();
        Ok(endpoint)
    }

    async fn first_model(&self) -> Result<String, Failure> {
        let request = Request::new(format!("{}/v1", self.proxy)).get("models", &GetParams::default());
        let request = request.map_err(Failure::unexpected)?;
        let text = self.client.request_text(request).await.map_err(failure)?;
        let models: Value = serde_json::from_str(&text).unwrap_or_default();
        let first = models.pointer("/data/0/id").and_then(Value::as_str).map(str::to_owned);
        first.ok_or_else(|| {
            Failure::user(anyhow::anyhow!("`/v1/models` of Service `{}` lists no model", self.service))
                .hint("name it with `--model`")
        })
    }

    async fn ask(&self, path: &str) -> Result<Answer, String> {
        let begun = Instant::now();
        let request = Request::new(format!("{}{path}", self.proxy));
        let request = request.create(&PostParams::default(), self.body.clone());
        let request = request.map_err(|error| error.to_string())?;
        let stream = self.client.request_stream(request).await.map_err(|error| error.to_string())?;
        let mut lines = stream.lines();
        let mut first = None;
        while let Some(line) = lines.next().await {
            let line = line.map_err(|error| error.to_string())?;
            if !line.trim().is_empty() {
                first.get_or_insert_with(|| begun.elapsed());
            }
        }
        let first = first.ok_or("the answer is empty")?;
        Ok(Answer { first, whole: begun.elapsed() })
    }
}

/// Sends all requests at their times and waits for their answers.
pub(super) async fn burst(
    endpoint: &Endpoint,
    options: &TestAutoscaling,
    count: u32,
    begun: Instant,
    tally: &RefCell<Tally>,
) {
    let one = |number: u32| async move {
        let at = options.rate.map_or(0.0, |rate| f64::from(number) / rate);
        tokio::time::sleep_until((begun + Duration::from_secs_f64(at)).into()).await;
        tally.borrow_mut().sent();
        let asked = tokio::time::timeout(options.request_deadline, endpoint.ask(&options.path)).await;
        let late = || format!("no answer within {} s", options.request_deadline.as_secs());
        tally.borrow_mut().got(asked.unwrap_or_else(|_| Err(late())));
    };
    let mut all: FuturesUnordered<_> = (0..count).map(one).collect();
    while all.next().await.is_some() {}
}
