//! One measured point as the fit sees it: the steps that its run was made of, and what was measured.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::estimate::Replica;
use crate::estimate::run::ttft_statistic;
use crate::estimate::scheduler::{Distribution, Outcome, StepClock, StepShape};
use crate::estimate::step::{Constants, MeanShape, StepModel};
use crate::measured::{Figures, MeasuredRow, OfferedLoad};
use crate::workload::Statistic;

/// Ratios by which shapes are told apart when alike ones are taken together: sequences, tokens of prompts, mean
/// context. Step time is smooth in all three.
const ALIKE: [f64; 3] = [1.2, 1.35, 1.35];

/// A measured point whose estimate is a sum over the steps of its simulated run.
///
/// The composition of the steps hardly depends on how long they take, so it is simulated once for some constants; for
/// others nearby, time is summed up over the same steps. That makes a derivative as cheap as an estimate.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    replica: Replica,
    steps: Vec<Alike>,
    /// Tokens that were decoded.
    decoded_tokens: f64,
    /// Requests of the run.
    requests: f64,
    /// Requests in flight on the mean.
    in_flight: f64,
    /// Statistic over the mean of the same run, for ITL and TTFT.
    itl_of_mean: f64,
    ttft_of_mean: f64,
    /// Generated tokens of the run.
    output_tokens: f64,
    pub(super) measured: Measured,
    /// Number of the group of measurements that it belongs to.
    pub(super) group: usize,
}

/// What was measured, in seconds and tokens a second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measured {
    pub(super) ttft: Option<f64>,
    pub(super) itl: Option<f64>,
    pub(super) output_tokens_per_second: Option<f64>,
}

/// What is estimated of it, in the same units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimated {
    pub(super) ttft: f64,
    pub(super) itl: f64,
    pub(super) output_tokens_per_second: f64,
}

/// Steps alike, as sums.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Alike {
    shape: MeanShape,
    steps: f64,
    /// Σ over steps of the sequences that decode or could: they wait for the step.
    decoding: f64,
    /// Σ over steps of the requests without a first token.
    unanswered: f64,
}

/// A clock that remembers what it timed.
pub(super) struct Recorder<'a> {
    clock: StepModel<'a>,
    seen: RefCell<BTreeMap<[i32; 3], Alike>>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(clock: StepModel<'a>) -> Self {
        Self { clock, seen: RefCell::new(BTreeMap::new()) }
    }
}

impl Recorder<'_> {
    /// The steps that were timed, alike ones together.
    pub(super) fn seen(self) -> Vec<Alike> {
        let seen = self.seen.into_inner();
        let mean = |alike: Alike| Alike { shape: alike.shape.over(alike.steps), ..alike };
        seen.into_values().map(mean).collect()
    }
}

/// A statistic over the mean of the same requests.
fn of_mean(distribution: &Distribution, statistic: Statistic) -> f64 {
    match (statistic, distribution.percentile(50.0), distribution.mean()) {
        (Statistic::P50, Some(median), Some(mean)) if mean > 0.0 => median / mean,
        _ => 1.0,
    }
}

impl Measured {
    /// Of open loops beyond capacity only the throughput; of closed ones no throughput, which is their latencies again.
    fn of(row: &MeasuredRow) -> Self {
        let Figures { ttft, itl, output_tokens_per_second, .. } = row.figures;
        let told = !row.is_saturated();
        let is_offline = matches!(row.experiment.load, OfferedLoad::Offline);
        Self {
            ttft: ttft.filter(|_| told).map(|ttft| ttft.milliseconds() * 1e-3),
            itl: itl.filter(|_| told).map(|itl| itl.milliseconds() * 1e-3),
            output_tokens_per_second: output_tokens_per_second.filter(|_| is_offline),
        }
    }
}

impl StepClock for Recorder<'_> {
    const KEEPS_RECORD: bool = true;

    fn seconds(&self, step: &StepShape) -> f64 {
        self.clock.seconds(step)
    }

    fn passed(&self, first: &StepShape, steps: u32, decoding: u64, unanswered: u64) {
        let count = f64::from(steps);
        let middle = first.after(steps / 2);
        let shape = MeanShape::from(&middle);
        let bucket = |value: f64, ratio: f64| ((value + 1.0).ln() / ratio.ln()) as i32;
        let context = shape.decode_context_tokens / shape.decode_sequences.max(1.0);
        let key = [
            bucket(shape.decode_sequences, ALIKE[0]),
            bucket(shape.prefill_tokens, ALIKE[1]),
            bucket(context, ALIKE[2]),
        ];
        let mut seen = self.seen.borrow_mut();
        let alike = seen.entry(key).or_default();
        alike.shape = alike.shape.plus(&shape, count);
        alike.steps += count;
        alike.decoding += count * decoding as f64;
        alike.unanswered += count * unanswered as f64;
    }
}

impl Observation {
    pub(super) fn new(
        replica: Replica,
        steps: Vec<Alike>,
        outcome: &Outcome,
        row: &MeasuredRow,
        group: usize,
    ) -> Self {
        let experiment = &row.experiment;
        let requests = outcome.samples.len() as f64;
        let output_tokens: f64 = outcome.samples.iter().map(|sample| f64::from(sample.output_tokens)).sum();
        Self {
            replica,
            steps,
            decoded_tokens: (output_tokens - requests).max(1.0),
            requests,
            in_flight: outcome.running + outcome.waiting,
            itl_of_mean: of_mean(&outcome.itl, experiment.itl_statistic),
            ttft_of_mean: of_mean(&outcome.ttft, ttft_statistic(experiment)),
            output_tokens,
            measured: Measured::of(row),
            group,
        }
    }

    /// The estimate under `constants`.
    pub(super) fn estimate(&self, constants: &Constants) -> Estimated {
        let clock = self.replica.clock(constants);
        let (mut all, mut decoding, mut unanswered) = (0.0, 0.0, 0.0);
        for alike in &self.steps {
            let seconds = clock.parts(&alike.shape).total();
            all += seconds * alike.steps;
            decoding += seconds * alike.decoding;
            unanswered += seconds * alike.unanswered;
        }
        let itl = decoding / self.decoded_tokens.max(1.0) * self.itl_of_mean;
        let queued = unanswered / self.requests.max(1.0) * self.ttft_of_mean;
        let late = f64::from(self.replica.collect_steps) * itl;
        Estimated {
            itl,
            ttft: queued + late + clock.answer_seconds(itl, self.in_flight),
            output_tokens_per_second: self.output_tokens / all.max(f64::MIN_POSITIVE),
        }
    }
}
