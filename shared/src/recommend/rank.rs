//! Which recommendation comes first.

use std::cmp::Ordering;

use super::Recommendation;

/// Where a request rate was asked, the cheapest month first. Else, and among equals, cheapest output tokens first: at the
/// highest rate that meets the targets that is the goodput for a dollar. Those without a price come after them, by
/// throughput of an accelerator; equals by name, so that the order never depends on the order of the catalog.
pub(super) fn rank(recommendations: &mut [Recommendation]) {
    recommendations.sort_by(compare);
}

fn compare(a: &Recommendation, b: &Recommendation) -> Ordering {
    let by_cost = match (a.cost.priced(), b.cost.priced()) {
        (Some(a), Some(b)) => a.usd_per_million_output_tokens.total_cmp(&b.usd_per_million_output_tokens),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => per_accelerator(b).total_cmp(&per_accelerator(a)),
    };
    let lengths = |row: &Recommendation| (row.traffic.input_tokens, row.traffic.output_tokens);
    let by_traffic = || {
        let ((a_in, a_out), (b_in, b_out)) = (lengths(a), lengths(b));
        a_in.total_cmp(&b_in).then(a_out.total_cmp(&b_out))
    };
    let month = |row: &Recommendation| row.fleet.and_then(|fleet| fleet.usd_per_month);
    let by_month = match (month(a), month(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    by_month
        .then(by_cost)
        .then_with(|| a.configuration.cmp(&b.configuration))
        .then_with(|| a.placement.machine.name.cmp(&b.placement.machine.name))
        .then_with(by_traffic)
        .then_with(|| a.load_kind.cmp(&b.load_kind))
        .then_with(|| a.provenance.source.cmp(&b.provenance.source))
}

fn per_accelerator(row: &Recommendation) -> f64 {
    row.operating.point.output_tokens_per_second / f64::from(row.configuration.accelerators.max(1))
}
