//! What has to hold for admission to work, one check after another.

use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{ApiResource, DynamicObject, ListParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde::Serialize;
use serde_json::{Value, json};
use x509_parser::pem::Pem;

use super::{MUTATING, NAME, VALIDATING};

/// Label of namespaces that opt in.
const OPT_IN: &str = "kubectl-infer.io/admission=enabled";

/// Days of a certificate below which its renewal must have failed.
const FEW_DAYS: i64 = 7;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Good,
    /// Admission does not work, or soon will not.
    Bad,
    /// Could not be looked at.
    Unknown,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// What was looked at.
    pub(super) about: &'static str,
    /// How it ended.
    pub(super) state: State,
    /// What was seen.
    pub(super) says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Check {
    fn good(about: &'static str, says: impl Into<String>) -> Self {
        Self { about, state: State::Good, says: says.into(), advice: None }
    }

    fn bad(about: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { about, state: State::Bad, says: says.into(), advice: Some(advice.into()) }
    }

    fn unknown(about: &'static str, says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { about, state: State::Unknown, says: says.into(), advice: Some(advice.into()) }
    }

    /// The API server did not say.
    fn failed(about: &'static str, error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.is_forbidden() => {
                Self::unknown(about, status.message.clone(), "ask somebody who may read this")
            }
            error => {
                Self::bad(about, error.to_string(), "`kubectl cluster-info` shows whether kubectl works")
            }
        }
    }
}

/// Replicas that serve.
pub(super) fn replicas(found: &kube::Result<Option<Deployment>>, namespace: &str) -> Check {
    const ABOUT: &str = "replicas";
    let deployment = match found {
        Err(error) => return Check::failed(ABOUT, error),
        Ok(None) => {
            return Check::bad(
                ABOUT,
                format!("there is no Deployment `{NAME}` in namespace `{namespace}`"),
                "install it with `kubectl infer webhook install`, or name its namespace with `--namespace`",
            );
        }
        Ok(Some(deployment)) => deployment,
    };
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let ready = deployment.status.as_ref().and_then(|status| status.available_replicas).unwrap_or(0);
    let says = format!("{ready} of {wanted} are ready");
    if ready >= wanted && ready > 0 {
        Check::good(ABOUT, says)
    } else {
        Check::bad(ABOUT, says, format!("`kubectl -n {namespace} describe pods` shows what they wait for"))
    }
}

/// What the configurations say.
#[derive(Debug, Default)]
pub(super) struct Registered {
    /// Whose certificates the API server trusts, in PEM, for each webhook.
    bundles: Vec<String>,
}

/// Configurations that the program has registered.
pub(super) async fn configurations(client: &Client, namespace: &str) -> (Check, Registered) {
    const ABOUT: &str = "configurations";
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let (mutating, validating) =
        match (mutating.get_opt(MUTATING).await, validating.get_opt(VALIDATING).await) {
            (Err(error), _) | (_, Err(error)) => {
                return (Check::failed(ABOUT, &error), Registered::default());
            }
            (Ok(mutating), Ok(validating)) => (mutating, validating),
        };
    let missing: Vec<&str> = [(MUTATING, mutating.is_none()), (VALIDATING, validating.is_none())]
        .into_iter()
        .filter_map(|(name, is_missing)| is_missing.then_some(name))
        .collect();
    let first = mutating.and_then(|object| object.webhooks).unwrap_or_default();
    let second = validating.and_then(|object| object.webhooks).unwrap_or_default();
    let clients: Vec<WebhookClientConfig> = first
        .into_iter()
        .map(|webhook| webhook.client_config)
        .chain(second.into_iter().map(|webhook| webhook.client_config))
        .collect();
    let bundles = clients
        .into_iter()
        .map(|client| client.ca_bundle.map(|bundle| bundle.0).unwrap_or_default())
        .map(|bundle| String::from_utf8_lossy(&bundle).into_owned())
        .collect();
    let check = if missing.is_empty() {
        Check::good(ABOUT, format!("`{MUTATING}` and `{VALIDATING}` are registered"))
    } else {
        Check::bad(
            ABOUT,
            format!("missing: `{}`", missing.join("`, `")),
            format!(
                "the program registers them once it serves: `kubectl -n {namespace} logs deployment/{NAME}`"
            ),
        )
    };
    (check, Registered { bundles })
}

/// The Secret that the replicas read their certificate from.
fn secret_name(deployment: &Deployment) -> Option<String> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    let argument = pod.containers.first()?.args.iter().flatten();
    let named = argument.filter_map(|text| text.strip_prefix("--certificate-secret=")).next();
    let mounted = pod.volumes.iter().flatten().find(|volume| volume.name == "certificate");
    named.map(str::to_owned).or_else(|| mounted?.secret.as_ref()?.secret_name.clone())
}

