//! Lengths of single requests.

use std::sync::Arc;

use thiserror::Error;

use super::random::Random;
use super::{Lengths, Traffic};

/// Tokens of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLengths {
    /// Tokens of the prompt, at least 1.
    pub input_tokens: u32,
    /// Tokens of the answer, at least 1.
    pub output_tokens: u32,
}

/// A lognormal distribution, given as people know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanAndP90 {
    /// Mean in tokens.
    pub mean: f64,
    /// 90th percentile in tokens.
    pub p90: f64,
}

/// Where the lengths of requests come from.
#[derive(Debug, Clone, PartialEq)]
pub enum LengthSource {
    /// Fixed, uniform from 0.8 to 1.0, or ShareGPT, as the traffic says.
    Traffic(Traffic),
    /// Lognormal prompts and answers, independent of each other.
    Lognormal {
        /// Tokens of prompts.
        input: MeanAndP90,
        /// Tokens of answers.
        output: MeanAndP90,
    },
    /// Observed requests, in order, from the start again when they are used up; where fewer are drawn, evenly spread over
    /// all of them.
    Observed(Arc<[RequestLengths]>),
}

/// Why lengths cannot be drawn.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LengthError {
    /// A length that is no positive number, or longer than any model takes.
    #[error("{what} is {value} tokens: it must be a number from 1 to {MOST_TOKENS}")]
    OutOfRange {
        /// Which length.
        what: &'static str,
        /// What was given.
        value: f64,
    },
    /// No lognormal distribution has this mean and this percentile.
    #[error(
        "No lognormal distribution has a mean of {mean} and a 90th percentile of {p90} tokens: the percentile must be \
         from 1.0 to 2.27 times the mean"
    )]
    NotLognormal {
        /// Mean in tokens.
        mean: f64,
        /// 90th percentile in tokens.
        p90: f64,
    },
    /// A line that is not `input,output`.
    #[error(
        "Line {line} is {text:?}: it must be `input,output`, two whole numbers of tokens from 1 to {MOST_TOKENS}"
    )]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// The line, shortened.
        text: String,
    },
    /// A file with more lines than are read.
    #[error("The file has more than {most} requests: take a sample of it")]
    TooManyLines {
        /// How many are read.
        most: usize,
    },
    /// Nothing to draw from.
    #[error("There are no lengths: give at least one line `input,output`")]
    Empty,
}

/// Longer than the longest context of any model, and short enough that sums stay exact.
pub const MOST_TOKENS: u32 = 1 << 26;

const MOST_LINES: usize = 5_000_000;

/// Standard normal quantile of 0.9.
const NORMAL_P90: f64 = 1.281_551_565_544_600_4;

impl LengthSource {
    /// Reads requests from text, a line each: `input,output`. Empty lines and those that start with `#` are
    /// passed over, as is a first line of column names.
    pub fn parse(text: &str) -> Result<Self, LengthError> {
        let mut requests = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match parse_line(line) {
                Some(request) => requests.push(request),
                None if number == 0 && line.chars().all(is_of_a_name) && line.contains(',') => {}
                None => {
                    let text = line.chars().take(60).collect();
                    return Err(LengthError::Line { line: number + 1, text });
                }
            }
            if requests.len() > MOST_LINES {
                return Err(LengthError::TooManyLines { most: MOST_LINES });
            }
        }
        if requests.is_empty() { Err(LengthError::Empty) } else { Ok(Self::Observed(requests.into())) }
    }

    /// The mean lengths.
    pub fn traffic(&self) -> Traffic {
        let fixed =
            |input_tokens, output_tokens| Traffic { input_tokens, output_tokens, lengths: Lengths::Fixed };
        match self {
            Self::Traffic(traffic) => *traffic,
            Self::Lognormal { input, output } => fixed(input.mean, output.mean),
            Self::Observed(requests) => {
                let mean = |of: fn(&RequestLengths) -> u32| {
                    requests.iter().map(|request| f64::from(of(request))).sum::<f64>()
                        / requests.len().max(1) as f64
                };
                fixed(mean(|request| request.input_tokens), mean(|request| request.output_tokens))
            }
        }
    }

    /// `count` requests; the same for the same `seed`.
    ///
    /// Drawn lengths are stratified: of each hundred, one from each hundredth of the distribution.
    pub fn draw(&self, count: usize, seed: u64) -> Result<Vec<RequestLengths>, LengthError> {
        match self {
            Self::Observed(requests) if requests.is_empty() => Err(LengthError::Empty),
            Self::Observed(requests) if count < requests.len() => {
                Ok((0..count).map(|index| requests[index * requests.len() / count]).collect())
            }
            Self::Observed(requests) => Ok(requests.iter().copied().cycle().take(count).collect()),
            Self::Traffic(traffic) => {
                let input = Quantiles::of(traffic, traffic.input_tokens, &SHAREGPT_INPUT, "The prompt")?;
                let output = Quantiles::of(traffic, traffic.output_tokens, &SHAREGPT_OUTPUT, "The answer")?;
                Ok(draw(&input, &output, count, seed))
            }
            Self::Lognormal { input, output } => {
                let input = Quantiles::lognormal(*input, "The mean prompt")?;
                let output = Quantiles::lognormal(*output, "The mean answer")?;
                Ok(draw(&input, &output, count, seed))
            }
        }
    }
}

