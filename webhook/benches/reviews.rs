//! Speed and size of the real program over TLS, beside a server of the same libraries that only answers.
//!
//! ```sh
//! cargo bench -p infer-webhook --bench reviews              # a minute
//! cargo bench -p infer-webhook --bench reviews -- --million # and memory after a million reviews
//! cargo bench -p infer-webhook --bench reviews -- --alone   # reading and deciding alone, without servers
//! ```
//!
//! Both servers and the load generator run on the same cores, the servers one after the other, twice. Latency counts
//! from when a request was due, not from when it was sent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use infer_core::catalog::Catalog;
use infer_core::policy::{Phase, PolicySet, Request, Snapshot, decide_about};
use infer_webhook::ReviewRequest;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/server/client.rs"]
mod client;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/server/mounted.rs"]
mod mounted;

use client::{Client, Connection, Version};
use mounted::{Mounted, Pem};

/// The program's own, here for the decisions that this process times, the echo and the load.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RATE: u64 = 1_000;
const ROUND: Duration = Duration::from_secs(8);
const ROUNDS: usize = 2;
const CONNECTIONS: usize = 8;
const CONCURRENCY: usize = 64;
const OBJECT_BYTES: usize = 20 << 10;
const POLICIES: usize = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(folder) = arguments.iter().skip_while(|argument| *argument != "--echo").nth(1) {
        return tokio::runtime::Runtime::new().unwrap().block_on(echo(Path::new(folder)));
    }
    // Runs of `cargo test --benches` only ask whether it starts.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let is_million = arguments.iter().any(|argument| argument == "--million");
    decisions();
    if arguments.iter().any(|argument| argument == "--alone") {
        return;
    }
    tokio::runtime::Runtime::new().unwrap().block_on(compare(is_million));
}

/// Parsing and deciding alone.
fn decisions() {
    let body = body("benchmark");
    let policies: Vec<Value> = (0..POLICIES).map(policy).collect();
    let snapshot = Snapshot {
        catalog: Arc::new(Catalog::embedded()),
        policies: Arc::new(PolicySet::compile(&policies, &PolicySet::default())),
        ..Snapshot::default()
    };
    let read = median(|| (), |()| drop(ReviewRequest::read(&body).unwrap()));
    println!("read a review of {} bytes: {read:?} median", body.len());
    let review = ReviewRequest::read(&body).unwrap();
    let unrelated = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web" },
        "spec": { "containers": [{ "name": "web", "image": "nginx:1.29", "args": ["-g", "daemon off;"] }] },
    });
    for (name, object) in [("Deployment", review.object.as_ref().unwrap()), ("unrelated Pod", &unrelated)] {
        for phase in [Phase::Mutate, Phase::Validate] {
            let request =
                Request { namespace: Some("team"), object: None, ..Request::create(object, 1_800_000_000) };
            let decide = |object| drop(decide_about(phase, &request, Some(object), &snapshot).unwrap());
            let decided = median(|| object.clone(), decide);
            println!("decide on the {name}, {phase:?}: {decided:?} median");
        }
    }
}

