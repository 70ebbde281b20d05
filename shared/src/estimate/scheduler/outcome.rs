//! What a simulated load comes to.

use crate::workload::{Itl, Ntpot, Targets, Ttft};

/// One request of the measuring window, as its client saw it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Time to first token.
    pub ttft: Ttft,
    /// From sending the request to the last token, in milliseconds.
    pub end_to_end_milliseconds: f64,
    /// Tokens of the prompt.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
}

impl Sample {
    /// Inter-token latency; none for an answer of one token.
    pub fn itl(&self) -> Option<Itl> {
        let gaps = self.output_tokens.checked_sub(1).filter(|&gaps| gaps > 0)?;
        let decoding = self.end_to_end_milliseconds - self.ttft.milliseconds();
        Some(Itl::from_milliseconds(decoding / f64::from(gaps)))
    }

    /// End to end divided by the tokens of the answer.
    pub fn ntpot(&self) -> Ntpot {
        Ntpot::from_milliseconds(self.end_to_end_milliseconds / f64::from(self.output_tokens))
    }

    /// Whether this request meets every latency target; one without an ITL meets any target for it.
    pub fn meets(&self, targets: &Targets) -> bool {
        let within = |value: f64, target: Option<f64>| target.is_none_or(|target| value <= target);
        within(self.ttft.milliseconds(), targets.ttft.map(Ttft::milliseconds))
            && within(self.itl().map_or(0.0, Itl::milliseconds), targets.itl.map(Itl::milliseconds))
            && within(self.ntpot().milliseconds(), targets.ntpot.map(Ntpot::milliseconds))
    }
}

/// Latencies of the requests of a window, in milliseconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Distribution {
    sorted: Vec<f64>,
    mean: f64,
}

impl Distribution {
    fn new(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        Self { sorted: values, mean }
    }

    /// Arithmetic mean over requests; `None` without any.
    pub fn mean(&self) -> Option<f64> {
        (!self.sorted.is_empty()).then_some(self.mean)
    }

    /// The value below which `percent` of the requests are, linear between neighbours as numpy's; `None` without
    /// requests or where `percent` is not from 0 to 100.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        if !(0.0..=100.0).contains(&percent) {
            return None;
        }
        let last = self.sorted.len().checked_sub(1)?;
        let place = percent / 100.0 * last as f64;
        let low = self.sorted[place.floor() as usize];
        let high = self.sorted[place.ceil() as usize];
        Some(low + (high - low) * place.fract())
    }

    /// How many requests there are.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }
}

/// What one load comes to, for all attention-data-parallel ranks together.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The requests that were measured, in order of their end.
    pub samples: Vec<Sample>,
    /// Time to first token, in milliseconds.
    pub ttft: Distribution,
    /// Inter-token latency, in milliseconds; of requests with at least two tokens.
    pub itl: Distribution,
    /// Normalised time per output token, in milliseconds.
    pub ntpot: Distribution,
    /// From sending to the last token, in milliseconds.
    pub end_to_end: Distribution,
    /// Requests finished per second of the window.
    pub requests_per_second: f64,
    /// Prompt tokens of these requests per second.
    pub input_tokens_per_second: f64,
    /// Tokens generated per second of the window.
    pub output_tokens_per_second: f64,
    /// Mean requests that have a seat.
    pub running: f64,
    /// Mean requests queued in the server.
    pub waiting: f64,
    /// Mean share of the KV cache in use, 0 to 1; cached blocks that nobody uses do not count.
    pub kv_use: f64,
    /// Highest share of the KV cache in use.
    pub highest_kv_use: f64,
    /// Seconds of the window.
    pub window_seconds: f64,
    /// Open loop: the queue grew through the window and never emptied, so latencies say how long the run was and
    /// nothing else. Throughput still holds: it is the highest the engine gives.
    pub unstable: bool,
    /// Preemptions of the whole run, of one rank.
    pub preemptions: u64,
    /// Engine steps of the whole run, of one rank.
    pub steps: u64,
    /// Prompt tokens that were found in the prefix cache, as a share of all in the whole run.
    pub cached_share: f64,
}

/// What the run adds up in its window.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    pub(super) window_seconds: f64,
    pub(super) finished: f64,
    pub(super) input_tokens: f64,
    pub(super) output_tokens: f64,
    pub(super) running_seconds: f64,
    pub(super) waiting_seconds: f64,
    pub(super) kv_seconds: f64,
}

impl Outcome {
    pub(super) fn new(samples: Vec<Sample>, totals: &Totals, replicas: f64) -> Self {
        let distribution =
            |of: fn(&Sample) -> Option<f64>| Distribution::new(samples.iter().filter_map(of).collect());
        let per_second =
            |total: f64| if totals.window_seconds > 0.0 { total / totals.window_seconds } else { 0.0 };
        Self {
            ttft: distribution(|sample| Some(sample.ttft.milliseconds())),
            itl: distribution(|sample| sample.itl().map(Itl::milliseconds)),
            ntpot: distribution(|sample| Some(sample.ntpot().milliseconds())),
            end_to_end: distribution(|sample| Some(sample.end_to_end_milliseconds)),
            samples,
            requests_per_second: replicas * per_second(totals.finished),
            input_tokens_per_second: replicas * per_second(totals.input_tokens),
            output_tokens_per_second: replicas * per_second(totals.output_tokens),
            running: replicas * per_second(totals.running_seconds),
            waiting: replicas * per_second(totals.waiting_seconds),
            kv_use: per_second(totals.kv_seconds),
            highest_kv_use: 0.0,
            window_seconds: totals.window_seconds,
            unstable: false,
            preemptions: 0,
            steps: 0,
            cached_share: 0.0,
        }
    }

    /// Share of the measured requests that meet every latency target, 0 to 1.
    pub fn share_meeting(&self, targets: &Targets) -> f64 {
        let meeting = self.samples.iter().filter(|sample| sample.meets(targets)).count();
        meeting as f64 / self.samples.len().max(1) as f64
    }

    /// Requests per second that meet every latency target.
    pub fn goodput(&self, targets: &Targets) -> f64 {
        self.requests_per_second * self.share_meeting(targets)
    }
}
