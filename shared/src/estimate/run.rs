//! One load on one replica: from what was asked to a simulated run.

use super::protocol::Protocol;
use super::replica::{CannotEstimate, Replica};
use super::scheduler::{CommonPrefix, Outcome, Simulation, StepClock, Window};
use crate::catalog::Catalog;
use crate::measured::{Experiment, OfferedLoad};
use crate::workload::{Arrivals, LengthError, LengthSource, Lengths, RequestLengths, Statistic};

/// Requests of a run for each one in flight: what InferenceX sends.
const REQUESTS_A_SEAT: f64 = 10.0;

/// Fewest and most requests of a simulated run: enough for a median, and no longer than it tells something more.
const LEAST_REQUESTS: f64 = 40.0;
const MOST_REQUESTS: f64 = 12_000.0;

/// Requests of an open loop that are measured.
const OPEN_LOOP_REQUESTS: u32 = 400;

/// Requests of a run that sends everything at once.
const OFFLINE_REQUESTS: u32 = 4_000;

/// Lengths that are drawn for a run of fewer requests.
const LEAST_LENGTHS: u32 = 64;

/// All simulations draw from the same seed, so that neighbouring configurations differ by what they are alone.
const SEED: u64 = 1;

/// A load as it is simulated.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// When requests come.
    pub arrivals: Arrivals,
    /// How long they are.
    pub lengths: LengthSource,
    /// How many are measured.
    pub requests: u32,
    /// Which of them.
    pub window: Window,
    /// Share of every prompt that all have in common.
    pub common_prefix_share: f64,
}

impl Run {
    /// The run of a benchmark. Benchmarks that keep N requests in flight start with all of them at once and report
    /// over the whole run.
    pub fn of(experiment: &Experiment) -> Self {
        let traffic = experiment.traffic;
        // Casts saturate; the amounts are positive.
        let (arrivals, requests, window) = match experiment.load {
            OfferedLoad::InFlight(in_flight) => {
                let in_flight = in_flight.round().max(1.0);
                let requests = (in_flight * REQUESTS_A_SEAT).clamp(LEAST_REQUESTS, MOST_REQUESTS);
                let arrivals = Arrivals::ClosedLoop { in_flight: in_flight as u32 };
                (arrivals, requests.max(in_flight) as u32, Window::WholeRun)
            }
            OfferedLoad::Poisson(rate) => {
                let arrivals = Arrivals::Poisson { requests_per_second: rate };
                (arrivals, OPEN_LOOP_REQUESTS, Window::SteadyState)
            }
            OfferedLoad::Constant(rate) => {
                let arrivals = Arrivals::Constant { requests_per_second: rate };
                (arrivals, OPEN_LOOP_REQUESTS, Window::SteadyState)
            }
            OfferedLoad::Burst(requests) => {
                (Arrivals::Burst, requests.round().clamp(1.0, MOST_REQUESTS) as u32, Window::WholeRun)
            }
            OfferedLoad::Offline => (Arrivals::Burst, OFFLINE_REQUESTS, Window::WholeRun),
            OfferedLoad::AtThroughput(tokens) => {
                let arrivals =
                    Arrivals::Poisson { requests_per_second: tokens / traffic.mean_output_tokens() };
                (arrivals, OPEN_LOOP_REQUESTS, Window::SteadyState)
            }
        };
        Self { arrivals, lengths: traffic.into(), requests, window, common_prefix_share: 0.0 }
    }
}

/// The lengths of a run's requests.
fn draw(lengths: &LengthSource, requests: u32) -> Result<Vec<RequestLengths>, LengthError> {
    lengths.draw(requests.max(LEAST_LENGTHS) as usize, SEED)
}

/// `lengths` drawn once for several runs of so many requests: each has the same as if it drew them itself.
pub(super) fn drawn(lengths: &LengthSource, requests: u32) -> Result<LengthSource, LengthError> {
    Ok(LengthSource::Observed(draw(lengths, requests)?.into()))
}

/// The statistic that a figure of TTFT is, whatever its table calls it.
///
/// The runs of exact lengths in AIConfigurator's sample are medians by its own account; only InferenceX's, whose
/// lengths are drawn, behave as means over the whole run.
pub(super) fn ttft_statistic(experiment: &Experiment) -> Statistic {
    match (experiment.traffic.lengths, experiment.load) {
        (Lengths::Fixed, OfferedLoad::InFlight(_)) => Statistic::P50,
        _ => experiment.ttft_statistic,
    }
}

impl Replica {
    /// The replica of a measured configuration, started as its benchmark starts servers.
    ///
    /// # Errors
    /// Names that the catalog lacks.
    pub fn of_experiment(catalog: &Catalog, experiment: &Experiment) -> Result<Self, CannotEstimate> {
        let in_flight = match experiment.load {
            OfferedLoad::InFlight(in_flight) => Some(in_flight),
            _ => None,
        };
        let protocol = Protocol::of(&experiment.traffic, in_flight);
        Self::of(catalog, &experiment.configuration, &experiment.traffic, protocol, false)
    }

    /// Runs a load on this replica.
    ///
    /// # Errors
    /// Requests that cannot run, and runs without end.
    pub fn run(&self, run: &Run, clock: &impl StepClock) -> Result<Outcome, CannotEstimate> {
        let lengths = draw(&run.lengths, run.requests)?;
        let simulation = Simulation {
            requests: run.requests,
            window: run.window,
            seed: SEED,
            common_prefix: CommonPrefix::Share(run.common_prefix_share),
            ..Simulation::new(self.settings, run.arrivals.clone(), &lengths)
        };
        Ok(simulation.run(clock)?)
    }
}
