//! A load put on an engine, from its first request to the figures.

use std::collections::VecDeque;

use super::engine::{Engine, EngineRequest, StepEvents};
use super::outcome::{Outcome, Sample, Totals};
use super::{EngineSettings, SimulationError, StepClock, StepShape};
use crate::workload::{ArrivalTimes, Arrivals, Random, RequestLengths, Ttft};

/// Which requests are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// All of them, the initial burst of a closed loop included: what benchmarks do that start with everything at
    /// once and report over the whole run (InferenceX: N in flight, 10·N requests).
    WholeRun,
    /// Those that come when the engine has forgotten how it started; load stays on until the last has its answer.
    ///
    /// A closed loop starts with answers that are partly given, so that its clients are not in step, and is
    /// measured after two requests of each. An open loop is measured when twice as many requests have finished as are in
    /// flight. A burst has no steady state and is measured whole.
    SteadyState,
}

/// Tokens that all prompts begin with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CommonPrefix {
    /// So many tokens, in shorter prompts all of them: a system prompt.
    Tokens(u32),
    /// A share of every prompt, 0 to 1.
    Share(f64),
}

/// When tokens reach the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streaming {
    /// Tokens are sent in portions of so many (`--stream-interval`).
    pub interval_tokens: u32,
    /// Whether the first token is sent at once (vLLM, SGLang), or with the first whole portion.
    pub first_token_at_once: bool,
}

/// What a request passes outside of the engine's scheduler.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClientPath {
    /// Seconds from sending a request until it is in the engine's queue: HTTP, tokenisation.
    pub request_seconds: f64,
    /// Seconds from a token's step until the client has it: detokenisation, HTTP.
    pub response_seconds: f64,
}

/// One load on one engine.
#[derive(Debug, Clone)]
pub struct Simulation<'a> {
    /// The engine. With several attention-data-parallel ranks, one of them.
    pub settings: EngineSettings,
    /// When requests come.
    pub arrivals: Arrivals,
    /// Their lengths in order, from the start again when they are used up.
    pub lengths: &'a [RequestLengths],
    /// Requests that are measured; with [`Window::WholeRun`] all of the run.
    pub requests: u32,
    /// Which requests are measured.
    pub window: Window,
    /// What prompts have in common.
    pub common_prefix: CommonPrefix,
    /// What lies between client and scheduler.
    pub client: ClientPath,
    /// How tokens are sent.
    pub streaming: Streaming,
    /// Ranks that each serve their share of the requests.
    ///
    /// One of them is simulated, under an equal share of the load, the fuller one where it does not divide. Ranks
    /// step together, so a step lasts as long as the fullest rank needs; the spread between ranks is not simulated.
    pub data_parallel_ranks: u32,
    /// Of random arrivals and of where clients of a steady closed loop stand.
    pub seed: u64,
    /// Bound on events (steps that cannot be taken together); beyond it the simulation ends in an error.
    pub most_events: u64,
    /// Whether equal steps are taken together; without, the result is the same and comes later.
    pub jumps: bool,
}

impl<'a> Simulation<'a> {
    /// Events after which a simulation is given up: some seconds of work.
    pub const MOST_EVENTS: u64 = 20_000_000;

    /// A steady-state simulation of 300 requests, enough for P50 and P90, that go straight to the scheduler.
    pub fn new(settings: EngineSettings, arrivals: Arrivals, lengths: &'a [RequestLengths]) -> Self {
        Self {
            settings,
            arrivals,
            lengths,
            requests: 300,
            window: Window::SteadyState,
            common_prefix: CommonPrefix::Tokens(0),
            client: ClientPath { request_seconds: 0.0, response_seconds: 0.0 },
            streaming: Streaming { interval_tokens: 1, first_token_at_once: true },
            data_parallel_ranks: 1,
            seed: 0,
            most_events: Self::MOST_EVENTS,
            jumps: true,
        }
    }

    /// Runs it.
    pub fn run<C: StepClock>(&self, clock: &C) -> Result<Outcome, SimulationError> {
        self.validate()?;
        Run::new(self, clock)?.run()
    }

