//! Properties of thresholds, on random curves and on all curves of the catalog.

use proptest::prelude::*;

use super::*;
use crate::catalog::{Catalog, Meaning, Signal};
use crate::curve::fixtures;
use crate::curve::{Curve, LoadPoint};
use crate::recommend::{CurveSource, Measured, Question};
use crate::workload::{LatencyMetric, Ntpot, Targets};

fn reaction(seconds: f64) -> ReactionTime {
    ReactionTime {
        scrape_seconds: 15.0,
        ingestion_seconds: 7.0,
        sync_seconds: 15.0,
        node_seconds: 0.0,
        image_seconds: 0.0,
        weights_seconds: seconds,
        engine_seconds: 0.0,
    }
}

fn headroom(seconds: f64) -> Headroom {
    Headroom { tolerance: TOLERANCE, growth_per_minute: 0.01, reaction: reaction(seconds) }
}

fn vllm() -> Vec<Signal> {
    let catalog = Catalog::embedded();
    let server = catalog.find_server("vllm").unwrap();
    let version = server.find_version("v0.32.0").unwrap();
    catalog.signals_of(server, version).unwrap().into_iter().cloned().collect()
}

fn ntpot(milliseconds: f64) -> Targets {
    Targets { ntpot: Some(Ntpot::from_milliseconds(milliseconds)), ..Targets::default() }
}

/// Thresholds of a curve under a target; empty where the target is out of reach.
fn thresholds(curve: &Curve, target: f64, start: f64, kind: Kind, reach: &Reach) -> Vec<f64> {
    let Ok(operating) = curve.operating_point(&ntpot(target)) else { return Vec::new() };
    let aim = Aim::of(curve, &operating.point, headroom(start)).unwrap();
    let signals = vllm();
    let signals: Vec<&Signal> = signals.iter().collect();
    let held = held(kind, &signals, &aim, &[(LatencyMetric::Ntpot, aim)], reach).unwrap();
    held.iter().map(|held| held.threshold).collect()
}

/// A random curve with noise in its latencies, and requests in flight by Little's law.
fn noisy() -> impl Strategy<Value = Curve> {
    proptest::collection::vec((0.05_f64..3.0, 0.7_f64..1.6), 2..12).prop_map(|steps| {
        let mut rate = 0.0;
        let mut latency = 20.0;
        let points = steps.into_iter().map(|(step, slower)| {
            rate += step;
            latency *= slower;
            (rate, latency)
        });
        fixtures::by_rate(&points.collect::<Vec<_>>())
    })
}

fn none_higher(tighter: &[f64], looser: &[f64]) -> bool {
    tighter.iter().zip(looser).all(|(tighter, looser)| tighter <= looser)
}

