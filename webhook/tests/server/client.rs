//! A client that speaks HTTP/1.1 or 2 over TLS, as the API server does.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use hyper::client::conn::{http1, http2};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Which version of HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// How to reach the program.
#[derive(Clone)]
pub(crate) struct Client {
    config: Arc<ClientConfig>,
    version: Version,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The request was not sent, or the server said that it did not look at it: it may be sent again.
    NotSent,
    /// Nobody knows.
    Lost(String),
}

/// An open connection.
pub(crate) enum Connection {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Clone for Connection {
    /// The same connection, for another request at the same time.
    fn clone(&self) -> Self {
        match self {
            Self::Http1(_) => panic!("HTTP/1.1 has one request at a time"),
            Self::Http2(sender) => Self::Http2(sender.clone()),
        }
    }
}

impl Client {
    /// Trusts the given authorities, in PEM.
    pub(crate) fn new(authorities: &[&str], version: Version) -> Self {
        let mut roots = RootCertStore::empty();
        for pem in authorities {
            for authority in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(authority.unwrap()).unwrap();
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = match version {
            Version::Http1 => vec![b"http/1.1".to_vec()],
            Version::Http2 => vec![b"h2".to_vec()],
        };
        Self { config: Arc::new(config), version }
    }

    /// A TLS connection that nothing is spoken over yet.
    pub(crate) async fn tls(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::from(address.ip());
        TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await
    }

    pub(crate) async fn connect(&self, address: SocketAddr) -> std::io::Result<Connection> {
        let io = TokioIo::new(self.tls(address).await?);
        Ok(match self.version {
            Version::Http1 => {
                let (sender, connection) = http1::handshake(io).await.map_err(std::io::Error::other)?;
                tokio::spawn(connection);
                Connection::Http1(sender)
            }
            Version::Http2 => {
                let handshake = http2::handshake(TokioExecutor::new(), io).await;
                let (sender, connection) = handshake.map_err(std::io::Error::other)?;
                tokio::spawn(connection);
                Connection::Http2(sender)
            }
        })
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn post(
        &self,
        address: SocketAddr,
        path: &str,
        content_type: &str,
        body: impl Into<Body>,
    ) -> (StatusCode, String) {
        let mut connection = self.connect(address).await.unwrap();
        let (status, body) = connection.post(path, content_type, body.into()).await.unwrap();
        (status, String::from_utf8(body).unwrap())
    }
}

impl Connection {
    /// Sends one request and waits for its answer.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        content_type: &str,
        body: Body,
    ) -> Result<(StatusCode, Vec<u8>), NoAnswer> {
        let ready = match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        };
        ready.map_err(|_| NoAnswer::NotSent)?;
        let request = Request::post(format!("https://localhost{path}"))
            .header("host", "localhost")
            .header("content-type", content_type)
            .body(body)
            .unwrap();
        let response = match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        };
        let response = response.map_err(|error| {
            if error.is_canceled() { NoAnswer::NotSent } else { NoAnswer::Lost(format!("{error:?}")) }
        })?;
        let (head, body) = response.into_parts();
        let body = to_bytes(Body::new(body), usize::MAX).await;
        let body = body.map_err(|error| NoAnswer::Lost(format!("{error:?}")))?;
        Ok((head.status, body.to_vec()))
    }
}