    fn validate(&self) -> Result<(), SimulationError> {
        let counts = [
            ("the number of requests", u64::from(self.requests), MOST_REQUESTS),
            ("the number of request lengths", self.lengths.len() as u64, u64::MAX),
            ("data-parallel ranks", u64::from(self.data_parallel_ranks), MOST_REQUESTS),
            ("the stream interval", u64::from(self.streaming.interval_tokens), u64::MAX),
        ];
        for (what, value, most) in counts {
            match value {
                0 => return Err(SimulationError::Zero { what }),
                _ if value > most => return Err(SimulationError::TooMany { what, value, most }),
                _ => {}
            }
        }
        let seconds = [
            ("the time of a request to the engine", self.client.request_seconds),
            ("the time of a token to the client", self.client.response_seconds),
        ];
        for (what, value) in seconds {
            if !(value.is_finite() && value >= 0.0) {
                return Err(SimulationError::NotFinite { what, value, accepted: "of at least 0" });
            }
        }
        if let CommonPrefix::Share(value) = self.common_prefix
            && !(0.0..=1.0).contains(&value)
        {
            return Err(SimulationError::Share { what: "common share of prompts", value, most: 1.0 });
        }
        self.validate_arrivals()
    }

    fn validate_arrivals(&self) -> Result<(), SimulationError> {
        match &self.arrivals {
            Arrivals::ClosedLoop { in_flight: 0 } => {
                Err(SimulationError::Zero { what: "the number of requests in flight" })
            }
            Arrivals::ClosedLoop { in_flight } if u64::from(*in_flight) > MOST_REQUESTS => {
                let (what, value) = ("the number of requests in flight", u64::from(*in_flight));
                Err(SimulationError::TooMany { what, value, most: MOST_REQUESTS })
            }
            Arrivals::ClosedLoop { .. } | Arrivals::Burst => Ok(()),
            Arrivals::Poisson { requests_per_second: rate }
            | Arrivals::Constant { requests_per_second: rate } => {
                if RATES.contains(rate) {
                    return Ok(());
                }
                let accepted = "from 1e-9 to 1e9 a second";
                Err(SimulationError::NotFinite { what: "the request rate", value: *rate, accepted })
            }
            Arrivals::Trace(times) if times.is_empty() => {
                Err(SimulationError::Zero { what: "the number of arrival times" })
            }
            Arrivals::Trace(times) => {
                if let Some(&value) = times.iter().find(|time| !(time.is_finite() && **time >= 0.0)) {
                    let (what, accepted) = ("an arrival time", "of at least 0");
                    return Err(SimulationError::NotFinite { what, value, accepted });
                }
                let falling = times.windows(2).position(|pair| pair[0] > pair[1]);
                falling.map_or(Ok(()), |place| Err(SimulationError::Unordered { request: place + 1 }))
            }
        }
    }
}

const MOST_REQUESTS: u64 = 10_000_000;
const RATES: std::ops::RangeInclusive<f64> = 1e-9..=1e9;

/// An open loop is not measured before so many requests have finished.
const LEAST_WARM_UP: usize = 32;

/// An open loop is warm when so many times the requests that are in flight have finished: in three residence times it
/// has come within 5 % of its steady state from an empty start.
const WARM_UP_TURNS: usize = 2;

/// The window is not closed before requests have finished for this share of those that are measured.
const SERVED_SHARE: f64 = 0.9;

/// Random arrivals keep to their rate over each such part of the measured requests.
const POISSON_BLOCKS: usize = 4;

/// An open loop counts as unstable when the wait grows by more than this share of the time that passes: the rate
/// is then more than 5 % above what the engine gives.
const GROWING_WAIT: f64 = 0.05;

/// A request on its way.
#[derive(Debug, Clone, Copy)]
struct Tracked {
    arrival: f64,
    first_token: f64,
}

/// The requests that are measured, by number, and what the run adds up meanwhile.
#[derive(Debug, Clone)]
struct Measuring {
    from: usize,
    to: usize,
    started_at: Option<f64>,
    totals: Totals,
    /// The totals when all measured requests had come: what is added up afterwards belongs to no window.
    closed: Option<Totals>,
    /// When the queue was last empty, and when it had last been when the window closed.
    last_empty: f64,
    last_empty_in_window: f64,
    highest_used_blocks: u64,
}

/// Equal steps that are taken together.
#[derive(Debug, Clone, Copy)]
struct Extent {
    steps: u32,
    /// Seconds of all of them.
    seconds: f64,
    /// Seconds of the last.
    last_seconds: f64,
}

