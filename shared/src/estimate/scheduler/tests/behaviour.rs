//! What tells the engines apart.

use super::super::{
    Admission, CommonPrefix, EngineSettings, Simulation, Speculation, StepShape, Streaming, Window,
};
use super::{Toy, fixed, sharegpt, uniform};
use crate::workload::Arrivals;

fn steps_of(settings: EngineSettings) -> Vec<StepShape> {
    let lengths = uniform(400.0);
    let clock = Toy::default();
    let load = Arrivals::ClosedLoop { in_flight: 20 };
    let simulation = Simulation {
        requests: 100,
        window: Window::WholeRun,
        jumps: false,
        ..Simulation::new(settings, load, &lengths)
    };
    simulation.run(&clock).unwrap();
    clock.seen.into_inner()
}

fn mixes(step: &StepShape) -> bool {
    step.decode_sequences > 0 && step.prefill_sequences > 0
}

#[test]
fn vllm_v1_and_tensorrt_llm_mix_prompts_into_decode_steps_and_the_others_do_not() {
    let kv = 100_000;
    assert!(steps_of(EngineSettings::vllm_v1(64, 2048, kv, 4096)).iter().any(mixes));
    assert!(steps_of(EngineSettings::tensorrt_llm(64, 2048, kv, 4096)).iter().any(mixes));
    for settings in [
        EngineSettings::vllm_v0(kv, 4096),
        EngineSettings::sglang(64, 2048, kv, 4096),
        EngineSettings::jetstream(64, 4096),
    ] {
        let steps = steps_of(settings);
        assert!(!steps.iter().any(mixes), "{settings:?}");
        assert!(steps.iter().any(|step| step.prefill_sequences > 0));
    }
}

#[test]
fn no_step_exceeds_the_token_budget_and_chunks_fill_it() {
    let steps = steps_of(EngineSettings::vllm_v1(64, 300, 100_000, 4096));
    assert!(steps.iter().all(|step| step.tokens() <= 300));
    assert!(steps.iter().filter(|step| step.tokens() == 300).count() > 20);
}

#[test]
fn jetstream_takes_one_prompt_at_a_time_and_decodes_in_between_over_all_slots() {
    let steps = steps_of(EngineSettings::jetstream(16, 4096));
    assert!(steps.iter().all(|step| step.prefill_sequences <= 1));
    assert!(steps.iter().all(|step| step.decode_sequences == 0 || step.decode_tokens == 16));
    assert!(!steps.windows(2).skip(1).any(|pair| pair.iter().all(|step| step.prefill_sequences > 0)));
}

#[test]
fn who_reserves_everything_preempts_nobody_and_who_does_not_does() {
    let lengths = fixed(100, 500);
    let preemptions = |admission| {
        let settings = EngineSettings { admission, ..EngineSettings::vllm_v1(64, 2048, 8_000, 4096) };
        let load = Arrivals::ClosedLoop { in_flight: 40 };
        let simulation = Simulation {
            requests: 200,
            window: Window::WholeRun,
            ..Simulation::new(settings, load, &lengths)
        };
        let outcome = simulation.run(&Toy::default()).unwrap();
        (outcome.preemptions, outcome.running)
    };
    let (none, few_running) = preemptions(Admission::WholeLife);
    let (some, many_running) = preemptions(Admission::Known { whole_sequence: true, watermark: 0.0 });
    assert_eq!(none, 0);
    assert!(some > 10, "{some}");
    assert!(many_running > few_running);
    // 8,000 tokens hold 13 requests of 38 blocks.
    assert!(few_running <= 13.0, "{few_running}");
}

#[test]
fn a_common_prefix_is_computed_once() {
    let lengths = fixed(1000, 20);
    let ttft = |common_prefix, prefix_caching| {
        let settings = EngineSettings { prefix_caching, ..EngineSettings::vllm_v1(64, 2048, 100_000, 4096) };
        let load = Arrivals::Poisson { requests_per_second: 2.0 };
        let simulation = Simulation { common_prefix, ..Simulation::new(settings, load, &lengths) };
        let outcome = simulation.run(&Toy::default()).unwrap();
        (outcome.cached_share, outcome.ttft.percentile(50.0).unwrap())
    };
    let (share, fast) = ttft(CommonPrefix::Tokens(800), true);
    let (none, slow) = ttft(CommonPrefix::Tokens(800), false);
    assert!((share - 0.8).abs() < 0.01, "{share}");
    assert_eq!(none, 0.0);
    assert!(fast < 0.6 * slow, "{fast} {slow}");
    let (share, _) = ttft(CommonPrefix::Share(0.8), true);
    assert!((share - 0.8).abs() < 0.01, "{share}");
}