impl From<Traffic> for LengthSource {
    fn from(traffic: Traffic) -> Self {
        Self::Traffic(traffic)
    }
}

fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphabetic() || "_, \"-".contains(character)
}

fn parse_line(line: &str) -> Option<RequestLengths> {
    let (input, output) = line.split_once(',')?;
    let tokens =
        |text: &str| text.trim().parse::<u32>().ok().filter(|tokens| (1..=MOST_TOKENS).contains(tokens));
    Some(RequestLengths { input_tokens: tokens(input)?, output_tokens: tokens(output)? })
}

fn draw(input: &Quantiles, output: &Quantiles, count: usize, seed: u64) -> Vec<RequestLengths> {
    let inputs = Random::new(seed, 1).stratified(count);
    let outputs = Random::new(seed, 2).stratified(count);
    let pairs = inputs.into_iter().zip(outputs);
    pairs
        .map(|(first, second)| RequestLengths {
            input_tokens: input.at(first),
            output_tokens: output.at(second),
        })
        .collect()
}

/// Minimum, median, P90, P99 and maximum of a published distribution, and its mean.
struct Published {
    knots: [f64; 5],
    mean: f64,
}

/// Shares at which [`Published::knots`] stand.
const SHARES: [f64; 5] = [0.0, 0.5, 0.9, 0.99, 1.0];

/// Prompts and answers of GKE Inference Quickstart's benchmarks with ShareGPT, as its documentation publishes
/// them ("Benchmarking", a table of input and output tokens).
const SHAREGPT_INPUT: Published = Published { knots: [4.0, 108.0, 635.0, 887.0, 1024.0], mean: 226.0 };
const SHAREGPT_OUTPUT: Published = Published { knots: [1.0, 132.0, 488.0, 778.0, 1024.0], mean: 195.0 };

/// The inverse of a distribution function of lengths.
enum Quantiles {
    Fixed(f64),
    Uniform {
        least: f64,
        most: f64,
    },
    /// Through the published percentiles; between them a mixture of linear and geometric interpolation with the
    /// one weight that gives the published mean.
    Sharegpt {
        knots: [f64; 5],
        linear: f64,
        scale: f64,
    },
    Lognormal {
        location: f64,
        spread: f64,
    },
}

impl Quantiles {
    fn of(
        traffic: &Traffic,
        tokens: f64,
        published: &Published,
        what: &'static str,
    ) -> Result<Self, LengthError> {
        check(what, tokens)?;
        Ok(match traffic.lengths {
            Lengths::Fixed => Self::Fixed(tokens),
            // InferenceX draws whole numbers from ⌊0.8·n⌋ to n, both included.
            Lengths::UniformFourFifths => {
                Self::Uniform { least: (0.8 * tokens).floor().max(1.0), most: tokens.floor() }
            }
            Lengths::Sharegpt => Self::Sharegpt {
                knots: published.knots,
                linear: published.linear_weight(),
                scale: tokens / published.mean,
            },
        })
    }