/// The fewest steps that take at least `gap`; `all` of them take longer.
fn extent_until(gap: f64, all: Extent, of: impl Fn(u32) -> Extent) -> Extent {
    if gap <= 0.0 {
        return of(0);
    }
    let (mut short, mut short_time) = (0, 0.0);
    let mut enough = all;
    while enough.steps - short > 1 {
        // Between the bounds where a straight line would have it, never at a bound.
        let part = (gap - short_time) / (enough.seconds - short_time);
        let guess = short + (part * f64::from(enough.steps - short)) as u32;
        let middle = of(guess.clamp(short + 1, enough.steps - 1));
        if middle.seconds >= gap {
            enough = middle;
        } else {
            (short, short_time) = (middle.steps, middle.seconds);
        }
    }
    enough
}

struct Run<'a, C: StepClock> {
    load: &'a Simulation<'a>,
    clock: &'a C,
    engine: Engine,
    now: f64,
    /// The next step sees requests that have arrived by then.
    visible: f64,
    /// Steps until the engine looks for new requests again.
    deaf_steps: u32,
    /// Arrivals to come, in order of time: the next one is here while there is any.
    pending: VecDeque<f64>,
    /// Those that come after them.
    later: ArrivalTimes<'a>,
    /// Requests that a closed loop may still send.
    unsent: usize,
    /// Requests per rank in flight in a closed loop.
    in_flight: usize,
    /// One rank's figures times this are those of all.
    replicas: f64,
    requests: Vec<Tracked>,
    finished: usize,
    samples: Vec<Sample>,
    measuring: Measuring,
    residuals: Random,
    events: StepEvents,
    steps: u64,
    preemptions: u64,
}

impl<'a, C: StepClock> Run<'a, C> {
    fn new(load: &'a Simulation<'a>, clock: &'a C) -> Result<Self, SimulationError> {
        let shown_after = if load.streaming.first_token_at_once { 1 } else { load.streaming.interval_tokens };
        let mut run = Self {
            load,
            clock,
            engine: Engine::new(load.settings, shown_after)?,
            now: 0.0,
            visible: 0.0,
            deaf_steps: 0,
            pending: VecDeque::new(),
            later: load.arrivals.times(1, 0, 1, load.seed),
            unsent: 0,
            in_flight: 0,
            replicas: f64::from(load.data_parallel_ranks),
            requests: Vec::new(),
            finished: 0,
            samples: Vec::new(),
            measuring: Measuring {
                from: 0,
                to: usize::MAX,
                started_at: None,
                totals: Totals::default(),
                closed: None,
                last_empty: 0.0,
                last_empty_in_window: 0.0,
                highest_used_blocks: 0,
            },
            residuals: Random::new(load.seed, 4),
            events: StepEvents::default(),
            steps: 0,
            preemptions: 0,
        };
        run.plan_arrivals();
        Ok(run)
    }

    /// Lays out what one rank is sent.
    fn plan_arrivals(&mut self) {
        let load = self.load;
        let ranks = load.data_parallel_ranks as usize;
        let asked = load.requests as usize;
        let steady = self.is_steady();
        let seats = (load.settings.seats as usize).min(asked.saturating_mul(4));
        let mut total = if steady { 3 * asked + 4 * seats } else { asked.div_ceil(ranks) };
        let block = asked.div_ceil(POISSON_BLOCKS);
        match &load.arrivals {
            Arrivals::ClosedLoop { in_flight } => {
                let all = *in_flight as usize;
                self.in_flight = all.div_ceil(ranks);
                self.replicas = all as f64 / self.in_flight as f64;
                total = if steady { usize::MAX } else { total };
                let first = self.in_flight.min(total);
                self.pending.extend(std::iter::repeat_n(load.client.request_seconds, first));
                self.unsent = total - first;
            }
            Arrivals::Trace(_) => {
                self.later = load.arrivals.times(ranks, asked.saturating_mul(3), 1, load.seed);
                total = self.later.len();
            }
            Arrivals::Poisson { .. } | Arrivals::Constant { .. } | Arrivals::Burst => {
                self.later = load.arrivals.times(ranks, total, block, load.seed);
            }
        }
        self.pending.extend(self.later.next());
        if !steady {
            let start = self.pending.front().copied().unwrap_or(0.0);
            self.measuring.started_at = Some(start);
            self.measuring.to = total;
        }
    }

