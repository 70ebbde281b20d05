//! Why a simulation cannot run or did not end.

use thiserror::Error;

/// What is wrong with a simulation's input, or what stopped it.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SimulationError {
    /// A count that must be at least one.
    #[error("{what} is 0: it must be at least 1")]
    Zero {
        /// Which count.
        what: &'static str,
    },
    /// A count beyond anything that is run.
    #[error("{what} is {value}: at most {most} is simulated")]
    TooMany {
        /// Which count.
        what: &'static str,
        /// What was given.
        value: u64,
        /// What is accepted.
        most: u64,
    },
    /// A share outside its range, or not a number.
    #[error("{what} is {value}: it must be from 0 to {most}")]
    Share {
        /// Which share.
        what: &'static str,
        /// What was given.
        value: f64,
        /// Highest accepted.
        most: f64,
    },
    /// A model that cannot take a prompt and answer with a token.
    #[error("the model's longest sequence is {tokens} tokens: it must be at least 2, a prompt and an answer")]
    ModelLength {
        /// What was given.
        tokens: u32,
    },
    /// A rate, time or number of seconds that is negative, infinite or not a number.
    #[error("{what} is {value}: it must be a finite number {accepted}")]
    NotFinite {
        /// Which quantity.
        what: &'static str,
        /// What was given.
        value: f64,
        /// `above 0` or `of at least 0`.
        accepted: &'static str,
    },
    /// A request without a prompt or an answer.
    #[error(
        "request {request} has a prompt of {prompt} and an answer of {output} tokens: both must be at least 1"
    )]
    EmptyRequest {
        /// Its number, from 0 in order of arrival.
        request: usize,
        /// Tokens of its prompt.
        prompt: u32,
        /// Tokens of its answer.
        output: u32,
    },
    /// A prompt that leaves no room for an answer within the model's longest sequence.
    #[error(
        "request {request} has a prompt of {prompt} tokens: the model takes at most {most} and an answer; \
         shorten the prompt or raise the model's length"
    )]
    PromptTooLong {
        /// Its number, from 0 in order of arrival.
        request: usize,
        /// Tokens of its prompt.
        prompt: u32,
        /// Longest prompt.
        most: u32,
    },
    /// A prompt that must be computed at once but is longer than a step.
    #[error(
        "request {request} has a prompt of {prompt} tokens, a step takes {most} and prompts are not split: \
         raise the tokens of a step or turn chunked prefill on"
    )]
    PromptLongerThanStep {
        /// Its number, from 0 in order of arrival.
        request: usize,
        /// Tokens of its prompt.
        prompt: u32,
        /// Tokens of a step.
        most: u32,
    },
    /// A request that the KV cache cannot hold even when it runs alone.
    #[error(
        "request {request} needs {needed} tokens of KV cache, all of it holds {held}: \
         use more or larger accelerators, fewer bytes a token, or shorter requests"
    )]
    LargerThanCache {
        /// Its number, from 0 in order of arrival.
        request: usize,
        /// Tokens it needs.
        needed: u64,
        /// Tokens of the whole cache.
        held: u64,
    },
    /// Arrival times that go backwards.
    #[error("request {request} arrives before the one in front of it: times must not fall")]
    Unordered {
        /// Its number, from 0.
        request: usize,
    },
    /// The engine had requests but could schedule none of them.
    #[error("nothing can be scheduled at step {step}: {waiting} requests wait and none runs")]
    Stuck {
        /// Steps done.
        step: u64,
        /// Requests waiting.
        waiting: usize,
    },
    /// A step without a duration.
    #[error("a step took {seconds} s: it must be a finite number above 0")]
    StepTime {
        /// What the clock said.
        seconds: f64,
    },
    /// The bound on steps was reached.
    #[error("the simulation stopped after {steps} steps with {finished} of {requests} requests finished")]
    TooLong {
        /// Steps done.
        steps: u64,
        /// Requests finished by then.
        finished: usize,
        /// All requests.
        requests: usize,
    },
}
