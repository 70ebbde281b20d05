//! The control plane refuses what a real cluster refuses, so an accepted manifest means something.

use anyhow::Result;
use infer_tests::ControlPlane;

const POD_MONITORING: &str = "
apiVersion: monitoring.googleapis.com/v1
kind: PodMonitoring
metadata:
  name: server
spec:
  selector:
    matchLabels: {app: server}
  endpoints:
  - {port: metrics, path: /metrics, interval: 15s}
  targetLabels:
    metadata: [pod, container, node]
";

/// One object of each further kind that needs a definition of its own.
const OTHER_KINDS: &str = "
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: server
spec:
  scaleTargetRef: {name: server}
  triggers:
  - type: prometheus
    metadata: {serverAddress: 'http://prometheus:9090', query: 'up', threshold: '1'}
---
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata:
  name: server
spec:
  leaderWorkerTemplate:
    size: 2
    workerTemplate:
      spec:
        containers: [{name: server, image: server}]
---
apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata:
  name: server
spec:
  replicatedJobs:
  - name: server
    template:
      spec:
        template:
          spec:
            restartPolicy: Never
            containers: [{name: server, image: server}]
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: server
spec:
  selector: {}
  podMetricsEndpoints: [{port: metrics}]
";

/// Applies the text in a namespace of its own, and returns the error.
fn refusal(test_name: &str, yaml: &str) -> Result<String> {
    let applied = ControlPlane::shared()?.namespace(test_name)?.apply(yaml);
    Ok(applied.err().map(|error| error.to_string()).unwrap_or_default())
}

#[test]
fn a_misspelt_field_is_refused() -> Result<()> {
    let pod = "
apiVersion: v1
kind: Pod
metadata: {name: server}
spec:
  nodeSelektor: {a: b}
  containers: [{name: server, image: server}]
";
    let error = refusal("misspelt", pod)?;
    assert!(error.contains(".spec.nodeSelektor: field not declared in schema"), "{error}");
    Ok(())
}

#[test]
fn a_repeated_field_is_refused() -> Result<()> {
    let config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: '1', x: '2'}}";
    let error = refusal("repeated", config)?;
    assert!(error.contains("duplicate"), "{error}");
    Ok(())
}

#[test]
fn an_object_of_another_namespace_is_refused() -> Result<()> {
    let config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}}";
    let error = refusal("other-namespace", config)?;
    assert!(error.contains("does not match the namespace"), "{error}");
    Ok(())
}

#[test]
fn a_pod_monitoring_is_accepted() -> Result<()> {
    ControlPlane::shared()?.namespace("pod-monitoring")?.apply(POD_MONITORING)
}

#[test]
fn a_misspelt_pod_monitoring_is_refused() -> Result<()> {
    let error = refusal("misspelt-monitoring", &POD_MONITORING.replace("endpoints", "endpoint"))?;
    assert!(error.contains(".spec.endpoint: field not declared in schema"), "{error}");
    Ok(())
}

#[test]
fn the_other_custom_kinds_are_accepted() -> Result<()> {
    ControlPlane::shared()?.namespace("custom-kinds")?.apply(OTHER_KINDS)
}
