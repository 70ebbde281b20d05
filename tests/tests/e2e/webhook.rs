//! The webhook and the cluster: registration, its own certificates, policies by watch, and what it does while the API
//! server or a replica is gone.

use crate::cluster::{define_policies, succeeds, until};
use anyhow::{Context, Result, ensure};
use infer_tests::{
    CONFIGURATIONS, ControlPlane, InferWebhook, Probe, Relay, TestNamespace, exclusive_registration,
};
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Error};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use std::fs;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

const PATIENCE: Duration = Duration::from_secs(60);
/// How often a policy is changed under load.
const CHANGES: u32 = 10;
/// How long the API server is gone.
const OUTAGE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Replicas behind one port, registered with the API server, and a namespace that opted in.
struct Installation<'a> {
    namespace: TestNamespace<'a>,
    /// Of the program itself.
    home: TestNamespace<'a>,
    service: Relay,
    /// Between the replicas and the API server.
    network: Relay,
    replicas: Vec<InferWebhook>,
    _only: MutexGuard<'static, ()>,
}

impl<'a> Installation<'a> {
    /// Before any replica runs.
    fn prepare(test: &str) -> Result<Self> {
        let only = exclusive_registration();
        let control_plane = ControlPlane::shared()?;
        define_policies(control_plane)?;

        let namespace = control_plane.namespace(test)?;
        let home = control_plane.namespace(&format!("{test}-home"))?;
        let label = "kubectl-infer.io/admission=enabled";
        kubectl(control_plane, &["label", "namespace", namespace.name(), label])?;
        kubectl(control_plane, &["create", "clusterrole", home.name(), "--verb=get", "--resource=pods"])?;
        let network = Relay::start()?;
        let service = Relay::start()?;
        let installation = Self { namespace, home, service, network, replicas: Vec::new(), _only: only };
        installation.connect()?;
        Ok(installation)
    }

    /// With `count` replicas that are ready, and called.
    fn start(test: &str, count: usize) -> Result<Self> {
        let mut installation = Self::prepare(test)?;
        for _ in 0..count {
            installation.launch()?;
        }
        installation.serve()?;
        Ok(installation)
    }

