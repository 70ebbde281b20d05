//! Signals, and the values at which an autoscaler holds them.

use super::{Aim, AutoscaleError, Kind, REACH_SHARE, Reach};
use crate::catalog::{Bound, Meaning, Signal};
use crate::workload::LatencyMetric;

/// Fewest waiting requests to hold: fewer come and go with every arrival.
const LEAST_WAITING: f64 = 1.0;

/// Numbers from here on are whole; below, hundredths count.
const WHOLE_FROM: f64 = 10.0;

/// What an autoscaler reads as one number.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression<'a> {
    /// One signal, summed over the replicas.
    One(&'a Signal),
    /// Several signals that count the same, summed over the replicas.
    Sum(Vec<&'a Signal>),
    /// The mean of one signal over the mean of another: a share that does not add up over replicas.
    Ratio(&'a Signal, &'a Signal),
}

/// What an HPA does with the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetType {
    /// The number is a sum; the HPA asks for ⌈sum / threshold⌉ replicas.
    AverageValue,
    /// The number is what each replica has on average; the HPA asks for ⌈replicas · number / threshold⌉.
    Value,
}

impl<'a> Expression<'a> {
    /// Signals in it.
    pub fn signals(&self) -> Vec<&'a Signal> {
        match self {
            Self::One(signal) => vec![signal],
            Self::Sum(signals) => signals.clone(),
            Self::Ratio(one, other) => vec![one, other],
        }
    }

    /// How the HPA has to read it.
    pub const fn target_type(&self) -> TargetType {
        match self {
            Self::One(_) | Self::Sum(_) => TargetType::AverageValue,
            Self::Ratio(..) => TargetType::Value,
        }
    }

    /// What it counts: `running and waiting requests`.
    pub fn phrase(&self) -> String {
        match self {
            Self::One(signal) => signal.meaning.phrase().to_owned(),
            Self::Sum(signals) => {
                let names: Vec<&str> = signals.iter().map(|signal| signal.meaning.name()).collect();
                format!("{} requests", names.join(" and "))
            }
            Self::Ratio(one, _) => format!("share of memory behind `{}`", one.metric),
        }
    }

    /// A name for it that every metrics API takes: one metric's own, `vllm_requests_in_flight` of a sum.
    pub fn metric_name(&self) -> String {
        let plain = |metric: &str| metric.replace(':', "_");
        match self {
            Self::One(signal) => plain(&signal.metric),
            Self::Sum(signals) => {
                let exporter = signals.first().map_or("server", |signal| signal.exporter.as_str());
                format!("{}_requests_in_flight", exporter.replace('-', "_"))
            }
            Self::Ratio(one, _) => format!("{}_share", plain(&one.metric)),
        }
    }
}

/// A signal held at a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Held<'a> {
    /// What is read.
    pub expression: Expression<'a>,
    /// What it is held at, of one replica.
    pub threshold: f64,
    /// Why, in numbers; a clause without a full stop.
    pub why: String,
}

/// The signals of a server version by which `kind` scales, each with its threshold.
///
/// Running and waiting requests together follow the load without a cap, so they come first; where no metric can be a
/// sum, both are held by themselves and the larger proposal wins. Shares of slots or of the cache come after. A time to
/// first token that was asked beside other targets adds the queue, which it is made of.
///
/// # Errors
/// The server exports no such signal, or nothing says where its threshold lies.
pub fn held<'a>(
    kind: Kind,
    signals: &[&'a Signal],
    aim: &Aim,
    of_targets: &[(LatencyMetric, Aim)],
    reach: &Reach,
) -> Result<Vec<Held<'a>>, String> {
    let ttft = of_targets.iter().any(|(metric, _)| *metric == LatencyMetric::Ttft);
    let expressions = expressions(kind, signals, ttft && of_targets.len() > 1)?;
    expressions.into_iter().map(|expression| threshold(expression, aim, of_targets, reach)).collect()
}

