//! What a reader of a simulation relies on.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::autoscale::controller::{Metric, Milli, Settings, Source, Spec, Target};
use crate::curve::{Curve, Load, LoadKind, LoadPoint};
use crate::workload::{Itl, Ntpot, Targets, Ttft};

/// A replica whose first token takes 100 ms alone and which finishes at most 10 requests a second, 40 in flight.
fn curve() -> Curve {
    let points = [(1.0, 4.0, 100.0), (5.0, 10.0, 150.0), (8.0, 20.0, 300.0), (10.0, 40.0, 900.0)];
    let point = |(rate, in_flight, ttft): (f64, f64, f64)| LoadPoint {
        load: Load::RequestsPerSecond(rate),
        requests_per_second: rate,
        input_tokens_per_second: rate * 226.0,
        output_tokens_per_second: rate * 195.0,
        ttft: Some(Ttft::from_milliseconds(ttft)),
        itl: Some(Itl::from_milliseconds(20.0)),
        ntpot: Some(Ntpot::from_milliseconds(in_flight / rate / 195.0 * 1000.0)),
        concurrency: Some(in_flight),
        running: Some(in_flight.min(32.0)),
        waiting: Some((in_flight - 32.0).max(0.0)),
        kv_use: None,
    };
    Curve {
        load_kind: LoadKind::Poisson,
        points: points.map(point).to_vec(),
        ..crate::curve::fixtures::curve(&[])
    }
}

fn serving() -> ServingCurve {
    ServingCurve::of(&curve(), None).unwrap()
}

fn scenario(trace: Trace) -> Scenario {
    let seconds = Duration::from_secs;
    Scenario {
        trace,
        curve: serving(),
        targets: Targets { ttft: Some(Ttft::from_milliseconds(300.0)), ..Targets::default() },
        delays: Delays {
            pending: seconds(60),
            loading: seconds(60),
            scrape: seconds(15),
            ingestion: seconds(5),
        },
        settings: Settings::default(),
        usd_per_replica_hour: Some(2.0),
        seed: None,
    }
}

fn autoscaled(threshold: f64) -> Fleet {
    let metric = Metric {
        name: "in_flight".to_owned(),
        source: Source::External,
        target: Target::AverageValue(Milli::from_number(threshold)),
    };
    Fleet {
        name: format!("threshold {threshold}"),
        initial_replicas: 1,
        scaling: Scaling::Autoscaled {
            spec: Spec { min_replicas: 1, max_replicas: 10, metrics: vec![metric], behavior: None },
            gauges: vec![Gauge::InFlight],
        },
    }
}

fn constant(rate: f64, seconds: u64) -> Trace {
    Trace::of_pattern(Pattern::Step, rate, rate, seconds).unwrap()
}

#[test]
fn a_steady_load_settles_at_the_curve() {
    let outcome = simulate(&scenario(constant(5.0, 3600)), &Fleet::fixed(1)).unwrap();
    let last = outcome.samples.last().unwrap();
    assert!((last.in_flight - 10.0).abs() < 1e-6, "{last:?}");
    assert!((last.ttft.unwrap() - 150.0).abs() < 1e-6, "{last:?}");
    assert_eq!(outcome.within_targets, Some(1.0));
    assert_eq!((outcome.requests, outcome.replica_hours, outcome.usd), (18_000.0, 1.0, Some(2.0)));
}

#[test]
fn above_capacity_the_queue_grows_by_what_is_too_much_and_requests_wait_for_it() {
    let outcome = simulate(&scenario(constant(12.0, 600)), &Fleet::fixed(1)).unwrap();
    // 12 arrive and 10 are finished: 2 more wait each second.
    let last = outcome.samples.last().unwrap();
    assert!((last.in_flight - 1200.0).abs() < 60.0, "{last:?}");
    let waits = (last.in_flight - 40.0) / 10.0 * 1000.0;
    assert!((last.ttft.unwrap() - 900.0 - waits).abs() < 1.0, "{last:?}");
    assert!(outcome.within_targets.unwrap() < 0.1);
    let two = simulate(&scenario(constant(12.0, 600)), &Fleet::fixed(2)).unwrap();
    assert_eq!(two.within_targets, Some(1.0));
}