    fn control_plane(&self) -> &'a ControlPlane {
        self.namespace.control_plane()
    }

    fn launch(&mut self) -> Result<()> {
        let dir = tempfile::tempdir()?;
        let kubeconfig = dir.path().join("kubeconfig");
        let text = fs::read_to_string(self.control_plane().kubeconfig())?;
        let port = self.api_port()?;
        fs::write(&kubeconfig, text.replace(&format!(":{port}"), &format!(":{}", self.network.port())))?;
        let arguments = [
            "--certificates=secret".to_owned(),
            format!("--client-url=https://127.0.0.1:{}", self.service.port()),
            format!("--namespace={}", self.home.name()),
            format!("--owner-cluster-role={}", self.home.name()),
            format!("--replica=replica-{}", self.replicas.len()),
            "--drain-seconds=1".to_owned(),
        ];
        self.replicas.push(InferWebhook::launch(self.control_plane(), dir, &kubeconfig, &arguments)?);
        Ok(())
    }

    /// Waits until all replicas are ready and the API server calls them.
    fn serve(&self) -> Result<()> {
        for replica in &self.replicas {
            replica.wait_until_ready(self.control_plane())?;
        }
        self.lead_to_replicas();
        until("objects are changed", || {
            let annotations = self.create(&deployment("probe"))?.metadata.annotations.unwrap_or_default();
            Ok(annotations.keys().any(|key| key.starts_with("kubectl-infer.io/")).then_some(()))
        })
    }

    fn lead_to_replicas(&self) {
        let ports: Vec<_> = self.replicas.iter().map(InferWebhook::port).collect();
        self.service.lead_to(&ports);
    }

    /// Lets the replicas reach the API server.
    fn connect(&self) -> Result<()> {
        self.network.lead_to(&[self.api_port()?]);
        Ok(())
    }

    fn api_port(&self) -> Result<u16> {
        let kubeconfig = fs::read_to_string(self.control_plane().kubeconfig())?;
        let (_, rest) = kubeconfig.split_once("https://127.0.0.1:").context("no address")?;
        Ok(rest.split_whitespace().next().context("no port")?.parse()?)
    }

    /// Creates a Deployment without storing it.
    fn create(&self, object: &Value) -> kube::Result<Deployment> {
        let api: Api<Deployment> = Api::namespaced(self.control_plane().client(), self.namespace.name());
        let object: Deployment = serde_json::from_value(object.clone()).map_err(Error::SerdeError)?;
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        self.control_plane().block_on(async { api.create(&dry_run, &object).await })
    }

    /// Applies a policy that does `action` about a rule or group and allows three replicas, in the namespace of the
    /// test only.
    fn apply_policy(&self, name: &str, rule: &str, action: &str) -> Result<()> {
        self.namespace.apply(&self.limiting(name, rule, action, 3).to_string())
    }

    fn limiting(&self, name: &str, rule: &str, action: &str, replicas: u32) -> Value {
        json!({
            "apiVersion": "kubectl-infer.io/v1alpha1",
            "kind": "InferencePolicy",
            "metadata": { "name": name },
            "spec": {
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": self.namespace.name() } },
                "limits": { "replicas": replicas },
                "rules": [{ "rule": rule, "action": action }],
            },
        })
    }

    fn policy(&self, name: &str) -> Result<Value> {
        let text = kubectl(self.control_plane(), &["get", "inferencepolicy", name, "--output=json"])?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Makes the policy's next generation, which allows two replicas more than its number, and returns how long it
    /// takes until every replica of the program judges by it.
    fn change_limit(&self, generation: u32) -> Result<Duration> {
        let allowed = generation + 2;
        let patch = Patch::Apply(self.limiting("few-replicas", "cache", "warn", allowed));
        let kind = GroupVersionKind::gvk("kubectl-infer.io", "v1alpha1", "InferencePolicy");
        let policies: Api<DynamicObject> =
            Api::all_with(self.control_plane().client(), &ApiResource::from_gvk(&kind));
        let began = Instant::now();
        // As the one who applied it first.
        let parameters = PatchParams::apply("kubectl");
        self.control_plane().block_on(policies.patch("few-replicas", &parameters, &patch))?;
        let in_force = format!("infer_webhook_policy_generation{{policy=\"few-replicas\"}} {generation}\n");
        while !self.all_metrics_have(&in_force)? {
            ensure!(began.elapsed() < PATIENCE, "generation {generation} is not in force");
            thread::sleep(Duration::from_millis(2));
        }
        let delay = began.elapsed();
        // From now on whichever is asked.
        for _ in 0..4 {
            ensure!(!self.refuses(allowed)? && self.refuses(allowed + 1)?, "generation {generation}");
        }
        Ok(delay)
    }

    fn all_metrics_have(&self, line: &str) -> Result<bool> {
        for replica in &self.replicas {
            if !replica.probe(Probe::Metrics)?.1.contains(line) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether so many replicas are refused.
    fn refuses(&self, replicas: u32) -> Result<bool> {
        let mut object = deployment("many");
        object["spec"]["replicas"] = json!(replicas);
        match self.create(&object) {
            Ok(_) => Ok(false),
            Err(Error::Api(status)) if status.message.contains("replicas") => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Does something while Deployments are created all the time, of which every one must succeed and be changed.
    fn under_load<T>(&self, during: impl FnOnce() -> Result<T>) -> Result<T> {
        let ends = AtomicBool::new(false);
        let count = AtomicUsize::new(0);
        thread::scope(|scope| {
            let load = scope.spawn(|| -> Result<()> {
                while !ends.load(Ordering::SeqCst) {
                    let made = self.create(&deployment("load")).context("a Deployment is refused")?;
                    let annotations = made.metadata.annotations.unwrap_or_default();
                    ensure!(
                        annotations.keys().any(|key| key.starts_with("kubectl-infer.io/")),
                        "a Deployment went through unseen"
                    );
                    count.fetch_add(1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(10));
                }
                Ok(())
            });
            let done = during();
            ends.store(true, Ordering::SeqCst);
            load.join().ok().context("the load panicked")??;
            ensure!(count.load(Ordering::SeqCst) > 5, "no load");
            done
        })
    }
}

impl Drop for Installation<'_> {
    fn drop(&mut self) {
        // What is registered would be called in other tests.
        self.replicas.clear();
        let control_plane = self.control_plane();
        let _ = kubectl(control_plane, &["delete", "mutatingwebhookconfiguration", "00-infer-webhook"]);
        let _ = kubectl(control_plane, &["delete", "validatingwebhookconfiguration", "infer-webhook"]);
        let _ = kubectl(control_plane, &["delete", "inferencepolicy", "few-replicas"]);
    }
}

fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name },
        "spec": {
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": {
                    "containers": [{
                        "name": "server",
                        "image": "vllm/vllm-openai:v0.11.0",
                        "args": ["--model=google/gemma-3-27b-it", "--tensor-parallel-size=2"],
                        "resources": { "limits": { "nvidia.com/gpu": "2", "memory": "100Gi" } },
                    }],
                },
            },
        },
    })
}