/// What `kind` scales by of what a server exports; `with_queue`: and by the queue alone, too.
///
/// # Errors
/// It exports no such signal.
pub(crate) fn expressions<'a>(
    kind: Kind,
    signals: &[&'a Signal],
    with_queue: bool,
) -> Result<Vec<Expression<'a>>, String> {
    let find = |meaning: Meaning| newest(signals, meaning);
    let (running, waiting) = (find(Meaning::Running), find(Meaning::Waiting));
    Ok(match (running, waiting, find(Meaning::SlotsUsed), find(Meaning::KvUse)) {
        (Some(running), Some(waiting), ..) if kind.takes_expressions() => {
            let mut expressions = vec![Expression::Sum(vec![running, waiting])];
            if with_queue {
                expressions.push(Expression::One(waiting));
            }
            expressions
        }
        (Some(running), Some(waiting), ..) => vec![Expression::One(running), Expression::One(waiting)],
        (None, Some(waiting), Some(slots), _) => vec![Expression::One(slots), Expression::One(waiting)],
        (Some(one), None, ..) | (None, Some(one), None, _) | (None, None, Some(one), _) => {
            vec![Expression::One(one)]
        }
        (None, None, None, Some(cache)) => vec![Expression::One(cache)],
        (None, None, None, None) => return Err(nothing(signals)),
    })
}

/// The signal of a meaning under its newest name.
pub(crate) fn newest<'a>(signals: &[&'a Signal], meaning: Meaning) -> Option<&'a Signal> {
    let of_meaning =
        || signals.iter().copied().filter(|signal| signal.meaning == meaning && signal.good_for.is_some());
    of_meaning().find(|signal| signal.since.is_some()).or_else(|| of_meaning().next())
}

fn nothing(signals: &[&Signal]) -> String {
    if signals.is_empty() {
        return "the catalog knows no metric of it; leave the latency target out".to_owned();
    }
    let names: Vec<String> = signals.iter().map(|signal| format!("`{}`", signal.metric)).collect();
    format!("none of the metrics that it exports counts its requests ({})", names.join(", "))
}

fn threshold<'a>(
    expression: Expression<'a>,
    aim: &Aim,
    of_targets: &[(LatencyMetric, Aim)],
    reach: &Reach,
) -> Result<Held<'a>, String> {
    let rate = aim.requests_per_second();
    let none = || format!("the curve does not say how many {} there are", expression.phrase());
    let (value, why) = match &expression {
        Expression::Sum(_) => {
            let in_flight = aim.in_flight().ok_or_else(none)?;
            let why = format!("at {rate:.2} requests/s {in_flight:.1} requests are in a replica on average");
            (in_flight, format!("{why}, running or waiting, and their sum has no cap"))
        }
        Expression::One(signal) => match signal.meaning {
            Meaning::Waiting => {
                let ttft = of_targets.iter().find(|(metric, _)| *metric == LatencyMetric::Ttft);
                let aim = ttft.map_or(aim, |(_, aim)| aim);
                waiting(aim)
            }
            Meaning::SlotsUsed => slots(aim, reach).ok_or_else(none)?,
            Meaning::KvUse => cache(aim, reach).ok_or_else(none)?,
            _ => running(aim, reach).ok_or_else(none)?,
        },
        Expression::Ratio(..) => return Err(none()),
    };
    let threshold = rounded(value);
    Ok(Held { expression, threshold, why: format!("{why}; held at {}", number(threshold)) })
}

fn running(aim: &Aim, reach: &Reach) -> Option<(f64, String)> {
    let rate = aim.requests_per_second();
    let mean = aim.point.running.or_else(|| aim.in_flight())?;
    let text = format!("at {rate:.2} requests/s {mean:.1} requests run in a replica on average");
    Some(match reach.ceiling().zip(reach.requests()) {
        Some((ceiling, most)) if mean > most * REACH_SHARE => {
            let half = most * REACH_SHARE;
            let cap =
                format!("a replica runs at most {most:.0} at once ({ceiling}), and a full one must be able");
            (half, format!("{text}, but {cap} to ask for double"))
        }
        Some((ceiling, _)) => (mean, format!("{text}, below half of what it can run ({ceiling})")),
        None => (mean, text),
    })
}

fn waiting(aim: &Aim) -> (f64, String) {
    let rate = aim.requests_per_second();
    match aim.point.waiting {
        Some(mean) if mean > LEAST_WAITING => {
            (mean, format!("at {rate:.2} requests/s {mean:.1} requests wait on average"))
        }
        Some(mean) => {
            let why = format!("at {rate:.2} requests/s {mean:.2} requests wait on average");
            (LEAST_WAITING, format!("{why}; less than one comes and goes with every arrival"))
        }
        None => (
            LEAST_WAITING,
            "below saturation hardly any request waits; less than one comes and goes with every arrival"
                .to_owned(),
        ),
    }
}

fn slots(aim: &Aim, reach: &Reach) -> Option<(f64, String)> {
    let rate = aim.requests_per_second();
    let running = aim.point.running.or_else(|| aim.in_flight())?;
    let seats = reach.seats? as f64;
    let share = running / seats;
    let text = format!("at {rate:.2} requests/s {running:.1} of {seats:.0} slots are taken on average");
    Some(halved(share, text))
}