    /// From `mean = exp(μ + σ²/2)` and `P90 = exp(μ + z·σ)`: `ln(P90/mean) = zσ − σ²/2`, of which the smaller
    /// root is taken.
    fn lognormal(asked: MeanAndP90, what: &'static str) -> Result<Self, LengthError> {
        let MeanAndP90 { mean, p90 } = asked;
        check(what, mean)?;
        check("The 90th percentile", p90)?;
        let square = NORMAL_P90 * NORMAL_P90 - 2.0 * (p90 / mean).ln();
        if square < 0.0 || p90 < mean {
            return Err(LengthError::NotLognormal { mean, p90 });
        }
        let spread = NORMAL_P90 - square.sqrt();
        Ok(Self::Lognormal { location: mean.ln() - 0.5 * spread * spread, spread })
    }

    fn at(&self, share: f64) -> u32 {
        let tokens = match self {
            Self::Fixed(tokens) => *tokens,
            Self::Uniform { least, most } => (least + share * (most - least + 1.0)).floor().min(*most),
            Self::Sharegpt { knots, linear, scale } => {
                let place = SHARES[1..4].iter().filter(|&&knot| share >= knot).count();
                let (low, high) = (knots[place], knots[place + 1]);
                let part = (share - SHARES[place]) / (SHARES[place + 1] - SHARES[place]);
                let straight = low + part * (high - low);
                let geometric = low * (high / low).powf(part);
                scale * (linear * straight + (1.0 - linear) * geometric)
            }
            Self::Lognormal { location, spread } => (location + spread * normal_quantile(share)).exp(),
        };
        tokens.round().clamp(1.0, f64::from(MOST_TOKENS)) as u32
    }
}

impl Published {
    fn linear_weight(&self) -> f64 {
        let mut straight = 0.0;
        let mut geometric = 0.0;
        for place in 0..4 {
            let (low, high) = (self.knots[place], self.knots[place + 1]);
            let share = SHARES[place + 1] - SHARES[place];
            straight += share * 0.5 * (low + high);
            geometric += share * (high - low) / (high / low).ln();
        }
        (self.mean - geometric) / (straight - geometric)
    }
}

fn check(what: &'static str, value: f64) -> Result<(), LengthError> {
    if (1.0..=f64::from(MOST_TOKENS)).contains(&value) {
        Ok(())
    } else {
        Err(LengthError::OutOfRange { what, value })
    }
}

