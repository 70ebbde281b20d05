//! Second by second.

use std::collections::VecDeque;
use std::time::Duration;

use super::curve::{NotSimulated, ServingCurve};
use super::fleet::{Replicas, Scaling};
use super::{Fleet, Gauge, Outcome, Sample, Trace};
use crate::autoscale::controller::{
    self, Controller, Milli, Observation, Pod, Reading, Settings, Source, Target,
};
use crate::workload::{Random, Targets};

/// Stretches of time that an outcome shows the course in, at most.
const MOST_SAMPLES: u64 = 1440;

/// Times between what happens and what is done about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delays {
    /// From a replica's creation until its containers run: a machine, and the image.
    pub pending: Duration,
    /// From then until it serves: weights, compilation.
    pub loading: Duration,
    /// Between two samples of a gauge.
    pub scrape: Duration,
    /// From a sample until a query returns it.
    pub ingestion: Duration,
}

/// What fleets are compared under.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Traffic.
    pub trace: Trace,
    /// What a replica does.
    pub curve: ServingCurve,
    /// What a request should see.
    pub targets: Targets,
    /// What is late.
    pub delays: Delays,
    /// What the controller was started with.
    pub settings: Settings,
    /// USD for a replica and an hour.
    pub usd_per_replica_hour: Option<f64>,
    /// Seed of the arrivals; without one they come evenly.
    pub seed: Option<u64>,
}

/// Plays one fleet.
///
/// # Errors
///
/// [`NotSimulated`] where a target or a metric is about what the curve does not know.
pub fn simulate(scenario: &Scenario, fleet: &Fleet) -> Result<Outcome, NotSimulated> {
    scenario.curve.check(&scenario.targets)?;
    fleet.check(&scenario.curve)?;
    let mut run = Run::new(scenario, fleet);
    for second in 0..scenario.trace.seconds() {
        run.second(second);
    }
    Ok(run.tally.outcome(scenario, fleet))
}

/// A sample of all gauges: of each cohort its id, its replicas and each gauge of one of them.
struct Scrape {
    second: f64,
    cohorts: Vec<(u64, u32, Vec<f64>)>,
}

