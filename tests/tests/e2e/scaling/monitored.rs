//! The real loop: servers under load → Prometheus → prometheus-adapter → controller → scheduler → more servers.

use super::{autoscaler, deployment};
use anyhow::{Context, Result, bail};
use infer_tests::autoscaling::{CLUSTER, ModelServer, Monitored};
use infer_tests::{NodeShape, TestNamespace};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A scrape, the adapter's discovery of a new metric, and a look of the controller are a second each; a machine that runs
/// other builds is slow.
const DEADLINE: Duration = Duration::from_secs(120);

const VLLM: ModelServer = ModelServer::Vllm { seats: 64 };
const JETSTREAM: ModelServer = ModelServer::JetStream { slots: 32 };

/// What the adapter serves: sums over the replicas under an average, means under a value.
fn rules() -> Value {
    let rule = |series: &str, name: &str, query: String| {
        json!({
            "seriesQuery": series,
            "resources": { "overrides": { "namespace": { "resource": "namespace" } } },
            "name": { "matches": "", "as": name },
            "metricsQuery": query,
        })
    };
    let sum = |metric: &str| format!("sum({metric}{{<<.LabelMatchers>>,cluster=\"{CLUSTER}\"}})");
    let memory = |metric: &str| {
        format!(
            "avg({metric}{{cluster=\"{CLUSTER}\",exported_namespace=~\"jetstream-memory.*\",container=\"jetstream-http\"}})"
        )
    };
    let in_flight = format!("{} + {}", sum("vllm:num_requests_running"), sum("vllm:num_requests_waiting"));
    json!({ "externalRules": [
        rule("vllm:num_requests_running", "vllm_requests_in_flight", in_flight),
        rule("vllm:num_requests_running", "vllm_num_requests_running", sum("vllm:num_requests_running")),
        rule("vllm:num_requests_waiting", "vllm_num_requests_waiting", sum("vllm:num_requests_waiting")),
        rule("jetstream_prefill_backlog_size", "jetstream_prefill_backlog_size", sum("jetstream_prefill_backlog_size")),
        rule("jetstream_slots_used_percentage", "jetstream_slots_used_percentage", sum("jetstream_slots_used_percentage")),
        {
            "seriesQuery": "memory_used",
            "resources": { "namespaced": false, "overrides": { "namespace": { "resource": "namespace" } } },
            "name": { "matches": "", "as": "memory_used_share" },
            "metricsQuery": format!("{} / {}", memory("memory_used"), memory("memory_total")),
        },
    ] })
}

fn average(name: &str, value: &str) -> Value {
    let target = json!({ "type": "AverageValue", "averageValue": value });
    json!({ "type": "External", "external": { "metric": { "name": name }, "target": target } })
}

/// Up once it was asked for three seconds long, since a replica that has given load away is scraped up to a second after
/// the one that has taken it; down by one replica in two seconds, after a second.
fn steps() -> Value {
    json!({
        "scaleUp": { "stabilizationWindowSeconds": 3, "policies": [{ "type": "Pods", "value": 10, "periodSeconds": 1 }] },
        "scaleDown": { "stabilizationWindowSeconds": 1, "policies": [{ "type": "Pods", "value": 1, "periodSeconds": 2 }] },
    })
}

/// A server under load, and its autoscaler.
struct Scaled<'a> {
    monitored: &'static Monitored,
    namespace: TestNamespace<'a>,
    server: ModelServer,
}