/// Of 2,001 runs, each on what `prepare` makes before the clock starts.
fn median<T>(prepare: impl Fn() -> T, work: impl Fn(T)) -> Duration {
    let mut times: Vec<Duration> = (0..2_001)
        .map(|_| {
            let input = prepare();
            let start = Instant::now();
            work(input);
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

async fn compare(is_million: bool) {
    let pem = Pem::new();
    let certificates = Mounted::new(&pem);
    let client = Client::new(&[&pem.authority], Version::Http2);
    let echo = Server::echo(certificates.path());
    let webhook = Server::webhook(certificates.path());
    let mut all: BTreeMap<&str, Vec<Measured>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (name, server) in [("echo", &echo), ("webhook", &webhook)] {
            let measured = server.measure(&client).await;
            println!("{name}: {measured}, RSS {} MiB", server.rss_mib());
            all.entry(name).or_default().push(measured);
        }
    }
    let mean = |name: &str, of: fn(&Measured) -> f64| all[name].iter().map(of).sum::<f64>() / ROUNDS as f64;
    let p99 = |name| mean(name, |measured| measured.p99.as_secs_f64() * 1e3);
    let most = |name| mean(name, |measured| measured.per_second);
    println!("p99 at {RATE}/s: {:.2} ms, {:.2} of echo's", p99("webhook"), p99("webhook") / p99("echo"));
    println!("saturation: {:.0}/s, {:.2} of echo's", most("webhook"), most("webhook") / most("echo"));

    webhook.answer(&client, 100_000).await;
    println!("RSS after 10^5 more reviews: {} MiB", webhook.rss_mib());
    if is_million {
        webhook.answer(&client, 900_000).await;
        println!("RSS after 10^6 more reviews: {} MiB", webhook.rss_mib());
    }
}

/// What one server did in one round.
struct Measured {
    p50: Duration,
    p99: Duration,
    per_second: f64,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{RATE}/s: p50 {:?}, p99 {:?}; saturation {:.0}/s", self.p50, self.p99, self.per_second)
    }
}

/// A server under test, as a process of its own.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn echo(certificates: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--echo").arg(certificates);
        Self::start(command)
    }

    fn webhook(certificates: &Path) -> Self {
        let objects = certificates.join("objects.yaml");
        let mut text = String::from("{apiVersion: v1, kind: Namespace, metadata: {name: team}}\n");
        for number in 0..POLICIES {
            write!(text, "---\n{}\n", policy(number)).unwrap();
        }
        std::fs::write(&objects, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_infer-webhook"));
        command
            .args(["--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0", "--register=false"])
            .args(["--certificates=files", "--certificate-dir"])
            .arg(certificates)
            .arg("--objects")
            .arg(&objects)
            .env_remove("KUBECONFIG");
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let entry: Value = serde_json::from_str(&line).ok()?;
            entry.get("reviews")?.as_str()?.parse().ok()
        });
        // The log is read as a container runtime reads it.
        std::thread::spawn(move || lines.for_each(drop));
        std::thread::sleep(Duration::from_millis(500));
        Self { process, address: address.unwrap() }
    }

    fn rss_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    async fn measure(&self, client: &Client) -> Measured {
        let mut latencies = self.at_rate(client).await;
        latencies.sort();
        let at = |share: f64| latencies[(latencies.len() as f64 * share) as usize];
        let start = Instant::now();
        let answered = self.saturate(client, usize::MAX, ROUND).await;
        let per_second = answered as f64 / start.elapsed().as_secs_f64();
        Measured { p50: at(0.5), p99: at(0.99), per_second }
    }

    /// Latencies of requests that come at a steady rate, whether or not earlier ones were answered.
    async fn at_rate(&self, client: &Client) -> Vec<Duration> {
        let connections = self.connect(client).await;
        let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / RATE));
        let mut requests = JoinSet::new();
        let total = ROUND.as_secs() * RATE;
        for number in 0..total {
            let mut connection = connections[number as usize % CONNECTIONS].clone();
            let body = body(&number.to_string());
            let due = ticks.tick().await;
            requests.spawn(async move {
                ask(&mut connection, body).await;
                due.elapsed()
            });
        }
        let latencies = requests.join_all().await;
        // The first second is for warming up.
        latencies.into_iter().skip(RATE as usize).collect()
    }

    /// Asks as fast as answers come, and returns how many came.
    async fn saturate(&self, client: &Client, most: usize, time: Duration) -> usize {
        let connections = self.connect(client).await;
        let asked = Arc::new(AtomicUsize::new(0));
        let end = Instant::now() + time;
        let mut workers = JoinSet::new();
        for worker in 0..CONCURRENCY {
            let mut connection = connections[worker % CONNECTIONS].clone();
            let asked = Arc::clone(&asked);
            let body = body("saturation");
            workers.spawn(async move {
                let mut answered = 0;
                while Instant::now() < end && asked.fetch_add(1, Ordering::Relaxed) < most {
                    ask(&mut connection, body.clone()).await;
                    answered += 1;
                }
                answered
            });
        }
        workers.join_all().await.into_iter().sum()
    }

    async fn answer(&self, client: &Client, count: usize) {
        let answered = self.saturate(client, count, Duration::from_secs(3600)).await;
        assert_eq!(answered, count);
    }

    async fn connect(&self, client: &Client) -> Vec<Connection> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(client.connect(self.address).await.unwrap());
        }
        connections
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn ask(connection: &mut Connection, body: Bytes) {
    let answer = connection.post("/mutate", "application/json", Body::from(body)).await;
    let (status, answer) = answer.unwrap();
    assert!(status.is_success(), "{}", String::from_utf8_lossy(&answer));
}

