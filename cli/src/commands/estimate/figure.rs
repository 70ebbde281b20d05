//! A plot of an estimated curve: latencies over the request rate, each with its interval.

use infer_core::curve::{Curve, FigureBands, LoadPoint, RatioBand};
use infer_core::plot::{Axis, Figure, Layer, Panel, Scale, Shape};
use infer_core::workload::{LatencyMetric, Percentile, Targets};

/// The color of what is told and not computed: targets.
const BLACK: usize = 6;

/// A panel for each latency that the curve has, with the knee and the targets that were named.
pub(super) fn of(curve: &Curve, targets: &Targets, percentile: Percentile) -> Figure {
    let panels = LatencyMetric::ALL.into_iter().enumerate();
    Figure {
        title: format!("{}; {} tokens, {}", curve.configuration, curve.traffic, percentile.name()),
        horizontal: Axis::linear("requests/s"),
        panels: panels.filter_map(|(color, metric)| panel(curve, targets, metric, color)).collect(),
    }
}

fn panel(curve: &Curve, targets: &Targets, metric: LatencyMetric, color: usize) -> Option<Panel> {
    let place = |point: &LoadPoint| Some((point.requests_per_second, point.latency_milliseconds(metric)?));
    let points: Vec<(f64, f64)> = curve.points.iter().filter_map(place).collect();
    if points.is_empty() {
        return None;
    }
    let mut layers = Vec::new();
    layers.extend(curve.bands.map(|bands| {
        let band = of_metric(&bands, metric);
        let around = |(rate, value): &(f64, f64)| {
            let around = band.around(*value);
            (*rate, around.low, around.high)
        };
        Layer::new("eight of ten", color, Shape::Band(points.iter().map(around).collect()))
    }));
    layers.push(Layer::new(metric.name(), color, Shape::Line(points)));
    // Without a target the operating point is the knee.
    let knee = curve.operating_point(&Targets::default()).ok().and_then(|knee| place(&knee.point));
    layers.extend(
        knee.map(|(rate, value)| Layer::new("", color, Shape::Marks(vec![(rate, value, "knee".to_owned())]))),
    );
    let target = targets.latencies().find(|(asked, _)| *asked == metric);
    layers.extend(target.map(|(_, milliseconds)| Layer::new("target", BLACK, Shape::Level(milliseconds))));
    Some(Panel { vertical: Axis { label: format!("{metric} (ms)"), scale: Scale::Logarithmic }, layers })
}

fn of_metric(bands: &FigureBands, metric: LatencyMetric) -> RatioBand {
    match metric {
        LatencyMetric::Ttft => bands.ttft,
        LatencyMetric::Itl => bands.itl,
        LatencyMetric::Ntpot => bands.ntpot,
    }
}
