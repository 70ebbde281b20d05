//! What a workload costs, at least.

use super::region::regions;
use crate::catalog::{Catalog, CatalogError, Machine, PricingModel};
use crate::inspect::{Autoscaler, Workload};
use crate::rules::Facts;

/// What one replica costs, at least: on the cheapest machine that the template accepts and that holds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReplicaBill {
    /// USD an hour.
    pub(crate) usd_per_hour: f64,
    /// Machine type.
    pub(crate) machine: String,
    /// Region of the price.
    pub(crate) region: String,
    /// How it is paid for.
    pub(crate) pricing_model: PricingModel,
}

/// How the Pods are paid for: as Spot where they select it.
pub(super) fn pricing_model(facts: &Facts<'_>) -> PricingModel {
    if facts.pod.node.spot { PricingModel::Spot } else { facts.background.settings.pricing_model }
}

/// What a replica costs; `None` where the template does not tell its accelerators, its Pods or a machine with a price.
pub(crate) fn replica(facts: &Facts<'_>) -> Result<Option<ReplicaBill>, CatalogError> {
    let (Some(accelerators), Some(pods)) = (facts.accelerators_per_pod(), facts.pod.pods_per_replica.known())
    else {
        return Ok(None);
    };
    let settings = facts.background.settings;
    let own = regions(facts.pod);
    let mut cheapest: Option<ReplicaBill> = None;
    for machine in &facts.machines {
        let share = share(machine, accelerators, facts.is_tpu());
        let default = || Catalog::default_region(&machine.name).to_owned();
        let region = own.first().cloned().or_else(|| settings.region.clone()).unwrap_or_else(default);
        let pricing_model = pricing_model(facts);
        let Some(price) = facts.background.catalog.price(&machine.name, &region, pricing_model)? else {
            continue;
        };
        let usd_per_hour = price.usd_per_hour * share * f64::from(*pods);
        if cheapest.as_ref().is_none_or(|cheapest| usd_per_hour < cheapest.usd_per_hour) {
            cheapest =
                Some(ReplicaBill { usd_per_hour, machine: machine.name.clone(), region, pricing_model });
        }
    }
    Ok(cheapest)
}

/// Share of a machine that a Pod pays for: its accelerators, and all of a TPU machine.
fn share(machine: &Machine, accelerators: u32, is_tpu: bool) -> f64 {
    if is_tpu { 1.0 } else { f64::from(accelerators) / f64::from(machine.whole_accelerators().max(1)) }
}

/// Replicas that the manifest asks for; `None` for kinds whose number it does not say.
pub(super) fn written_replicas(workload: &Workload<'_>) -> Option<u32> {
    match workload.identity.kind {
        "Pod" => Some(1),
        "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController" | "LeaderWorkerSet" => {
            Some(workload.replicas.unwrap_or(1))
        }
        _ => None,
    }
}

/// Most replicas that a workload runs: its autoscaler's maximum, else what the manifest asks for.
pub(super) fn most_replicas(facts: &Facts<'_>) -> Option<u32> {
    let workload = facts.workload;
    let autoscalers = facts.background.neighbours.autoscalers_of(&workload.identity);
    let maxima: Vec<u32> = autoscalers.iter().filter_map(Autoscaler::most_replicas).collect();
    maxima.into_iter().max().or_else(|| written_replicas(workload))
}