/// Whether the API server trusts the certificate, and until when it is valid.
pub(super) async fn certificate(
    client: &Client,
    namespace: &str,
    deployment: &Deployment,
    registered: &Registered,
) -> Vec<Check> {
    const ABOUT: &str = "certificate";
    let Some(name) = secret_name(deployment) else {
        return vec![Check::unknown(ABOUT, "it is in no Secret", "look at the files of the replicas")];
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret = match secrets.get_opt(&name).await {
        Err(error) => return vec![Check::failed(ABOUT, &error)],
        Ok(None) => {
            let advice = format!("the log says why: `kubectl -n {namespace} logs deployment/{NAME}`");
            return vec![Check::bad(ABOUT, format!("there is no Secret `{name}`"), advice)];
        }
        Ok(Some(secret)) => secret,
    };
    let text = |key: &str| {
        let data = secret.data.as_ref().and_then(|data| data.get(key));
        data.map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned()).unwrap_or_default()
    };
    vec![expiry(&text("tls.crt")), trust(&text("ca.crt"), &registered.bundles)]
}

fn expiry(chain: &str) -> Check {
    const ABOUT: &str = "certificate";
    let advice = "its renewal fails; the log of the replicas, or cert-manager, says why";
    let pem = Pem::iter_from_buffer(chain.as_bytes()).next().and_then(Result::ok);
    let end = pem.as_ref().and_then(|pem| pem.parse_x509().ok()).map(|parsed| parsed.validity().not_after);
    let Some(end) = end else { return Check::bad(ABOUT, "it cannot be read", advice) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let days = (end.timestamp() - i64::try_from(now).unwrap_or(i64::MAX)).div_euclid(24 * 3600);
    if days < 0 {
        Check::bad(ABOUT, "it has expired", advice)
    } else if days < FEW_DAYS {
        Check::bad(ABOUT, format!("it expires in {days} days"), advice)
    } else {
        Check::good(ABOUT, format!("it is valid for {days} more days"))
    }
}

/// The authority that signed the certificate comes first in `ca.crt`.
fn trust(authorities: &str, bundles: &[String]) -> Check {
    const ABOUT: &str = "trust";
    let first = |text: &str| Pem::iter_from_buffer(text.as_bytes()).next().and_then(Result::ok);
    let Some(authority) = first(authorities) else {
        return Check::unknown(ABOUT, "the Secret names no authority", "compare the CA bundle by hand");
    };
    let trusts = |bundle: &String| {
        Pem::iter_from_buffer(bundle.as_bytes()).flatten().any(|pem| pem.contents == authority.contents)
    };
    if bundles.is_empty() {
        Check::unknown(ABOUT, "nothing is registered", "see the configurations")
    } else if bundles.iter().all(trusts) {
        Check::good(ABOUT, "the configurations trust the authority of the certificate")
    } else {
        Check::bad(
            ABOUT,
            "the CA bundle of a configuration is not the authority of the certificate",
            "the program writes it every half minute; somebody else may write it too",
        )
    }
}

/// Policies, and whether what is written is what is in force.
pub(super) async fn policies(client: &Client) -> Check {
    const ABOUT: &str = "policies";
    let kind = GroupVersionKind::gvk("kubectl-infer.io", "v1alpha1", "InferencePolicy");
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &ApiResource::from_gvk(&kind));
    let policies = match api.list(&ListParams::default()).await {
        Ok(list) => list.items,
        Err(kube::Error::Api(status)) if status.is_not_found() => {
            let advice = "apply the definition: `kubectl infer webhook install`";
            return Check::bad(ABOUT, "InferencePolicy is not installed", advice);
        }
        Err(error) => return Check::failed(ABOUT, &error),
    };
    let refused: Vec<&str> = policies
        .iter()
        .filter(|policy| policy.data.pointer("/status/accepted") == Some(&Value::Bool(false)))
        .filter_map(|policy| policy.metadata.name.as_deref())
        .collect();
    let unseen = policies
        .iter()
        .filter(|policy| {
            let seen = policy.data.pointer("/status/observedGeneration").and_then(Value::as_i64);
            seen != policy.metadata.generation
        })
        .count();
    let count = policies.len();
    if let Some(first) = refused.first() {
        let says = format!("not accepted: `{}`; the last good version is in force", refused.join("`, `"));
        Check::bad(ABOUT, says, format!("`kubectl describe inferencepolicy {first}` has the reasons"))
    } else if unseen > 0 {
        let says = format!("{unseen} of {count} are not yet in force at every replica");
        Check::unknown(ABOUT, says, "look again in a few seconds")
    } else if count == 0 {
        Check::good(ABOUT, "none: safe fixes are made, everything else warns, nothing is refused")
    } else {
        Check::good(ABOUT, format!("{count} in force"))
    }
}

