//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};

/// Admission webhook of `kubectl infer`: inference workloads get the right cache, memory, storage and autoscaling
/// defaults, or a clear answer why not.
#[derive(Debug, Clone, Parser)]
#[command(name = "infer-webhook", version)]
pub struct Options {
    /// Where the API server's reviews are answered, over TLS
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:10250")]
    pub listen: SocketAddr,
    /// Where `/livez`, `/readyz` and `/metrics` are answered, in plain HTTP
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub metrics_listen: SocketAddr,
    /// Where the certificate comes from
    #[arg(long, value_enum, value_name = "SOURCE", default_value = "secret")]
    pub certificates: CertificateSource,
    /// Secret that all replicas share, made and renewed by the program; for `--certificates=secret`
    #[arg(long, value_name = "NAME", default_value = "infer-webhook-certificate")]
    pub certificate_secret: String,
    /// Folder of `tls.crt`, `tls.key` and, where the authority is a private one, `ca.crt`; for
    /// `--certificates=files`
    #[arg(long, value_name = "FOLDER", default_value = "/certs")]
    pub certificate_dir: PathBuf,
    /// cert-manager's Certificate, as `NAMESPACE/NAME`: its injector writes the authority into the
    /// configurations, and the program leaves that field alone
    #[arg(long, value_name = "CERTIFICATE")]
    pub inject_ca_from: Option<String>,
    /// Namespace that the program runs in
    #[arg(long, env = "POD_NAMESPACE", default_value = "infer-webhook")]
    pub namespace: String,
    /// Name of this replica, in the status of policies
    #[arg(long, value_name = "NAME", env = "POD_NAME", default_value = "infer-webhook")]
    pub replica: String,
    /// Service in front of the replicas
    #[arg(long, value_name = "NAME", default_value = "infer-webhook")]
    pub service: String,
    /// URL that the API server calls instead of the Service, without a path
    #[arg(long, value_name = "URL")]
    pub client_url: Option<String>,
    /// Whether the program registers its two webhook configurations
    #[arg(long, action = ArgAction::Set, value_name = "BOOLEAN", default_value_t = true)]
    pub register: bool,
    /// ClusterRole of the installation: the configurations are deleted with it
    #[arg(long, value_name = "NAME")]
    pub owner_cluster_role: Option<String>,
    /// How long new requests are still taken after SIGTERM, while other replicas take over
    #[arg(long, value_name = "SECONDS", env = "INFER_DRAIN_SECONDS", default_value_t = 10)]
    pub drain_seconds: u64,
    /// Kubeconfig, outside a cluster
    #[arg(long, value_name = "FILE", env = "KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespaces, policies and workloads from these YAML files instead of from a cluster
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "kubeconfig")]
    pub objects: Vec<PathBuf>,
    /// Overlays of the catalog, the last one wins
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub catalog: Vec<PathBuf>,
}

impl Options {
    /// Names under which the API server calls this program.
    pub(crate) fn server_names(&self) -> Vec<String> {
        let Self { service, namespace, client_url, .. } = self;
        let mut names = vec![
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
            format!("{service}.{namespace}"),
        ];
        names.extend(client_url.as_deref().and_then(host));
        names
    }
}

/// Host of a URL, without the brackets of an IPv6 address.
fn host(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map(|(address, _)| address.to_owned());
    }
    authority.split(':').next().map(str::to_owned)
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CertificateSource {
    /// From a Secret of the program's own authority
    Secret,
    /// From files: of cert-manager, or of your own
    Files,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_names_the_service_and_the_url() {
        let options = Options::parse_from(["infer-webhook", "--client-url=https://[::1]:9443/admit"]);
        assert_eq!(
            options.server_names(),
            [
                "infer-webhook.infer-webhook.svc",
                "infer-webhook.infer-webhook.svc.cluster.local",
                "infer-webhook.infer-webhook",
                "::1"
            ]
        );
    }
}
