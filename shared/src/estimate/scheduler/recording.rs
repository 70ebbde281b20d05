//! Recordings of what a real engine decided, and how far the simulation decides the same.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use thiserror::Error;

use super::engine::{Engine, EngineRequest, StepEvents};
use super::{Admission, EngineSettings, SimulationError};

/// One recorded run of vLLM's scheduler: its settings, its requests, and what it decided step by step.
#[derive(Debug, Clone, Deserialize)]
pub struct Recording {
    config: Config,
    requests: Vec<Request>,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
struct Config {
    max_model_len: u32,
    max_num_batched_tokens: u32,
    max_num_seqs: u32,
    prefix_caching: bool,
    #[serde(default)]
    shared_prefix: Option<u32>,
    block_size: u32,
    num_blocks: u64,
    #[serde(default)]
    long_prefill_token_threshold: u32,
    #[serde(default)]
    watermark: f64,
    #[serde(default = "yes")]
    scheduler_reserve_full_isl: bool,
    #[serde(default)]
    async_scheduling: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Deserialize)]
struct Request {
    id: String,
    arrival_step: u64,
    prompt_tokens: u32,
    output_tokens: u32,
    first_token_step: Option<u64>,
    finish_step: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
struct Step {
    step: u64,
    scheduled: BTreeMap<String, u32>,
    preempted: Vec<String>,
    running: u64,
    waiting: u64,
    kv_usage: f64,
}

/// Why a text is no recording, or cannot be replayed.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// Not JSON of this form.
    #[error(
        "This is no recording of a scheduler ({problem}): a recording is a JSON object with `config`, `requests` and \
         `steps`"
    )]
    Form {
        /// What the reader said, with line and column.
        problem: String,
    },
    /// A recording without a step.
    #[error("The recording has no {what}: there is nothing to compare")]
    Empty {
        /// `requests` or `steps`.
        what: &'static str,
    },
    /// One id used twice.
    #[error("Two requests have the id {id:?}: ids must differ")]
    SameId {
        /// The id.
        id: String,
    },
    /// Arrivals or steps that go backwards.
    #[error("{what} {at:?} comes before the one in front of it: the recording must be in order")]
    Unordered {
        /// `Request` or `Step`.
        what: &'static str,
        /// Which.
        at: String,
    },
    /// A pool without a block beside vLLM's null block.
    #[error("`num_blocks` is {blocks}: one is the engine's null block, so it must be at least 2")]
    NoBlocks {
        /// What was given.
        blocks: u64,
    },
    /// The engine refuses a setting or a request.
    #[error("The recorded run cannot be simulated: {0}")]
    Simulation(#[from] SimulationError),
}

/// How far a simulation agrees with a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Recorded steps.
    pub steps: usize,
    /// Steps that agree in every respect.
    pub agreeing: usize,
    /// Requests.
    pub requests: usize,
    /// Requests whose first token and end come in the recorded steps.
    pub agreeing_requests: usize,
    /// Steps that the simulation took.
    pub simulated: usize,
    /// The first that does not.
    pub first: Option<Disagreement>,
}

impl Agreement {
    /// Whether nothing differs.
    pub fn is_complete(&self) -> bool {
        self.first.is_none()
    }
}

/// One difference between recording and simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Disagreement {
    /// Where: `step 12` or `request r3`.
    pub at: String,
    /// What differs.
    pub what: &'static str,
    /// As recorded.
    pub recorded: String,
    /// As simulated.
    pub simulated: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, what, recorded, simulated } = self;
        write!(f, "{at}: {what} differs\n  recorded:  {recorded}\n  simulated: {simulated}")
    }
}

/// KV use is recorded with six decimals.
const KV_USE_TOLERANCE: f64 = 1e-6;