fn kubectl(control_plane: &ControlPlane, arguments: &[&str]) -> Result<String> {
    succeeds(control_plane.kubectl()?.args(arguments))
}

fn configurations(control_plane: &ControlPlane) -> Result<Vec<Value>> {
    let kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations";
    let text = kubectl(control_plane, &["get", kinds, "--output=json"])?;
    let list: Value = serde_json::from_str(&text)?;
    let items = list["items"].as_array().context("no items")?.iter();
    let is_ours = |item: &&Value| CONFIGURATIONS.iter().any(|name| item["metadata"]["name"] == *name);
    Ok(items.filter(is_ours).cloned().collect())
}

#[test]
fn registers_itself_and_is_gone_with_its_role() -> Result<()> {
    let installation = Installation::start("registration", 1)?;
    let control_plane = installation.control_plane();
    let configurations_there = configurations(control_plane)?;
    ensure!(configurations_there.len() == 2, "{configurations_there:?}");
    for configuration in &configurations_there {
        let is_mutating = configuration["kind"] == "MutatingWebhookConfiguration";
        let expected: &[_] = if is_mutating { &["Ignore"] } else { &["Fail", "Ignore"] };
        let webhooks = configuration["webhooks"].as_array().context("no webhooks")?;
        let policies: Vec<_> = webhooks.iter().map(|webhook| &webhook["failurePolicy"]).collect();
        ensure!(policies == expected, "{policies:?}");
        for webhook in webhooks {
            ensure!(webhook["timeoutSeconds"] == 3 && webhook["sideEffects"] == "None");
        }
        ensure!(configuration["metadata"]["ownerReferences"][0]["name"] == installation.home.name());
    }

    kubectl(control_plane, &["delete", "clusterrole", installation.home.name()])?;
    until("both are collected", || Ok(configurations(control_plane)?.is_empty().then_some(())))
}

#[test]
fn what_has_nothing_to_do_with_inference_needs_no_webhook() -> Result<()> {
    let installation = Installation::start("unrelated", 1)?;
    installation.service.cut();
    installation.replicas[0].kill()?;
    let pod = |name: &str, image: &str| {
        format!(
            "
apiVersion: v1
kind: Pod
metadata: {{ name: {name} }}
spec: {{ containers: [{{ name: main, image: {image} }}] }}
"
        )
    };
    installation.namespace.apply(&pod("unrelated", "busybox:1.37"))?;
    let refused = installation.namespace.apply(&pod("related", "vllm/vllm-openai:v0.11.0"));
    ensure!(refused.is_err(), "what serves a model is judged where the namespace asked for it");
    let elsewhere = installation.control_plane().namespace("not-opted-in")?;
    elsewhere.apply(&pod("related", "vllm/vllm-openai:v0.11.0"))
}

/// Whether both replicas have seen a generation. Programs of other tests watch the same policies, and say so too.
fn is_seen(status: &Value, generation: u32) -> bool {
    let replicas = status["replicas"].as_array();
    ["replica-0", "replica-1"].iter().all(|name| {
        let is_it = |replica: &Value| replica["name"] == *name && replica["observedGeneration"] == generation;
        replicas.is_some_and(|replicas| replicas.iter().any(is_it))
    })
}

#[test]
fn a_policy_is_in_force_in_every_replica_and_reports_so() -> Result<()> {
    let installation = Installation::start("policy", 2)?;
    ensure!(!installation.refuses(4)?, "nothing is refused without a policy");
    installation.apply_policy("few-replicas", "cache", "warn")?;
    let mut delays = installation.under_load(|| {
        // The first generation allows three replicas; each change allows one more than the one before.
        (2..CHANGES + 2).map(|generation| installation.change_limit(generation)).collect::<Result<Vec<_>>>()
    })?;
    delays.sort();
    eprintln!(
        "in force in both replicas after {:?}, at most {:?} ({CHANGES} changes under load)",
        delays[delays.len() / 2],
        delays[delays.len() - 1]
    );
    until("every replica has seen it", || {
        let status = &installation.policy("few-replicas")?["status"];
        Ok((is_seen(status, CHANGES + 1) && status["accepted"] == true).then_some(()))
    })?;

    // A broken generation is said, and the last one stays.
    installation.apply_policy("few-replicas", "no-such-rule", "warn")?;
    until("the policy is not accepted", || {
        let status = &installation.policy("few-replicas")?["status"];
        let is_told = status["reasons"].to_string().contains("no-such-rule");
        Ok((is_told && status["accepted"] == false && is_seen(status, CHANGES + 2)).then_some(()))
    })?;
    let allowed = CHANGES + 3;
    ensure!(installation.refuses(allowed + 1)?, "the last generation stays in force");
    ensure!(!installation.refuses(allowed)?);
    Ok(())
}

