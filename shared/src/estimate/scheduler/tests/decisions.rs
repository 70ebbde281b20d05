//! The engine decides as the literal rules do, however many steps it takes together.

use proptest::prelude::*;

use super::super::engine::{Engine, EngineRequest, StepEvents};
use super::super::{Admission, Batching, CommonPrefix, EngineSettings, Simulation, Speculation, Window};
use super::Toy;
use super::literal::{Decision, Literal};
use crate::workload::{Arrivals, RequestLengths};

const MODEL_TOKENS: u32 = 220;

fn vllm() -> impl Strategy<Value = EngineSettings> {
    let numbers = (1_u32..=12, 8_u32..=120, prop_oneof![Just(1_u32), Just(4), Just(16)], 0_u32..60);
    let rest = (any::<bool>(), any::<bool>(), prop_oneof![Just(0.0), Just(0.05), Just(0.2)], 0_u64..60);
    (numbers, rest).prop_map(|((seats, step_tokens, block_tokens, threshold), rest)| {
        let (prefix_caching, whole_sequence, watermark, spare) = rest;
        EngineSettings {
            block_tokens,
            kv_blocks: u64::from(MODEL_TOKENS.div_ceil(block_tokens)) + spare * 16 / u64::from(block_tokens),
            admission: Admission::Known { whole_sequence, watermark },
            prefix_caching,
            long_prefill_threshold: if threshold < 30 { 0 } else { threshold },
            asynchronous: false,
            ..EngineSettings::vllm_v1(seats, step_tokens, 0, MODEL_TOKENS)
        }
    })
}

/// Requests with the steps before which they come.
fn requests() -> impl Strategy<Value = Vec<(u64, EngineRequest)>> {
    let lengths = (1_u32..160, prop_oneof![Just(1_u32), 1_u32..70]);
    (prop::collection::vec((0_u64..12, lengths), 1..40), 0_u32..100).prop_map(|(requests, common_prefix)| {
        let mut step = 0;
        let mut arrive = |gap: u64| {
            step += gap;
            step
        };
        let request = |(prompt, output)| EngineRequest { prompt, output, common_prefix };
        requests.into_iter().map(|(gap, lengths)| (arrive(gap), request(lengths))).collect()
    })
}