impl Recording {
    /// Reads a recording.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let recording: Self = serde_json::from_str(text)
            .map_err(|error| RecordingError::Form { problem: error.to_string() })?;
        recording.validate()?;
        Ok(recording)
    }

    fn validate(&self) -> Result<(), RecordingError> {
        if self.config.num_blocks < 2 {
            return Err(RecordingError::NoBlocks { blocks: self.config.num_blocks });
        }
        for (what, empty) in [("requests", self.requests.is_empty()), ("steps", self.steps.is_empty())] {
            if empty {
                return Err(RecordingError::Empty { what });
            }
        }
        let mut ids: Vec<&str> = self.requests.iter().map(|request| request.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(RecordingError::SameId { id: pair[0].to_owned() });
        }
        if let Some(pair) = self.requests.windows(2).find(|pair| pair[0].arrival_step > pair[1].arrival_step)
        {
            return Err(RecordingError::Unordered { what: "Request", at: pair[1].id.clone() });
        }
        if let Some(pair) = self.steps.windows(2).find(|pair| pair[0].step >= pair[1].step) {
            return Err(RecordingError::Unordered { what: "Step", at: pair[1].step.to_string() });
        }
        Ok(())
    }

    /// The settings of the recorded engine.
    pub fn settings(&self) -> EngineSettings {
        let config = &self.config;
        EngineSettings {
            step_tokens: config.max_num_batched_tokens,
            seats: config.max_num_seqs,
            block_tokens: config.block_size,
            kv_blocks: config.num_blocks - 1,
            reserved_blocks: 1,
            admission: Admission::Known {
                whole_sequence: config.scheduler_reserve_full_isl,
                watermark: config.watermark,
            },
            prefix_caching: config.prefix_caching,
            long_prefill_threshold: config.long_prefill_token_threshold,
            asynchronous: config.async_scheduling,
            ..EngineSettings::vllm_v1(1, 1, 0, config.max_model_len)
        }
    }

    /// Simulates the recorded run and compares every decision.
    pub fn replay(&self) -> Result<Agreement, RecordingError> {
        let run = self.simulate()?;
        let mut agreement = Agreement {
            steps: self.steps.len(),
            agreeing: 0,
            requests: self.requests.len(),
            agreeing_requests: 0,
            simulated: run.steps.len(),
            first: None,
        };
        for (place, recorded) in self.steps.iter().enumerate() {
            let difference = match run.steps.get(place) {
                Some(simulated) => recorded.difference(simulated),
                None => Some(Disagreement {
                    at: format!("step {}", recorded.step),
                    what: "the step",
                    recorded: "there is one".to_owned(),
                    simulated: "everything is finished".to_owned(),
                }),
            };
            agreement.agreeing += usize::from(difference.is_none());
            agreement.first = agreement.first.or(difference);
        }
        if agreement.first.is_none()
            && let Some(extra) = run.steps.get(self.steps.len())
        {
            agreement.first = Some(Disagreement {
                at: format!("step {}", extra.step),
                what: "the step",
                recorded: "the recording ends before it".to_owned(),
                simulated: format!("{:?}", extra.scheduled),
            });
        }
        for (recorded, simulated) in self.requests.iter().zip(&run.requests) {
            let difference = recorded.difference(simulated);
            agreement.agreeing_requests += usize::from(difference.is_none());
            agreement.first = agreement.first.or(difference);
        }
        Ok(agreement)
    }

    fn simulate(&self) -> Result<Run, RecordingError> {
        let mut engine = Engine::new(self.settings(), 1)?;
        let mut run = Run { steps: Vec::new(), requests: vec![(None, None); self.requests.len()] };
        let mut events = StepEvents::default();
        let mut arrivals = self.requests.iter().peekable();
        let mut step = 0;
        // A simulation that goes astray shall end; twice the recorded steps tell enough about it.
        let most = self.steps.len() * 2 + 1000;
        while run.steps.len() < most {
            if engine.running() == 0 && engine.waiting() == 0 {
                let Some(next) = arrivals.peek() else { break };
                step = step.max(next.arrival_step);
            }
            while let Some(request) = arrivals.next_if(|request| request.arrival_step <= step) {
                engine.enqueue(EngineRequest {
                    prompt: request.prompt_tokens,
                    output: request.output_tokens,
                    common_prefix: self.config.shared_prefix.unwrap_or(0),
                })?;
            }
            let nothing = engine.schedule().is_empty();
            if nothing && engine.preempted().is_empty() && !engine.has_leaving() {
                let waiting = engine.waiting();
                return Err(SimulationError::Stuck { step, waiting }.into());
            }
            run.steps.push(self.describe(step, &engine));
            engine.complete(&mut events);
            for &id in &events.first_token {
                run.requests[id as usize].0 = Some(step);
            }
            for &id in &events.finished {
                run.requests[id as usize].1 = Some(step);
            }
            step += 1;
        }
        Ok(run)
    }

    fn describe(&self, step: u64, engine: &Engine) -> Step {
        let name = |id: u32| self.requests[id as usize].id.clone();
        Step {
            step,
            scheduled: engine.scheduled().map(|(id, tokens)| (name(id), tokens)).collect(),
            preempted: engine.preempted().iter().map(|&id| name(id)).collect(),
            running: u64::from(engine.running()),
            waiting: engine.waiting() as u64,
            kv_usage: engine.used_blocks() as f64 / engine.total_blocks() as f64,
        }
    }
}

