//! What a simulation of the scheduler costs: `cargo bench -p infer-core --bench schedule`.
//!
//! 10,000 ShareGPT requests with 256 seats shall take at most 20 ms, a curve of 12 loads at most 10 ms with the
//! requests that P50 and P90 need, and at most 60 ms with those that P99 needs.

use divan::{Bencher, black_box};
use infer_core::estimate::scheduler::{
    EngineSettings, Outcome, Recording, Simulation, StepClock, StepShape, Window,
};
use infer_core::workload::{Arrivals, LengthSource, Lengths, RequestLengths, Traffic};

fn main() {
    divan::main();
}

/// Time linear in what a step does, of the size that an 8-billion-parameter model takes on one H100.
struct Linear;

impl StepClock for Linear {
    fn seconds(&self, step: &StepShape) -> f64 {
        5e-3 + 2e-5 * f64::from(step.decode_sequences)
            + 1e-9 * step.decode_context_tokens as f64
            + 2e-5 * step.prefill_tokens as f64
            + 1e-10 * step.prefill_attention_pairs as f64
    }
}

fn lengths(traffic: Traffic, count: usize) -> Vec<RequestLengths> {
    LengthSource::from(traffic).draw(count, 1).unwrap_or_default()
}

fn run(simulation: &Simulation<'_>) -> Option<Outcome> {
    black_box(simulation.run(&Linear).ok())
}

/// Tokens of KV cache: ample for 256 seats, and so few that requests are preempted all the time.
#[divan::bench(args = [1_000_000, 60_000])]
fn ten_thousand_sharegpt_requests(bencher: Bencher<'_, '_>, kv_tokens: u64) {
    let lengths = lengths(Traffic::SHAREGPT, 10_000);
    let settings = EngineSettings::vllm_v1(256, 2048, kv_tokens, 8192);
    let load = Arrivals::ClosedLoop { in_flight: 256 };
    let simulation = Simulation {
        requests: 10_000,
        window: Window::WholeRun,
        ..Simulation::new(settings, load, &lengths)
    };
    bencher.bench(|| run(&simulation));
}

const LOADS: u32 = 12;
const USUAL: u32 = 300;
const MANY: u32 = 3000;

/// Twelve loads from one request in flight to 1,024, geometrically.
#[divan::bench(args = [USUAL, MANY])]
fn closed_loop_curve_1k_1k(bencher: Bencher<'_, '_>, requests: u32) {
    let traffic =
        Traffic { input_tokens: 1024.0, output_tokens: 1024.0, lengths: Lengths::UniformFourFifths };
    let lengths = lengths(traffic, 1000);
    let settings = EngineSettings::vllm_v1(256, 2048, 500_000, 8192);
    bencher.bench(|| {
        for load in 0..LOADS {
            let in_flight = 1024_f64.powf(f64::from(load) / f64::from(LOADS - 1)).round() as u32;
            let load = Arrivals::ClosedLoop { in_flight };
            run(&Simulation { requests, ..Simulation::new(settings, load, &lengths) });
        }
    });
}

/// Twelve rates up to 5 % above what the engine gives.
#[divan::bench(args = [USUAL, MANY])]
fn open_loop_curve_sharegpt(bencher: Bencher<'_, '_>, requests: u32) {
    let lengths = lengths(Traffic::SHAREGPT, 1000);
    let settings = EngineSettings::vllm_v1(256, 2048, 500_000, 8192);
    let most = run(&Simulation::new(settings, Arrivals::ClosedLoop { in_flight: 512 }, &lengths))
        .map_or(0.0, |outcome| outcome.requests_per_second);
    bencher.bench(|| {
        for load in 1..=LOADS {
            let requests_per_second = 1.05 * most * f64::from(load) / f64::from(LOADS);
            let load = Arrivals::Poisson { requests_per_second };
            run(&Simulation { requests, ..Simulation::new(settings, load, &lengths) });
        }
    });
}

#[divan::bench]
fn replay_of_a_recording(bencher: Bencher<'_, '_>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/schedules/preemption.json");
    let recording = std::fs::read_to_string(path).ok().and_then(|text| Recording::parse(&text).ok());
    bencher.bench(|| black_box(recording.as_ref().map(Recording::replay)));
}
