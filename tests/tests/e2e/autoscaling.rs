//! Autoscalers of every kind against the real API server, and the real HPA controller on metrics as an adapter serves
//! them.

use crate::cluster::{fed, kubectl};
use anyhow::{Context, Result, bail, ensure};
use infer_core::catalog::Catalog;
use infer_tests::{ControlPlane, MetricsApi, NodeShape, TestNamespace, binaries};
use serde_json::Value;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

/// JetStream as the GKE tutorial deploys it: two containers, metrics on a port of their own.
pub(crate) const JETSTREAM: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: maxengine-server
spec:
  selector:
    matchLabels: {app: maxengine-server}
  template:
    metadata:
      labels: {app: maxengine-server}
    spec:
      nodeSelector:
        cloud.google.com/gke-tpu-accelerator: tpu-v5-lite-podslice
        cloud.google.com/gke-tpu-topology: 2x4
      containers:
      - name: maxengine-server
        image: us-docker.pkg.dev/cloud-tpu-images/inference/maxengine-server:v0.2.2
        args: [model_name=gemma-7b, per_device_batch_size=4, prometheus_port=9100]
        ports: [{containerPort: 9000}, {containerPort: 9100}]
        resources:
          requests: {google.com/tpu: '8'}
          limits: {google.com/tpu: '8'}
      - name: jetstream-http
        image: us-docker.pkg.dev/cloud-tpu-images/inference/jetstream-http:v0.2.2
        ports: [{containerPort: 8000}]
";

/// A node, a look of the controller every 15 s, one at discovery every 30 s, and a minute between two doublings.
const PATIENCE: Duration = Duration::from_secs(300);

/// Asks until it is so.
fn eventually(what: &str, mut ask: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if ask()? {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(500));
    }
    bail!("waited for: {what}")
}

/// `kubectl infer …` without a cluster, with `input` as its standard input.
fn infer(arguments: &str, input: &str) -> Result<Output> {
    fed(Command::new(binaries::kubectl_infer()?).args(arguments.split_whitespace()), input)
}

fn succeeded(output: Output) -> Result<String> {
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The seeds' own example, scaled by a kind of autoscaler.
fn gemma(flags: &str) -> Result<String> {
    let request = "manifests create --model google/gemma-2-27b-it --model-server-version v0.7.2 \
                   --accelerator-type nvidia-l4 --target-ntpot-milliseconds 200 --output manifest";
    succeeded(infer(&format!("{request} {flags}"), "")?)
}

#[test]
fn every_kind_of_autoscaler_is_accepted() -> Result<()> {
    for kind in ["stackdriver", "prometheus-adapter", "keda"] {
        let namespace = ControlPlane::shared()?.namespace(&format!("kind-{kind}"))?;
        let flags = format!("--autoscaler {kind} --request-rate 5 --peak-request-rate 20 --tolerance 0.05");
        let manifest = gemma(&flags)?;
        namespace.apply(&manifest).with_context(|| format!("{kind}: {manifest}"))?;
    }
    Ok(())
}

#[test]
fn an_autoscaler_for_jetstream_is_accepted_beside_its_deployment() -> Result<()> {
    let namespace = ControlPlane::shared()?.namespace("jetstream")?;
    namespace.apply(JETSTREAM)?;
    for flags in [
        "--signal waiting=10 --max-replicas 2",
        "--autoscaler prometheus-adapter --signal waiting=10 --signal memory-share=0.9",
        "--autoscaler keda --signal slots-used=0.4",
        "",
    ] {
        let objects = succeeded(infer(&format!("autoscaling create -f - {flags}"), JETSTREAM)?)?;
        // What belongs to the device plugin lies in another namespace.
        let own: Vec<&str> = objects.split("---\n").filter(|text| !text.contains("kube-system")).collect();
        namespace.apply(&own.join("---\n")).with_context(|| format!("{flags}: {objects}"))?;
    }
    Ok(())
}

#[test]
fn what_a_cluster_needs_is_accepted() -> Result<()> {
    let control_plane = ControlPlane::shared()?;
    for kind in ["stackdriver", "prometheus-adapter", "keda"] {
        let flags = format!("autoscaling setup --autoscaler {kind} --project my-project --tpu-metrics");
        let objects = succeeded(infer(&format!("{flags} --output manifest"), "")?)?;
        for object in objects.split("---\n").skip(1) {
            // A dry run makes no namespace for what follows.
            let object = object.replace("namespace: custom-metrics", "namespace: default");
            let object = object.replace("namespace: monitoring\n", "namespace: default\n");
            let arguments =
                ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename=-"];
            control_plane.kubectl_with_input(&arguments, &object).context(object)?;
        }
    }
    Ok(())
}

/// What is asked of the cluster in the name of a user.
struct User<'a> {
    control_plane: &'a ControlPlane,
    namespace: &'a TestNamespace<'a>,
}

impl User<'_> {
    fn autoscaling(&self, arguments: &str) -> Result<Output> {
        let mut command = Command::new(binaries::kubectl_infer()?);
        self.control_plane.configure(&mut command);
        command.arg("autoscaling").args(arguments.split_whitespace());
        fed(command.args(["--namespace", self.namespace.name()]), "")
    }

    fn replicas(&self) -> Result<i64> {
        let deployment =
            kubectl(self.namespace, &["get", "deployment", "gemma-2-27b-it-vllm", "-o", "json"])?;
        let deployment: Value = serde_json::from_str(&deployment)?;
        deployment["spec"]["replicas"].as_i64().context("no replicas")
    }
}