fn cache(aim: &Aim, reach: &Reach) -> Option<(f64, String)> {
    let rate = aim.requests_per_second();
    let of_requests = || Some(aim.in_flight()? / reach.cache?.0 as f64);
    let share = aim.point.kv_use.or_else(of_requests)?;
    let text =
        format!("at {rate:.2} requests/s {:.0} % of the KV cache are in use on average", share * 100.0);
    Some(halved(share, text))
}

/// A share, which must not lie above half of 1.
fn halved(share: f64, text: String) -> (f64, String) {
    if share > REACH_SHARE {
        return (REACH_SHARE, format!("{text}, but a full replica must be able to ask for double"));
    }
    (share, text)
}

/// Rounded down: whole requests, below ten hundredths, and never nothing.
fn rounded(value: f64) -> f64 {
    if value >= WHOLE_FROM {
        return value.floor();
    }
    ((value * 100.0).floor() / 100.0).max(0.01)
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value}") }
}

/// A threshold as a Kubernetes quantity in its canonical form: `44`, `460m`.
pub fn quantity(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{:.0}m", value * 1000.0) }
}

impl<'a> Held<'a> {
    /// A signal at what it reads where a replica should run.
    ///
    /// # Errors
    /// The curve does not say what it reads there.
    pub fn at(
        expression: Expression<'a>,
        aim: &Aim,
        of_targets: &[(LatencyMetric, Aim)],
        reach: &Reach,
    ) -> Result<Self, String> {
        threshold(expression, aim, of_targets, reach)
    }

    /// A signal at a value that a user chose.
    ///
    /// # Errors
    /// A value that is not positive, or that no replica can pass.
    pub fn chosen(expression: Expression<'a>, threshold: f64, reach: &Reach) -> Result<Self, AutoscaleError> {
        if !(threshold.is_finite() && threshold > 0.0) {
            return Err(AutoscaleError::Number {
                what: "the threshold",
                value: threshold,
                accepted: "a positive number is accepted",
            });
        }
        let most = match &expression {
            Expression::One(signal) => bound(signal, reach),
            Expression::Sum(_) => None,
            Expression::Ratio(..) => Some(1.0),
        };
        // A share that does not add up may be held higher: the HPA multiplies it by the replicas.
        let share = if expression.target_type() == TargetType::Value { 1.0 } else { REACH_SHARE };
        if let Some(most) = most.filter(|most| threshold > most * share) {
            return Err(AutoscaleError::OutOfReach { threshold, signal: expression.phrase(), most });
        }
        let why = format!("{}, held at {} as asked", expression.phrase(), number(threshold));
        Ok(Self { expression, threshold, why })
    }

    /// A signal at half of its bound, where nobody measured how latency grows with it; queues at one request.
    ///
    /// # Errors
    /// A signal without a bound.
    pub fn unmeasured(expression: Expression<'a>, reach: &Reach) -> Result<Self, AutoscaleError> {
        let (value, why) = match &expression {
            Expression::One(signal) => match (signal.meaning, bound(signal, reach)) {
                (Meaning::Waiting | Meaning::TransferBacklog | Meaning::GenerateBacklog, _) => (
                    LEAST_WAITING,
                    "nobody measured the configuration: a request that waits on average is more than it serves"
                        .to_owned(),
                ),
                (_, Some(most)) => (most * REACH_SHARE, half_of(most)),
                (meaning, None) => {
                    return Err(AutoscaleError::NoThreshold { signal: meaning.name().to_owned() });
                }
            },
            Expression::Sum(_) => match reach.requests() {
                Some(most) => (most * REACH_SHARE, half_of(most)),
                None => return Err(AutoscaleError::NoThreshold { signal: "running".to_owned() }),
            },
            Expression::Ratio(..) => (0.8, "a fifth of the memory is left free".to_owned()),
        };
        let threshold = rounded(value);
        Ok(Self { expression, threshold, why: format!("{why}; held at {}", number(threshold)) })
    }
}

fn half_of(most: f64) -> String {
    format!(
        "nobody measured the configuration: half of {}, so that a full replica asks for double",
        number(most)
    )
}

/// The most that a signal reads of one replica, where that is known.
pub fn bound(signal: &Signal, reach: &Reach) -> Option<f64> {
    match signal.most? {
        Bound::One => Some(1.0),
        Bound::Seats => reach.requests(),
        Bound::Memory => None,
    }
}
