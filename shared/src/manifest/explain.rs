//! Sentences about figures: what they are, where they come from, what was made of them.

use super::threshold::{Ceiling, Threshold};
use super::{Plan, autoscaler};
use crate::curve::{MaximumReason, OperatingKind};
use crate::recommend::Recommendation;
use crate::workload::{LatencyMetric, Statistic};

/// What was asked: `NTPOT ≤ 200 ms, TTFT ≤ 500 ms (P50)`; `None` without a latency target.
pub(super) fn targets(plan: &Plan<'_>) -> Option<String> {
    let asked: Vec<String> =
        plan.request.targets().latencies().map(|(metric, limit)| format!("{metric} <= {limit} ms")).collect();
    (!asked.is_empty()).then(|| format!("{} (P50)", asked.join(", ")))
}

/// Where the figures come from: kind of knowledge, source, what was derived.
pub(super) fn provenance(recommendation: &Recommendation) -> String {
    let provenance = &recommendation.provenance;
    let mut text = format!("{}: {}", provenance.origin.name(), provenance.source);
    for note in &provenance.notes {
        text.push_str("; ");
        text.push_str(note);
    }
    if !provenance.tags.is_empty() {
        text.push_str(&format!("; marked {}", provenance.tags.join(", ")));
    }
    text
}

/// What a replica does at its operating point.
pub(super) fn operating_point(recommendation: &Recommendation) -> String {
    let point = &recommendation.operating.point;
    let mut text = format!(
        "{}: {:.2} requests/s, {:.0} output tokens/s",
        operating_kind(recommendation.operating.kind),
        point.requests_per_second,
        point.output_tokens_per_second
    );
    for metric in LatencyMetric::ALL {
        if let Some(milliseconds) = point.latency_milliseconds(metric) {
            text.push_str(&format!(
                ", {metric} {milliseconds:.0} ms ({})",
                statistic(recommendation, metric).name()
            ));
        }
    }
    text.push_str(&format!(
        "; load: {}, {} tokens in/out",
        recommendation.load_kind.name(),
        recommendation.traffic
    ));
    text
}

fn operating_kind(kind: OperatingKind) -> String {
    match kind {
        OperatingKind::Knee => "knee of the curve".to_owned(),
        OperatingKind::AtTarget { binding } => {
            format!("highest throughput within the targets, {binding} binds")
        }
        OperatingKind::MaximumThroughput(MaximumReason::TargetsLoose) => {
            "maximum throughput, since the targets are above the latency there".to_owned()
        }
        OperatingKind::MaximumThroughput(reason) => format!("maximum throughput, since there is {reason}"),
    }
}

fn statistic(recommendation: &Recommendation, metric: LatencyMetric) -> Statistic {
    match metric {
        LatencyMetric::Ttft => recommendation.provenance.ttft_statistic,
        LatencyMetric::Itl | LatencyMetric::Ntpot => recommendation.provenance.itl_statistic,
    }
}

/// Why the threshold is what it is, in numbers.
pub(super) fn threshold_sentence(plan: &Plan<'_>, threshold: &Threshold) -> String {
    let in_flight = threshold.in_flight;
    let mut text = format!("{in_flight:.1} requests are in flight in a replica at its operating point");
    if let Some(law) = plan.recommendation.as_ref().and_then(littles_law) {
        text.push_str(&format!(" ({law})"));
    }
    match threshold.ceiling {
        None => {}
        Some(Ceiling::Seats(seats)) => {
            text.push_str(&format!("; the server runs at most {seats} of them at once, the rest waits"));
        }
        Some(Ceiling::Cache { requests, tokens }) => {
            text.push_str(&format!(
                "; the KV cache holds about {requests} of them ({tokens} tokens each), the rest waits"
            ));
        }
    }
    text.push_str(&format!(
        "; an HPA acts 10 % above its target, so the target is {} running requests",
        threshold.running
    ));
    text
}

/// The law with its numbers, and what they are: a median stands for the mean where the mean is not known.
fn littles_law(recommendation: &Recommendation) -> Option<String> {
    let point = &recommendation.operating.point;
    let ntpot = point.latency_milliseconds(LatencyMetric::Ntpot)?;
    let tokens = recommendation.traffic.mean_output_tokens();
    let statistic = match statistic(recommendation, LatencyMetric::Ntpot) {
        Statistic::P50 => ", the median standing for the mean, which the source does not give",
        Statistic::Mean => "",
    };
    Some(format!(
        "Little's law: {:.2} requests/s x {ntpot:.0} ms/token x {tokens:.0} output tokens{statistic}",
        point.requests_per_second
    ))
}

/// What the replicas cost, where the price is known.
pub(super) fn cost(plan: &Plan<'_>) -> Option<String> {
    let cost = plan.recommendation.as_ref()?.cost.priced()?;
    let mut text = format!(
        "${:.2} an hour for a replica ({}, {}), ${:.3} for a million output tokens",
        cost.usd_per_hour, cost.price.pricing_model, cost.price.region, cost.usd_per_million_output_tokens
    );
    if cost.usd_per_hour < cost.usd_per_hour_whole {
        text.push_str(&format!(
            "; ${:.2} an hour when the rest of the machine stays empty",
            cost.usd_per_hour_whole
        ));
    }
    if !plan.request.targets().is_empty() {
        let most = autoscaler::max_replicas(plan);
        text.push_str(&format!(
            "; at most ${:.2} an hour with {}",
            cost.usd_per_hour * f64::from(most),
            replicas(most)
        ));
    }
    Some(text)
}

/// `1 replica`, `2 replicas`.
pub(super) fn replicas(count: i32) -> String {
    if count == 1 { "1 replica".to_owned() } else { format!("{count} replicas") }
}