proptest! {
    #[test]
    fn a_tighter_target_never_raises_a_threshold(
        curve in noisy(), target in 10.0_f64..400.0, share in 0.3_f64..1.0, start in 0.0_f64..4000.0,
    ) {
        let reach = Reach { seats: Some(256), cache: None };
        for kind in [Kind::Stackdriver, Kind::Keda] {
            let looser = thresholds(&curve, target, start, kind, &reach);
            let tighter = thresholds(&curve, target * share, start, kind, &reach);
            prop_assert!(none_higher(&tighter, &looser), "{tighter:?} above {looser:?}");
        }
    }

    #[test]
    fn a_slower_start_never_raises_a_threshold(
        curve in noisy(), target in 10.0_f64..400.0, start in 0.0_f64..2000.0, more in 0.0_f64..2000.0,
    ) {
        let reach = Reach { seats: Some(64), cache: None };
        for kind in [Kind::Stackdriver, Kind::Keda] {
            let fast = thresholds(&curve, target, start, kind, &reach);
            let slow = thresholds(&curve, target, start + more, kind, &reach);
            prop_assert!(none_higher(&slow, &fast), "{slow:?} above {fast:?}");
        }
    }

    #[test]
    fn running_requests_are_never_held_above_half_of_the_reach(
        curve in noisy(), target in 10.0_f64..4000.0, seats in 1_u64..600, requests in 1_u64..600,
    ) {
        let reach = Reach { seats: Some(seats), cache: Some((requests, 400)) };
        let held = thresholds(&curve, target, 600.0, Kind::Stackdriver, &reach);
        let most = seats.min(requests) as f64 / 2.0;
        prop_assert!(held.first().is_none_or(|running| *running <= most), "{held:?} above {most}");
    }

    #[test]
    fn replicas_carry_the_load_that_they_are_for(
        curve in noisy(), load in 0.1_f64..500.0, more in 1.0_f64..10.0,
    ) {
        let operating = curve.points.last().copied().unwrap();
        let aim = Aim::of(&curve, &operating, headroom(900.0)).unwrap();
        let options = AutoscalingOptions {
            peak_requests_per_second: Some(load * more),
            ..AutoscalingOptions::default()
        };
        let replicas = Replicas::of(&aim, Some(load), &options, 8).unwrap();
        prop_assume!(replicas.most < 10_000);
        let each = |replicas: u32, load: f64| load / f64::from(replicas);
        prop_assert!(each(replicas.least, load) <= aim.requests_per_second() * (1.0 + 1e-9));
        prop_assert!(each(replicas.most, load * more) <= aim.requests_per_second() * (1.0 + 1e-9));
        // One fewer would not do.
        prop_assert!(replicas.least == 1 || each(replicas.least - 1, load) > aim.requests_per_second());
    }
}

/// Every measured curve has thresholds at its knee, within reach, under both kinds of metric.
#[test]
fn every_curve_of_the_catalog_has_thresholds() {
    let catalog = Catalog::embedded();
    let curves = Measured::new(&catalog).curves(&Question::default()).unwrap();
    let signals = vllm();
    let signals: Vec<&Signal> = signals.iter().collect();
    let reach = Reach { seats: Some(256), cache: None };
    let mut held_curves = 0;
    for curve in &curves {
        let Ok(operating) = curve.operating_point(&Targets::default()) else { continue };
        let aim = Aim::of(curve, &operating.point, headroom(1200.0)).unwrap();
        assert!(aim.point.requests_per_second < operating.point.requests_per_second, "{curve:?}");
        for kind in [Kind::Stackdriver, Kind::PrometheusAdapter] {
            let Ok(held) = held(kind, &signals, &aim, &[], &reach) else { continue };
            assert!(held.iter().all(|held| held.threshold > 0.0 && held.threshold.is_finite()), "{held:?}");
            assert!(kind == Kind::PrometheusAdapter || held[0].threshold <= 128.0, "{held:?}");
            held_curves += 1;
        }
    }
    assert!(held_curves > 1000, "{held_curves} of {} curves", curves.len());
}