    fn is_steady(&self) -> bool {
        self.load.window == Window::SteadyState && self.load.arrivals != Arrivals::Burst
    }

    fn run(mut self) -> Result<Outcome, SimulationError> {
        for _ in 0..self.load.most_events {
            self.feed()?;
            self.move_window();
            if self.engine.schedule().is_empty() {
                self.preemptions += self.engine.preempted().len() as u64;
                if self.idle()? {
                    continue;
                }
                return Ok(self.outcome());
            }
            self.step()?;
            self.collect();
            if self.is_done() {
                return Ok(self.outcome());
            }
        }
        let (finished, requests) = (self.finished, self.requests.len() + self.to_come());
        Err(SimulationError::TooLong { steps: self.steps, finished, requests })
    }

    /// Arrivals that are known to come.
    fn to_come(&self) -> usize {
        self.pending.len() + self.later.len()
    }

    /// Puts requests that have arrived into the engine's queue.
    fn feed(&mut self) -> Result<(), SimulationError> {
        if self.deaf_steps > 0 {
            return Ok(());
        }
        while let Some(&arrival) = self.pending.front() {
            if arrival > self.visible {
                break;
            }
            self.pending.pop_front();
            if self.pending.is_empty() {
                self.pending.extend(self.later.next());
            }
            let number = self.requests.len();
            let lengths = self.load.lengths[number % self.load.lengths.len()];
            let mut output = lengths.output_tokens;
            if number < self.in_flight && self.is_steady() {
                output = (f64::from(output) * self.residuals.unit()).ceil().max(1.0) as u32;
            }
            let common_prefix = match self.load.common_prefix {
                CommonPrefix::Tokens(tokens) => tokens,
                CommonPrefix::Share(share) => (share * f64::from(lengths.input_tokens)) as u32,
            };
            self.engine.enqueue(EngineRequest { prompt: lengths.input_tokens, output, common_prefix })?;
            self.requests.push(Tracked { arrival, first_token: 0.0 });
            if let Some(start) = self.measuring.started_at {
                self.measuring.totals.waiting_seconds += (self.now - arrival.max(start)).max(0.0);
            }
        }
        Ok(())
    }

    /// Nothing can be computed now: goes to the next arrival; `false` when there is none.
    fn idle(&mut self) -> Result<bool, SimulationError> {
        self.deaf_steps = 0;
        let drained = self.engine.has_leaving() || self.visible < self.now;
        if drained || !self.engine.preempted().is_empty() {
            self.engine.let_go();
            self.visible = self.now;
            return Ok(true);
        }
        if self.engine.waiting() > 0 {
            return Err(SimulationError::Stuck { step: self.steps, waiting: self.engine.waiting() });
        }
        let Some(&arrival) = self.pending.front() else { return Ok(false) };
        self.now = self.now.max(arrival);
        self.visible = self.now;
        self.measuring.last_empty = self.now;
        Ok(true)
    }

    /// Lets the scheduled step, and those that are equal to it, take their time.
    fn step(&mut self) -> Result<(), SimulationError> {
        let shape = *self.engine.shape();
        let before = self.engine.used_blocks();
        let Extent { steps, seconds, last_seconds } = self.extent();
        if !(seconds.is_finite() && seconds > 0.0) {
            return Err(SimulationError::StepTime { seconds });
        }
        if steps > 1 {
            self.engine.extend(steps);
        }
        self.preemptions += self.engine.preempted().len() as u64;
        self.steps += u64::from(steps);
        self.deaf_steps = self.deaf_after(&shape, steps);
        if C::KEEPS_RECORD {
            let unanswered = self.unanswered();
            self.clock.passed(&shape, steps, u64::from(self.engine.decoding()), unanswered);
        }
        let start = self.now;
        self.now += seconds;
        self.visible = match (self.load.settings.asynchronous, steps) {
            (false, _) => self.now,
            (true, 1) => start,
            (true, _) => self.now - last_seconds,
        };
        let used = self.engine.used_blocks();
        let waiting = self.engine.waiting();
        if waiting == 0 {
            self.measuring.last_empty = self.now;
        }
        self.measuring.highest_used_blocks = self.measuring.highest_used_blocks.max(used);
        let totals = &mut self.measuring.totals;
        totals.running_seconds += seconds * f64::from(self.engine.running());
        totals.waiting_seconds += seconds * waiting as f64;
        totals.kv_seconds += seconds * 0.5 * (before + used) as f64 / self.engine.total_blocks() as f64;
        Ok(())
    }

