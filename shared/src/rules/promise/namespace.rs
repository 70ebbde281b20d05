//! What the workloads of a namespace come to together.
//!
//! Admission judges one object at a time and several at once, so that it cannot add up safely. What stands in a
//! namespace is therefore reported, and exported as a ResourceQuota, which the API server enforces itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bill::{most_replicas, replica};
use crate::catalog::CatalogError;
use crate::inspect::{Subject, inspect};
use crate::rules::{Background, Facts};

/// What the inference workloads of a namespace come to, each at its autoscaler's maximum.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NamespaceSum {
    /// Workloads counted.
    pub workloads: u32,
    /// USD an hour, at least, of those whose price is known.
    pub usd_per_hour: f64,
    /// `Kind/name` of workloads whose price is not known.
    pub without_price: Vec<String>,
    /// Accelerators by extended resource, of workloads that say how many they ask for.
    pub accelerators: BTreeMap<String, u64>,
}

impl NamespaceSum {
    /// Counts what `other` counted too.
    pub fn add(&mut self, other: Self) {
        self.workloads += other.workloads;
        self.usd_per_hour += other.usd_per_hour;
        self.without_price.extend(other.without_price);
        for (resource, count) in other.accelerators {
            *self.accelerators.entry(resource).or_default() += count;
        }
    }

    /// A ResourceQuota named `name` that lets `namespace` have just the accelerators that it has now.
    pub fn resource_quota(&self, namespace: &str, name: &str) -> Value {
        let hard: BTreeMap<String, String> = self
            .accelerators
            .iter()
            .map(|(resource, count)| (format!("requests.{resource}"), count.to_string()))
            .collect();
        let usd_per_hour = format!("{:.2}", self.usd_per_hour);
        json!({
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "annotations": {"kubectl-infer.io/usd-per-hour": usd_per_hour},
            },
            "spec": {"hard": hard},
        })
    }
}

/// Sums over `objects`, by namespace (empty where an object names none). What a controller owns is counted with its
/// owner.
///
/// # Errors
///
/// The catalog cannot be read.
pub fn namespace_sums<'a>(
    objects: impl IntoIterator<Item = &'a Value>,
    background: &Background<'_>,
) -> Result<BTreeMap<String, NamespaceSum>, CatalogError> {
    let mut sums: BTreeMap<String, NamespaceSum> = BTreeMap::new();
    for object in objects.into_iter().filter(|object| !is_owned(object)) {
        let Subject::Workload(workload) = inspect(object) else { continue };
        let Some(pod) = workload.pods.first() else { continue };
        let facts = Facts::of(&workload, pod, background)?;
        let namespace = workload.identity.namespace.unwrap_or_default();
        add(sums.entry(namespace.to_owned()).or_default(), &facts)?;
    }
    Ok(sums)
}

fn add(sum: &mut NamespaceSum, facts: &Facts<'_>) -> Result<(), CatalogError> {
    sum.workloads += 1;
    let replicas = most_replicas(facts);
    match (replicas, replica(facts)?) {
        (Some(replicas), Some(each)) => sum.usd_per_hour += each.usd_per_hour * f64::from(replicas),
        _ => {
            let identity = &facts.workload.identity;
            sum.without_price.push(format!("{}/{}", identity.kind, identity.name.unwrap_or_default()));
        }
    }
    let pods = facts.pod.pods_per_replica.known();
    if let (Some(request), Some(count), Some(replicas), Some(pods)) =
        (&facts.pod.accelerator, facts.accelerators_per_pod(), replicas, pods)
    {
        let total = u64::from(count) * u64::from(replicas) * u64::from(*pods);
        *sum.accelerators.entry(request.resource.clone()).or_default() += total;
    }
    Ok(())
}

/// Whether a controller made the object.
fn is_owned(object: &Value) -> bool {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    owners.into_iter().flatten().any(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalog::Catalog;
    use crate::rules::{Neighbours, Settings};

    fn deployment(name: &str, gpus: u32, replicas: u32) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": "llm"},
            "spec": {"replicas": replicas, "template": {"spec": {
                "nodeSelector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
                "containers": [{
                    "name": "vllm", "image": "vllm/vllm-openai:v0.11.0", "command": ["vllm", "serve"],
                    "args": ["Qwen/Qwen3-8B"],
                    "resources": {"limits": {"nvidia.com/gpu": gpus.to_string()}},
                }],
            }}},
        })
    }

    fn sums(objects: &[Value]) -> BTreeMap<String, NamespaceSum> {
        let catalog = Catalog::embedded();
        let settings = Settings { region: Some("us-central1".to_owned()), ..Settings::default() };
        let mut neighbours = Neighbours::default();
        for object in objects {
            neighbours.insert(Arc::new(object.clone()));
        }
        let background = Background { catalog: &catalog, settings: &settings, neighbours: &neighbours };
        namespace_sums(objects, &background).unwrap()
    }

    #[test]
    fn an_autoscalers_maximum_counts_and_what_is_owned_does_not() {
        let mut owned = deployment("gemma-7f", 1, 5);
        owned["kind"] = "ReplicaSet".into();
        owned["metadata"]["ownerReferences"] =
            json!([{"kind": "Deployment", "name": "gemma", "controller": true}]);
        let autoscaler = json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "gemma", "namespace": "llm"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "gemma"}, "maxReplicas": 6},
        });
        let alone = sums(&[deployment("gemma", 1, 1)]);
        let all = sums(&[deployment("gemma", 1, 1), autoscaler, owned, deployment("qwen", 2, 2)]);
        let (one, all) = (&alone["llm"], &all["llm"]);
        assert_eq!(all.workloads, 2);
        assert_eq!(all.accelerators, BTreeMap::from([("nvidia.com/gpu".to_owned(), 6 + 4)]));
        // Two accelerators share the price of a machine of two.
        assert!(one.usd_per_hour > 0.0 && all.usd_per_hour > 6.0 * one.usd_per_hour, "{one:?} {all:?}");
        let quota = all.resource_quota("llm", "inference");
        assert_eq!(quota.pointer("/spec/hard"), Some(&json!({"requests.nvidia.com/gpu": "10"})));
    }

    #[test]
    fn what_has_no_price_is_named() {
        let mut unknown = deployment("odd", 1, 1);
        unknown["spec"]["template"]["spec"]["nodeSelector"] = json!({});
        let sum = &sums(&[unknown])["llm"];
        assert_eq!(
            (sum.usd_per_hour, sum.without_price.as_slice()),
            (0.0, &["Deployment/odd".to_owned()][..])
        );
    }
}
