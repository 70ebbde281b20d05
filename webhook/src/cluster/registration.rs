//! The two webhook configurations: written by the program once replicas serve, and kept as they should be.

use std::time::Duration;

use anyhow::Context;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::relevance;
use crate::metrics::Metrics;
use crate::options::Options;
use crate::readiness::Readiness;

/// Name of the mutating configuration. They are called in the order of their names: ours before those that look at
/// what ours writes, such as GKE's injector for Cloud Storage FUSE.
const MUTATING: &str = "00-infer-webhook";

/// Name of the validating configuration.
const VALIDATING: &str = "infer-webhook";

/// Who owns the fields that are written.
const FIELD_MANAGER: &str = "infer-webhook";

/// Label of namespaces that opt in.
const OPT_IN: &str = "kubectl-infer.io/admission";

/// How often the configurations are written again, in case somebody changed or deleted them.
const INTERVAL: Duration = Duration::from_secs(30);

/// How soon after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// How long the API server may take; its own limit is a minute.
const CALL: Duration = Duration::from_secs(20);

/// What the configurations say, but for the authority.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    namespace: String,
    service: String,
    client_url: Option<String>,
    inject_ca_from: Option<String>,
    owner_cluster_role: Option<String>,
}

impl Registration {
    /// As the command line wants it.
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            namespace: options.namespace.clone(),
            service: options.service.clone(),
            client_url: options.client_url.clone(),
            inject_ca_from: options.inject_ca_from.clone(),
            owner_cluster_role: options.owner_cluster_role.clone(),
        }
    }

    /// Writes the configurations once replicas serve, again whenever `authority` changes, and every half minute,
    /// for ever. Each authority that is registered is sent on.
    pub(crate) async fn keep(
        self,
        client: Client,
        mut authority: watch::Receiver<Option<String>>,
        registered: watch::Sender<Option<String>>,
        readiness: Readiness,
        metrics: std::sync::Arc<Metrics>,
    ) {
        readiness.wait().await;
        let mut is_registered = false;
        loop {
            let current = authority.borrow_and_update().clone();
            let done = timeout(CALL, self.register(&client, current.as_deref(), is_registered)).await;
            let done = done.unwrap_or_else(|_| Err(anyhow::anyhow!("the API server did not answer")));
            let wait = match done {
                Ok(()) => {
                    if !is_registered {
                        tracing::info!("configurations registered");
                    }
                    is_registered = true;
                    metrics.registered.set(1);
                    registered.send_replace(current);
                    INTERVAL
                }
                Err(error) => {
                    metrics.registration_errors.inc();
                    tracing::warn!(error = format!("{error:#}"), "configurations not registered");
                    RETRY
                }
            };
            // The other end lives as long as the program.
            let _ = timeout(wait, authority.changed()).await;
        }
    }

    async fn register(&self, client: &Client, authority: Option<&str>, again: bool) -> anyhow::Result<()> {
        if !again {
            self.wait_for_replicas(client).await?;
        }
        let owner = self.owner(client).await?;
        let mutating = self.mutating(authority, owner.as_ref());
        apply::<MutatingWebhookConfiguration>(client, MUTATING, &mutating).await?;
        let validating = self.validating(authority, owner.as_ref());
        apply::<ValidatingWebhookConfiguration>(client, VALIDATING, &validating).await
    }

    /// That this replica is ready does not mean that the Service leads to it yet.
    async fn wait_for_replicas(&self, client: &Client) -> anyhow::Result<()> {
        if self.client_url.is_some() {
            return Ok(());
        }
        let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), &self.namespace);
        let of_service = format!("kubernetes.io/service-name={}", self.service);
        loop {
            let found = slices.list(&ListParams::default().labels(&of_service)).await;
            let found =
                found.with_context(|| format!("cannot list endpoints of Service `{}`", self.service))?;
            let mut endpoints = found.items.into_iter().flat_map(|slice| slice.endpoints);
            let is_ready = endpoints
                .any(|endpoint| endpoint.conditions.and_then(|conditions| conditions.ready).unwrap_or(true));
            if is_ready {
                return Ok(());
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// The ClusterRole of the installation: when it is deleted, so are the configurations, even if the program is
    /// gone by then.
    async fn owner(&self, client: &Client) -> anyhow::Result<Option<Value>> {
        let Some(name) = &self.owner_cluster_role else { return Ok(None) };
        let roles: Api<ClusterRole> = Api::all(client.clone());
        let role = roles.get(name).await.with_context(|| format!("cannot read ClusterRole `{name}`"))?;
        let uid = role.metadata.uid.with_context(|| format!("ClusterRole `{name}` has no uid"))?;
        Ok(Some(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "name": name,
            "uid": uid,
        })))
    }

    fn mutating(&self, authority: Option<&str>, owner: Option<&Value>) -> Value {
        // Objects are changed if that can be had.
        let mut objects = self.webhook("mutate.kubectl-infer.io", "/mutate", "Ignore", authority);
        objects["rules"] = rules();
        objects["matchConditions"] = relevance::mutating();
        objects["reinvocationPolicy"] = json!("IfNeeded");
        self.configuration("MutatingWebhookConfiguration", MUTATING, owner, json!([objects]))
    }

    fn validating(&self, authority: Option<&str>, owner: Option<&Value>) -> Value {
        // They are judged where the namespace asked for it.
        let mut objects = self.webhook("validate.kubectl-infer.io", "/validate", "Fail", authority);
        objects["rules"] = rules();
        objects["matchConditions"] = relevance::validating();
        // A scale does not say what it scales, so that refusing it would stop the autoscaler of every workload there
        // is in the namespace, and just when load rises.
        let mut scales = self.webhook("validate-scale.kubectl-infer.io", "/validate", "Ignore", authority);
        scales["rules"] = scale_rules();
        scales["matchConditions"] = relevance::scaling();
        self.configuration("ValidatingWebhookConfiguration", VALIDATING, owner, json!([objects, scales]))
    }

    fn configuration(&self, kind: &str, name: &str, owner: Option<&Value>, webhooks: Value) -> Value {
        let mut metadata = json!({
            "name": name,
            "labels": { "app.kubernetes.io/name": "infer-webhook", "app.kubernetes.io/part-of": "kubectl-infer" },
        });
        if let Some(owner) = owner {
            metadata["ownerReferences"] = json!([owner]);
        }
        if let Some(certificate) = &self.inject_ca_from {
            metadata["annotations"] = json!({ "cert-manager.io/inject-ca-from": certificate });
        }
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": metadata,
            "webhooks": webhooks,
        })
    }

    /// What all webhooks have in common.
    fn webhook(&self, name: &str, path: &str, failure_policy: &str, authority: Option<&str>) -> Value {
        json!({
            "name": name,
            "admissionReviewVersions": ["v1"],
            "clientConfig": self.client_config(path, authority),
            "failurePolicy": failure_policy,
            "matchPolicy": "Equivalent",
            "sideEffects": "None",
            "timeoutSeconds": 3,
            "namespaceSelector": self.namespaces(),
            "objectSelector": {},
        })
    }

    fn namespaces(&self) -> Value {
        let never = ["kube-system", "kube-node-lease", &self.namespace];
        json!({
            "matchLabels": { OPT_IN: "enabled" },
            "matchExpressions": [
                { "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": never },
            ],
        })
    }

    fn client_config(&self, path: &str, authority: Option<&str>) -> Value {
        let mut config = match &self.client_url {
            Some(url) => json!({ "url": format!("{}{path}", url.trim_end_matches('/')) }),
            None => json!({
                "service": { "namespace": self.namespace, "name": self.service, "path": path, "port": 443 },
            }),
        };
        // Whoever injects it owns the field.
        if let Some(authority) = authority.filter(|_| self.inject_ca_from.is_none()) {
            config["caBundle"] = json!(ByteString(authority.as_bytes().to_vec()));
        }
        config
    }
}

