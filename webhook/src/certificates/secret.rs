//! Certificates of the program's own authority, in a Secret that all replicas share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::authority::Bundle;
use super::{Certificate, InUse};
use crate::readiness::Readiness;

/// How often the Secret is read.
const INTERVAL: Duration = Duration::from_secs(10);

/// How soon after a failure.
const RETRY: Duration = Duration::from_secs(2);

/// How long the API server may take.
const CALL: Duration = Duration::from_secs(20);

/// How long a new certificate waits for its authority to be registered, and how long the API servers then take to
/// see it.
const REGISTRATION: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(5));

/// The Secret, and whom its certificate is for.
pub(crate) struct SharedSecret {
    /// Client of the cluster.
    pub(crate) client: Client,
    /// Namespace of the Secret.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// Names under which the API server calls.
    pub(crate) names: Vec<String>,
}

/// Where the authority goes, and where it is known to have arrived.
pub(crate) struct Authority {
    /// What shall be registered.
    pub(crate) wanted: watch::Sender<Option<String>>,
    /// What is registered; `None` where the program registers nothing.
    pub(crate) registered: Option<watch::Receiver<Option<String>>>,
}

impl SharedSecret {
    /// Keeps the certificate in use equal to the Secret's, and renews that when it is due, for ever.
    pub(crate) async fn follow(
        self,
        certificates: Arc<InUse>,
        mut authority: Authority,
        readiness: Readiness,
    ) {
        let mut last = None;
        loop {
            let current = timeout(CALL, self.current(last.as_ref())).await;
            let current = current.unwrap_or_else(|_| Err(anyhow::anyhow!("the API server did not answer")));
            let wait = match current {
                Ok(bundle) if last.as_ref() == Some(&bundle) => INTERVAL,
                Ok(bundle) => match adopt(&bundle, &certificates, &mut authority, last.is_none()).await {
                    Ok(()) => {
                        readiness.met("certificate");
                        tracing::info!(secret = self.name, "certificate read from the Secret");
                        last = Some(bundle);
                        INTERVAL
                    }
                    Err(error) => {
                        certificates.broken(&error);
                        RETRY
                    }
                },
                Err(error) => {
                    certificates.unreadable(&error);
                    RETRY
                }
            };
            sleep(wait).await;
        }
    }

    /// What the Secret holds, after it was made or renewed where that is due. Of several replicas that do so at the
    /// same time one succeeds, and the others read what it wrote. What is `in_use` stays trusted, even if somebody has
    /// deleted or replaced the Secret.
    async fn current(&self, in_use: Option<&Bundle>) -> anyhow::Result<Bundle> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        loop {
            let stored = secrets.get_opt(&self.name).await.context("cannot read the Secret")?;
            let now = SystemTime::now();
            let bundle = stored.as_ref().map(read);
            let due = match &bundle {
                Some(bundle) => bundle.is_due(&self.names, now),
                None => Some("there is none"),
            };
            let (Some(why), older) = (due, bundle.as_ref().map_or("", |bundle| &bundle.authorities)) else {
                return bundle.context("no certificate");
            };
            tracing::info!(secret = self.name, why, "making a certificate");
            let in_use = in_use.map_or("", |bundle| &bundle.authorities);
            let made = Bundle::make(&self.names, &format!("{older}{in_use}"), now)?;
            let version = stored.and_then(|secret| secret.metadata.resource_version);
            let secret = self.secret(&made, version.clone());
            let written = match version {
                None => secrets.create(&PostParams::default(), &secret).await,
                Some(_) => secrets.replace(&self.name, &PostParams::default(), &secret).await,
            };
            match written {
                Ok(_) => return Ok(made),
                // Another replica was faster.
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(error).context("cannot write the Secret"),
            }
        }
    }

    fn secret(&self, bundle: &Bundle, resource_version: Option<String>) -> Secret {
        let entry = |name: &str, text: &str| (name.to_owned(), ByteString(text.as_bytes().to_vec()));
        let data = [
            entry("tls.crt", &bundle.chain),
            entry("tls.key", &bundle.key),
            entry("ca.crt", &bundle.authorities),
        ];
        let labels =
            [("app.kubernetes.io/name", "infer-webhook"), ("app.kubernetes.io/part-of", "kubectl-infer")];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                labels: Some(BTreeMap::from(labels)),
                resource_version,
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".to_owned()),
            data: Some(BTreeMap::from(data)),
            ..Secret::default()
        }
    }
}

fn read(secret: &Secret) -> Bundle {
    let text = |name: &str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(name));
        bytes.map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned()).unwrap_or_default()
    };
    Bundle { chain: text("tls.crt"), key: text("tls.key"), authorities: text("ca.crt") }
}

/// Takes the certificate into use: at once where it is the first, else when its authority is registered, so that
/// no call meets a certificate that the API server does not trust yet.
async fn adopt(
    bundle: &Bundle,
    certificates: &InUse,
    authority: &mut Authority,
    is_first: bool,
) -> anyhow::Result<()> {
    let certificate = Certificate::from_pem(bundle.chain.as_bytes(), bundle.key.as_bytes())?;
    let wanted = Some(bundle.authorities.clone());
    authority.wanted.send_replace(wanted.clone());
    if let Some(registered) = authority.registered.as_mut().filter(|_| !is_first) {
        let (registration, propagation) = REGISTRATION;
        let arrived =
            timeout(registration, registered.wait_for(|registered| *registered == wanted)).await.is_ok();
        if !arrived {
            tracing::warn!("a new certificate is taken into use before its authority is registered");
        }
        sleep(propagation).await;
    }
    certificates.replace(certificate)
}
