//! The Helm chart and the kustomize base: the same objects, and the API server takes them.

use anyhow::{Context, Result, ensure};
use infer_tests::{ControlPlane, NodeShape, TestNamespace, binaries};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// Every value that changes what is rendered, in as few renderings as they fit in.
const VARIANTS: [(&str, &[&str]); 7] = [
    ("defaults", &[]),
    ("cert-manager", &["certificates.source=cert-manager", "podMonitoring.enabled=true"]),
    (
        "an issuer of the user's",
        &[
            "certificates.source=cert-manager",
            "certificates.issuerRef.kind=ClusterIssuer",
            "certificates.issuerRef.name=company",
            "serviceMonitor.enabled=true",
            "serviceMonitor.labels.release=prometheus",
        ],
    ),
    (
        "files",
        &[
            "certificates.source=files",
            "certificates.secretName=webhook-tls",
            "alerts.kind=prometheus-operator",
        ],
    ),
    ("alerts on Google Cloud", &["alerts.kind=managed-prometheus", "alerts.labels.team=serving"]),
    (
        "as little as possible",
        &[
            "replicas=1",
            "register=false",
            "podDisruptionBudget.enabled=false",
            "priorityClass.create=false",
            "networkPolicy.enabled=false",
            "crds.install=false",
        ],
    ),
    (
        "everything about the Pods",
        &[
            "image.digest=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "image.pullSecrets[0].name=registry",
            "image.pullPolicy=Always",
            "log=debug",
            "drainSeconds=0",
            "podDisruptionBudget.minAvailable=50%",
            "priorityClass.create=false",
            "priorityClass.name=system-cluster-critical",
            "nodeSelector.pool=system",
            "tolerations[0].key=dedicated",
            "tolerations[0].operator=Exists",
            "podLabels.team=platform",
            "podAnnotations.note=kept",
            "crds.keep=false",
        ],
    ),
];

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}