/// What the API server calls for: objects that are made, and those of them that can be changed when they are.
fn rules() -> Value {
    let both = ["CREATE", "UPDATE"];
    json!([
        // Pods and Jobs cannot change but for what no rule reads.
        rule("", "v1", &["pods"], &["CREATE"]),
        rule("", "v1", &["replicationcontrollers"], &both),
        rule("apps", "v1", &["deployments", "statefulsets", "daemonsets", "replicasets"], &both),
        rule("batch", "v1", &["jobs"], &["CREATE"]),
        rule("batch", "v1", &["cronjobs"], &both),
        rule("autoscaling", "v2", &["horizontalpodautoscalers"], &both),
        rule("keda.sh", "v1alpha1", &["scaledobjects"], &both),
        rule("leaderworkerset.x-k8s.io", "v1", &["leaderworkersets"], &both),
        rule("jobset.x-k8s.io", "v1alpha2", &["jobsets"], &["CREATE"]),
    ])
}

/// Changes of the number of replicas alone, by autoscalers and by `kubectl scale`.
fn scale_rules() -> Value {
    json!([
        rule("apps", "v1", &["deployments/scale", "statefulsets/scale", "replicasets/scale"], &["UPDATE"]),
        rule("leaderworkerset.x-k8s.io", "v1", &["leaderworkersets/scale"], &["UPDATE"]),
    ])
}