#[test]
fn the_api_server_may_be_gone_for_a_minute() -> Result<()> {
    let installation = Installation::start("outage", 1)?;
    installation.apply_policy("few-replicas", "cache", "warn")?;
    until("the policy is in force", || Ok(installation.refuses(4)?.then_some(())))?;

    installation.under_load(|| {
        installation.network.cut();
        kubectl(installation.control_plane(), &["delete", "inferencepolicy", "few-replicas"])?;
        let cut = Instant::now();
        while cut.elapsed() < OUTAGE {
            ensure!(installation.refuses(4)?, "what was known stays in force");
            thread::sleep(Duration::from_millis(200));
        }
        installation.connect()?;
        until("the change is seen", || Ok((!installation.refuses(4)?).then_some(())))
    })
}

#[test]
fn a_replica_that_is_killed_leaves_the_other() -> Result<()> {
    let mut installation = Installation::start("killed", 2)?;
    installation.replicas[0].kill()?;
    installation.replicas.remove(0);
    installation.lead_to_replicas();
    // The API server notices with the first call that its connection is gone; then nothing is lost.
    until("the other replica answers", || Ok(installation.create(&deployment("after")).ok()))?;
    installation.under_load(|| {
        thread::sleep(Duration::from_secs(2));
        Ok(())
    })?;

    // A new one shares the certificate that there is.
    installation.launch()?;
    installation.serve()?;
    installation.under_load(|| {
        thread::sleep(Duration::from_secs(2));
        Ok(())
    })
}

#[test]
fn replicas_share_one_certificate_and_renew_it_without_a_lost_call() -> Result<()> {
    let mut installation = Installation::prepare("renewal")?;
    let control_plane = installation.control_plane();
    let secrets: Api<Secret> = Api::namespaced(control_plane.client(), installation.home.name());
    let name = "infer-webhook-certificate";
    installation.launch()?;
    installation.launch()?;
    installation.serve()?;
    let first = control_plane.block_on(secrets.get(name))?;

    // One that is past two thirds of its life, of an authority that nobody has heard of.
    let old = aged(SystemTime::now() - DAY * 61, SystemTime::now() + DAY * 29)?;
    let mut replaced = first.clone();
    replaced.data = Some(old);
    let bundle = |secret: &Secret| -> Result<String> {
        let data = secret.data.as_ref().context("no data")?;
        Ok(String::from_utf8(data.get("ca.crt").context("no authority")?.0.clone())?)
    };
    installation.under_load(|| {
        control_plane.block_on(secrets.replace(name, &PostParams::default(), &replaced))?;
        let renewed = until("the certificate is renewed", || {
            let secret = control_plane.block_on(secrets.get(name))?;
            // Of the new one, the aged one, and the one that is in use.
            Ok((bundle(&secret)?.matches("BEGIN").count() == 3).then_some(secret))
        })?;
        // Registered, and used by both.
        until("its authority is registered", || {
            let expected = serde_json::to_value(ByteString(bundle(&renewed)?.into_bytes()))?;
            let all = configurations(control_plane)?;
            let mut webhooks = all.iter().filter_map(|one| one["webhooks"].as_array()).flatten();
            Ok(webhooks.all(|webhook| webhook["clientConfig"]["caBundle"] == expected).then_some(()))
        })?;
        until("both replicas use it", || {
            let read =
                |replica: &InferWebhook| replica.log().matches("certificate read from the Secret").count();
            Ok(installation.replicas.iter().all(|replica| read(replica) >= 2).then_some(()))
        })
    })
}

/// Data of a Secret with a certificate of its own authority.
fn aged(from: SystemTime, until: SystemTime) -> Result<std::collections::BTreeMap<String, ByteString>> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (authority.not_before, authority.not_after) = (from.into(), until.into());
    let key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&key)?.pem();
    let issuer = Issuer::new(authority, key);
    let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    (leaf.not_before, leaf.not_after) = (from.into(), until.into());
    let key = KeyPair::generate()?;
    let chain = leaf.signed_by(&key, &issuer)?.pem();
    let entry = |name: &str, text: String| (name.to_owned(), ByteString(text.into_bytes()));
    let entries =
        [entry("tls.crt", chain), entry("tls.key", key.serialize_pem()), entry("ca.crt", authority_pem)];
    Ok(entries.into())
}
