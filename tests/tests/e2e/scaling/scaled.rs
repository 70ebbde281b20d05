//! A server under load and the autoscaler that our commands write for it, in the real loop.

use crate::autoscaling::JETSTREAM;
use crate::cluster::fed;
use anyhow::{Context, Result, bail, ensure};
use infer_tests::autoscaling::{ModelServer, Monitored};
use infer_tests::{NodeShape, TestNamespace, binaries};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;
use serde_json::{Value, json};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A scrape, the adapter's discovery of a new metric, and a look of the controller take a second or two each; a machine that runs
/// other builds is slow.
const DEADLINE: Duration = Duration::from_secs(120);

/// Time between two looks of a test.
const LOOK: Duration = Duration::from_millis(50);

/// vLLM with as many seats as it has by default.
pub(super) const VLLM: ModelServer = ModelServer::Vllm { seats: 256 };

/// JetStream as `JETSTREAM` starts it: 4 slots on each of 8 chips.
const SLOTS: ModelServer = ModelServer::JetStream { slots: 32 };

/// How the replicas of a test move: as it was written, but in a shorter time.
#[derive(Clone, Copy)]
pub(super) enum Pace {
    /// Steps of the written policies, up ten times as fast, which still is longer than a scrape and a look, and down
    /// ninety times.
    Hurried,
    /// Up to where it is asked at once, down by one in two seconds after a second.
    AtOnce,
}

impl Pace {
    fn of(self, behavior: &Value) -> Value {
        match self {
            Self::Hurried => json!({
                "scaleUp": hurried(&behavior["scaleUp"], 10),
                "scaleDown": hurried(&behavior["scaleDown"], 90),
            }),
            Self::AtOnce => json!({
                "scaleUp": { "policies": [{ "type": "Pods", "value": 10, "periodSeconds": 1 }] },
                "scaleDown": {
                    "stabilizationWindowSeconds": 1,
                    "policies": [{ "type": "Pods", "value": 1, "periodSeconds": 2 }],
                },
            }),
        }
    }
}

/// The same rules with all times divided.
fn hurried(rules: &Value, by: u64) -> Value {
    let mut rules = rules.clone();
    let divide = |seconds: &mut Value| {
        if let Some(number) = seconds.as_u64() {
            *seconds = number.div_ceil(by).into();
        }
    };
    divide(&mut rules["stabilizationWindowSeconds"]);
    for policy in rules["policies"].as_array_mut().into_iter().flatten() {
        divide(&mut policy["periodSeconds"]);
    }
    rules
}

/// A server of one namespace, with its autoscaler.
pub(super) struct Scaled {
    pub(super) monitored: &'static Monitored,
    pub(super) namespace: TestNamespace<'static>,
    server: ModelServer,
    /// Name of the Deployment and of the autoscaler.
    pub(super) name: String,
    /// Everything but Deployment and autoscaler: what scrapes it, and its Service.
    around: Vec<Value>,
    /// As our command wrote it.
    autoscaler: Value,
}

impl Scaled {
    /// gemma-2-27b in vLLM on L4, as `manifests create` writes it: with `replicas` that run, and without what scrapes them.
    pub(super) fn gemma(test: &str, replicas: u32) -> Result<Self> {
        let monitored = Monitored::shared()?;
        let namespace = monitored.control_plane().namespace(test)?;
        let flags = "manifests create --model google/gemma-2-27b-it --model-server-version v0.7.2 \
                     --accelerator-type nvidia-l4 --target-ntpot-milliseconds 200 --peak-request-rate 15 \
                     --autoscaler prometheus-adapter --output json";
        let objects = written(flags, namespace.name(), "")?;
        Self::of(monitored, namespace, VLLM, objects, replicas)
    }

    /// JetStream of the tutorial, and what `autoscaling create` writes for it.
    pub(super) fn jetstream(test: &str, replicas: u32, signals: &str) -> Result<Self> {
        let monitored = Monitored::shared()?;
        let namespace = monitored.control_plane().namespace(test)?;
        let flags = format!(
            "autoscaling create -f - --autoscaler prometheus-adapter --max-replicas 12 {signals} --output json"
        );
        let mut objects = written(&flags, namespace.name(), JETSTREAM)?;
        objects.push(serde_saphyr::from_str(JETSTREAM)?);
        Self::of(monitored, namespace, SLOTS, objects, replicas)
    }

