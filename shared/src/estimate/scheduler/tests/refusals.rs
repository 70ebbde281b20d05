//! Bad input ends in an error that says what is wrong, and nothing hangs.

use super::super::{
    Admission, CommonPrefix, EngineSettings, Simulation, SimulationError, Speculation, StepClock, StepShape,
};
use super::{Toy, fixed};
use crate::workload::{Arrivals, RequestLengths};

fn engine() -> EngineSettings {
    EngineSettings::vllm_v1(8, 512, 10_000, 4096)
}

fn refused(change: impl FnOnce(&mut Simulation<'_>)) -> SimulationError {
    let lengths = fixed(100, 100);
    let mut simulation = Simulation::new(engine(), Arrivals::ClosedLoop { in_flight: 4 }, &lengths);
    change(&mut simulation);
    simulation.run(&Toy::default()).unwrap_err()
}

fn with_lengths(settings: EngineSettings, input_tokens: u32, output_tokens: u32) -> SimulationError {
    let lengths = [RequestLengths { input_tokens, output_tokens }];
    Simulation::new(settings, Arrivals::Burst, &lengths).run(&Toy::default()).unwrap_err()
}

#[test]
fn counts_of_zero_are_refused() {
    let zero = |change: fn(&mut Simulation<'_>)| matches!(refused(change), SimulationError::Zero { .. });
    assert!(zero(|simulation| simulation.requests = 0));
    assert!(zero(|simulation| simulation.lengths = &[]));
    assert!(zero(|simulation| simulation.data_parallel_ranks = 0));
    assert!(zero(|simulation| simulation.streaming.interval_tokens = 0));
    assert!(zero(|simulation| simulation.arrivals = Arrivals::ClosedLoop { in_flight: 0 }));
    assert!(zero(|simulation| simulation.arrivals = Arrivals::Trace(Vec::new())));
    assert!(zero(|simulation| simulation.settings.seats = 0));
    assert!(zero(|simulation| simulation.settings.step_tokens = 0));
    assert!(zero(|simulation| simulation.settings.kv_blocks = 0));
    assert!(zero(|simulation| simulation.settings.block_tokens = 0));
}

#[test]
fn numbers_that_are_none_are_refused() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-300] {
        let error =
            refused(|simulation| simulation.arrivals = Arrivals::Poisson { requests_per_second: rate });
        assert!(matches!(error, SimulationError::NotFinite { .. }), "{rate}: {error}");
        let error =
            refused(|simulation| simulation.arrivals = Arrivals::Constant { requests_per_second: rate });
        assert!(matches!(error, SimulationError::NotFinite { .. }), "{rate}: {error}");
    }
    for time in [-1.0, f64::NAN, f64::INFINITY] {
        let error = refused(|simulation| simulation.arrivals = Arrivals::Trace(vec![0.0, time]));
        assert!(matches!(error, SimulationError::NotFinite { .. }), "{time}: {error}");
        let error = refused(|simulation| simulation.client.request_seconds = time);
        assert!(matches!(error, SimulationError::NotFinite { .. }), "{time}: {error}");
    }
    let error = refused(|simulation| simulation.arrivals = Arrivals::Trace(vec![0.0, 2.0, 1.0]));
    assert_eq!(error, SimulationError::Unordered { request: 2 });
    for share in [-0.1, 1.1, f64::NAN] {
        let error = refused(|simulation| simulation.common_prefix = CommonPrefix::Share(share));
        assert!(matches!(error, SimulationError::Share { .. }), "{share}: {error}");
        let drafts = Speculation { draft_tokens: 2, acceptance_rate: share };
        let error = refused(|simulation| simulation.settings.speculation = Some(drafts));
        assert!(matches!(error, SimulationError::Share { .. }), "{share}: {error}");
        let admission = Admission::Known { whole_sequence: true, watermark: share };
        let error = refused(|simulation| simulation.settings.admission = admission);
        assert!(matches!(error, SimulationError::Share { .. }), "{share}: {error}");
    }
}

#[test]
fn requests_that_can_never_run_are_refused() {
    assert!(matches!(with_lengths(engine(), 0, 5), SimulationError::EmptyRequest { request: 0, .. }));
    assert!(matches!(with_lengths(engine(), 5, 0), SimulationError::EmptyRequest { request: 0, .. }));
    assert!(matches!(with_lengths(engine(), 4096, 5), SimulationError::PromptTooLong { most: 4095, .. }));
    assert!(matches!(with_lengths(engine(), u32::MAX, u32::MAX), SimulationError::PromptTooLong { .. }));
    let small = EngineSettings { kv_blocks: 10, ..engine() };
    let error = with_lengths(small, 100, 100);
    assert_eq!(error, SimulationError::LargerThanCache { request: 0, needed: 199, held: 160 });
    let whole = EngineSettings { chunked_prefill: false, ..engine() };
    let error = with_lengths(whole, 600, 5);
    assert!(matches!(error, SimulationError::PromptLongerThanStep { prompt: 600, most: 512, .. }), "{error}");
    for settings in [
        EngineSettings { seats: u32::MAX, ..engine() },
        EngineSettings { block_tokens: u32::MAX, ..engine() },
        EngineSettings { kv_blocks: u64::MAX, ..engine() },
        EngineSettings { max_model_tokens: u32::MAX, ..engine() },
        EngineSettings { step_tokens: u32::MAX, ..engine() },
    ] {
        assert!(matches!(with_lengths(settings, 5, 5), SimulationError::TooMany { .. }), "{settings:?}");
    }
}

#[test]
fn a_simulation_that_takes_too_long_says_so() {
    let error = refused(|simulation| simulation.most_events = 50);
    assert!(matches!(error, SimulationError::TooLong { .. }), "{error}");
}

#[test]
fn steps_without_a_duration_are_refused() {
    struct Broken(f64);
    impl StepClock for Broken {
        fn seconds(&self, _: &StepShape) -> f64 {
            self.0
        }
    }
    let lengths = fixed(10, 10);
    let simulation = Simulation::new(engine(), Arrivals::Burst, &lengths);
    for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = simulation.run(&Broken(seconds)).unwrap_err();
        assert!(matches!(error, SimulationError::StepTime { .. }), "{seconds}: {error}");
    }
}
