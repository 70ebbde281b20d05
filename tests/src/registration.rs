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
        let control_plane = namespace.control_plane();
        let mut copy = registered(control_plane)?;
        let name = namespace.name();
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
                webhook["namespaceSelector"] =
                    json!({ "matchLabels": { "kubernetes.io/metadata.name": name } });
            }
        }
        control_plane.block_on(create(control_plane, copy))?;
        Ok(registration)
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
