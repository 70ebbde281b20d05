//! Sentences about figures: what they are, where they come from, what was made of them.

use super::autoscaling::first_replicas;
use super::{AutoscalingPlan, Plan};
use crate::autoscale::{Aim, Headroom, Held, Replicas};
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

/// The load that the autoscaler leaves to a replica, and why.
pub(super) fn aim(plan: &Plan<'_>, autoscaling: &AutoscalingPlan<'_>) -> String {
    let targets = targets(plan).unwrap_or_default();
    let pessimistic = match plan.curve.as_ref().and_then(|curve| curve.bands) {
        Some(_) => ", at the pessimistic end of the estimate's band",
        None => "",
    };
    let most = autoscaling.aim.most_requests_per_second;
    let loose = match plan.recommendation.as_ref().map(|found| found.operating.kind) {
        Some(OperatingKind::MaximumThroughput(_)) => ", its maximum throughput",
        _ => "",
    };
    format!(
        "Autoscaling for {targets}: a replica meets it up to {most:.2} requests/s{loose}{pessimistic}. {}.",
        leaves(&autoscaling.aim)
    )
}

/// λ_T with its numbers.
fn leaves(aim: &Aim) -> String {
    let Headroom { tolerance, growth_per_minute, reaction } = aim.headroom;
    format!(
        "The autoscaler leaves it {:.2}: {:.2} / {:.2}, since it acts {:.0} % above its target, / {:.3}, since load may \
         grow by {}% a minute for the {:.0} s until a new replica serves ({reaction})",
        aim.requests_per_second(),
        aim.most_requests_per_second,
        1.0 + tolerance,
        tolerance * 100.0,
        aim.headroom.growth_factor(),
        rounded_percent(growth_per_minute),
        reaction.seconds(),
    )
}

fn rounded_percent(share: f64) -> String {
    format!("{} ", (share * 1e4).round() / 1e2)
}

/// A signal and why it is held where it is.
pub(super) fn held(held: &Held<'_>) -> String {
    let names: Vec<&str> = held.expression.signals().iter().map(|signal| signal.metric.as_str()).collect();
    format!("Signal {}: {}.", names.join(" + "), held.why)
}

/// Fewest and most replicas, and why.
pub(super) fn replica_range(plan: &Plan<'_>, autoscaling: &AutoscalingPlan<'_>) -> String {
    let Replicas { least, most } = autoscaling.replicas;
    let carries = autoscaling.aim.requests_per_second();
    let first = first_replicas(plan, least);
    let start = match plan.request.requests_per_second {
        _ if first < least => format!("one fills the shared cache before there are {least}"),
        Some(load) => format!("for {load} requests/s, {carries:.2} each"),
        None => "since no load was named".to_owned(),
    };
    let options = &plan.request.autoscaling;
    let end = match (options.peak_requests_per_second, options.max_accelerators) {
        (_, Some(accelerators)) if accelerators / plan.accelerators.max(1) == most => {
            format!("what {accelerators} accelerators hold")
        }
        (Some(peak), _) => format!("for the peak of {peak} requests/s"),
        (None, _) => "four times as many; a peak was not named".to_owned(),
    };
    let mut text = format!("It starts with {}, {start}, and goes up to {most}, {end}.", replicas_text(first));
    if most > 1 {
        let (fewer, more) = (f64::from(most - 1), f64::from(most));
        text.push_str(&format!(
            " When one of {most} goes, the others carry {:.2} times as much: none goes before that is at most {carries:.2} \
             requests/s each.",
            more / fewer
        ));
    }
    text
}

/// How fast replicas come and go, and why.
pub(super) fn steps(autoscaling: &AutoscalingPlan<'_>) -> String {
    let steps = autoscaling.steps;
    format!(
        "Replicas double at most every {} s, in which the metric shows the step before. One goes every {} s, after {} s \
         of lower load: coming back would take it {:.0} s.",
        steps.doubling_seconds,
        steps.down_period_seconds,
        steps.down_window_seconds,
        autoscaling.aim.headroom.reaction.start_seconds()
    )
}

/// All of it as one sentence, for an annotation.
pub(super) fn threshold_reason(plan: &Plan<'_>, autoscaling: &AutoscalingPlan<'_>) -> String {
    let mut text = aim(plan, autoscaling);
    for held_signal in &autoscaling.held {
        text.push(' ');
        text.push_str(&held(held_signal));
    }
    if let Some(law) = plan.recommendation.as_ref().and_then(littles_law) {
        text.push_str(&format!(" Requests in flight at the target by {law}."));
    }
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
pub(super) fn cost(plan: &Plan<'_>, autoscaling: Option<&AutoscalingPlan<'_>>) -> Option<String> {
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
    if let Some(autoscaling) = autoscaling {
        let most = autoscaling.replicas.most;
        text.push_str(&format!(
            "; at most ${:.2} an hour with {}",
            cost.usd_per_hour * f64::from(most),
            replicas_text(most)
        ));
    }
    Some(text)
}

/// `1 replica`, `2 replicas`.
pub(super) fn replicas_text(count: u32) -> String {
    if count == 1 { "1 replica".to_owned() } else { format!("{count} replicas") }
}
