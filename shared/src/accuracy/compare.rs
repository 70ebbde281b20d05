//! One row: which of its figures count, and how far the prediction is from each.

use super::{Prediction, Unpredictable};
use crate::curve::Banded;
use crate::measured::{Column, MeasuredRow, OfferedLoad, Tag, UnusableRow};
use crate::workload::{Itl, Ntpot, Ttft};

/// What is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    Ttft,
    Itl,
    Ntpot,
    Throughput,
}

impl Metric {
    pub(crate) const ALL: [Self; 4] = [Self::Ttft, Self::Itl, Self::Ntpot, Self::Throughput];
}

/// One figure of one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) metric: Metric,
    /// Measured and predicted; `None` where nothing was predicted: the error is infinite.
    pub(crate) figures: Option<(f64, Banded)>,
    /// Whether the measured figure was derived from others.
    pub(super) derived: bool,
}

/// The figures of a row that count, with what was predicted of each.
///
/// Of a saturated row only the throughput counts. Where the throughput is the question its prediction says nothing,
/// unless the row is saturated and asks for the most there is. Where a closed loop has none it is derived.
pub(crate) fn comparisons(
    row: &MeasuredRow,
    predicted: &Result<Prediction, Unpredictable>,
) -> Vec<Comparison> {
    let of = |metric| {
        let (measured, derived) = measured(row, metric)?;
        let banded = predicted.as_ref().ok().and_then(|prediction| prediction.of(metric));
        let figures = banded.filter(is_figure).map(|banded| (measured, banded));
        Some(Comparison { metric, figures, derived })
    };
    Metric::ALL.into_iter().filter_map(of).collect()
}

fn measured(row: &MeasuredRow, metric: Metric) -> Option<(f64, bool)> {
    let figures = &row.figures;
    let latency = match metric {
        Metric::Ttft => figures.ttft.map(Ttft::milliseconds),
        Metric::Itl => figures.itl.map(Itl::milliseconds),
        Metric::Ntpot => figures.ntpot.map(Ntpot::milliseconds),
        Metric::Throughput => return throughput(row),
    };
    latency.filter(|_| !row.is_saturated()).map(|milliseconds| (milliseconds, false))
}

fn throughput(row: &MeasuredRow) -> Option<(f64, bool)> {
    let is_asked = matches!(row.experiment.load, OfferedLoad::AtThroughput(_)) && !row.is_saturated();
    if is_asked {
        return None;
    }
    let given = row.figures.output_tokens_per_second.map(|throughput| (throughput, false));
    given.or_else(|| row.output_tokens_per_second_by_littles_law().map(|throughput| (throughput, true)))
}

/// The figures of a row that could not be read: those whose cells are not empty, by the same rules.
pub(super) fn of_unusable(row: &UnusableRow) -> Vec<Comparison> {
    let has = |column| row.cell(column).is_some();
    let is_saturated = row.cell(Column::Tags).is_some_and(|tags| tags.contains(Tag::Saturated.name()));
    let load_kind = row.cell(Column::LoadKind).unwrap_or_default();
    let by_parts = has(Column::NtpotMs) || has(Column::TtftMs) && has(Column::ItlMs);
    let derived = !has(Column::OutputTokensPerS) && load_kind == "closed" && by_parts;
    let counts = |metric: &Metric| match metric {
        Metric::Ttft => has(Column::TtftMs) && !is_saturated,
        Metric::Itl => has(Column::ItlMs) && !is_saturated,
        Metric::Ntpot => has(Column::NtpotMs) && !is_saturated,
        Metric::Throughput if load_kind == "at_throughput" => has(Column::OutputTokensPerS) && is_saturated,
        Metric::Throughput => has(Column::OutputTokensPerS) || derived,
    };
    let comparison =
        |metric| Comparison { metric, figures: None, derived: derived && metric == Metric::Throughput };
    Metric::ALL.into_iter().filter(counts).map(comparison).collect()
}

/// A prediction that is no number is none.
fn is_figure(banded: &Banded) -> bool {
    banded.value.is_finite() && banded.value > 0.0
}

impl Prediction {
    fn of(&self, metric: Metric) -> Option<Banded> {
        match metric {
            Metric::Ttft => self.ttft_milliseconds,
            Metric::Itl => self.itl_milliseconds,
            Metric::Ntpot => self.ntpot_milliseconds,
            Metric::Throughput => self.output_tokens_per_second,
        }
    }
}
