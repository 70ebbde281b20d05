//! The certificate that connections are served with, and its replacement while they are.

mod authority;
mod files;
mod secret;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::parse_x509_certificate;

pub(crate) use files::Folder;
pub(crate) use secret::{Authority, SharedSecret};

use crate::metrics::Metrics;

/// A chain and its key that fit together, and when they hold.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    key: Arc<CertifiedKey>,
    /// From when it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
}

impl Certificate {
    /// Reads a chain and its key, as `tls.crt` and `tls.key` of a Secret hold them.
    ///
    /// # Errors
    ///
    /// One of them cannot be read, or the key is not the certificate's.
    pub(crate) fn from_pem(chain: &[u8], key: &[u8]) -> anyhow::Result<Self> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .context("cannot read the chain")?;
        let leaf = chain.first().context("the chain holds no certificate")?;
        let (_, parsed) = parse_x509_certificate(leaf).context("cannot read the certificate")?;
        let validity = parsed.validity();
        let (not_before, not_after) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        let key = PrivateKeyDer::from_pem_slice(key).context("cannot read the key")?;
        let key = CertifiedKey::from_der(chain, key, &provider())
            .context("the certificate and the key do not fit together")?;
        Ok(Self { key: Arc::new(key), not_before, not_after })
    }

    fn is_valid(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// Holds the one certificate that new connections are served with.
pub(crate) struct InUse {
    current: RwLock<Option<Certificate>>,
    metrics: Arc<Metrics>,
}

impl InUse {
    /// Without a certificate yet: handshakes fail until there is one.
    pub(crate) fn none(metrics: Arc<Metrics>) -> Self {
        Self { current: RwLock::new(None), metrics }
    }

    /// Takes a certificate into use. Connections that are open go on with the one they have.
    ///
    /// # Errors
    ///
    /// It is not valid now, while the one in use is.
    pub(crate) fn replace(&self, certificate: Certificate) -> anyhow::Result<()> {
        let now = Timestamp::now().as_second();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let worse = !certificate.is_valid(now) && current.as_ref().is_some_and(|old| old.is_valid(now));
        ensure!(!worse, "the new certificate is expired, or not valid yet, and the one in use still is");
        self.metrics.certificate_expiry.set(certificate.not_after as f64);
        self.metrics.certificate_reloads.inc();
        self.metrics.certificate_broken.set(0);
        *current = Some(certificate);
        Ok(())
    }

    /// Notes that a new certificate cannot be used, and why. The old one stays in use.
    pub(crate) fn broken(&self, error: &anyhow::Error) {
        self.metrics.certificate_errors.inc();
        self.metrics.certificate_broken.set(1);
        tracing::error!(error = format!("{error:#}"), "certificate cannot be used");
    }

    /// Notes that it could not be asked for a new certificate. That is no reason to worry before the one in use
    /// expires.
    pub(crate) fn unreadable(&self, error: &anyhow::Error) {
        self.metrics.certificate_errors.inc();
        tracing::warn!(error = format!("{error:#}"), "certificate cannot be asked for");
    }
}

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InUse").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for InUse {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().map(|certificate| Arc::clone(&certificate.key))
    }
}

/// TLS 1.2 and 1.3 for HTTP/2 and HTTP/1.1, with the certificate that is in use when a connection begins.
///
/// # Errors
///
/// The provider lacks these versions of the protocol.
pub(crate) fn server_config(certificates: Arc<InUse>) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn provider() -> CryptoProvider {
    ring::default_provider()
}
