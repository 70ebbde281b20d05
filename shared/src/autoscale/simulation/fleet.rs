//! Replicas: those that serve and those that start.

use std::collections::VecDeque;

use k8s_openapi::api::autoscaling::v2::{
    ExternalMetricSource, HorizontalPodAutoscalerSpec, MetricIdentifier, MetricSpec, MetricTarget,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::Gauge;
use super::curve::{NotSimulated, ServingCurve};
use crate::autoscale::ScalingSteps;
use crate::autoscale::controller::{Source, Spec, SpecError};
use crate::manifest::autoscaling::behavior;

/// What decides on the replicas.
#[derive(Debug, Clone, PartialEq)]
pub enum Scaling {
    /// Nothing: they stay as they are.
    Static,
    /// An autoscaler.
    Autoscaled {
        /// What it says.
        spec: Spec,
        /// What each of its metrics reads of a replica. Metrics with an average as their target get the sum over the
        /// replicas, those with a value the mean, which is what the query of either must return.
        gauges: Vec<Gauge>,
    },
}

/// Replicas and what decides on them.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// Name in tables and plots.
    pub name: String,
    /// Replicas at the start of the trace, ready; at least 1.
    pub initial_replicas: u32,
    /// What decides on them.
    pub scaling: Scaling,
}

impl Fleet {
    /// So many replicas, always.
    pub fn fixed(replicas: u32) -> Self {
        let plural = if replicas == 1 { "replica" } else { "replicas" };
        Self {
            name: format!("{replicas} {plural}, fixed"),
            initial_replicas: replicas,
            scaling: Scaling::Static,
        }
    }

    /// An autoscaler that holds running and waiting requests of a replica at `threshold`, and scales as fast as that of
    /// the manifests of this project.
    ///
    /// # Errors
    ///
    /// [`SpecError`] for numbers that the API server would refuse.
    pub fn held_at(
        threshold: f64,
        (min_replicas, max_replicas): (u32, u32),
        steps: ScalingSteps,
    ) -> Result<Self, SpecError> {
        let at_most = |replicas: u32| i32::try_from(replicas).unwrap_or(i32::MAX);
        let metric: MetricSpec = MetricSpec {
            type_: "External".to_owned(),
            external: Some(ExternalMetricSource {
                metric: MetricIdentifier { name: "requests_in_flight".to_owned(), selector: None },
                target: MetricTarget {
                    type_: "AverageValue".to_owned(),
                    average_value: Some(Quantity(format!("{threshold}"))),
                    ..MetricTarget::default()
                },
            }),
            ..MetricSpec::default()
        };
        let spec = Spec::of_typed(&HorizontalPodAutoscalerSpec {
            min_replicas: Some(at_most(min_replicas)),
            max_replicas: at_most(max_replicas),
            metrics: Some(vec![metric]),
            behavior: Some(behavior(steps, None)),
            ..HorizontalPodAutoscalerSpec::default()
        })?;
        Ok(Self {
            name: format!("threshold {threshold}"),
            initial_replicas: min_replicas,
            scaling: Scaling::Autoscaled { spec, gauges: vec![Gauge::InFlight] },
        })
    }

    pub(super) fn check(&self, curve: &ServingCurve) -> Result<(), NotSimulated> {
        let Scaling::Autoscaled { spec, gauges } = &self.scaling else { return Ok(()) };
        for (index, metric) in spec.metrics.iter().enumerate() {
            match gauges.get(index) {
                Some(_) if metric.source == Source::Resource => {}
                Some(Gauge::CacheUse) if !curve.knows_cache_use() => {
                    return Err(NotSimulated::NoCacheUse(metric.name.clone()));
                }
                Some(_) => continue,
                None => {}
            }
            return Err(NotSimulated::UnknownGauge(metric.name.clone()));
        }
        Ok(())
    }
}

/// Ready replicas that became so together, and so hold the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cohort {
    /// Tells it from the others, for ever.
    pub(super) id: u64,
    pub(super) count: u32,
    /// Requests in flight of each.
    pub(super) in_flight: f64,
}

/// Replicas that start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Starting {
    pub(super) count: u32,
    /// Second at which they are on a machine.
    pub(super) placed_at: f64,
    /// Second at which they serve.
    pub(super) ready_at: f64,
}

/// All replicas, oldest first.
#[derive(Debug, Clone)]
pub(super) struct Replicas {
    pub(super) ready: Vec<Cohort>,
    pub(super) starting: VecDeque<Starting>,
    next_id: u64,
}

impl Replicas {
    pub(super) fn ready(count: u32) -> Self {
        Self { ready: vec![Cohort { id: 0, count, in_flight: 0.0 }], starting: VecDeque::new(), next_id: 1 }
    }

    pub(super) fn count_ready(&self) -> u32 {
        self.ready.iter().map(|cohort| cohort.count).sum()
    }

    pub(super) fn count(&self) -> u32 {
        self.count_ready() + self.starting.iter().map(|starting| starting.count).sum::<u32>()
    }

    /// Replicas whose start is over serve.
    pub(super) fn settle(&mut self, second: f64) {
        while let Some(starting) = self.starting.front().filter(|starting| starting.ready_at <= second) {
            self.ready.push(Cohort { id: self.next_id, count: starting.count, in_flight: 0.0 });
            self.next_id += 1;
            self.starting.pop_front();
        }
    }

    /// Starts what lacks, or takes away what is too much: the ReplicaSet controller takes what is not ready first,
    /// then what has been ready for the shortest time.
    pub(super) fn scale(&mut self, replicas: u32, second: f64, pending: f64, loading: f64) {
        let count = self.count();
        if replicas > count {
            let placed_at = second + pending;
            let starting = Starting { count: replicas - count, placed_at, ready_at: placed_at + loading };
            self.starting.push_back(starting);
        }
        let mut excess = count.saturating_sub(replicas);
        while let Some(newest) = self.starting.back_mut().filter(|_| excess > 0) {
            let taken = excess.min(newest.count);
            newest.count -= taken;
            excess -= taken;
            if newest.count == 0 {
                self.starting.pop_back();
            }
        }
        while let Some(youngest) = self.ready.last_mut().filter(|_| excess > 0) {
            let taken = excess.min(youngest.count);
            youngest.count -= taken;
            excess -= taken;
            if youngest.count == 0 {
                self.ready.pop();
            }
        }
    }
}
