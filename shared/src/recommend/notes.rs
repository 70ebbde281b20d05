//! What a reader of a ranking has to know.

use super::{Recommendation, Requirements};
use crate::curve::MaximumReason;
use crate::curve::OperatingKind::MaximumThroughput;
use crate::workload::Statistic;

/// Sentences about rows that must not be compared without a second thought.
pub(super) fn of(ranked: &[Recommendation], requirements: &Requirements) -> Vec<String> {
    let traffic = || ranked.iter().map(|row| row.traffic);
    let unlike_traffic = traffic().zip(traffic().skip(1)).any(|(one, next)| one != next);
    let any = |test: fn(&Recommendation) -> bool| ranked.iter().any(test);
    let regions = ranked.iter().filter_map(|row| Some(row.cost.priced()?.price.region.as_str()));
    let mut regions: Vec<&str> = regions.collect();
    regions.sort_unstable();
    regions.dedup();

    let notes = [
        (
            unlike_traffic && requirements.traffic.is_none(),
            "rows were measured with different input and output lengths: costs and latencies compare only \
             between rows of the same lengths; name yours to rank like with like"
                .to_owned(),
        ),
        (
            any(|row| row.load_kind.is_open_loop()) && any(|row| !row.load_kind.is_open_loop()),
            "some rows were measured in a closed loop (a fixed number of requests in flight), others in an \
             open loop (requests arrive at a rate): past the knee their latencies do not compare"
                .to_owned(),
        ),
        (
            regions.len() > 1,
            format!("prices are of {}: name a region to compare within one", regions.join(" and ")),
        ),
        (
            any(|row| row.cost.priced().is_none()),
            "rows without a price come last, by output tokens a second of an accelerator".to_owned(),
        ),
        (
            any(|row| matches!(row.operating.kind, MaximumThroughput(MaximumReason::NoKnee(_)))),
            "rows without a knee stand at the highest throughput that was measured, whatever its latency: a \
             latency target makes them comparable"
                .to_owned(),
        ),
        (
            any(|row| row.placement.share < 1.0 && row.cost.priced().is_some()),
            "rows that use a part of a machine pay for that part: alone on it they cost what the whole machine \
             does"
                .to_owned(),
        ),
        (
            requirements.targets.ttft.is_some() && any(|row| row.provenance.ttft_statistic == Statistic::Mean),
            "some TTFT figures are means over a run that starts with all requests at once: they lie above the \
             median that the target is for"
                .to_owned(),
        ),
    ];
    let apply = notes.into_iter().filter(|(applies, _)| *applies);
    apply.map(|(_, note)| note).collect()
}