/// Quantile of the standard normal distribution, by Acklam's rational approximation (relative error 1.2e-9).
fn normal_quantile(share: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e+01,
        2.209460984245205e+02,
        -2.759285104469687e+02,
        1.38357751867269e+02,
        -3.066479806614716e+01,
        2.506628277459239e+00,
    ];
    const B: [f64; 6] = [
        -5.447609879822406e+01,
        1.615858368580409e+02,
        -1.556989798598866e+02,
        6.680131188771972e+01,
        -1.328068155288572e+01,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-03,
        -3.223964580411365e-01,
        -2.400758277161838e+00,
        -2.549732539343734e+00,
        4.374664141464968e+00,
        2.938163982698783e+00,
    ];
    const D: [f64; 5] =
        [7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1.0];
    let polynomial =
        |coefficients: &[f64], at: f64| coefficients.iter().fold(0.0, |sum, next| sum * at + next);
    let tail = |share: f64| {
        let at = (-2.0 * share.ln()).sqrt();
        polynomial(&C, at) / polynomial(&D, at)
    };
    if share < 0.02425 {
        tail(share)
    } else if share > 1.0 - 0.02425 {
        -tail(1.0 - share)
    } else {
        let at = share - 0.5;
        let square = at * at;
        at * polynomial(&A, square) / polynomial(&B, square)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(requests: &[RequestLengths], of: fn(&RequestLengths) -> u32) -> Vec<f64> {
        let mut tokens: Vec<f64> = requests.iter().map(|request| f64::from(of(request))).collect();
        tokens.sort_by(f64::total_cmp);
        tokens
    }

    fn mean(tokens: &[f64]) -> f64 {
        tokens.iter().sum::<f64>() / tokens.len() as f64
    }

    #[test]
    fn sharegpt_has_the_published_mean_and_percentiles() {
        let requests = LengthSource::from(Traffic::SHAREGPT).draw(20_000, 1).unwrap();
        let published = [
            (column(&requests, |request| request.input_tokens), 226.0, [108.0, 635.0, 887.0], 4.0),
            (column(&requests, |request| request.output_tokens), 195.0, [132.0, 488.0, 778.0], 1.0),
        ];
        for (tokens, published_mean, percentiles, least) in published {
            assert!((mean(&tokens) / published_mean - 1.0).abs() < 0.005, "{}", mean(&tokens));
            for (share, percentile) in [0.5, 0.9, 0.99].into_iter().zip(percentiles) {
                let at = tokens[(share * tokens.len() as f64) as usize];
                assert!((at - percentile).abs() <= 2.0, "P{share}: {at} for {percentile}");
            }
            assert_eq!(tokens[0], least);
            assert!(tokens[tokens.len() - 1] <= 1024.0);
        }
    }

    #[test]
    fn a_lognormal_has_the_asked_mean_and_percentile() {
        let source = LengthSource::Lognormal {
            input: MeanAndP90 { mean: 2000.0, p90: 4000.0 },
            output: MeanAndP90 { mean: 300.0, p90: 300.0 },
        };
        let requests = source.draw(50_000, 3).unwrap();
        let inputs = column(&requests, |request| request.input_tokens);
        assert!((mean(&inputs) / 2000.0 - 1.0).abs() < 0.01, "{}", mean(&inputs));
        assert!((inputs[45_000] / 4000.0 - 1.0).abs() < 0.01, "{}", inputs[45_000]);
        assert!(requests.iter().all(|request| request.output_tokens == 300));
    }

    #[test]
    fn uniform_lengths_reach_both_ends() {
        let traffic =
            Traffic { input_tokens: 1024.0, output_tokens: 10.0, lengths: Lengths::UniformFourFifths };
        let requests = LengthSource::from(traffic).draw(20_000, 3).unwrap();
        let inputs = column(&requests, |request| request.input_tokens);
        let outputs = column(&requests, |request| request.output_tokens);
        assert_eq!((inputs[0], inputs[inputs.len() - 1]), (819.0, 1024.0));
        assert_eq!((outputs[0], outputs[outputs.len() - 1]), (8.0, 10.0));
        assert!((mean(&outputs) - 9.0).abs() < 0.02);
    }

    #[test]
    fn a_file_is_read_line_by_line() {
        let source = LengthSource::parse("input,output\n# comment\n\n10, 20\r\n30,40\n").unwrap();
        let requests = source.draw(3, 0).unwrap();
        let tokens: Vec<_> =
            requests.iter().map(|request| (request.input_tokens, request.output_tokens)).collect();
        assert_eq!(tokens, [(10, 20), (30, 40), (10, 20)]);
    }

    #[test]
    fn bad_lengths_are_refused_with_their_line() {
        for (text, line) in [
            ("10,20\n0,5", 2),
            ("10", 1),
            ("a,b\nc,d", 2),
            ("1,2\n3,-4", 2),
            ("1,2\n\n3,4.5", 3),
            ("1,99999999999", 1),
        ] {
            match LengthSource::parse(text) {
                Err(LengthError::Line { line: at, .. }) => assert_eq!(at, line, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
        assert_eq!(LengthSource::parse("# nothing\n"), Err(LengthError::Empty));
        assert_eq!(LengthSource::Observed(Vec::new().into()).draw(1, 0), Err(LengthError::Empty));
        for tokens in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e30] {
            let traffic = Traffic { input_tokens: tokens, output_tokens: 5.0, lengths: Lengths::Fixed };
            assert!(matches!(LengthSource::from(traffic).draw(1, 0), Err(LengthError::OutOfRange { .. })));
        }
        for (mean, p90) in [(100.0, 99.0), (100.0, 228.0)] {
            let spread = MeanAndP90 { mean, p90 };
            let source = LengthSource::Lognormal { input: spread, output: spread };
            assert!(matches!(source.draw(1, 0), Err(LengthError::NotLognormal { .. })), "{mean} {p90}");
        }
    }
}