/// The adapter's objects are applied, the service behind them is the test's: everything else is real.
#[test]
fn the_controller_scales_on_the_metrics_of_the_adapter_that_setup_registers() -> Result<()> {
    const RUNNING: &str = "prometheus.googleapis.com|vllm:num_requests_running|gauge";
    const WAITING: &str = "prometheus.googleapis.com|vllm:num_requests_waiting|gauge";
    let control_plane = ControlPlane::separate()?;
    let namespace = control_plane.namespace("adapter")?;
    let user = User { control_plane: &control_plane, namespace: &namespace };
    let catalog = Catalog::embedded();
    let (machine, accelerator) =
        (catalog.find_machine("g2-standard-48")?, catalog.find_accelerator("nvidia-l4")?);
    for number in 0..4 {
        let mut node = NodeShape::of_machine(machine, accelerator, None);
        node.name = format!("{}-{number}", node.name);
        namespace.add_node(&node)?;
    }
    namespace.apply(&gemma("")?)?;
    eventually("the autoscaler says that nobody serves its metric", || {
        let said = user.autoscaling("explain gemma-2-27b-it-vllm")?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        Ok(text.contains("FailedGetPodsMetric")
            && text.contains("no adapter serves this API of metrics")
            && text.contains("nobody serves custom.metrics.k8s.io in this cluster"))
    })?;

    // Nothing is applied in the name of who may not.
    let refused = user.autoscaling("setup --autoscaler stackdriver --apply --as nobody")?;
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(!refused.status.success() && message.contains("the API server refuses"), "{message}");
    let setup = succeeded(user.autoscaling("setup --autoscaler stackdriver --apply")?)?;
    ensure!(setup.contains("deployment/custom-metrics-stackdriver-adapter created"), "{setup}");
    ensure!(setup.contains("roles/monitoring.viewer"), "{setup}");
    let again = succeeded(user.autoscaling("setup --autoscaler stackdriver --apply")?)?;
    ensure!(!again.contains("created") && !again.contains("configured"), "{again}");
    let other = user.autoscaling("setup --autoscaler keda --project p --apply")?;
    let message = String::from_utf8_lossy(&other.stderr).into_owned();
    ensure!(
        !other.status.success() && message.contains("custom-metrics/custom-metrics-stackdriver-adapter"),
        "{message}"
    );

    let metrics = MetricsApi::start(&control_plane)?;
    stand_in(&control_plane, &metrics)?;
    metrics.set(RUNNING, 140)?;
    metrics.set(WAITING, 0)?;
    // 140 requests at 49 a replica are 2.86; the policy lets replicas double at most at once.
    eventually("replicas follow the load", || Ok(user.replicas()? >= 2))?;
    eventually("replicas are what the load asks for", || Ok(user.replicas()? == 3))?;
    let path = format!("/apis/custom.metrics.k8s.io/v1beta2/namespaces/{}/pods/*/", namespace.name());
    let asked = metrics.asked()?;
    let of_metric = asked.iter().find(|asked| asked.contains("num_requests_running")).context("not asked")?;
    ensure!(of_metric.replace("%2A", "*").starts_with(&path), "{of_metric}");
    ensure!(
        of_metric.replace("%7C", "|").replace("%3A", ":").contains(RUNNING)
            && of_metric.contains("labelSelector=app%3Dgemma-2-27b-it-vllm"),
        "{of_metric}"
    );
    // The larger proposal wins: 4 waiting requests at 1 a replica.
    metrics.set(WAITING, 4)?;
    eventually("the larger of two proposals wins", || Ok(user.replicas()? == 4))?;
    let explained = succeeded(user.autoscaling("explain hpa/gemma-2-27b-it-vllm")?)?;
    ensure!(explained.contains("scales    when a replica has 1.61 requests/s"), "{explained}");
    Ok(())
}

/// Points the registered APIs at the test's own server.
fn stand_in(control_plane: &ControlPlane, metrics: &MetricsApi) -> Result<()> {
    let name = "custom-metrics-stackdriver-adapter";
    control_plane.kubectl_with_input(&["delete", "service", name, "--namespace=custom-metrics"], "")?;
    let service = format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: custom-metrics}}, \
         spec: {{type: ExternalName, externalName: localhost}}}}"
    );
    control_plane.kubectl_with_input(&["apply", "--server-side", "--filename=-"], &service)?;
    let patch = format!("--patch={{\"spec\": {{\"service\": {{\"port\": {}}}}}}}", metrics.port());
    for api in ["v1beta2.custom.metrics.k8s.io", "v1beta1.external.metrics.k8s.io"] {
        control_plane.kubectl_with_input(&["patch", "apiservice", api, "--type=merge", &patch], "")?;
    }
    // The test serves one version of the API.
    control_plane.kubectl_with_input(&["delete", "apiservice", "v1beta1.custom.metrics.k8s.io"], "")?;
    Ok(())
}
