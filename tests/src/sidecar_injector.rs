//! A second mutating webhook of the cluster, for tests of the order in which webhooks are called.

use crate::TestNamespace;
use crate::certificates::MountedCertificates;
use crate::control_plane::ControlPlane;
use crate::tls;
use anyhow::Result;
use axum::Router;
use axum::routing::post;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Name of the container that is added; it is the one of GKE.
const SIDECAR: &str = "gke-gcsfuse-sidecar";

/// When the API server calls it: it calls mutating webhooks in the order of their configurations' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injection {
    /// Before a webhook whose name begins with `00-`.
    First,
    /// After it, as GKE's own.
    Last,
}

/// Adds a sidecar to the Pods of one namespace that have the annotation `gke-gcsfuse/volumes: "true"`, as GKE's
/// webhook for Cloud Storage FUSE does: as the *first* init container, so that the places of the others move, with
/// two volumes. It is gone from the cluster when this is dropped.
pub struct SidecarInjector<'a> {
    control_plane: &'a ControlPlane,
    name: String,
    server: JoinHandle<()>,
    _certificates: TempDir,
}

impl<'a> SidecarInjector<'a> {
    /// Starts the server, and registers it for Pods of `namespace`.
    pub fn start(namespace: &TestNamespace<'a>, injection: Injection) -> Result<Self> {
        let control_plane = namespace.control_plane();
        let folder = tempfile::tempdir()?;
        let certificates = MountedCertificates::mount(folder.path())?;
        let acceptor = tls::acceptor(&certificates)?;
        let listener = control_plane.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let port = listener.local_addr()?.port();
        let prefix = match injection {
            Injection::First => "0-sidecar-injector",
            Injection::Last => "gcsfuse-sidecar-injector",
        };
        let name = format!("{prefix}-{}", namespace.name());
        let configuration = configuration(&name, namespace.name(), port, &certificates)?;
        let server =
            control_plane.spawn(tls::serve(listener, acceptor, Router::new().route("/inject", post(review))));
        let injector = Self { control_plane, name, server, _certificates: folder };
        let created =
            async { Api::all(control_plane.client()).create(&PostParams::default(), &configuration).await };
        control_plane.block_on(created)?;
        Ok(injector)
    }
}

impl Drop for SidecarInjector<'_> {
    fn drop(&mut self) {
        let api: Api<MutatingWebhookConfiguration> = Api::all(self.control_plane.client());
        drop(self.control_plane.block_on(api.delete(&self.name, &DeleteParams::default())));
        self.server.abort();
    }
}

fn configuration(
    name: &str,
    namespace: &str,
    port: u16,
    certificates: &MountedCertificates,
) -> Result<MutatingWebhookConfiguration> {
    Ok(serde_json::from_value(json!({
        "metadata": { "name": name },
        "webhooks": [{
            "name": "sidecar-injector.kubectl-infer.test",
            "clientConfig": {
                "url": format!("https://127.0.0.1:{port}/inject"),
                "caBundle": ByteString(certificates.authority().as_bytes().to_vec()),
            },
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"],
            }],
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
            // As GKE's. A test that gets no sidecar must fail on that, not wait.
            "failurePolicy": "Ignore",
            "reinvocationPolicy": "Never",
            "timeoutSeconds": 3,
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }],
    }))?)
}

async fn review(review: String) -> Result<String, String> {
    let review: Value = serde_json::from_str(&review).map_err(|error| error.to_string())?;
    let request = &review["request"];
    let operations = injected(&request["object"]);
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {
            "uid": request["uid"],
            "allowed": true,
            "patchType": "JSONPatch",
            "patch": ByteString(operations.to_string().into_bytes()),
        },
    });
    Ok(answer.to_string())
}

/// The operations of RFC 6902 that add the sidecar; none where it is not asked for, or there already.
fn injected(pod: &Value) -> Value {
    let asked_for = pod["metadata"]["annotations"]["gke-gcsfuse/volumes"] == "true";
    let init_containers = pod["spec"]["initContainers"].as_array();
    let present = init_containers.is_some_and(|all| all.iter().any(|one| one["name"] == SIDECAR));
    if !asked_for || present {
        return json!([]);
    }
    let sidecar = json!({
        "name": SIDECAR,
        "image": "gke.gcr.io/gcs-fuse-csi-driver-sidecar-mounter:v1.22.0",
        "restartPolicy": "Always",
        "volumeMounts": [
            { "name": "gke-gcsfuse-tmp", "mountPath": "/gcsfuse-tmp" },
            { "name": "gke-gcsfuse-buffer", "mountPath": "/gcsfuse-buffer" },
        ],
    });
    let mut operations = vec![match init_containers {
        Some(_) => json!({ "op": "add", "path": "/spec/initContainers/0", "value": sidecar }),
        None => json!({ "op": "add", "path": "/spec/initContainers", "value": [sidecar] }),
    }];
    if pod["spec"]["volumes"].is_null() {
        operations.push(json!({ "op": "add", "path": "/spec/volumes", "value": [] }));
    }
    for name in ["gke-gcsfuse-tmp", "gke-gcsfuse-buffer"] {
        operations.push(
            json!({ "op": "add", "path": "/spec/volumes/-", "value": { "name": name, "emptyDir": {} } }),
        );
    }
    Value::Array(operations)
}