    /// Requests that have come and have no token yet, in the engine's queue or on their way to it.
    fn unanswered(&mut self) -> u64 {
        while self.pending.back().is_some_and(|last| *last <= self.now)
            && let Some(next) = self.later.next()
        {
            self.pending.push_back(next);
        }
        let prompts = u64::from(self.engine.running().saturating_sub(self.engine.decoding()));
        let coming = self.pending.iter().take_while(|arrival| **arrival <= self.now).count() as u64;
        self.engine.waiting() as u64 + prompts + coming
    }

    /// Steps until the engine looks for requests, after `steps` steps.
    fn deaf_after(&self, shape: &StepShape, steps: u32) -> u32 {
        if shape.prefill_tokens > 0 {
            return 0;
        }
        let interval = self.load.settings.receive_interval_steps;
        let left = if self.deaf_steps == 0 { interval } else { self.deaf_steps };
        left.saturating_sub(steps)
    }

    /// How many equal steps are taken together, and how long they take: until something happens, the engine looks for
    /// requests, or one arrives that it would notice.
    fn extent(&mut self) -> Extent {
        let mut most = if self.load.jumps { self.engine.repeats() } else { 1 };
        let first = *self.engine.shape();
        let first_seconds = self.clock.seconds(&first);
        let of = |run: &Self, steps| run.extent_of(&first, first_seconds, steps);
        let interval = self.load.settings.receive_interval_steps;
        if interval > 1 {
            most = most.min(if self.deaf_steps == 0 { interval } else { self.deaf_steps });
            return of(self, most);
        }
        let all = of(self, most);
        if most == 1 {
            return all;
        }
        let next = self.pending.front().filter(|_| self.engine.notices_arrivals());
        let gap = match next {
            Some(&arrival) if arrival - self.now < all.seconds => arrival - self.now,
            _ => return all,
        };
        let reached = extent_until(gap, all, |steps| of(self, steps));
        if self.load.settings.asynchronous { of(self, (reached.steps + 1).min(most)) } else { reached }
    }

    /// What the scheduled step is after `steps` equal ones. With speculation contexts grow by several tokens with each.
    fn shape_after(&self, first: &StepShape, steps: u32) -> StepShape {
        let grown = u64::from(first.decode_sequences) * self.engine.tokens_in(steps);
        StepShape { decode_context_tokens: first.decode_context_tokens + grown, ..*first }
    }

    /// How long `steps` steps like the scheduled one take: the mean of the first and the last times their number, which
    /// is exact where time is linear in the context.
    fn extent_of(&self, first: &StepShape, first_seconds: f64, steps: u32) -> Extent {
        if steps <= 1 {
            return Extent { steps, seconds: f64::from(steps) * first_seconds, last_seconds: first_seconds };
        }
        let last_seconds = self.clock.seconds(&self.shape_after(first, steps - 1));
        Extent { steps, seconds: f64::from(steps) * 0.5 * (first_seconds + last_seconds), last_seconds }
    }

    /// Takes note of what the step brought.
    fn collect(&mut self) {
        self.engine.complete(&mut self.events);
        self.measuring.totals.output_tokens += self.events.tokens as f64;
        for &id in &self.events.first_token {
            self.requests[id as usize].first_token = self.now;
        }
        for place in 0..self.events.finished.len() {
            self.finish(self.events.finished[place] as usize);
        }
    }

    fn finish(&mut self, number: usize) {
        let lengths = self.load.lengths[number % self.load.lengths.len()];
        let room = self.load.settings.max_model_tokens - lengths.input_tokens;
        self.finished += 1;
        self.measuring.totals.finished += 1.0;
        self.measuring.totals.input_tokens += f64::from(lengths.input_tokens);
        let client = self.load.client;
        if (self.measuring.from..self.measuring.to).contains(&number) && self.measuring.started_at.is_some() {
            let request = self.requests[number];
            let path = client.request_seconds + client.response_seconds;
            self.samples.push(Sample {
                ttft: Ttft::from_milliseconds(1e3 * (request.first_token - request.arrival + path)),
                end_to_end_milliseconds: 1e3 * (self.now - request.arrival + path),
                input_tokens: lengths.input_tokens,
                output_tokens: lengths.output_tokens.min(room),
            });
        }
        if self.unsent > 0 {
            self.unsent -= 1;
            self.pending.push_back(self.now + client.response_seconds + client.request_seconds);
        }
    }