    fn of(
        monitored: &'static Monitored,
        namespace: TestNamespace<'static>,
        server: ModelServer,
        mut objects: Vec<Value>,
        replicas: u32,
    ) -> Result<Self> {
        let mut take = |kind: &str| {
            let at = objects.iter().position(|object| object["kind"] == kind).context(kind.to_owned())?;
            Ok::<_, anyhow::Error>(objects.remove(at))
        };
        let (mut deployment, autoscaler) = (take("Deployment")?, take("HorizontalPodAutoscaler")?);
        let name = deployment["metadata"]["name"].as_str().context("no name")?.to_owned();
        // As if it had grown to that before.
        deployment["spec"]["replicas"] = replicas.into();
        namespace.add_node(&machine())?;
        namespace.apply(&deployment.to_string())?;
        let scaled = Self { monitored, namespace, server, name, around: objects, autoscaler };
        let selector = format!("app={}", scaled.name);
        scaled.namespace.wait_until_running(&selector, usize::try_from(replicas)?, DEADLINE)?;
        Ok(scaled)
    }

    /// What `autoscaling create` writes for the same Deployment in the place of its autoscaler.
    pub(super) fn instead(mut self, signals: &str) -> Result<Self> {
        let flags = format!(
            "autoscaling create {} --autoscaler prometheus-adapter --max-replicas 12 {signals} --output json",
            self.name
        );
        let output = self.infer(&flags)?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut list: Value = serde_json::from_slice(&output.stdout)?;
        let items = list["items"].as_array_mut().context("no items")?;
        items.retain(|object| object["kind"] == "HorizontalPodAutoscaler");
        self.autoscaler = items.pop().context("no autoscaler")?;
        Ok(self)
    }

    /// A metric of somebody else's in the place of those of the autoscaler.
    pub(super) fn by(mut self, metric: &str, average: &str) -> Self {
        self.autoscaler["spec"]["metrics"] = json!([{
            "type": "External",
            "external": {
                "metric": { "name": metric, "selector": { "matchLabels": { "job": self.name } } },
                "target": { "type": "AverageValue", "averageValue": average },
            },
        }]);
        self
    }

    /// Has it scraped, and so on.
    pub(super) fn surround(&self) -> Result<()> {
        for object in &self.around {
            // The device plugin's monitor lies in another namespace.
            let in_its_own = ["apply", "--server-side", "--validate=strict", "--namespace"];
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or(self.namespace.name());
            let arguments = [&in_its_own[..], &[namespace, "--filename=-"]].concat();
            self.monitored.control_plane().kubectl_with_input(&arguments, &object.to_string())?;
        }
        Ok(())
    }

    /// From now on it is scaled.
    pub(super) fn scale(&self, pace: Pace) -> Result<()> {
        let mut autoscaler = self.autoscaler.clone();
        autoscaler["spec"]["behavior"] = pace.of(&autoscaler["spec"]["behavior"]);
        self.namespace.apply(&autoscaler.to_string())
    }

    /// Everything at once, under a load.
    pub(super) fn start(&self, in_flight: f64, pace: Pace) -> Result<()> {
        self.load(in_flight);
        self.surround()?;
        self.scale(pace)
    }

    /// Requests in flight in all replicas together.
    pub(super) fn load(&self, in_flight: f64) {
        self.monitored.load(self.namespace.name(), self.server, in_flight);
    }

    /// What the autoscaler holds its first metric at.
    pub(super) fn threshold(&self) -> Result<f64> {
        let target = &self.autoscaler["spec"]["metrics"][0]["external"]["target"]["averageValue"];
        Ok(target.as_str().context("no averageValue")?.parse()?)
    }

    /// `kubectl infer` in the namespace.
    pub(super) fn command(&self, arguments: &str) -> Result<Command> {
        let mut command = Command::new(binaries::kubectl_infer()?);
        self.monitored.control_plane().configure(&mut command);
        command.args(arguments.split_whitespace()).args(["--namespace", self.namespace.name()]);
        command.stdin(Stdio::null());
        Ok(command)
    }

    pub(super) fn infer(&self, arguments: &str) -> Result<Output> {
        Ok(self.command(arguments)?.output()?)
    }

    /// Status and words of `autoscaling explain`.
    pub(super) fn explain(&self) -> Result<(Option<i32>, String)> {
        let output = self.infer(&format!("autoscaling explain {}", self.name))?;
        let text = [output.stdout, output.stderr].concat();
        Ok((output.status.code(), String::from_utf8(text)?))
    }

