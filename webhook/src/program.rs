//! The whole program: its parts, their order, and its end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use infer_core::policy::Snapshot;
use kube::Client;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::certificates::{self, Authority, Folder, InUse, SharedSecret};
use crate::cluster::{self, Registration, World};
use crate::metrics::Metrics;
use crate::options::{CertificateSource, Options};
use crate::readiness::Readiness;
use crate::server::{Server, Stage};
use crate::store::Store;
use crate::{admission, catalog, health, logs, objects};

/// How long the last requests may take after the drain.
const FINISH: Duration = Duration::from_secs(12);

/// Runs until SIGTERM or SIGINT, and then until the last request is answered.
///
/// # Errors
///
/// A port, the catalog or the connection to the cluster cannot be had.
pub fn run(options: Options) -> anyhow::Result<()> {
    let log = logs::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(serve(options));
    // A blocking read of a body that nobody waits for does not hold the end up.
    runtime.shutdown_background();
    log.write_out();
    ended
}

async fn serve(options: Options) -> anyhow::Result<()> {
    let signals = Signals::new()?;
    let catalog = Arc::new(catalog::load(&options.catalog)?);
    let metrics = Arc::new(Metrics::new(&catalog.release()?.version));
    let readiness = Readiness::awaiting(["certificate"]);
    let store = Arc::new(Store::new(Snapshot { catalog: Arc::clone(&catalog), ..Snapshot::default() }));
    let (stage, stages) = watch::channel(Stage::Serving);

    let router = health::router(readiness.clone(), Arc::clone(&metrics));
    let health = Server::bind(options.metrics_listen, router, Arc::clone(&metrics)).await;
    let health = health.with_context(|| format!("cannot listen on {}", options.metrics_listen))?;
    let in_use = Arc::new(InUse::none(Arc::clone(&metrics)));
    let tls = TlsAcceptor::from(Arc::new(certificates::server_config(Arc::clone(&in_use))?));
    let router = admission::router(Arc::clone(&store), Arc::clone(&metrics));
    let reviews = Server::bind(options.listen, router, Arc::clone(&metrics)).await;
    let reviews = reviews.with_context(|| format!("cannot listen on {}", options.listen))?.with_tls(tls);
    tracing::info!(reviews = %reviews.address()?, health = %health.address()?, "listening");

    let client = client(&options).await?;
    match &client {
        Some(client) => {
            let world = Arc::new(World::new(catalog));
            cluster::follow(client, &world, &metrics, &readiness);
            let (reports, made) = watch::channel(Vec::new());
            tokio::spawn(world.publish(store, Arc::clone(&metrics), readiness.clone(), reports));
            tokio::spawn(cluster::write_status(client.clone(), options.replica.clone(), made));
        }
        None => store.replace(objects::read(&options.objects, catalog)?),
    }
    follow_certificate(&options, client, in_use, &readiness, &metrics)?;

    let health = tokio::spawn(health.serve(stages.clone()));
    let reviews = tokio::spawn(reviews.serve(stages));
    drain(signals, &readiness, Duration::from_secs(options.drain_seconds)).await;
    stage.send_replace(Stage::Finishing);
    let ended = timeout(FINISH, async { (reviews.await, health.await) }).await;
    tracing::info!(complete = ended.is_ok(), "ended");
    Ok(())
}

/// A client of the cluster; `None` where files stand in for it.
async fn client(options: &Options) -> anyhow::Result<Option<Client>> {
    if !options.objects.is_empty() {
        return Ok(None);
    }
    cluster::connect(options.kubeconfig.as_deref()).await.map(Some)
}

/// Starts what reads or makes the certificate, and what tells the API server about its authority.
fn follow_certificate(
    options: &Options,
    client: Option<Client>,
    in_use: Arc<InUse>,
    readiness: &Readiness,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<()> {
    let (wanted, authority) = watch::channel(None);
    let (registered, registrations) = watch::channel(None);
    match (options.certificates, &client) {
        (CertificateSource::Files, _) => {
            let folder = Folder::new(&options.certificate_dir);
            tokio::spawn(folder.follow(in_use, wanted, readiness.clone()));
        }
        (CertificateSource::Secret, Some(client)) => {
            let secret = SharedSecret {
                client: client.clone(),
                namespace: options.namespace.clone(),
                name: options.certificate_secret.clone(),
                names: options.server_names(),
            };
            let authority = Authority { wanted, registered: options.register.then_some(registrations) };
            tokio::spawn(secret.follow(in_use, authority, readiness.clone()));
        }
        (CertificateSource::Secret, None) => {
            bail!("`--certificates=secret` needs a cluster; with `--objects` use `--certificates=files`")
        }
    }
    if let Some(client) = client.filter(|_| options.register) {
        let registration = Registration::new(options);
        let (readiness, metrics) = (readiness.clone(), Arc::clone(metrics));
        tokio::spawn(registration.keep(client, authority, registered, readiness, metrics));
    }
    Ok(())
}

/// Waits for a signal to end, and then until other replicas have taken over. A second signal ends the wait.
async fn drain(mut signals: Signals, readiness: &Readiness, delay: Duration) {
    signals.next().await;
    readiness.require("end of the drain");
    tracing::info!(seconds = delay.as_secs(), "draining");
    let _ = timeout(delay, signals.next()).await;
}

/// The signals that end the program.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
