//! Connections: accepted, bounded in number and time, and closed without a lost request.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use crate::metrics::Metrics;

/// Connections at the same time; more wait in the kernel. An API server opens a few.
const MAX_CONNECTIONS: usize = 512;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long a new connection may take to send its first request's head.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// How long a connection may be without a request: longer than the 90 seconds after which API servers close idle
/// connections themselves, so that they never send into one that is closing.
const IDLE: Duration = Duration::from_secs(120);

/// How long a connection that was told to close may take for its last requests.
const FINISH: Duration = Duration::from_secs(10);

/// What a connection may have in flight before it is read on: data that arrives ahead of the handler.
const WINDOW: u32 = 256 << 10;

/// Requests of one connection at the same time. API servers spread more over further connections.
const MAX_STREAMS: u32 = 250;

/// How far the program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It serves.
    Serving,
    /// It takes no new connections, and the open ones end with their last request.
    Finishing,
}

/// A port and who answers on it.
pub(crate) struct Server {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    metrics: Arc<Metrics>,
}

impl Server {
    /// Takes the port at `address`.
    ///
    /// # Errors
    ///
    /// The port is taken or may not be used.
    pub(crate) async fn bind(address: SocketAddr, router: Router, metrics: Arc<Metrics>) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, tls: None, router, metrics })
    }

    /// Over TLS.
    pub(crate) fn with_tls(self, tls: TlsAcceptor) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Where it listens, with the port that the system chose for port 0.
    ///
    /// # Errors
    ///
    /// The system cannot tell.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stage` is [`Stage::Finishing`] and every connection has ended.
    pub(crate) async fn serve(self, mut stage: watch::Receiver<Stage>) {
        let Self { listener, tls, router, metrics } = self;
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut tasks = JoinSet::new();
        let builder = builder();
        let until_finishing = stage.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stage.wait_for(|stage| *stage == Stage::Finishing) => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
                accepted = accept(&listener, &connections) => accepted,
            };
            let (stream, permit) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // No file handles left, most likely: they come back when connections end.
                    tracing::warn!(%error, "no connection accepted");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let connection = Connection {
                builder: builder.clone(),
                router: router.clone(),
                metrics: Arc::clone(&metrics),
                stage: until_finishing.clone(),
            };
            let tls = tls.clone();
            tasks.spawn(async move {
                connection.start(stream, tls).await;
                drop(permit);
            });
        }
        while tasks.join_next().await.is_some() {}
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // It also runs while a connection is idle, hence not shorter.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(64 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(16 << 10)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

/// One connection.
struct Connection {
    builder: Builder<TokioExecutor>,
    router: Router,
    metrics: Arc<Metrics>,
    stage: watch::Receiver<Stage>,
}

impl Connection {
    async fn start(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // An answer is one small write; waiting to make it larger costs 40 ms.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else { return self.serve(stream).await };
        let metrics = Arc::clone(&self.metrics);
        metrics.connections.inc();
        match timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream).await,
            Ok(Err(error)) => {
                metrics.handshake_errors.inc();
                tracing::debug!(%error, "TLS handshake failed");
            }
            Err(_) => {
                metrics.handshake_errors.inc();
                tracing::debug!("TLS handshake took too long");
            }
        }
        metrics.connections.dec();
    }

    /// Serves until the client closes, nothing comes any more, or the program ends. A connection that has to end is
    /// first told so, GOAWAY or `connection: close`, and dropped if its last requests take too long.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(mut self, stream: S) {
        let activity = Arc::new(Activity::default());
        let service = Counted { router: TowerToHyperService::new(self.router), activity: activity.clone() };
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let mut closing = false;
        let mut seen = 0;
        let mut deadline = Instant::now() + FIRST_REQUEST;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "connection ended");
                    }
                    return;
                }
                _ = self.stage.wait_for(|stage| *stage == Stage::Finishing), if !closing => closing = true,
                () = sleep_until(deadline) => {
                    if closing {
                        return;
                    }
                    let now = activity.count();
                    closing = now == seen;
                    seen = now;
                    deadline = Instant::now() + IDLE;
                }
            }
            if closing {
                connection.as_mut().graceful_shutdown();
                deadline = Instant::now() + FINISH;
            }
        }
    }
}

/// Requests of a connection, so that an idle one can be told from a busy one.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicU64,
}

impl Activity {
    /// Requests that began so far. Each ends by itself in much less time than [`IDLE`].
    fn count(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    fn note(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts the requests on their way to the routes.
struct Counted {
    router: TowerToHyperService<Router>,
    activity: Arc<Activity>,
}

impl Service<hyper::Request<Incoming>> for Counted {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = <TowerToHyperService<Router> as Service<hyper::Request<Incoming>>>::Future;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        self.activity.note();
        self.router.call(request)
    }
}