    /// Opens the window when the engine is warm, and closes it when all measured requests have come.
    fn move_window(&mut self) {
        if !self.is_steady() {
            return;
        }
        let sent = self.requests.len();
        match (self.measuring.started_at, &self.measuring.closed) {
            (None, _) if self.is_warm() => {
                // Under an absurd rate all requests of the run have come by now: the last of them are measured.
                let asked = self.load.requests as usize;
                let to_come = if self.in_flight > 0 { asked } else { self.to_come() };
                self.measuring.from = sent - asked.saturating_sub(to_come).min(sent);
                self.measuring.to = self.measuring.from + asked;
                self.measuring.started_at = Some(self.now);
                self.measuring.totals = Totals::default();
                self.measuring.highest_used_blocks = 0;
            }
            (Some(_), None) if sent >= self.measuring.to && self.has_served_enough() => self.close_window(),
            _ => {}
        }
    }

    /// Whether as many requests have finished in the window as should have in the time in which those that are
    /// measured came: above capacity this takes longer.
    fn has_served_enough(&self) -> bool {
        self.measuring.totals.finished >= SERVED_SHARE * f64::from(self.load.requests)
    }

    fn close_window(&mut self) {
        let Some(start) = self.measuring.started_at else { return };
        self.measuring.totals.window_seconds = self.now - start;
        self.measuring.closed = Some(self.measuring.totals.clone());
        self.measuring.last_empty_in_window = self.measuring.last_empty;
    }

    fn is_warm(&self) -> bool {
        if self.in_flight > 0 {
            return self.finished >= 2 * self.in_flight;
        }
        let in_flight = self.requests.len() - self.finished;
        let asked = self.load.requests as usize;
        let most = asked + 2 * (self.load.settings.seats as usize).min(4 * asked);
        let left = self.to_come();
        let late = self.requests.len() >= most || self.requests.len() >= left;
        late || self.finished >= LEAST_WARM_UP.max(WARM_UP_TURNS * in_flight)
    }

    fn is_done(&self) -> bool {
        self.measuring.started_at.is_some()
            && self.samples.len() == self.measuring.to.saturating_sub(self.measuring.from)
    }

    fn outcome(mut self) -> Outcome {
        if self.measuring.closed.is_none() {
            self.close_window();
        }
        let totals = self.measuring.closed.take().unwrap_or_default();
        let unstable = self.is_unstable(totals.window_seconds);
        let highest = self.measuring.highest_used_blocks as f64 / self.engine.total_blocks() as f64;
        Outcome {
            highest_kv_use: highest,
            unstable,
            preemptions: self.preemptions,
            steps: self.steps,
            cached_share: self.engine.cached_share(),
            ..Outcome::new(self.samples, &totals, self.replicas)
        }
    }

    /// Whether the wait grew from the first to the last third of the measured requests faster than chance does,
    /// and the queue was never empty in the second half of the window.
    fn is_unstable(&self, window_seconds: f64) -> bool {
        let open = self.load.arrivals.is_open_loop() && self.load.arrivals != Arrivals::Burst;
        let Some(start) = self.measuring.started_at.filter(|_| open) else { return false };
        let emptied = self.measuring.last_empty_in_window - start > 0.5 * window_seconds;
        if self.is_steady() && emptied {
            return false;
        }
        let to = self.measuring.to.min(self.requests.len());
        let measured = self.requests.get(self.measuring.from..to).unwrap_or_default();
        let third = measured.len() / 3;
        if third < 4 {
            return false;
        }
        let mean = |requests: &[Tracked], of: fn(&Tracked) -> f64| {
            requests.iter().map(of).sum::<f64>() / requests.len() as f64
        };
        let (first, last) = (&measured[..third], &measured[measured.len() - third..]);
        let wait = |request: &Tracked| (request.first_token - request.arrival).max(0.0);
        let grown = mean(last, wait) - mean(first, wait);
        let passed = mean(last, |request| request.arrival) - mean(first, |request| request.arrival);
        grown > GROWING_WAIT * passed
    }
}
