//! A constant load of reviews, each of which must be answered, and rightly.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::client::{Client, NoAnswer};

/// Connections at the same time, and the time between the requests of each.
pub(crate) const CONNECTIONS: usize = 4;
const INTERVAL: Duration = Duration::from_millis(20);

/// Requests after which a connection is replaced, so that new ones are made all the time.
const REQUESTS_PER_CONNECTION: usize = 25;

/// Answers that make a load that means something.
const ENOUGH: usize = 50;

/// A review of `object`, as the API server sends it.
pub(crate) fn review(uid: &str, object: Value) -> Value {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or("Deployment").to_owned();
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": { "group": "apps", "version": "v1", "kind": kind },
            "resource": { "group": "apps", "version": "v1", "resource": "deployments" },
            "namespace": "team",
            "operation": "CREATE",
            "userInfo": { "username": "someone" },
            "object": object,
            "dryRun": false,
        },
    })
}

/// A Deployment of a server with two accelerators and no shared memory.
pub(crate) fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "server", "namespace": "team" },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": { "app": "server" } },
            "template": {
                "metadata": { "labels": { "app": "server" } },
                "spec": {
                    "containers": [{
                        "name": "server",
                        "image": "vllm/vllm-openai:v0.10.0",
                        "args": ["--model=google/gemma-3-27b-it", "--tensor-parallel-size=2"],
                        "resources": { "limits": { "nvidia.com/gpu": "2", "memory": "100Gi" } },
                    }],
                },
            },
        },
    })
}

/// Which replicas take new connections, as the endpoints of a Service do.
pub(crate) type Endpoints = Arc<Mutex<Vec<SocketAddr>>>;

/// A load that runs until it is ended.
pub(crate) struct Load {
    state: Arc<State>,
    workers: JoinSet<()>,
}

struct State {
    client: Client,
    endpoints: Endpoints,
    ends: AtomicBool,
    /// Whether a review that is lost is sent to another replica: it may be, having no side effects.
    sends_again: bool,
    sent_again: AtomicUsize,
    answered: AtomicUsize,
    wrong: Mutex<Vec<String>>,
    /// The first answer to each path, without its uid: all others must be the same.
    expected: [Mutex<Option<Value>>; 2],
}

impl Load {
    /// Starts one in which no review may be lost.
    pub(crate) fn start(client: Client, endpoints: &[SocketAddr]) -> (Self, Endpoints) {
        Self::begin(client, endpoints, false)
    }

    /// Starts one that survives the end of a replica: what it did not answer is sent to another.
    pub(crate) fn start_sending_again(client: Client, endpoints: &[SocketAddr]) -> (Self, Endpoints) {
        Self::begin(client, endpoints, true)
    }

    fn begin(client: Client, endpoints: &[SocketAddr], sends_again: bool) -> (Self, Endpoints) {
        let endpoints: Endpoints = Arc::new(Mutex::new(endpoints.to_vec()));
        let state = Arc::new(State {
            client,
            endpoints: Arc::clone(&endpoints),
            ends: AtomicBool::new(false),
            sends_again,
            sent_again: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            wrong: Mutex::default(),
            expected: Default::default(),
        });
        let mut workers = JoinSet::new();
        for number in 0..CONNECTIONS {
            workers.spawn(Arc::clone(&state).work(number));
        }
        (Self { state, workers }, endpoints)
    }

    /// Waits until so many more reviews were answered that the load means something.
    pub(crate) async fn goes_on(&self) {
        let until = self.state.answered.load(Ordering::SeqCst) + ENOUGH;
        while self.state.answered.load(Ordering::SeqCst) < until {
            assert_eq!(*self.state.wrong.lock().unwrap(), Vec::<String>::new());
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Reviews that were sent again.
    pub(crate) fn sent_again(&self) -> usize {
        self.state.sent_again.load(Ordering::SeqCst)
    }

    /// Ends it, and holds it to account.
    pub(crate) async fn end(self) {
        self.goes_on().await;
        self.state.ends.store(true, Ordering::SeqCst);
        self.workers.join_all().await;
        assert_eq!(*self.state.wrong.lock().unwrap(), Vec::<String>::new());
    }
}

impl State {
    async fn work(self: Arc<Self>, worker: usize) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut number, mut turn) = (0, worker);
        while !self.ends.load(Ordering::SeqCst) {
            let address = {
                let endpoints = self.endpoints.lock().unwrap();
                endpoints[turn % endpoints.len()]
            };
            turn += 1;
            let mut connection = match self.client.connect(address).await {
                Ok(connection) => connection,
                Err(_) if self.sends_again => {
                    ticks.tick().await;
                    continue;
                }
                Err(error) => return self.is_wrong(format!("no connection: {error}")),
            };
            for _ in 0..REQUESTS_PER_CONNECTION {
                if self.ends.load(Ordering::SeqCst) {
                    return;
                }
                ticks.tick().await;
                number += 1;
                let uid = format!("{worker}-{number}");
                let (path, expected) = if number % 2 == 0 {
                    ("/mutate", &self.expected[0])
                } else {
                    ("/validate", &self.expected[1])
                };
                let body = review(&uid, deployment()).to_string();
                match connection.post(path, "application/json", Body::from(body)).await {
                    Ok((status, answer)) => self.judge(status.as_u16(), &uid, &answer, expected),
                    // The connection was closed before: that is for the client to know.
                    Err(NoAnswer::NotSent) => break,
                    Err(NoAnswer::Lost(_)) if self.sends_again => {
                        self.sent_again.fetch_add(1, Ordering::SeqCst);
                        number -= 1;
                        break;
                    }
                    Err(NoAnswer::Lost(error)) => self.is_wrong(format!("{path} {uid} is lost: {error}")),
                }
            }
        }
    }

    fn judge(&self, status: u16, uid: &str, answer: &[u8], expected: &Mutex<Option<Value>>) {
        let mut answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let answered = answer.pointer_mut("/response/uid").map(Value::take);
        if status != 200 || answered != Some(json!(uid)) || answer["response"]["allowed"] != json!(true) {
            return self.is_wrong(format!("{uid}: {status} {answered:?} {answer}"));
        }
        let same = expected.lock().unwrap().get_or_insert_with(|| answer.clone()) == &answer;
        if !same {
            return self.is_wrong(format!("{uid}: another answer than the first: {answer}"));
        }
        self.answered.fetch_add(1, Ordering::SeqCst);
    }

    fn is_wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }
}