/// A simulated run in the form of a recording; for each request its first-token and finish steps.
struct Run {
    steps: Vec<Step>,
    requests: Vec<(Option<u64>, Option<u64>)>,
}

impl Step {
    fn difference(&self, simulated: &Self) -> Option<Disagreement> {
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort_unstable();
            names
        };
        let (ours, theirs) = (sorted(&simulated.preempted), sorted(&self.preempted));
        let what: (&'static str, String, String) = if self.step != simulated.step {
            ("its number", self.step.to_string(), simulated.step.to_string())
        } else if theirs != ours {
            ("who is preempted", theirs.join(", "), ours.join(", "))
        } else if self.scheduled != simulated.scheduled {
            ("tokens", self.tokens_unlike(simulated), simulated.tokens_unlike(self))
        } else if self.running != simulated.running {
            ("running", self.running.to_string(), simulated.running.to_string())
        } else if self.waiting != simulated.waiting {
            ("waiting", self.waiting.to_string(), simulated.waiting.to_string())
        } else if (self.kv_usage - simulated.kv_usage).abs() > KV_USE_TOLERANCE {
            ("KV use", self.kv_usage.to_string(), format!("{:.6}", simulated.kv_usage))
        } else {
            return None;
        };
        let (what, recorded, simulated) = what;
        Some(Disagreement { at: format!("step {}", self.step), what, recorded, simulated })
    }

    /// The scheduled tokens in which it differs from `other`.
    fn tokens_unlike(&self, other: &Self) -> String {
        let unlike = self.scheduled.iter().filter(|(id, tokens)| other.scheduled.get(*id) != Some(tokens));
        let parts: Vec<String> = unlike.map(|(id, tokens)| format!("{id} {tokens}")).collect();
        if parts.is_empty() { "nothing for these requests".to_owned() } else { parts.join(", ") }
    }
}

impl Request {
    fn difference(&self, simulated: &(Option<u64>, Option<u64>)) -> Option<Disagreement> {
        let text = |step: Option<u64>| step.map_or_else(|| "never".to_owned(), |step| step.to_string());
        let (what, recorded, simulated) = if self.first_token_step != simulated.0 {
            ("the step of the first token", self.first_token_step, simulated.0)
        } else if self.finish_step != simulated.1 {
            ("the step of the last token", self.finish_step, simulated.1)
        } else {
            return None;
        };
        let at = format!("request {}", self.id);
        Some(Disagreement { at, what, recorded: text(recorded), simulated: text(simulated) })
    }
}
