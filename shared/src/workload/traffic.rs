//! How long prompts and answers are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the lengths of single requests spread around the stated ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lengths {
    /// Every request has the stated length.
    #[default]
    Fixed,
    /// Drawn uniformly from 0.8 to 1.0 of the stated (nominal) length, as InferenceX does.
    #[serde(rename = "uniform0.8-1.0")]
    UniformFourFifths,
    /// The ShareGPT distribution of the service's benchmarks; the stated lengths are its means.
    Sharegpt,
}

impl Lengths {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fixed, Self::UniformFourFifths, Self::Sharegpt];

    /// Name as the catalog and tables of measurements write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::UniformFourFifths => "uniform0.8-1.0",
            Self::Sharegpt => "sharegpt",
        }
    }
}

/// Lengths of one kind of traffic, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Traffic {
    /// Tokens of a prompt: the mean, or the nominal maximum for [`Lengths::UniformFourFifths`].
    pub input_tokens: f64,
    /// Tokens of an answer: the mean, or the nominal maximum for [`Lengths::UniformFourFifths`].
    pub output_tokens: f64,
    /// Spread around them.
    #[serde(default)]
    pub lengths: Lengths,
}

impl Traffic {
    /// How far a profile's lengths may lie from the asked ones and still serve them: the service's own rule.
    pub const SERVES_WITHIN: f64 = 0.20;

    /// The traffic of the service's own benchmarks: chat, with the mean lengths of ShareGPT
    /// (GKE Inference Quickstart documentation, "Benchmarking").
    pub const SHAREGPT: Self = Self { input_tokens: 226.0, output_tokens: 195.0, lengths: Lengths::Sharegpt };

    /// How unlike two traffics are: the length of the vector of the logarithms of their lengths' ratios, so that
    /// half and double are equally far.
    pub fn distance(&self, other: &Self) -> f64 {
        let input = (self.mean_input_tokens() / other.mean_input_tokens()).ln();
        let output = (self.mean_output_tokens() / other.mean_output_tokens()).ln();
        input.hypot(output)
    }

    /// Mean tokens of a prompt.
    pub fn mean_input_tokens(&self) -> f64 {
        self.input_tokens * self.mean_share()
    }

    /// Mean tokens of an answer.
    pub fn mean_output_tokens(&self) -> f64 {
        self.output_tokens * self.mean_share()
    }

    fn mean_share(&self) -> f64 {
        match self.lengths {
            Lengths::Fixed | Lengths::Sharegpt => 1.0,
            Lengths::UniformFourFifths => 0.9,
        }
    }

    /// Whether figures measured with this traffic may stand for `asked`: both stated lengths within 20 %.
    pub fn serves(&self, asked: &Self) -> bool {
        let within = |here: f64, there: f64| (here - there).abs() <= Self::SERVES_WITHIN * there;
        within(self.input_tokens, asked.input_tokens) && within(self.output_tokens, asked.output_tokens)
    }
}

impl fmt::Display for Traffic {
    /// `input/output`, rounded to whole tokens: `1024/1024`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}/{:.0}", self.input_tokens, self.output_tokens)
    }
}