#[test]
fn an_autoscaler_follows_the_load_after_its_delays_and_costs_less_than_the_peak_always() {
    let step = Trace::of_pattern(Pattern::Step, 4.0, 28.0, 4 * 3600).unwrap();
    let scenario = scenario(step);
    let scaled = simulate(&scenario, &autoscaled(16.0)).unwrap();
    let fixed = simulate(&scenario, &Fleet::fixed(scaled.most_replicas)).unwrap();
    assert!(scaled.replica_hours < fixed.replica_hours, "{} {}", scaled.replica_hours, fixed.replica_hours);
    assert!(scaled.within_targets < fixed.within_targets);
    assert!(scaled.within_targets.unwrap() > 0.8, "{:?}", scaled.within_targets);
    // 28 requests a second at 16 in flight a replica, about 6.8 a second: five replicas at least.
    assert!(scaled.most_replicas >= 5, "{}", scaled.most_replicas);
    assert_eq!(scaled.fewest_replicas, 1);
    assert!(scaled.scale_ups >= 1 && scaled.scale_downs >= 1);
    // Nothing new serves before a machine, the image and the weights are there.
    let rise = 3600;
    let early = scaled.samples.iter().filter(|sample| (rise..rise + 120).contains(&sample.second));
    assert!(early.clone().all(|sample| sample.ready == 1) && early.count() > 5);
}

#[test]
fn a_slower_start_serves_worse() {
    let step = Trace::of_pattern(Pattern::Step, 4.0, 28.0, 2 * 3600).unwrap();
    let share = |loading| {
        let mut scenario = scenario(step.clone());
        scenario.delays.loading = Duration::from_secs(loading);
        simulate(&scenario, &autoscaled(16.0)).unwrap().within_targets.unwrap()
    };
    assert!(share(30) > share(600), "{} {}", share(30), share(600));
}

#[test]
fn running_alone_is_blind_to_a_queue_and_the_sum_is_not() {
    // A threshold of 30 running, 32 seats: full replicas read 1.07 of the target, within the tolerance.
    let overload = scenario(constant(25.0, 3600));
    let with = |gauge| {
        let mut fleet = autoscaled(30.0);
        if let Scaling::Autoscaled { gauges, .. } = &mut fleet.scaling {
            *gauges = vec![gauge];
        }
        simulate(&overload, &fleet).unwrap().most_replicas
    };
    assert_eq!(with(Gauge::Running), 1);
    assert!(with(Gauge::InFlight) >= 3);
}

#[test]
fn the_same_seed_is_the_same_outcome_and_another_is_not() {
    let mut noisy = scenario(constant(12.0, 1200));
    let mut run = |seed| {
        noisy.seed = Some(seed);
        simulate(&noisy, &autoscaled(16.0)).unwrap()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).requests, run(2).requests);
    let requests = run(1).requests;
    assert!((requests / 14_400.0 - 1.0).abs() < 0.03, "{requests}");
}

#[test]
fn what_the_curve_does_not_know_is_refused() {
    let mut scenario = scenario(constant(1.0, 60));
    let mut fleet = autoscaled(10.0);
    if let Scaling::Autoscaled { gauges, .. } = &mut fleet.scaling {
        *gauges = vec![Gauge::CacheUse];
    }
    assert_eq!(simulate(&scenario, &fleet), Err(NotSimulated::NoCacheUse("in_flight".to_owned())));
    if let Scaling::Autoscaled { gauges, .. } = &mut fleet.scaling {
        gauges.clear();
    }
    assert_eq!(simulate(&scenario, &fleet), Err(NotSimulated::UnknownGauge("in_flight".to_owned())));
    let mut blind = curve();
    blind.points.iter_mut().for_each(|point| point.ttft = None);
    scenario.curve = ServingCurve::of(&blind, None).unwrap();
    let message = simulate(&scenario, &Fleet::fixed(1)).unwrap_err().to_string();
    assert!(message.starts_with("TTFT has a target and was never measured"), "{message}");
    blind.points.iter_mut().for_each(|point| {
        (point.concurrency, point.ntpot, point.itl) = (None, None, None);
    });
    assert_eq!(ServingCurve::of(&blind, None), Err(NotSimulated::NoRequestsInFlight));
}

#[test]
fn traces_are_read_with_seconds_or_times() {
    let trace = Trace::read("seconds,requestsPerSecond\n0,1\n60,2.5\n120,0\n").unwrap();
    assert_eq!((trace.seconds(), trace.rate(0), trace.rate(119), trace.rate(179)), (180, 1.0, 2.5, 0.0));
    assert_eq!((trace.peak(), trace.rate(180)), (2.5, 0.0));
    let times = "# of last week\nnote,Time,QPS\n\"a, b\",2026-01-31T23:59:30Z,4\n,2026-02-01T00:00:00Z,8\n";
    let trace = Trace::read(times).unwrap();
    assert_eq!((trace.seconds(), trace.rate(29), trace.rate(30)), (60, 4.0, 8.0));
    assert!(
        Trace::read("# a note\nseconds,requestsPerSecond\n0,NaN\n")
            .unwrap_err()
            .to_string()
            .starts_with("line 3")
    );
}