    /// Explains it until something is said; status 1 is meant.
    pub(super) fn explain_until(&self, is_said: impl Fn(&str) -> bool) -> Result<String> {
        let start = Instant::now();
        loop {
            let (status, said) = self.explain()?;
            if is_said(&said) {
                ensure!(status == Some(1), "{status:?}: {said}");
                return Ok(said);
            }
            ensure!(start.elapsed() < DEADLINE, "{said}");
        }
    }

    pub(super) fn replicas(&self) -> Result<i32> {
        let control_plane = self.monitored.control_plane();
        let deployments: Api<Deployment> = Api::namespaced(control_plane.client(), self.namespace.name());
        let deployment = control_plane.block_on(deployments.get(&self.name))?;
        deployment.spec.and_then(|spec| spec.replicas).context("no replicas")
    }

    fn status(&self) -> Result<Value> {
        let control_plane = self.monitored.control_plane();
        let autoscalers: Api<HorizontalPodAutoscaler> =
            Api::namespaced(control_plane.client(), self.namespace.name());
        let autoscaler = control_plane.block_on(autoscalers.get(&self.name))?;
        Ok(serde_json::to_value(autoscaler.status)?)
    }

    /// Waits for a number of replicas, and returns all numbers that were seen until then.
    pub(super) fn until(&self, replicas: i32) -> Result<Vec<i32>> {
        let start = Instant::now();
        let mut seen = vec![self.replicas()?];
        while seen.last() != Some(&replicas) {
            if start.elapsed() > DEADLINE {
                bail!("{replicas} replicas: seen were {seen:?}; {}", self.status()?);
            }
            std::thread::sleep(LOOK);
            let now = self.replicas()?;
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        Ok(seen)
    }

    /// Waits until the adapter has so many values of a metric.
    pub(super) fn until_served(&self, metric: &str, values: usize) -> Result<()> {
        let start = Instant::now();
        loop {
            // A metric that was never scraped is not found.
            let found = self.monitored.values(self.namespace.name(), metric, &self.name).unwrap_or(0);
            if found == values {
                return Ok(());
            }
            ensure!(start.elapsed() < DEADLINE, "{found} instead of {values} values of {metric}");
            std::thread::sleep(LOOK);
        }
    }

    /// Waits for a condition of the autoscaler and returns its message.
    pub(super) fn condition(&self, kind: &str, status: &str, reason: &str) -> Result<String> {
        let start = Instant::now();
        loop {
            let conditions = self.status()?["conditions"].clone();
            let found = conditions.as_array().into_iter().flatten().find(|condition| {
                condition["type"] == kind && condition["status"] == status && condition["reason"] == reason
            });
            if let Some(condition) = found {
                return Ok(condition["message"].as_str().unwrap_or_default().to_owned());
            }
            if start.elapsed() > DEADLINE {
                bail!("no condition {kind}={status} {reason} in {conditions}");
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Its metrics are read.
    pub(super) fn is_active(&self) -> Result<()> {
        self.condition("ScalingActive", "True", "ValidMetricFound").map(drop)
    }

    /// The replicas stay for as many seconds as the controller needs to look several times.
    pub(super) fn stays(&self, replicas: i32, seconds: u64) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(seconds) {
            let now = self.replicas()?;
            ensure!(now == replicas, "{now} replicas instead of {replicas}: {}", self.status()?);
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

/// One with room for all replicas of a test.
fn machine() -> NodeShape {
    NodeShape::new("node")
        .label("cloud.google.com/gke-accelerator", "nvidia-l4")
        .label("cloud.google.com/gke-tpu-accelerator", "tpu-v5-lite-podslice")
        .label("cloud.google.com/gke-tpu-topology", "2x4")
        .resource("cpu", "1000")
        .resource("memory", "4Ti")
        .resource("nvidia.com/gpu", "64")
        .resource("google.com/tpu", "128")
}

/// The objects of a List that `kubectl infer …` writes for a namespace, without a cluster.
fn written(arguments: &str, namespace: &str, input: &str) -> Result<Vec<Value>> {
    let mut command = Command::new(binaries::kubectl_infer()?);
    command.args(arguments.split_whitespace()).args(["--namespace", namespace]);
    let output = fed(&mut command, input)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout)?;
    Ok(list["items"].as_array().context("no items")?.clone())
}
