//! A plot of an estimated curve: latencies over the request rate, each with its interval.

use infer_core::curve::{Curve, FigureBands, LoadPoint, RatioBand, Zone, ZoneRates};
use infer_core::plot::{Axis, Figure, Layer, Panel, Scale, Shape, Span};
use infer_core::workload::{LatencyMetric, Percentile, Targets};

// Colours. The service draws zones blue, green and red; latencies have panels of their own and need none.
const LATENCY: usize = 0;
const IDEAL: usize = 4;
const KNEE: usize = 2;
const SATURATED: usize = 1;
/// Of what is told and not computed: targets.
const BLACK: usize = 6;

/// A panel for each latency that the curve has, with the knee and the targets that were named. `steady` is the curve
/// without the point of the highest throughput, which has no latency.
pub(super) fn of(curve: &Curve, steady: &Curve, targets: &Targets, percentile: Percentile) -> Figure {
    let rates = curve.zone_rates();
    let knee = rates.and_then(|rates| steady.at_rate(rates.knee));
    let panels = LatencyMetric::ALL.into_iter();
    Figure {
        title: curve.configuration.to_string(),
        subtitle: format!("{} tokens, {}", curve.traffic, percentile.name()),
        horizontal: Axis::linear("requests/s"),
        spans: rates.as_ref().map(zones).unwrap_or_default(),
        panels: panels.filter_map(|metric| panel(steady, knee.as_ref(), targets, metric)).collect(),
    }
}

fn zones(rates: &ZoneRates) -> Vec<Span> {
    let span = |name: &str, color, from: f64, until| {
        let name = if from > 0.0 { format!("{name} from {from:.2}") } else { name.to_owned() };
        Span { name, color, from, until }
    };
    vec![
        span(Zone::Ideal.name(), IDEAL, 0.0, rates.knee),
        span(Zone::Knee.name(), KNEE, rates.knee, rates.saturated),
        span(Zone::Saturated.name(), SATURATED, rates.saturated, rates.unstable),
        span("unstable", BLACK, rates.unstable, f64::INFINITY),
    ]
}

/// `knee` is there where the steady curve reaches it.
fn panel(
    steady: &Curve,
    knee: Option<&LoadPoint>,
    targets: &Targets,
    metric: LatencyMetric,
) -> Option<Panel> {
    let place = |point: &LoadPoint| Some((point.requests_per_second, point.latency_milliseconds(metric)?));
    let points: Vec<(f64, f64)> = steady.points.iter().filter_map(place).collect();
    if points.is_empty() {
        return None;
    }
    let mut layers = Vec::new();
    layers.extend(steady.bands.map(|bands| {
        let band = of_metric(&bands, metric);
        let around = |(rate, value): &(f64, f64)| {
            let around = band.around(*value);
            (*rate, around.low, around.high)
        };
        Layer::new("eight of ten", LATENCY, Shape::Band(points.iter().map(around).collect()))
    }));
    layers.push(Layer::new(metric.name(), LATENCY, Shape::Line(points)));
    if let Some((_, milliseconds)) = targets.latencies().find(|(asked, _)| *asked == metric) {
        let name = format!("target {milliseconds} ms");
        layers.push(Layer::new(&name, BLACK, Shape::Level(milliseconds)));
        layers.push(Layer::new("within all targets", BLACK, Shape::Marks(within(steady, targets, metric))));
    }
    // Mostly no load was computed so near to where latency has no limit.
    layers.extend(knee.and_then(place).map(|(rate, value)| {
        Layer::new("", LATENCY, Shape::Marks(vec![(rate, value, Zone::Knee.name().to_owned())]))
    }));
    Some(Panel { vertical: Axis { label: format!("{metric} (ms)"), scale: Scale::Logarithmic }, layers })
}

/// Up to where all targets are met.
fn within(steady: &Curve, targets: &Targets, metric: LatencyMetric) -> Vec<(f64, f64, String)> {
    let mark = |curve: &Curve, by: &str| {
        let point = curve.operating_point(targets).ok()?.point;
        let rate = point.requests_per_second;
        Some((rate, point.latency_milliseconds(metric)?, format!("{rate:.2} by {by}")))
    };
    let worse = steady.bands.and_then(|_| mark(&steady.pessimistic(), "the worse ends"));
    worse.into_iter().chain(mark(steady, "the estimates")).collect()
}

fn of_metric(bands: &FigureBands, metric: LatencyMetric) -> RatioBand {
    match metric {
        LatencyMetric::Ttft => bands.ttft,
        LatencyMetric::Itl => bands.itl,
        LatencyMetric::Ntpot => bands.ntpot,
    }
}