/// helm, without anything of the user's own.
fn helm(arguments: &[&str], values: &[&str]) -> Result<Output> {
    let home = tempfile::tempdir()?;
    let mut command = Command::new(binaries::helm()?);
    command.env("HOME", home.path()).env_remove("KUBECONFIG").args(arguments);
    for value in values {
        command.args(["--set", value]);
    }
    command.output().context("cannot run helm")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// What `helm template` renders.
pub(crate) fn template(release: &str, namespace: &str, values: &[&str]) -> Result<String> {
    let chart = deploy("chart/infer-webhook");
    let chart = chart.to_str().context("a path that is not UTF-8")?;
    let output = helm(&["template", release, chart, "--namespace", namespace], values)?;
    ensure!(output.status.success(), "{}", text(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// What `kubectl kustomize` renders of the base with components.
pub(crate) fn kustomize(components: &[&str]) -> Result<String> {
    // kustomize reads no folders beside a link, so the overlay stands beside a copy.
    let dir = tempfile::tempdir()?;
    ensure!(Command::new("cp").arg("-R").arg(deploy(".")).arg(dir.path()).status()?.success());
    let overlay = dir.path().join("overlay");
    fs::create_dir(&overlay)?;
    let components: Vec<String> =
        components.iter().map(|name| format!("../kustomize/components/{name}")).collect();
    let kustomization = json!({ "resources": ["../kustomize"], "components": components });
    fs::write(overlay.join("kustomization.yaml"), kustomization.to_string())?;
    let output = Command::new(binaries::kubectl()?).arg("kustomize").arg(&overlay).output()?;
    ensure!(output.status.success(), "{}", text(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Objects by kind and name.
pub(crate) fn objects(yaml: &str) -> Result<BTreeMap<(String, String), Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml)?;
    let mut objects = BTreeMap::new();
    for mut object in documents.into_iter().filter(|document| !document.is_null()) {
        write_numbers_alike(&mut object);
        let field = |value: &Value| value.as_str().map(str::to_owned).context("no kind or no name");
        let key = (field(&object["kind"])?, field(&object["metadata"]["name"])?);
        ensure!(objects.insert(key.clone(), object).is_none(), "twice: {key:?}");
    }
    Ok(objects)
}

/// `1.0` is `1`: kustomize and helm write whole numbers without a point.
fn write_numbers_alike(value: &mut Value) {
    match value {
        Value::Number(number) => *value = number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.iter_mut().for_each(write_numbers_alike),
        Value::Object(fields) => fields.values_mut().for_each(write_numbers_alike),
        _ => {}
    }
}

/// Without what only helm writes.
fn without_helm(mut objects: BTreeMap<(String, String), Value>) -> BTreeMap<(String, String), Value> {
    for object in objects.values_mut() {
        let Some(metadata) = object["metadata"].as_object_mut() else { continue };
        if let Some(Value::Object(labels)) = metadata.get_mut("labels") {
            for label in ["helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"] {
                labels.remove(label);
            }
        }
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.remove("helm.sh/resource-policy");
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    objects
}

/// A namespace under the restricted level, in which workloads that Pods of would be refused are warned of too.
pub(crate) fn restricted<'a>(name: &str) -> Result<TestNamespace<'a>> {
    let namespace = ControlPlane::shared()?.namespace(name)?;
    let labels =
        ["pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted"];
    let labelled =
        namespace.kubectl()?.args(["label", "namespace", namespace.name()]).args(labels).output()?;
    ensure!(labelled.status.success(), "{}", text(&labelled.stderr));
    Ok(namespace)
}

#[test]
fn helm_finds_nothing_to_complain_about() -> Result<()> {
    let chart = deploy("chart/infer-webhook");
    let chart = chart.to_str().context("a path that is not UTF-8")?;
    for (name, values) in VARIANTS {
        let output = helm(&["lint", "--strict", chart], values)?;
        ensure!(output.status.success(), "{name}: {}{}", text(&output.stdout), text(&output.stderr));
    }
    Ok(())
}

#[test]
fn chart_and_kustomize_base_are_the_same_objects() -> Result<()> {
    let variants: [(&[&str], &[&str]); 4] = [
        (&[], &[]),
        (&["pod-monitoring"], &["podMonitoring.enabled=true"]),
        (&["service-monitor"], &["serviceMonitor.enabled=true"]),
        (&["cert-manager"], &["certificates.source=cert-manager"]),
    ];
    for (components, values) in variants {
        let values: Vec<&str> = values.iter().copied().chain(["namespace.create=true"]).collect();
        let chart = without_helm(objects(&template("infer-webhook", "infer-webhook", &values)?)?);
        let base = objects(&kustomize(components)?)?;
        assert_eq!(chart.keys().collect::<Vec<_>>(), base.keys().collect::<Vec<_>>(), "{components:?}");
        for (key, object) in &chart {
            assert_eq!(object, &base[key], "{key:?} with {components:?}");
        }
    }
    Ok(())
}

#[test]
fn the_schema_refuses_values_that_mean_nothing() -> Result<()> {
    let chart = deploy("chart/infer-webhook");
    let chart = chart.to_str().context("a path that is not UTF-8")?;
    for (value, place) in [
        ("replicas=0", "/replicas"),
        ("replicas=two", "/replicas"),
        ("replica=2", "replica"),
        ("image.tag=v1:latest", "/image/tag"),
        ("image.digest=sha256:12", "/image/digest"),
        ("certificates.source=vault", "/certificates/source"),
        ("certificates.source=files", "/certificates/secretName"),
        ("certificates.issuerRef.kind=ClusterIssuer", "/certificates/issuerRef"),
        ("drainSeconds=-1", "/drainSeconds"),
        ("podDisruptionBudget.minAvailable=150%", "/podDisruptionBudget/minAvailable"),
        ("priorityClass.value=2000000000", "/priorityClass/value"),
        ("serviceMonitor.interval=often", "/serviceMonitor/interval"),
        ("alerts.kind=email", "/alerts/kind"),
    ] {
        let output = helm(&["template", "infer-webhook", chart], &[value])?;
        let error = text(&output.stderr);
        ensure!(!output.status.success(), "`{value}` was accepted");
        ensure!(error.contains(place), "`{value}` is refused for something else: {error}");
    }
    Ok(())
}

/// Strict: a misspelt field is an error. Without a warning: the Pods would be admitted under the restricted level.
#[test]
fn the_api_server_takes_every_variant_under_the_restricted_level() -> Result<()> {
    let namespace = restricted("chart-variants")?;
    let file = tempfile::NamedTempFile::new()?;
    for (name, values) in VARIANTS {
        let yaml = template(namespace.name(), namespace.name(), values)?;
        objects(&yaml)?;
        fs::write(file.path(), &yaml)?;
        let output = namespace
            .kubectl()?
            .args(["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename"])
            .arg(file.path())
            .output()?;
        let messages = text(&output.stderr);
        ensure!(output.status.success() && messages.is_empty(), "{name}: {messages}\n{yaml}");
    }
    Ok(())
}

#[test]
fn its_pods_are_admitted_and_run_under_the_restricted_level() -> Result<()> {
    let namespace = restricted("chart-pods")?;
    namespace
        .add_node(&NodeShape::new("e2-standard-4").resource("cpu", "3920m").resource("memory", "13Gi"))?;

    namespace.apply(&template(namespace.name(), namespace.name(), &[])?)?;

    let pods =
        namespace.wait_until_running("app.kubernetes.io/name=infer-webhook", 2, Duration::from_secs(60))?;
    for pod in pods {
        let spec = pod.spec.context("no spec")?;
        assert_eq!(spec.priority, Some(1_000_000));
        let token = spec.volumes.unwrap_or_default().iter().any(|volume| volume.projected.is_some());
        assert!(token, "without a token the program cannot talk to the API server");
    }
    Ok(())
}
