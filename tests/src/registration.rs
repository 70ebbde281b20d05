//! The webhook configurations that the program registers, and copies of them for single tests.

use crate::certificates::MountedCertificates;
use crate::control_plane::ControlPlane;
use crate::namespace::TestNamespace;
use crate::wait;
use crate::webhook::InferWebhook;
use anyhow::{Context, Result, anyhow};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Names of the mutating and of the validating configuration in a cluster.
pub const CONFIGURATIONS: [&str; 2] = ["00-infer-webhook", "infer-webhook"];

/// Whoever has the program register itself holds this: there is one registration in a cluster, and the copies of
/// other tests must not be called beside it.
pub fn exclusive_registration() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Both configurations.
#[derive(Clone)]
struct Configurations {
    mutating: Value,
    validating: Value,
}

/// A webhook that the API server calls for one namespace. Dropped, it is called no more.
pub struct Registration<'a> {
    control_plane: &'a ControlPlane,
    mutating: String,
    validating: String,
}

impl InferWebhook {
    /// Has the API server call this webhook for the objects of one namespace: with what the program itself
    /// registers, but for the names, the address, and the selector of namespaces.
    pub fn register<'a>(
        &self,
        namespace: &TestNamespace<'a>,
        certificates: &MountedCertificates,
    ) -> Result<Registration<'a>> {
        let name = namespace.name();
        self.register_for(
            namespace.control_plane(),
            name,
            certificates,
            |_| json!({ "matchLabels": { "kubernetes.io/metadata.name": name } }),
        )
    }

    /// Has the API server call this webhook for those of `namespaces` that the program's own selector lets through:
    /// that have the label, and are none of the cluster's own. Whoever sets the label holds
    /// [`exclusive_registration`], or the registrations of other tests see the namespace too; ask for it after this.
    pub fn register_where_asked<'a>(
        &self,
        control_plane: &'a ControlPlane,
        namespaces: &[&str],
        certificates: &MountedCertificates,
    ) -> Result<Registration<'a>> {
        let name = namespaces.first().context("no namespace")?;
        self.register_for(control_plane, name, certificates, |selector| {
            let one_of =
                json!({ "key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces });
            let mut selector = selector.clone();
            if let Some(expressions) = selector["matchExpressions"].as_array_mut() {
                expressions.push(one_of);
            }
            selector
        })
    }

    fn register_for<'a>(
        &self,
        control_plane: &'a ControlPlane,
        name: &str,
        certificates: &MountedCertificates,
        select: impl Fn(&Value) -> Value,
    ) -> Result<Registration<'a>> {
        let mut copy = registered(control_plane)?;
        let registration = Registration {
            control_plane,
            mutating: format!("{}-{name}", CONFIGURATIONS[0]),
            validating: format!("{}-{name}", CONFIGURATIONS[1]),
        };
        for (object, name_of, path) in [
            (&mut copy.mutating, &registration.mutating, "/mutate"),
            (&mut copy.validating, &registration.validating, "/validate"),
        ] {
            object["metadata"] = json!({ "name": name_of });
            for webhook in object["webhooks"].as_array_mut().context("no webhooks")? {
                webhook["clientConfig"] = self.client_config(path, certificates);
                webhook["namespaceSelector"] = select(&webhook["namespaceSelector"]);
            }
        }
        control_plane.block_on(create(control_plane, copy))?;
        Ok(registration)
    }
}

impl Registration<'_> {
    /// Name of the configuration of the webhook that changes objects.
    pub fn mutating(&self) -> &str {
        &self.mutating
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let deleted = delete(self.control_plane, &self.mutating, &self.validating);
        drop(self.control_plane.block_on(deleted));
    }
}

async fn create(control_plane: &ControlPlane, configurations: Configurations) -> Result<()> {
    let parameters = PostParams::default();
    let mutating: MutatingWebhookConfiguration = serde_json::from_value(configurations.mutating)?;
    Api::all(control_plane.client()).create(&parameters, &mutating).await?;
    let validating: ValidatingWebhookConfiguration = serde_json::from_value(configurations.validating)?;
    Api::all(control_plane.client()).create(&parameters, &validating).await?;
    Ok(())
}

async fn delete(control_plane: &ControlPlane, mutating: &str, validating: &str) -> Result<()> {
    let (first, second): (Api<MutatingWebhookConfiguration>, Api<ValidatingWebhookConfiguration>) =
        (Api::all(control_plane.client()), Api::all(control_plane.client()));
    let parameters = DeleteParams::default();
    let deleted = (first.delete(mutating, &parameters).await, second.delete(validating, &parameters).await);
    deleted.0?;
    deleted.1?;
    Ok(())
}

/// What the program registers, taken from it once.
fn registered(control_plane: &ControlPlane) -> Result<Configurations> {
    static REGISTERED: OnceLock<Result<Configurations, String>> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| take(control_plane).map_err(|error| format!("{error:#}")));
    registered.clone().map_err(|error| anyhow!("the webhook did not register itself: {error}"))
}

fn take(control_plane: &ControlPlane) -> Result<Configurations> {
    let _exclusive = exclusive_registration();
    let (webhook, _certificates) = InferWebhook::start_with(control_plane, &["--register=true"])?;
    let taken = control_plane.block_on(wait::until("registration", Duration::from_secs(30), async || {
        Ok(match configurations(control_plane).await? {
            Some(configurations) => ControlFlow::Break(configurations),
            None => ControlFlow::Continue(webhook.log()),
        })
    }))?;
    // It would write them again.
    webhook.kill()?;
    webhook.wait()?;
    control_plane.block_on(delete(control_plane, CONFIGURATIONS[0], CONFIGURATIONS[1]))?;
    Ok(taken)
}

async fn configurations(control_plane: &ControlPlane) -> Result<Option<Configurations>> {
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(control_plane.client());
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(control_plane.client());
    let found = (mutating.get_opt(CONFIGURATIONS[0]).await?, validating.get_opt(CONFIGURATIONS[1]).await?);
    let (Some(mutating), Some(validating)) = found else { return Ok(None) };
    Ok(Some(Configurations {
        mutating: serde_json::to_value(mutating)?,
        validating: serde_json::to_value(validating)?,
    }))
}