fn rule(group: &str, version: &str, resources: &[&str], operations: &[&str]) -> Value {
    json!({
        "apiGroups": [group],
        "apiVersions": [version],
        "resources": resources,
        "operations": operations,
        "scope": "Namespaced",
    })
}

async fn apply<K>(client: &Client, name: &str, configuration: &Value) -> anyhow::Result<()>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::ClusterResourceScope>
        + Clone
        + DeserializeOwned
        + Serialize
        + std::fmt::Debug,
{
    let api: Api<K> = Api::all(client.clone());
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(name, &parameters, &Patch::Apply(configuration))
        .await
        .with_context(|| format!("cannot write {} `{name}`", K::kind(&())))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn registration(arguments: &[&str]) -> Registration {
        let arguments = ["infer-webhook", "--namespace=infer-system"].iter().chain(arguments);
        Registration::new(&Options::parse_from(arguments))
    }

    #[test]
    fn only_namespaces_that_opted_in_and_never_those_of_the_cluster() {
        let registration = registration(&[]);
        let configurations = [registration.mutating(None, None), registration.validating(None, None)];
        let webhooks = configurations.iter().filter_map(|configuration| configuration["webhooks"].as_array());
        let selectors: Vec<_> = webhooks.flatten().map(|webhook| &webhook["namespaceSelector"]).collect();
        assert_eq!(selectors.len(), 3);
        for selector in selectors {
            assert_eq!(selector["matchLabels"], json!({ "kubectl-infer.io/admission": "enabled" }));
            let never = json!(["kube-system", "kube-node-lease", "infer-system"]);
            assert_eq!(selector["matchExpressions"][0]["values"], never);
        }
    }

    /// A scale is judged if that can be had, and by one webhook only.
    #[test]
    fn scales_have_a_webhook_of_their_own_that_fails_open() {
        let registration = registration(&[]);
        let resources = |webhook: &Value| webhook["rules"].to_string();
        let mutating = registration.mutating(None, None);
        assert!(!resources(&mutating["webhooks"][0]).contains("/scale"));
        let validating = registration.validating(None, None);
        let [objects, scales] = [0, 1].map(|index| &validating["webhooks"][index]);
        assert_eq!((&objects["failurePolicy"], &scales["failurePolicy"]), (&json!("Fail"), &json!("Ignore")));
        assert!(!resources(objects).contains("/scale"));
        assert!(resources(scales).contains("\"deployments/scale\""));
    }

    #[test]
    fn an_authority_that_somebody_else_injects_is_left_alone() {
        let own = registration(&[]).client_config("/mutate", Some("PEM"));
        assert_eq!(own["caBundle"], json!("UEVN"));
        let injected = registration(&["--inject-ca-from=infer-system/webhook"]);
        assert_eq!(injected.client_config("/mutate", Some("PEM")).get("caBundle"), None);
    }
}