/// λ_T and what is read there, by hand: the curve is linear from 1 to 2 requests a second and from 20 to 60 in flight.
#[test]
fn the_threshold_is_the_mean_at_the_lowered_load() {
    let point = |rate: f64, running: f64, waiting: f64| LoadPoint {
        running: Some(running),
        waiting: Some(waiting),
        ..fixtures::by_rate(&[(rate, 100.0)]).points[0]
    };
    let curve = Curve {
        points: vec![point(1.0, 20.0, 0.0), point(2.0, 50.0, 10.0)],
        ..fixtures::by_rate(&[(1.0, 1.0)])
    };
    let reaction = ReactionTime { weights_seconds: 563.0, ..reaction(0.0) };
    let headroom = Headroom { tolerance: 0.1, growth_per_minute: 0.02, reaction };
    // τ = 600 s, 2 % a minute: 1.2; with the tolerance 1.32.
    assert!((headroom.factor() - 1.32).abs() < 1e-12, "{headroom:?}");
    let aim = Aim::of(&curve, &curve.points[1], headroom).unwrap();
    assert!((aim.requests_per_second() - 2.0 / 1.32).abs() < 1e-12);
    let signals = vllm();
    let signals: Vec<&Signal> = signals.iter().collect();
    let share: f64 = 2.0 / 1.32 - 1.0;
    let sum = held(Kind::Keda, &signals, &aim, &[], &Reach::default()).unwrap();
    assert_eq!(sum.len(), 1);
    assert_eq!(sum[0].threshold, (20.0 + 40.0 * share).floor());
    let apart = held(Kind::Stackdriver, &signals, &aim, &[], &Reach::default()).unwrap();
    let thresholds: Vec<f64> = apart.iter().map(|held| held.threshold).collect();
    assert_eq!(thresholds, [(20.0 + 30.0 * share).floor(), (1000.0 * share).floor() / 100.0]);
    // A time to first token beside another target adds the queue.
    let of_targets = [(LatencyMetric::Ttft, aim), (LatencyMetric::Ntpot, aim)];
    let two = held(Kind::Keda, &signals, &aim, &of_targets, &Reach::default()).unwrap();
    assert_eq!(two[1].expression.signals()[0].meaning, Meaning::Waiting);
}

#[test]
fn jetstream_is_held_by_slots_and_backlog() {
    let catalog = Catalog::embedded();
    let server = catalog.find_server("jetstream").unwrap();
    let signals = catalog.signals_of(server, &server.versions[0]).unwrap();
    let curve = fixtures::by_rate(&[(1.0, 50.0), (2.0, 60.0)]);
    let aim = Aim::of(&curve, &curve.points[1], headroom(600.0)).unwrap();
    let reach = Reach { seats: Some(64), cache: None };
    let held = held(Kind::PrometheusAdapter, &signals, &aim, &[], &reach).unwrap();
    let names: Vec<String> = held.iter().map(|held| held.expression.metric_name()).collect();
    assert_eq!(names, ["jetstream_slots_used_percentage", "jetstream_prefill_backlog_size"]);
    assert!(held[0].threshold <= 0.5, "{held:?}");
}

#[test]
fn chosen_thresholds_within_reach_are_taken_as_they_are() {
    let signals = vllm();
    let of =
        |meaning: Meaning| Expression::One(signals.iter().find(|signal| signal.meaning == meaning).unwrap());
    let reach = Reach { seats: Some(256), cache: None };
    assert_eq!(Held::chosen(of(Meaning::Running), 100.0, &reach).unwrap().threshold, 100.0);
    for (meaning, threshold) in [(Meaning::Running, 129.0), (Meaning::KvUse, 0.6)] {
        let error = Held::chosen(of(meaning), threshold, &reach).unwrap_err();
        assert!(matches!(error, AutoscaleError::OutOfReach { .. }), "{error}");
    }
    for threshold in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = Held::chosen(of(Meaning::Waiting), threshold, &reach).unwrap_err();
        assert!(matches!(error, AutoscaleError::Number { .. }), "{error}");
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let default = AutoscalingOptions::default;
    for options in [
        AutoscalingOptions { tolerance: Some(-0.1), ..default() },
        AutoscalingOptions { growth_percent_per_minute: Some(f64::NAN), ..default() },
        AutoscalingOptions { node_seconds: Some(-1.0), ..default() },
        AutoscalingOptions { scrape_seconds: Some(1), ..default() },
        AutoscalingOptions { cluster_name: Some("a\"b".to_owned()), ..default() },
        AutoscalingOptions { prometheus_url: Some("http://".to_owned()), ..default() },
        AutoscalingOptions { prometheus_url: Some("http://a/?x='\"".to_owned()), ..default() },
    ] {
        assert!(options.check().is_err(), "{options:?}");
    }
    assert_eq!(default().check(), Ok(()));
}

#[test]
fn quantities_are_canonical() {
    assert_eq!((quantity(44.0), quantity(0.46), quantity(1.5)), ("44".into(), "460m".into(), "1500m".into()));
}