fn step_of(engine: &mut Engine, events: &mut StepEvents) -> Decision {
    engine.schedule();
    let mut decision = Decision {
        scheduled: engine.scheduled().collect(),
        preempted: engine.preempted().to_vec(),
        running: engine.running() as usize,
        waiting: engine.waiting(),
        used: engine.used_blocks(),
        ..Decision::default()
    };
    engine.complete(events);
    decision.first_token = events.first_token.clone();
    decision.first_token.sort_unstable();
    decision.finished = events.finished.clone();
    decision
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_decision_is_that_of_the_literal_rules(settings in vllm(), requests in requests()) {
        let mut engine = Engine::new(settings, 1).unwrap();
        let mut literal = Literal::new(settings);
        let mut events = StepEvents::default();
        let mut arrivals = requests.iter().peekable();
        let mut finished = 0;
        let mut tokens = 0;
        for step in 0..100_000_u64 {
            while let Some((_, request)) = arrivals.next_if(|(arrival, _)| *arrival <= step) {
                engine.enqueue(*request).unwrap();
                literal.enqueue(*request);
            }
            if literal.is_idle() {
                if arrivals.peek().is_none() {
                    break;
                }
                continue;
            }
            let ours = step_of(&mut engine, &mut events);
            let theirs = literal.step();
            prop_assert_eq!(&ours, &theirs, "step {}", step);
            prop_assert!(ours.used <= settings.kv_blocks);
            finished += ours.finished.len();
            tokens += events.tokens;
        }
        prop_assert_eq!(finished, requests.len());
        let asked = |request: &EngineRequest| request.output.min(MODEL_TOKENS - request.prompt);
        prop_assert_eq!(tokens, requests.iter().map(|(_, request)| u64::from(asked(request))).sum::<u64>());
    }

    #[test]
    fn steps_taken_together_change_nothing(
        settings in any_engine(),
        requests in requests(),
        load in 0_usize..4,
        prefix in 0.0..1.0_f64,
        interval in 1_u32..5,
    ) {
        let lengths: Vec<RequestLengths> = requests
            .iter()
            .map(|(_, request)| RequestLengths { input_tokens: request.prompt, output_tokens: request.output })
            .collect();
        let arrivals = [
            Arrivals::Burst,
            Arrivals::ClosedLoop { in_flight: 5 },
            Arrivals::Poisson { requests_per_second: 3.0 },
            Arrivals::Constant { requests_per_second: 40.0 },
        ];
        // With drafts a run's time is off by up to a token of context, which may decide whether an arrival from
        // outside comes before a step or after it.
        let load = if settings.speculation.is_some() { load % 2 } else { load };
        let mut simulation = Simulation {
            requests: 60,
            window: Window::WholeRun,
            common_prefix: CommonPrefix::Share(prefix),
            ..Simulation::new(settings, arrivals[load].clone(), &lengths)
        };
        simulation.streaming.interval_tokens = interval;
        simulation.streaming.first_token_at_once = load % 2 == 0;
        let together = simulation.run(&Toy::default()).unwrap();
        simulation.jumps = false;
        let apart = simulation.run(&Toy::default()).unwrap();
        // Saved-up fractions of drafts make contexts grow unevenly, by less than a token from the mean of a run.
        let most = if settings.speculation.is_some() { 0.05 } else { 1e-6 };
        prop_assert_eq!(together.samples.len(), 60);
        prop_assert_eq!(apart.samples.len(), 60);
        prop_assert_eq!(together.steps, apart.steps);
        prop_assert_eq!(together.preemptions, apart.preemptions);
        for (one, other) in together.samples.iter().zip(&apart.samples) {
            prop_assert_eq!((one.input_tokens, one.output_tokens), (other.input_tokens, other.output_tokens));
            prop_assert!((one.ttft.milliseconds() - other.ttft.milliseconds()).abs() < most);
            prop_assert!((one.end_to_end_milliseconds - other.end_to_end_milliseconds).abs() < most);
        }
        for (one, other) in [
            (together.running, apart.running),
            (together.waiting, apart.waiting),
            (together.output_tokens_per_second, apart.output_tokens_per_second),
        ] {
            prop_assert!((one - other).abs() <= 1e-2 * most * (1.0 + other), "{} {}", one, other);
        }
    }

    #[test]
    fn every_request_finishes_with_all_its_tokens(settings in any_engine(), requests in requests()) {
        let lengths: Vec<RequestLengths> = requests
            .iter()
            .map(|(_, request)| RequestLengths { input_tokens: request.prompt, output_tokens: request.output })
            .collect();
        let count = lengths.len() as u32;
        let simulation = Simulation {
            requests: count,
            window: Window::WholeRun,
            ..Simulation::new(settings, Arrivals::Burst, &lengths)
        };
        let outcome = simulation.run(&Toy::default()).unwrap();
        prop_assert_eq!(outcome.samples.len(), lengths.len());
        prop_assert!(outcome.highest_kv_use <= 1.0);
        let asked = |lengths: &RequestLengths| lengths.output_tokens.min(MODEL_TOKENS - lengths.input_tokens);
        let total = lengths.iter().map(|lengths| f64::from(asked(lengths))).sum::<f64>();
        let generated = outcome.output_tokens_per_second * outcome.window_seconds;
        prop_assert!((generated - total).abs() < 1e-6 * total, "{} of {}", generated, total);
        prop_assert_eq!(&simulation.run(&Toy::default()).unwrap(), &outcome);
    }
}

/// Any kind of engine, with little or much memory.
fn any_engine() -> impl Strategy<Value = EngineSettings> {
    let batching = prop_oneof![
        Just(Batching::Mixed),
        Just(Batching::PrefillFirst),
        Just(Batching::PrefillFirstMixed),
        Just(Batching::OneAtATime),
    ];
    let admission = prop_oneof![
        Just(Admission::WholeLife),
        Just(Admission::Known { whole_sequence: true, watermark: 0.01 }),
        Just(Admission::Known { whole_sequence: false, watermark: 0.0 }),
        Just(Admission::Expected { initial_share: 0.7, least_share: 0.098, steps: 600, most_new_tokens: 40 }),
    ];
    let speculation = prop_oneof![
        Just(None),
        Just(None),
        Just(Some(Speculation { draft_tokens: 3, acceptance_rate: 0.7 }))
    ];
    (vllm(), batching, admission, speculation, any::<bool>(), any::<bool>()).prop_map(
        |(settings, batching, admission, speculation, chunked_prefill, asynchronous)| EngineSettings {
            batching,
            admission,
            speculation,
            chunked_prefill,
            asynchronous,
            step_tokens: if chunked_prefill {
                settings.step_tokens
            } else {
                settings.step_tokens + MODEL_TOKENS
            },
            ..settings
        },
    )
}
