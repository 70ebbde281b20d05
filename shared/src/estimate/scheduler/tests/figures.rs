//! Closed forms, conservation and monotony.

use super::super::{EngineSettings, Simulation, Window};
use super::{Toy, fixed, sharegpt, uniform};
use crate::workload::{Arrivals, Itl, Targets, Ttft};

fn engine() -> EngineSettings {
    EngineSettings { asynchronous: false, ..EngineSettings::vllm_v1(64, 2048, 500_000, 8192) }
}

#[test]
fn one_request_alone_takes_what_its_steps_take() {
    let lengths = fixed(500, 101);
    let outcome = Simulation {
        requests: 20,
        ..Simulation::new(engine(), Arrivals::ClosedLoop { in_flight: 1 }, &lengths)
    }
    .run(&Toy::default())
    .unwrap();
    let prompt = Toy::STEP + 500.0 * Toy::PROMPT_TOKEN;
    // The hundred steps attend to 501 to 600 tokens.
    let decoding = 100.0 * (Toy::STEP + Toy::SEQUENCE + 550.5 * Toy::CONTEXT_TOKEN);
    let close = |value: f64, expected: f64| (value / (1e3 * expected) - 1.0).abs() < 1e-9;
    assert!(close(outcome.ttft.percentile(99.0).unwrap(), prompt));
    assert!(close(outcome.end_to_end.mean().unwrap(), prompt + decoding));
    assert!(close(outcome.itl.percentile(50.0).unwrap(), decoding / 100.0));
    assert!(close(outcome.ntpot.percentile(50.0).unwrap(), (prompt + decoding) / 101.0));
    assert!((outcome.requests_per_second * (prompt + decoding) - 1.0).abs() < 1e-6);
    assert!((outcome.running - 1.0).abs() < 1e-9);
}

/// Answers of one token, one seat: a queue with one server and constant service, M/D/1. Its mean wait is
/// `ρ·S / 2(1 − ρ)` (Pollaczek and Khinchine).
#[test]
fn one_seat_is_an_m_d_1_queue() {
    let lengths = fixed(500, 1);
    let service = Toy::STEP + 500.0 * Toy::PROMPT_TOKEN;
    for utilisation in [0.2, 0.5, 0.7] {
        let load = Arrivals::Poisson { requests_per_second: utilisation / service };
        let settings = EngineSettings { seats: 1, ..engine() };
        let simulation = Simulation { requests: 100_000, ..Simulation::new(settings, load, &lengths) };
        let outcome = simulation.run(&Toy::default()).unwrap();
        let expected = service * (1.0 + utilisation / (2.0 * (1.0 - utilisation)));
        let mean = outcome.ttft.mean().unwrap() / 1e3;
        assert!((mean / expected - 1.0).abs() < 0.02, "{utilisation}: {mean} {expected}");
        assert!(!outcome.unstable);
    }
}

/// With all seats taken, every request costs its prompt and its share of the decode steps.
#[test]
fn saturated_throughput_is_the_bound() {
    let lengths = uniform(400.0);
    let mean = |of: fn(&crate::workload::RequestLengths) -> u32| {
        lengths.iter().map(|lengths| f64::from(of(lengths))).sum::<f64>() / lengths.len() as f64
    };
    let (input, output) = (mean(|lengths| lengths.input_tokens), mean(|lengths| lengths.output_tokens));
    let simulation = Simulation {
        requests: 2000,
        ..Simulation::new(engine(), Arrivals::ClosedLoop { in_flight: 200 }, &lengths)
    };
    let outcome = simulation.run(&Toy::default()).unwrap();
    let seats = 64.0;
    let context = input + output / 2.0;
    let decode = Toy::STEP + seats * (Toy::SEQUENCE + context * Toy::CONTEXT_TOKEN);
    let seconds_per_request = output * decode / seats + input * Toy::PROMPT_TOKEN;
    let ratio = outcome.requests_per_second * seconds_per_request;
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
    assert!((outcome.running / seats - 1.0).abs() < 0.02, "{}", outcome.running);
}

#[test]
fn littles_law_holds() {
    let lengths = sharegpt(1000);
    let capacity = {
        let load = Arrivals::ClosedLoop { in_flight: 256 };
        Simulation::new(engine(), load, &lengths).run(&Toy::default()).unwrap().requests_per_second
    };
    let loads = [
        Arrivals::ClosedLoop { in_flight: 1 },
        Arrivals::ClosedLoop { in_flight: 100 },
        Arrivals::Poisson { requests_per_second: 0.1 * capacity },
        Arrivals::Poisson { requests_per_second: 0.8 * capacity },
        Arrivals::Constant { requests_per_second: 0.5 * capacity },
    ];
    for load in loads {
        let name = format!("{load:?}");
        let simulation = Simulation { requests: 20_000, ..Simulation::new(engine(), load, &lengths) };
        let outcome = simulation.run(&Toy::default()).unwrap();
        let in_flight = outcome.running + outcome.waiting;
        let by_law = outcome.requests_per_second * outcome.end_to_end.mean().unwrap() / 1e3;
        assert!((in_flight / by_law - 1.0).abs() < 0.02, "{name}: {in_flight} {by_law}");
        let mean_output = outcome.output_tokens_per_second / outcome.requests_per_second;
        assert!((mean_output / 195.0 - 1.0).abs() < 0.02, "{name}: {mean_output}");
    }
}