/// Namespaces that opted in.
pub(super) async fn opted_in(client: &Client) -> (Check, Option<String>) {
    const ABOUT: &str = "namespaces";
    let namespaces: Api<Namespace> = Api::all(client.clone());
    match namespaces.list(&ListParams::default().labels(OPT_IN)).await {
        Err(error) => (Check::failed(ABOUT, &error), None),
        Ok(list) => {
            let first = list.items.iter().find_map(|namespace| namespace.metadata.name.clone());
            let check = if first.is_some() {
                Check::good(ABOUT, format!("{} opted in", list.items.len()))
            } else {
                let advice = "`kubectl label namespace NAMESPACE kubectl-infer.io/admission=enabled` opts in";
                Check::unknown(ABOUT, "none opted in, so nothing is admitted differently", advice)
            };
            (check, first)
        }
    }
}

/// A workload as a dry run: the API server calls the webhook for it and stores nothing.
pub(super) async fn probe(client: &Client, namespace: &str) -> Check {
    const ABOUT: &str = "probe";
    let unreached =
        "the API server does not reach the Service, or does not trust it; a firewall may be in between";
    let deployment: Deployment = match serde_json::from_value(workload()) {
        Ok(deployment) => deployment,
        Err(error) => return Check::unknown(ABOUT, error.to_string(), "please report this"),
    };
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    match api.create(&parameters, &deployment).await {
        Ok(answer) => {
            let annotations = answer.metadata.annotations.unwrap_or_default();
            if annotations.keys().any(|key| key.starts_with("kubectl-infer.io/")) {
                Check::good(ABOUT, format!("a workload in namespace `{namespace}` came back as it should"))
            } else {
                let says = format!("a workload in namespace `{namespace}` came back untouched");
                Check::bad(ABOUT, says, unreached)
            }
        }
        Err(kube::Error::Api(status)) if status.message.contains("failed calling webhook") => {
            Check::bad(ABOUT, status.message.clone(), unreached)
        }
        // It was asked, and a policy of the namespace says no.
        Err(kube::Error::Api(status)) if status.message.contains("validate.kubectl-infer.io") => Check::good(
            ABOUT,
            format!("a workload in namespace `{namespace}` was judged: {}", status.message),
        ),
        Err(kube::Error::Api(status)) => {
            let advice = "name another namespace with `--probe-namespace`";
            Check::unknown(ABOUT, status.message.clone(), advice)
        }
        Err(error) => Check::failed(ABOUT, &error),
    }
}

fn workload() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "kubectl-infer-probe" },
        "spec": {
            "replicas": 0,
            "selector": { "matchLabels": { "app": "kubectl-infer-probe" } },
            "template": {
                "metadata": { "labels": { "app": "kubectl-infer-probe" } },
                "spec": {
                    "containers": [{
                        "name": "server",
                        "image": "vllm/vllm-openai:v0.11.0",
                        "args": ["--model=Qwen/Qwen3-8B", "--tensor-parallel-size=2"],
                        "ports": [{ "containerPort": 8000 }],
                        "resources": { "limits": { "nvidia.com/gpu": "2" } },
                    }],
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_replica_is_no_admission() {
        let deployment = |ready: i32| -> Deployment {
            let object = json!({ "spec": { "replicas": 2, "selector": {}, "template": {} }, "status": { "availableReplicas": ready } });
            serde_json::from_value(object).unwrap()
        };
        assert_eq!(replicas(&Ok(Some(deployment(2))), NAME).state, State::Good);
        assert_eq!(replicas(&Ok(Some(deployment(1))), NAME).state, State::Bad);
        assert_eq!(replicas(&Ok(None), NAME).state, State::Bad);
    }

    #[test]
    fn a_certificate_that_cannot_be_read_is_bad() {
        assert_eq!(expiry("").state, State::Bad);
        assert_eq!(trust("", &[]).state, State::Unknown);
    }

    #[test]
    fn the_secret_is_the_one_of_the_arguments_or_of_the_volume() {
        let deployment = |pod: Value| -> Deployment {
            serde_json::from_value(json!({ "spec": { "selector": {}, "template": { "spec": pod } } }))
                .unwrap()
        };
        let argument = deployment(json!({
            "containers": [{ "name": "a", "args": ["--certificates=secret", "--certificate-secret=tls"] }],
        }));
        assert_eq!(secret_name(&argument).as_deref(), Some("tls"));
        let volume = deployment(json!({
            "containers": [{ "name": "a" }],
            "volumes": [{ "name": "certificate", "secret": { "secretName": "mounted" } }],
        }));
        assert_eq!(secret_name(&volume).as_deref(), Some("mounted"));
    }
}
