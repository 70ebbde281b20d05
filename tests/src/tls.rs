//! Servers of the tests that the API server calls.

use crate::certificates::MountedCertificates;
use anyhow::Result;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What accepts connections with the certificate of `certificates`.
pub(crate) fn acceptor(certificates: &MountedCertificates) -> Result<TlsAcceptor> {
    let dir = certificates.dir();
    let chain = CertificateDer::pem_file_iter(dir.join("tls.crt"))?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(dir.join("tls.key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves `routes` until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, acceptor: TlsAcceptor, routes: Router) {
    while let Ok((connection, _)) = listener.accept().await {
        let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(routes.clone()));
        tokio::spawn(async move {
            if let Ok(connection) = acceptor.accept(connection).await {
                let served = auto::Builder::new(TokioExecutor::new());
                drop(served.serve_connection(TokioIo::new(connection), service).await);
            }
        });
    }
}
