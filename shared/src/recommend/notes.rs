//! What a reader of a ranking has to know.

use super::{Recommendation, Requirements};
use crate::curve::OperatingKind::MaximumThroughput;
use crate::curve::{MaximumReason, Origin};
use crate::workload::Statistic;

const UNLIKE_TRAFFIC: &str = "rows were measured with different input and output lengths: costs and latencies \
     compare only between rows of the same lengths; name yours to rank like with like";
const UNLIKE_LOAD: &str = "some rows were measured in a closed loop (a fixed number of requests in flight), \
     others in an open loop (requests arrive at a rate): past the knee their latencies do not compare";
const NO_PRICE: &str = "rows without a price come last, by output tokens a second of an accelerator";
const NO_KNEE: &str = "rows without a knee stand at the highest throughput that was measured, whatever its \
     latency: a latency target makes them comparable";
const ESTIMATED: &str = "rows whose provenance is `estimated` were never measured: `-o json` has the interval of each \
     figure, and targets have to be met by its worse end";
const CORRECTED: &str = "rows whose provenance is `corrected` are estimates for requests that come by themselves, \
     shifted to what was measured of the same replica under other loads or lengths";
const MEAN_TTFT: &str = "some TTFT figures are means over a run that starts with all requests at once: they lie \
     above the median that the target is for";

/// Sentences about rows that must not be compared without a second thought.
pub fn notes(ranked: &[Recommendation], requirements: &Requirements) -> Vec<String> {
    let any = |test: fn(&Recommendation) -> bool| ranked.iter().any(test);
    let traffic = || ranked.iter().map(|row| row.traffic);
    let unlike_traffic = traffic().zip(traffic().skip(1)).any(|(one, next)| one != next);
    let unlike_load = any(|row| row.load_kind.is_open_loop()) && any(|row| !row.load_kind.is_open_loop());
    let mean_ttft = any(|row| row.provenance.ttft_statistic == Statistic::Mean);
    let without_knee =
        |row: &Recommendation| matches!(row.operating.kind, MaximumThroughput(MaximumReason::NoKnee(_)));
    let regions = regions(ranked);
    let prices_of = format!("prices are of {}: name a region to compare within one", regions.join(" and "));

    let notes = [
        (unlike_traffic && requirements.traffic.is_none(), UNLIKE_TRAFFIC),
        (unlike_load, UNLIKE_LOAD),
        (regions.len() > 1, prices_of.as_str()),
        (any(|row| row.cost.priced().is_none()), NO_PRICE),
        (any(without_knee), NO_KNEE),
        (any(|row| row.provenance.origin == Origin::Estimated), ESTIMATED),
        (any(|row| row.provenance.origin == Origin::Corrected), CORRECTED),
        (requirements.targets.ttft.is_some() && mean_ttft, MEAN_TTFT),
    ];
    let apply = notes.into_iter().filter(|(applies, _)| *applies);
    other_weights(ranked, requirements).into_iter().chain(apply.map(|(_, note)| note.to_owned())).collect()
}

/// Which weights the rows serve, where the question names a checkpoint and the rows have the model's name.
fn other_weights(ranked: &[Recommendation], requirements: &Requirements) -> Option<String> {
    let row = ranked.first()?;
    let is_asked =
        requirements.model.as_ref().is_some_and(|asked| asked.eq_ignore_ascii_case(&row.checkpoint));
    let (checkpoint, model) = (&row.checkpoint, &row.configuration.model);
    (is_asked && checkpoint != model).then(|| {
        format!("rows serve the weights {checkpoint}, which have the dimensions of {model} and so its curves")
    })
}

/// Regions that the prices are of, each once, by name.
fn regions(ranked: &[Recommendation]) -> Vec<&str> {
    let regions = ranked.iter().filter_map(|row| Some(row.cost.priced()?.price.region.as_str()));
    let mut regions: Vec<&str> = regions.collect();
    regions.sort_unstable();
    regions.dedup();
    regions
}
