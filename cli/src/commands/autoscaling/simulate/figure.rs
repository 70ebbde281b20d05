//! A plot of a simulation: traffic, replicas, latency over time.

use infer_core::autoscale::simulation::{Outcome, Sample, Scenario};
use infer_core::plot::{Axis, Figure, Layer, Panel, Scale, Shape};
use infer_core::workload::LatencyMetric;

use super::replica::Replica;

pub(super) fn of(replica: &Replica, scenario: &Scenario, outcomes: &[Outcome]) -> Figure {
    let mut panels = vec![traffic(outcomes), replicas(outcomes)];
    for metric in [LatencyMetric::Ttft, LatencyMetric::Ntpot] {
        panels.extend(latency(metric, scenario, outcomes));
    }
    Figure {
        title: replica.name.clone(),
        subtitle: String::new(),
        horizontal: Axis { label: "time (h:min)".to_owned(), scale: Scale::Time },
        spans: Vec::new(),
        panels,
    }
}

fn traffic(outcomes: &[Outcome]) -> Panel {
    const BLACK: usize = 6;
    // Arrivals are the same for all.
    let samples = outcomes.first().map(|outcome| outcome.samples.as_slice()).unwrap_or_default();
    let points = samples.iter().map(|sample| (sample.second as f64, sample.requests_per_second)).collect();
    Panel {
        vertical: Axis::linear("requests/s"),
        layers: vec![Layer::new("arrivals", BLACK, Shape::Line(points))],
    }
}

fn replicas(outcomes: &[Outcome]) -> Panel {
    let layer = |(color, outcome): (usize, &Outcome)| {
        let points = outcome.samples.iter().map(|sample| (sample.second as f64, sample.replicas.into()));
        Layer::new(&outcome.name, color, Shape::Steps(points.collect()))
    };
    Panel { vertical: Axis::linear("replicas"), layers: outcomes.iter().enumerate().map(layer).collect() }
}

/// The longest latency of each stretch of time; none where the curve does not have it.
fn latency(metric: LatencyMetric, scenario: &Scenario, outcomes: &[Outcome]) -> Option<Panel> {
    const BLACK: usize = 6;
    let point = |sample: &Sample| Some((sample.second as f64, sample.latency(metric)?));
    let layer = |(color, outcome): (usize, &Outcome)| {
        let points: Vec<_> = outcome.samples.iter().filter_map(point).collect();
        (!points.is_empty()).then(|| Layer::new(&outcome.name, color, Shape::Line(points)))
    };
    let mut layers: Vec<Layer> = outcomes.iter().enumerate().filter_map(layer).collect();
    if layers.is_empty() {
        return None;
    }
    let target = scenario.targets.latencies().find(|(asked, _)| *asked == metric);
    layers.extend(target.map(|(_, milliseconds)| Layer::new("target", BLACK, Shape::Level(milliseconds))));
    let vertical = Axis { label: format!("{metric} (ms)"), scale: Scale::Logarithmic };
    Some(Panel { vertical, layers })
}