#[test]
fn accepted_drafts_shorten_the_answer_by_their_expected_number() {
    let lengths = fixed(100, 401);
    let end_to_end = |speculation| {
        let settings = EngineSettings { speculation, ..EngineSettings::vllm_v1(8, 2048, 100_000, 4096) };
        let load = Arrivals::ClosedLoop { in_flight: 1 };
        let simulation = Simulation {
            requests: 10,
            window: Window::WholeRun,
            ..Simulation::new(settings, load, &lengths)
        };
        let clock = Toy::default();
        let outcome = simulation.run(&clock).unwrap();
        assert!(outcome.samples.iter().all(|sample| sample.output_tokens == 401));
        (outcome.steps as f64 / 10.0, clock.seen.into_inner())
    };
    let (plain, _) = end_to_end(None);
    let speculation = Speculation { draft_tokens: 2, acceptance_rate: 0.8 };
    let (drafted, steps) = end_to_end(Some(speculation));
    assert_eq!(plain, 401.0);
    // 1 + 0.8 + 0.64 tokens a step, after the step of the prompt.
    assert!((speculation.tokens_per_step() - 2.44).abs() < 1e-12);
    assert!((drafted - (1.0 + 400.0 / 2.44)).abs() < 1.0, "{drafted}");
    assert!(steps.iter().all(|step| step.decode_tokens == 3 * u64::from(step.decode_sequences)));
}

#[test]
fn portions_delay_what_the_client_sees_first() {
    let lengths = fixed(100, 101);
    let ttft = |interval_tokens, first_token_at_once| {
        let settings = EngineSettings::vllm_v1(8, 2048, 100_000, 4096);
        let load = Arrivals::ClosedLoop { in_flight: 1 };
        let streaming = Streaming { interval_tokens, first_token_at_once };
        let simulation = Simulation { streaming, ..Simulation::new(settings, load, &lengths) };
        let outcome = simulation.run(&Toy::default()).unwrap();
        (outcome.ttft.mean().unwrap(), outcome.end_to_end.mean().unwrap())
    };
    let (at_once, whole) = ttft(10, true);
    assert_eq!((at_once, whole), ttft(1, false));
    let (late, same_whole) = ttft(10, false);
    assert_eq!(whole, same_whole);
    // Nine decode steps of some 5 ms more.
    assert!((late - at_once - 9.0 * 5.02).abs() < 0.1, "{late} {at_once}");
}

#[test]
fn asynchronous_scheduling_costs_a_request_that_arrives_amid_others_one_step() {
    let lengths = sharegpt(500);
    let outcome = |asynchronous| {
        let settings = EngineSettings { asynchronous, ..EngineSettings::vllm_v1(256, 2048, 500_000, 4096) };
        let load = Arrivals::Poisson { requests_per_second: 10.0 };
        Simulation { requests: 1000, ..Simulation::new(settings, load, &lengths) }
            .run(&Toy::default())
            .unwrap()
    };
    let wait = outcome(true).ttft.mean().unwrap() - outcome(false).ttft.mean().unwrap();
    let step = outcome(false).itl.mean().unwrap();
    assert!((0.7..1.3).contains(&(wait / step)), "{wait} {step}");
}

#[test]
fn ranks_share_the_load() {
    let lengths = uniform(500.0);
    let outcome = |in_flight, data_parallel_ranks| {
        let settings = EngineSettings::vllm_v1(64, 2048, 100_000, 4096);
        let load = Arrivals::ClosedLoop { in_flight };
        Simulation { data_parallel_ranks, ..Simulation::new(settings, load, &lengths) }
            .run(&Toy::default())
            .unwrap()
    };
    let (one, four) = (outcome(8, 1), outcome(32, 4));
    assert_eq!(one.itl, four.itl);
    assert!((four.output_tokens_per_second / one.output_tokens_per_second - 4.0).abs() < 1e-9);
    assert!((four.running - 4.0 * one.running).abs() < 1e-6);
}