impl Scaled<'_> {
    fn start(
        name: &str,
        server: ModelServer,
        replicas: u32,
        in_flight: f64,
        metrics: &Value,
    ) -> Result<Self> {
        let monitored = Monitored::shared(&rules().to_string())?;
        let namespace = monitored.control_plane().namespace(name)?;
        namespace.add_node(&NodeShape::new("node"))?;
        namespace.apply(&deployment(replicas).to_string())?;
        namespace.wait_until_running("app=server", usize::try_from(replicas)?, DEADLINE)?;
        monitored.load(namespace.name(), server, in_flight);
        namespace.apply(&autoscaler(1, 12, metrics, Some(&steps())).to_string())?;
        Ok(Self { monitored, namespace, server })
    }

    fn load(&self, in_flight: f64) {
        self.monitored.load(self.namespace.name(), self.server, in_flight);
    }

    fn get(&self, what: &str) -> Result<Value> {
        let output = self.namespace.kubectl()?.args(["get", what, "server", "--output=json"]).output()?;
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn replicas(&self) -> Result<u64> {
        self.get("deployment")?["spec"]["replicas"].as_u64().context("no replicas")
    }

    /// Waits for a number of replicas, and returns all numbers that were seen until then.
    fn until(&self, replicas: u64) -> Result<Vec<u64>> {
        let start = Instant::now();
        let mut seen = vec![self.replicas()?];
        while seen.last() != Some(&replicas) {
            if start.elapsed() > DEADLINE {
                bail!("{replicas} replicas: seen were {seen:?}; {}", self.get("hpa")?["status"]);
            }
            std::thread::sleep(Duration::from_millis(100));
            let now = self.replicas()?;
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        Ok(seen)
    }

    /// Waits for a condition of the autoscaler and returns its message.
    fn condition(&self, kind: &str, status: &str, reason: &str) -> Result<String> {
        let start = Instant::now();
        loop {
            let conditions = self.get("hpa")?["status"]["conditions"].clone();
            let found = conditions.as_array().into_iter().flatten().find(|condition| {
                condition["type"] == kind && condition["status"] == status && condition["reason"] == reason
            });
            if let Some(condition) = found {
                return Ok(condition["message"].as_str().unwrap_or_default().to_owned());
            }
            if start.elapsed() > DEADLINE {
                bail!("no condition {kind}={status} {reason} in {conditions}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The replicas stay for as many seconds as the controller needs to look several times.
    fn stays(&self, replicas: u64, seconds: u64) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(seconds) {
            let now = self.replicas()?;
            anyhow::ensure!(now == replicas, "{now} replicas instead of {replicas}");
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

#[test]
fn replicas_rise_to_the_computed_number_and_fall_by_the_policy() -> Result<()> {
    let metrics = json!([average("vllm_requests_in_flight", "50")]);
    let scaled = Scaled::start("loop-one", VLLM, 1, 170.0, &metrics)?;
    // ⌈170 / 50⌉, although one replica runs no more than 64: what waits counts.
    assert_eq!(scaled.until(4)?, [1, 4]);
    scaled.load(10.0);
    assert_eq!(scaled.until(1)?, [4, 3, 2, 1]);
    Ok(())
}

#[test]
fn four_replicas_at_their_target_stay_and_more_load_adds_what_it_needs() -> Result<()> {
    let metrics = json!([average("vllm_requests_in_flight", "50")]);
    let scaled = Scaled::start("loop-four", VLLM, 4, 200.0, &metrics)?;
    scaled.condition("ScalingActive", "True", "ValidMetricFound")?;
    // A query that averages would ask for one replica here.
    scaled.stays(4, 5)?;
    scaled.load(290.0);
    let seen = scaled.until(6)?;
    assert!(seen.is_sorted() && seen.first() == Some(&4), "{seen:?}");
    Ok(())
}

#[test]
fn running_requests_alone_do_not_see_a_queue() -> Result<()> {
    let metrics = json!([average("vllm_num_requests_running", "60")]);
    let scaled = Scaled::start("loop-running", VLLM, 1, 500.0, &metrics)?;
    scaled.condition("ScalingActive", "True", "ValidMetricFound")?;
    // 64 seats over a threshold of 60 are within the tolerance, whatever waits.
    scaled.stays(1, 5)
}

#[test]
fn of_jetstream_s_backlog_and_slots_the_larger_proposal_wins() -> Result<()> {
    let metrics = json!([
        average("jetstream_prefill_backlog_size", "10"),
        average("jetstream_slots_used_percentage", "1"),
    ]);
    let scaled = Scaled::start("jetstream-two", JETSTREAM, 1, 30.0, &metrics)?;
    scaled.condition("ScalingActive", "True", "ValidMetricFound")?;
    // 32 decode and 30 wait: ⌈30 / 10⌉ is more than the one that the slots ask for.
    scaled.load(62.0);
    assert_eq!(scaled.until(3)?, [1, 3]);
    // Now nothing waits, and 62 of 32 slots a replica ask for two.
    assert_eq!(scaled.until(2)?, [3, 2]);
    scaled.stays(2, 5)
}

#[test]
fn while_one_metric_cannot_be_read_no_replica_goes() -> Result<()> {
    let metrics =
        json!([average("vllm_requests_in_flight", "50"), average("vllm_num_requests_waiting", "5")]);
    let scaled = Scaled::start("loop-unreadable", VLLM, 4, 200.0, &metrics)?;
    scaled.condition("ScalingActive", "True", "ValidMetricFound")?;
    scaled.monitored.hide(scaled.namespace.name(), &["vllm:num_requests_waiting"]);
    scaled.load(20.0);
    let message = scaled.condition("ScalingActive", "False", "FailedGetExternalMetric")?;
    assert!(message.contains("no metrics returned from external metrics API"), "{message}");
    scaled.stays(4, 5)?;
    scaled.monitored.hide(scaled.namespace.name(), &[]);
    assert_eq!(scaled.until(1)?, [4, 3, 2, 1]);
    Ok(())
}

#[test]
fn a_metric_that_nobody_serves_is_said_to_be_missing() -> Result<()> {
    let metrics = json!([average("vllm_no_such_metric", "50")]);
    let scaled = Scaled::start("loop-missing", VLLM, 2, 100.0, &metrics)?;
    let message = scaled.condition("ScalingActive", "False", "FailedGetExternalMetric")?;
    assert!(message.contains("vllm_no_such_metric"), "{message}");
    scaled.stays(2, 3)
}

#[test]
fn the_memory_of_tpus_scales_as_a_value() -> Result<()> {
    let target = json!({ "type": "Value", "value": "500m" });
    let metrics = json!([{ "type": "External", "external": { "metric": { "name": "memory_used_share" }, "target": target } }]);
    // 48 requests in two replicas of 32 slots: three quarters of the memory against a half.
    let scaled = Scaled::start("jetstream-memory", JETSTREAM, 2, 48.0, &metrics)?;
    assert_eq!(scaled.until(3)?, [2, 3]);
    Ok(())
}