#[test]
fn a_short_run_says_what_a_long_one_says() {
    let lengths = sharegpt(2000);
    for share in [0.2, 0.5, 0.75] {
        let load = Arrivals::Poisson { requests_per_second: share * 40.0 };
        let outcome = |requests| {
            let simulation = Simulation { requests, ..Simulation::new(engine(), load.clone(), &lengths) };
            simulation.run(&Toy::default()).unwrap()
        };
        let (short, long) = (outcome(300), outcome(30_000));
        for percent in [50.0, 90.0] {
            for (one, other, most) in [(&short.itl, &long.itl, 0.04), (&short.ttft, &long.ttft, 0.15)] {
                let ratio = one.percentile(percent).unwrap() / other.percentile(percent).unwrap();
                assert!((ratio - 1.0).abs() < most, "{share} P{percent}: {ratio}");
            }
        }
        let ratio = short.output_tokens_per_second / long.output_tokens_per_second;
        assert!((ratio - 1.0).abs() < 0.06, "{share}: {ratio}");
    }
}

#[test]
fn more_load_never_lowers_latency_nor_throughput() {
    let lengths = uniform(300.0);
    let mut before: Option<(f64, f64)> = None;
    for in_flight in [1, 2, 4, 8, 16, 32, 64, 128] {
        let load = Arrivals::ClosedLoop { in_flight };
        let outcome = Simulation::new(engine(), load, &lengths).run(&Toy::default()).unwrap();
        let now = (outcome.ntpot.percentile(50.0).unwrap(), outcome.requests_per_second);
        if let Some((latency, throughput)) = before {
            assert!(now.0 > 0.99 * latency && now.1 > 0.98 * throughput, "{in_flight}: {now:?}");
        }
        before = Some(now);
    }
}

#[test]
fn an_open_loop_above_capacity_is_unstable_and_gives_capacity() {
    let lengths = sharegpt(1000);
    let outcome = |load| Simulation::new(engine(), load, &lengths).run(&Toy::default()).unwrap();
    let capacity = outcome(Arrivals::ClosedLoop { in_flight: 256 }).requests_per_second;
    for share in [0.3, 0.6, 0.85] {
        assert!(!outcome(Arrivals::Poisson { requests_per_second: share * capacity }).unstable, "{share}");
    }
    for share in [1.2, 1.5, 10.0, 1e6] {
        let outcome = outcome(Arrivals::Poisson { requests_per_second: share * capacity });
        assert!(outcome.unstable, "{share}");
        let ratio = outcome.output_tokens_per_second / (capacity * 195.0);
        assert!(share > 2.0 || (ratio - 1.0).abs() < 0.06, "{share}: {ratio}");
    }
}

#[test]
fn the_whole_run_counts_the_initial_burst_and_the_steady_state_does_not() {
    let lengths = fixed(1000, 500);
    let outcome = |window| {
        let load = Arrivals::ClosedLoop { in_flight: 32 };
        Simulation { requests: 320, window, ..Simulation::new(engine(), load, &lengths) }
            .run(&Toy::default())
            .unwrap()
    };
    let (whole, steady) = (outcome(Window::WholeRun), outcome(Window::SteadyState));
    assert_eq!(whole.samples.len(), 320);
    assert_eq!(steady.samples.len(), 320);
    assert!(whole.ttft.mean().unwrap() > 2.0 * steady.ttft.mean().unwrap());
}

#[test]
fn goodput_judges_every_request_by_itself() {
    let lengths = sharegpt(1000);
    let load = Arrivals::Poisson { requests_per_second: 20.0 };
    let outcome = Simulation::new(engine(), load, &lengths).run(&Toy::default()).unwrap();
    let at = |percent: f64| Ttft::from_milliseconds(outcome.ttft.percentile(percent).unwrap());
    for percent in [10.0, 50.0, 90.0] {
        let targets = Targets { ttft: Some(at(percent)), ..Targets::default() };
        assert!((outcome.share_meeting(&targets) - percent / 100.0).abs() < 0.01);
    }
    let out_of_reach = Targets { itl: Some(Itl::from_milliseconds(1.0)), ..Targets::default() };
    assert!(outcome.share_meeting(&out_of_reach) < 0.02);
    assert_eq!(outcome.goodput(&Targets::default()), outcome.requests_per_second);
}

#[test]
fn a_trace_is_replayed_at_its_times() {
    let lengths = fixed(500, 1);
    let load = Arrivals::Trace(vec![0.0, 0.0, 1.0, 1.01, 9.0]);
    let outcome =
        Simulation { requests: 5, window: Window::WholeRun, ..Simulation::new(engine(), load, &lengths) }
            .run(&Toy::default())
            .unwrap();
    let ttft: Vec<f64> = outcome.samples.iter().map(|sample| sample.ttft.milliseconds().round()).collect();
    // Two in one step of 25 ms; one whose step of 15 ms holds up the next for 5; one alone.
    assert_eq!(ttft, [25.0, 25.0, 15.0, 20.0, 15.0]);
}