struct Run<'a> {
    scenario: &'a Scenario,
    gauges: &'a [Gauge],
    controller: Option<Controller>,
    replicas: Replicas,
    arrivals: Option<Random>,
    /// The scrape that queries return, and later ones.
    scrapes: VecDeque<Scrape>,
    next_scrape: f64,
    next_sync: f64,
    tally: Tally,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, fleet: &'a Fleet) -> Self {
        let (controller, gauges) = match &fleet.scaling {
            Scaling::Static => (None, [].as_slice()),
            Scaling::Autoscaled { spec, gauges } => {
                (Some(Controller::new(spec.clone(), scenario.settings)), gauges.as_slice())
            }
        };
        // Its own stream, so that nothing else that draws of the same seed moves the arrivals.
        const ARRIVALS: u64 = 11;
        Self {
            scenario,
            gauges,
            controller,
            replicas: Replicas::ready(fleet.initial_replicas.max(1)),
            arrivals: scenario.seed.map(|seed| Random::new(seed, ARRIVALS)),
            scrapes: VecDeque::new(),
            next_scrape: 0.0,
            next_sync: scenario.settings.sync_period.as_secs_f64(),
            tally: Tally::new(scenario, fleet.initial_replicas.max(1)),
        }
    }

    fn second(&mut self, second: u64) {
        let now = second as f64;
        self.replicas.settle(now);
        let rate = self.scenario.trace.rate(second);
        let arrived = self.arrivals.as_mut().map_or(rate, |random| poisson(random, rate));
        self.serve(arrived);
        self.tally.second(second, arrived, &self.replicas);
        let end = now + 1.0;
        if self.controller.is_some() {
            self.scrape(end);
            self.sync(end);
        }
    }

    /// Arrivals spread over the ready replicas. Where none is ready they are lost to every target.
    fn serve(&mut self, arrived: f64) {
        let curve = &self.scenario.curve;
        let ready = self.replicas.count_ready();
        let each = if ready == 0 { 0.0 } else { arrived / f64::from(ready) };
        for cohort in &mut self.replicas.ready {
            cohort.in_flight = curve.after_a_second(cohort.in_flight, each);
            let state = curve.state(cohort.in_flight);
            self.tally.served(each * f64::from(cohort.count), &state, &self.scenario.targets);
        }
    }

    fn scrape(&mut self, now: f64) {
        if now < self.next_scrape {
            return;
        }
        self.next_scrape = now + self.scenario.delays.scrape.as_secs_f64();
        let read = |in_flight: f64| {
            let state = self.scenario.curve.state(in_flight);
            self.gauges.iter().map(|gauge| gauge.read(&state)).collect()
        };
        let cohorts = self.replicas.ready.iter();
        let cohorts = cohorts.map(|cohort| (cohort.id, cohort.count, read(cohort.in_flight))).collect();
        self.scrapes.push_back(Scrape { second: now, cohorts });
        self.forget(now);
    }

    /// Lets go of what later scrapes hide, and returns the second of the last scrape that a query may see.
    fn forget(&mut self, now: f64) -> f64 {
        let visible = now - self.scenario.delays.ingestion.as_secs_f64();
        while self.scrapes.get(1).is_some_and(|next| next.second <= visible) {
            self.scrapes.pop_front();
        }
        visible
    }

    fn sync(&mut self, now: f64) {
        if now < self.next_sync {
            return;
        }
        self.next_sync = now + self.scenario.settings.sync_period.as_secs_f64();
        let Some(mut controller) = self.controller.take() else { return };
        let pods = self.pods(now);
        let visible = self.forget(now);
        let scrape = self.scrapes.front().filter(|scrape| scrape.second <= visible);
        let metrics = controller.spec().metrics.iter().enumerate();
        let readings: Vec<Reading> =
            metrics.map(|(index, metric)| self.reading(scrape, index, metric)).collect();
        let count = self.replicas.count();
        let seen =
            Observation { spec_replicas: count, status_replicas: count, pods: &pods, readings: &readings };
        let decision = controller.sync(Duration::from_secs_f64(now), &seen);
        self.controller = Some(controller);
        self.tally.scaled(count, decision.replicas);
        let Delays { pending, loading, .. } = self.scenario.delays;
        self.replicas.scale(decision.replicas, now, pending.as_secs_f64(), loading.as_secs_f64());
    }

    /// Ready Pods in the order of their cohorts, then those that start.
    fn pods(&self, now: f64) -> Vec<Pod> {
        let ready =
            std::iter::repeat_n(Pod::ready_since(Duration::ZERO), self.replicas.count_ready() as usize);
        let starting = self.replicas.starting.iter().flat_map(|starting| {
            let placed = starting.placed_at <= now;
            let pod = if placed { Pod::loading_since(Duration::ZERO) } else { Pod::pending() };
            std::iter::repeat_n(pod, starting.count as usize)
        });
        ready.chain(starting).collect()
    }

    fn reading(&self, scrape: Option<&Scrape>, index: usize, metric: &controller::Metric) -> Reading {
        let Some(scrape) = scrape else { return Reading::Unreadable };
        let value = |values: &Vec<f64>| values.get(index).copied().unwrap_or(0.0);
        if metric.source == Source::Pods {
            let of_cohort = |id: u64| {
                let found = scrape.cohorts.iter().find(|(scraped, ..)| *scraped == id);
                found.map(|(_, _, values)| controller::Sample::of(Milli::from_number(value(values))))
            };
            let cohorts = self.replicas.ready.iter();
            let samples =
                cohorts.flat_map(|cohort| std::iter::repeat_n(of_cohort(cohort.id), cohort.count as usize));
            return Reading::Pods(samples.collect());
        }
        let sum: f64 =
            scrape.cohorts.iter().map(|(_, count, values)| value(values) * f64::from(*count)).sum();
        let count: u32 = scrape.cohorts.iter().map(|(_, count, _)| count).sum();
        let returned = match metric.target {
            Target::Value(_) => sum / f64::from(count.max(1)),
            _ => sum,
        };
        Reading::Values(vec![Milli::from_number(returned)])
    }
}

/// What adds up over the seconds.
struct Tally {
    requests: f64,
    within: f64,
    worst_ttft: Option<f64>,
    worst_ntpot: Option<f64>,
    replica_seconds: f64,
    most_replicas: u32,
    fewest_replicas: u32,
    scale_ups: u32,
    scale_downs: u32,
    longest_queue: f64,
    stride: u64,
    /// Of the stretch that is not over yet.
    arrived: f64,
    ttft: Option<f64>,
    ntpot: Option<f64>,
    samples: Vec<Sample>,
}

