//! The parts of a step's time.

/// A part of a step's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Projections of attention layers.
    Projections,
    /// Dense feed-forward layers and shared experts.
    FeedForward,
    /// Routed experts.
    Experts,
    /// Output head.
    Head,
    /// Attention of decoding sequences: reading the cache.
    Decode,
    /// Attention of prompts: multiplying pairs.
    Prefill,
    /// Reading and writing between matrices.
    Activations,
    /// Exchanges between accelerators.
    Collectives,
    /// Starting kernels.
    Launches,
    /// Scheduling, sampling, answering.
    Server,
}

impl Part {
    /// All parts, in the order in which they are reported.
    pub const ALL: [Self; 10] = [
        Self::Projections,
        Self::FeedForward,
        Self::Experts,
        Self::Head,
        Self::Decode,
        Self::Prefill,
        Self::Activations,
        Self::Collectives,
        Self::Launches,
        Self::Server,
    ];

    /// Name as tables write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Projections => "projections",
            Self::FeedForward => "feed-forward",
            Self::Experts => "experts",
            Self::Head => "head",
            Self::Decode => "attention, decode",
            Self::Prefill => "attention, prefill",
            Self::Activations => "activations",
            Self::Collectives => "collectives",
            Self::Launches => "launches",
            Self::Server => "server",
        }
    }
}

/// Seconds of each part of one step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StepParts {
    seconds: [f64; Part::ALL.len()],
}

impl StepParts {
    /// Seconds of one part.
    pub fn seconds(&self, part: Part) -> f64 {
        self.seconds[part as usize]
    }

    /// Seconds of the whole step.
    pub fn total(&self) -> f64 {
        self.seconds.iter().sum()
    }

    pub(super) fn set(&mut self, part: Part, seconds: f64) {
        self.seconds[part as usize] = seconds;
    }

    /// Every part longer by `factor`.
    pub(super) fn scaled(mut self, factor: f64) -> Self {
        self.seconds.iter_mut().for_each(|seconds| *seconds *= factor);
        self
    }
}
