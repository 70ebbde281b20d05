//! One measured point.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::{Experiment, OfferedLoad, Tag};
use crate::workload::{Itl, Ntpot, Ttft};

/// One measured point: what was run, and what came out.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredRow {
    /// Where it stands.
    pub at: RowPlace,
    /// What was run.
    pub experiment: Experiment,
    /// What came out; at least one figure.
    pub figures: Figures,
    /// Marks.
    pub tags: BTreeSet<Tag>,
    /// Who published the figures, where; may be empty.
    pub source: String,
}

/// What was measured; `None`: it was not.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// Time to first token.
    pub ttft: Option<Ttft>,
    /// Inter-token latency.
    pub itl: Option<Itl>,
    /// Normalised time per output token.
    pub ntpot: Option<Ntpot>,
    /// Generated tokens a second, all of the replica.
    pub output_tokens_per_second: Option<f64>,
}

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    /// Name of the table.
    pub document: Arc<str>,
    /// Number of the row in it, from 1, the header not counted.
    pub row: usize,
    /// Line of the file on which it begins, from 1; `None` where there is no file.
    pub line: Option<u64>,
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, row {}", self.document, self.row)?;
        self.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

impl MeasuredRow {
    /// Whether only the throughput of the row tells something of the server.
    pub fn is_saturated(&self) -> bool {
        self.tags.contains(&Tag::Saturated)
    }

    /// Output tokens a second of a closed loop by Little's law, `N · output / (TTFT + ITL · (output − 1))` at the mean
    /// output length, or `N / NTPOT`; `None` for other loads and without these latencies.
    ///
    /// Approximate where latencies are medians, or a mean TTFT includes the first wave of requests.
    pub fn output_tokens_per_second_by_littles_law(&self) -> Option<f64> {
        let OfferedLoad::InFlight(in_flight) = self.experiment.load else { return None };
        let output_tokens = self.experiment.traffic.mean_output_tokens();
        let Figures { ttft, itl, ntpot, .. } = self.figures;
        let from_parts = || Some(Ntpot::from_parts(ttft?, itl?, output_tokens));
        ntpot.or_else(from_parts).map(|ntpot| in_flight * 1000.0 / ntpot.milliseconds())
    }

    /// Who published the row: the first word of the source, without the commit that an `@` precedes.
    pub fn publisher(&self) -> &str {
        let word = self.source.split_whitespace().next().unwrap_or_default();
        word.split('@').next().unwrap_or_default()
    }
}