/// A review of a Deployment of 20 KiB: a server that needs fixes, and what fills such files, variables and sidecars.
fn body(uid: &str) -> Bytes {
    static OBJECT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let mut object = deployment(0);
        for variables in 1.. {
            if object.to_string().len() >= OBJECT_BYTES {
                break;
            }
            object = deployment(variables);
        }
        object.to_string()
    });
    let head = json!({
        "uid": uid,
        "kind": { "group": "apps", "version": "v1", "kind": "Deployment" },
        "resource": { "group": "apps", "version": "v1", "resource": "deployments" },
        "name": "server", "namespace": "team", "operation": "CREATE",
        "userInfo": { "username": "someone", "groups": ["system:authenticated"] },
    });
    let head = head.to_string();
    let head = head.trim_end_matches('}');
    let object = &*OBJECT;
    format!(
        "{{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{head}}},\
         \"object\":{object},\"oldObject\":null,\"dryRun\":false}}}}"
    )
    .into()
}

fn deployment(variables: usize) -> Value {
    let variable = |number: usize| {
        json!({
            "name": format!("SETTING_{number}"),
            "valueFrom": { "configMapKeyRef": { "name": "settings", "key": format!("setting-{number}") } },
        })
    };
    let environment: Vec<Value> = (0..variables).map(variable).collect();
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "server", "namespace": "team", "labels": { "app": "server" } },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": "server" } },
            "template": {
                "metadata": { "labels": { "app": "server" } },
                "spec": {
                    "nodeSelector": { "cloud.google.com/gke-accelerator": "nvidia-l4" },
                    "containers": [
                        {
                            "name": "server",
                            "image": "vllm/vllm-openai:v0.11.0",
                            "args": ["--model=google/gemma-3-12b-it", "--tensor-parallel-size=2"],
                            "ports": [{ "containerPort": 8000 }],
                            "env": environment,
                            "resources": {
                                "requests": { "cpu": "8", "memory": "40Gi" },
                                "limits": { "nvidia.com/gpu": "2", "memory": "40Gi" },
                            },
                        },
                        { "name": "log-shipper", "image": "fluent/fluent-bit:4.0", "env": [variable(0)] },
                    ],
                },
            },
        },
    })
}

/// One of several policies that all hold, each with something of its own.
fn policy(number: usize) -> Value {
    let groups = ["cache", "storage", "compilation", "fit", "arguments", "life-cycle"];
    json!({
        "apiVersion": "kubectl-infer.io/v1alpha1",
        "kind": "InferencePolicy",
        "metadata": { "name": format!("policy-{number}"), "generation": 1 },
        "spec": {
            "rules": [{ "rule": groups[number % groups.len()], "action": "warn" }],
            "limits": { "replicas": 100 + number },
        },
    })
}

/// A server of the same libraries that reads a request and answers always the same.
async fn echo(certificates: &Path) {
    let chain = CertificateDer::pem_file_iter(certificates.join("tls.crt")).unwrap();
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.join("tls.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tls = TlsAcceptor::from(Arc::new(config));
    let answer = async |_: Bytes| {
        "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\
         \"response\":{\"uid\":\"echo\",\"allowed\":true}}"
    };
    let router = Router::new().route("/mutate", post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    eprintln!("{}", json!({ "reviews": listener.local_addr().unwrap().to_string() }));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (tls, router) = (tls.clone(), router.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = TowerToHyperService::new(router);
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
