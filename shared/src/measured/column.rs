//! The columns of the clean form.

use std::fmt;
use std::str::FromStr;

use super::MeasuredRow;
use crate::catalog::Precision;

/// A column of the clean form. Where a cell is empty its value is unknown or was not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// Hugging Face id of the model.
    Model,
    /// Precision of the weights; empty: the stock checkpoint's.
    Precision,
    /// Model server.
    Server,
    /// Its version as the source gives it.
    ServerVersion,
    /// GKE's label value of the accelerator, or the catalog's id for what GKE lacks.
    Accelerator,
    /// Accelerators of the replica.
    Accelerators,
    /// Tensor parallel size; empty: all accelerators.
    Tp,
    /// Attention data parallel size; empty: 1.
    Dp,
    /// Expert parallel size; empty: 1.
    Ep,
    /// Tokens of a prompt.
    InputTokens,
    /// Tokens of an answer.
    OutputTokens,
    /// How lengths spread; empty: `fixed`.
    Lengths,
    /// Arguments of the server that differ from its version's defaults.
    EngineArgs,
    /// How load was put on.
    LoadKind,
    /// How much of it, by the load kind.
    Load,
    /// Statistic of the TTFT; empty: `p50`.
    TtftStatistic,
    /// Statistic of the ITL; empty: `p50`.
    ItlStatistic,
    /// TTFT in milliseconds.
    TtftMs,
    /// ITL in milliseconds.
    ItlMs,
    /// NTPOT in milliseconds.
    NtpotMs,
    /// Output tokens a second.
    OutputTokensPerS,
    /// Marks of the source.
    Tags,
    /// Who published the figures, where.
    Source,
}

impl Column {
    /// All of them, in the order of the form.
    pub const ALL: [Self; 23] = [
        Self::Model,
        Self::Precision,
        Self::Server,
        Self::ServerVersion,
        Self::Accelerator,
        Self::Accelerators,
        Self::Tp,
        Self::Dp,
        Self::Ep,
        Self::InputTokens,
        Self::OutputTokens,
        Self::Lengths,
        Self::EngineArgs,
        Self::LoadKind,
        Self::Load,
        Self::TtftStatistic,
        Self::ItlStatistic,
        Self::TtftMs,
        Self::ItlMs,
        Self::NtpotMs,
        Self::OutputTokensPerS,
        Self::Tags,
        Self::Source,
    ];

    /// Columns without which a table says nothing that could be predicted.
    pub const REQUIRED: [Self; 8] = [
        Self::Model,
        Self::Server,
        Self::Accelerator,
        Self::Accelerators,
        Self::InputTokens,
        Self::OutputTokens,
        Self::LoadKind,
        Self::Load,
    ];

    /// Columns of which a table has at least one, and each row at least one figure.
    pub const FIGURES: [Self; 4] = [Self::TtftMs, Self::ItlMs, Self::NtpotMs, Self::OutputTokensPerS];

    /// Columns that rows can be grouped by: what was run, and by whom.
    pub const GROUPING: [Self; 18] = [
        Self::Model,
        Self::Precision,
        Self::Accelerator,
        Self::Accelerators,
        Self::Tp,
        Self::Dp,
        Self::Ep,
        Self::Server,
        Self::ServerVersion,
        Self::InputTokens,
        Self::OutputTokens,
        Self::Lengths,
        Self::EngineArgs,
        Self::LoadKind,
        Self::Load,
        Self::TtftStatistic,
        Self::Tags,
        Self::Source,
    ];

    /// Name in the header of a table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Precision => "precision",
            Self::Server => "server",
            Self::ServerVersion => "server_version",
            Self::Accelerator => "accelerator",
            Self::Accelerators => "accelerators",
            Self::Tp => "tp",
            Self::Dp => "dp",
            Self::Ep => "ep",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Lengths => "lengths",
            Self::EngineArgs => "engine_args",
            Self::LoadKind => "load_kind",
            Self::Load => "load",
            Self::TtftStatistic => "ttft_statistic",
            Self::ItlStatistic => "itl_statistic",
            Self::TtftMs => "ttft_ms",
            Self::ItlMs => "itl_ms",
            Self::NtpotMs => "ntpot_ms",
            Self::OutputTokensPerS => "output_tokens_per_s",
            Self::Tags => "tags",
            Self::Source => "source",
        }
    }

    /// Key of the column in JSON: `server_version` is `serverVersion`.
    pub fn key(self) -> String {
        let mut words = self.name().split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |key, word| {
            let (initial, rest) = word.split_at(word.len().min(1));
            key + &initial.to_uppercase() + rest
        })
    }

    /// What a row has in a column that rows can be grouped by, as the form writes it; `None` where it has nothing, and
    /// for every other column. Sources are grouped by who published them.
    pub fn of(self, row: &MeasuredRow) -> Option<String> {
        let experiment = &row.experiment;
        let configuration = &experiment.configuration;
        let parallelism = configuration.parallelism;
        let text = match self {
            Self::Model => configuration.model.clone(),
            Self::Precision => return configuration.precision.map(|it| Precision::name(it).to_owned()),
            Self::Server => configuration.server.clone(),
            Self::ServerVersion => return configuration.server_version.clone(),
            Self::Accelerator => configuration.accelerator.clone(),
            Self::Accelerators => configuration.accelerators.to_string(),
            Self::Tp => parallelism.tensor.to_string(),
            Self::Dp => parallelism.data.to_string(),
            Self::Ep => parallelism.expert.to_string(),
            Self::InputTokens => experiment.traffic.input_tokens.to_string(),
            Self::OutputTokens => experiment.traffic.output_tokens.to_string(),
            Self::Lengths => experiment.traffic.lengths.name().to_owned(),
            Self::EngineArgs => configuration.engine_arguments.clone(),
            Self::LoadKind => experiment.load.kind().to_owned(),
            Self::Load => return experiment.load.amount().map(|amount| amount.to_string()),
            Self::TtftStatistic => experiment.ttft_statistic.name().to_owned(),
            Self::ItlStatistic => experiment.itl_statistic.name().to_owned(),
            Self::Tags => {
                let tags: Vec<&str> = row.tags.iter().map(|tag| tag.name()).collect();
                tags.join(" ")
            }
            Self::Source => row.publisher().to_owned(),
            Self::TtftMs | Self::ItlMs | Self::NtpotMs | Self::OutputTokensPerS => return None,
        };
        (!text.is_empty()).then_some(text)
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Column {
    type Err = ();

    /// By the name of a header's cell, whatever the letter case.
    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|column| column.name().eq_ignore_ascii_case(name)).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::Column;

    #[test]
    fn every_column_is_found_by_its_name_and_has_a_key_of_json() {
        for column in Column::ALL {
            assert_eq!(column.name().to_uppercase().parse(), Ok(column));
        }
        assert_eq!("power_w".parse::<Column>(), Err(()));
        assert_eq!(Column::OutputTokensPerS.key(), "outputTokensPerS");
        assert_eq!(Column::Model.key(), "model");
    }
}