#[test]
fn traces_that_say_nothing_sensible_are_refused_with_the_line() {
    let message =
        |rows: &str| Trace::read(&format!("seconds,requestsPerSecond\n{rows}")).unwrap_err().to_string();
    assert!(message("").starts_with("the trace has no rows"));
    assert!(Trace::read("").unwrap_err().to_string().starts_with("the trace has no rows"));
    assert_eq!(
        Trace::read("seconds,load\n0,1\n").unwrap_err().to_string(),
        "the header has no column `requestsPerSecond`: it is `seconds,load`, and `seconds,requestsPerSecond` is wanted"
    );
    assert!(message("0,1\n1,NaN\n").starts_with("line 3: the rate is `NaN`"));
    assert!(message("0,1\n1,inf\n").starts_with("line 3: the rate is `inf`"));
    assert!(message("0,-1\n").starts_with("line 2: the rate is `-1`"));
    assert!(message("0,many\n").contains("`many`"));
    assert!(message("soon,1\n").contains("the time is `soon`"));
    assert!(message("0,1\n1,1\n1,1\n").starts_with("line 4: time 1 comes after 1"));
    assert!(message("5,1\n3,1\n").starts_with("line 3: time 3 comes after 5"));
    assert!(
        message("0,1\n1,1\n5,1\n").starts_with("line 4: 4 s after the row before, where rows are 1 s apart")
    );
    assert!(message("0,1\n0.5,1\n").starts_with("rows are 0.5 s apart"));
    assert!(message("0,1\n4000000,1\n").contains("hours long"));
    assert!(message("0,0\n1,0\n").contains("no requests"));
    assert!(message("0,1\n1,1,7\n").starts_with("line 3"));
    assert_eq!(
        Trace::of_pattern(Pattern::Burst, 3.0, 2.0, 60).unwrap_err().to_string(),
        "the lowest rate (3) is above the highest (2)"
    );
    assert_eq!(Trace::of_pattern(Pattern::Burst, 1.0, 2.0, 0), Err(TraceError::Empty));
    assert!(Trace::of_pattern(Pattern::Step, f64::NAN, 2.0, 60).is_err());
}

#[test]
fn patterns_have_their_shapes() {
    let step = Trace::of_pattern(Pattern::Step, 1.0, 9.0, 400).unwrap();
    assert_eq!([0, 99, 100, 299, 300].map(|second| step.rate(second)), [1.0, 1.0, 9.0, 9.0, 1.0]);
    let day = Trace::of_pattern(Pattern::Diurnal, 1.0, 9.0, 86_400).unwrap();
    assert_eq!((day.rate(0), day.rate(43_200)), (1.0, 9.0));
    assert!((day.rate(21_600) - 5.0).abs() < 1e-9);
    let burst = Trace::of_pattern(Pattern::Burst, 1.0, 9.0, 7200).unwrap();
    assert_eq!([1799, 1800, 2099, 2100, 5400].map(|second| burst.rate(second)), [1.0, 9.0, 9.0, 1.0, 9.0]);
}

proptest! {
    #[test]
    fn requests_are_neither_made_nor_lost(rate in 0.1_f64..40.0, replicas in 1_u32..5, seconds in 60_u64..600) {
        let serving = serving();
        let mut held = 0.0;
        let mut finished = 0.0;
        let each = rate / f64::from(replicas);
        for _ in 0..seconds {
            let next = serving.after_a_second(held, each);
            finished += held + each - next;
            prop_assert!(next >= 0.0 && held + each - next <= serving.capacity() * (1.0 + 1e-9));
            held = next;
        }
        prop_assert!((finished + held - each * seconds as f64).abs() < 1e-6 * each * seconds as f64 + 1e-6);
    }

    #[test]
    fn in_flight_and_throughput_are_inverse(rate in 0.01_f64..9.99) {
        let serving = serving();
        let in_flight = serving.in_flight_at(rate).unwrap();
        let after = serving.after_a_second(in_flight, rate);
        prop_assert!((after - in_flight).abs() < 1e-9 * in_flight);
        prop_assert_eq!(serving.in_flight_at(10.1), None);
    }

    #[test]
    fn more_replicas_never_serve_worse(rate in 1.0_f64..60.0, replicas in 1_u32..6) {
        let scenario = scenario(constant(rate, 300));
        let fewer = simulate(&scenario, &Fleet::fixed(replicas)).unwrap();
        let more = simulate(&scenario, &Fleet::fixed(replicas + 1)).unwrap();
        // Shares are sums of many parts: they round differently.
        prop_assert!(more.within_targets.unwrap() >= fewer.within_targets.unwrap() - 1e-9);
        prop_assert!(more.worst_ttft <= fewer.worst_ttft);
    }
}