impl Tally {
    fn new(scenario: &Scenario, replicas: u32) -> Self {
        Self {
            requests: 0.0,
            within: 0.0,
            worst_ttft: None,
            worst_ntpot: None,
            replica_seconds: 0.0,
            most_replicas: replicas,
            fewest_replicas: replicas,
            scale_ups: 0,
            scale_downs: 0,
            longest_queue: 0.0,
            stride: scenario.trace.seconds().div_ceil(MOST_SAMPLES).max(1),
            arrived: 0.0,
            ttft: None,
            ntpot: None,
            samples: Vec::new(),
        }
    }

    fn served(&mut self, requests: f64, state: &super::curve::State, targets: &Targets) {
        use crate::workload::LatencyMetric::{Ntpot, Ttft};
        if requests > 0.0 {
            if state.meets(targets) {
                self.within += requests;
            }
            self.ttft = larger(self.ttft, state.latency(Ttft));
            self.ntpot = larger(self.ntpot, state.latency(Ntpot));
        }
        self.longest_queue = self.longest_queue.max(state.waiting);
    }

    fn second(&mut self, second: u64, arrived: f64, replicas: &Replicas) {
        let count = replicas.count();
        self.requests += arrived;
        self.arrived += arrived;
        self.replica_seconds += f64::from(count);
        self.most_replicas = self.most_replicas.max(count);
        self.fewest_replicas = self.fewest_replicas.min(count);
        if (second + 1).is_multiple_of(self.stride) {
            let ready = replicas.count_ready();
            let held =
                replicas.ready.iter().map(|cohort| cohort.in_flight * f64::from(cohort.count)).sum::<f64>();
            self.samples.push(Sample {
                second: second + 1 - self.stride,
                requests_per_second: self.arrived / self.stride as f64,
                replicas: count,
                ready,
                in_flight: held / f64::from(ready.max(1)),
                ttft: self.ttft,
                ntpot: self.ntpot,
            });
            self.worst_ttft = larger(self.worst_ttft, self.ttft.take());
            self.worst_ntpot = larger(self.worst_ntpot, self.ntpot.take());
            self.arrived = 0.0;
        }
    }

    fn scaled(&mut self, from: u32, to: u32) {
        self.scale_ups += u32::from(to > from);
        self.scale_downs += u32::from(to < from);
    }

    fn outcome(self, scenario: &Scenario, fleet: &Fleet) -> Outcome {
        let has_targets = scenario.targets.latencies().next().is_some();
        let replica_hours = self.replica_seconds / 3600.0;
        Outcome {
            name: fleet.name.clone(),
            requests: self.requests,
            within_targets: has_targets.then(|| self.within / self.requests.max(f64::MIN_POSITIVE)),
            worst_ttft: larger(self.worst_ttft, self.ttft),
            worst_ntpot: larger(self.worst_ntpot, self.ntpot),
            mean_replicas: self.replica_seconds / scenario.trace.seconds() as f64,
            most_replicas: self.most_replicas,
            fewest_replicas: self.fewest_replicas,
            replica_hours,
            usd: scenario.usd_per_replica_hour.map(|usd| usd * replica_hours),
            scale_ups: self.scale_ups,
            scale_downs: self.scale_downs,
            longest_queue: self.longest_queue,
            samples: self.samples,
        }
    }
}

fn larger(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

/// Arrivals of one second at a rate.
fn poisson(random: &mut Random, rate: f64) -> f64 {
    /// From here on the normal distribution is as good (its error is below 1 % of a standard deviation).
    const MANY: f64 = 40.0;
    if rate <= 0.0 {
        return 0.0;
    }
    if rate > MANY {
        let radius = (2.0 * random.exponential()).sqrt();
        let normal = radius * (std::f64::consts::TAU * random.unit()).cos();
        return (rate + rate.sqrt() * normal).round().max(0.0);
    }
    let mut count = 0.0;
    let mut time = random.exponential();
    while time < rate {
        count += 1.0;
        time += random.exponential();
    }
    count
}
