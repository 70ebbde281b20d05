//! `accuracy`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use infer_core::accuracy::LeaveOut;
use infer_core::measured::Column;

use super::values;

/// What a report on accuracy is printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccuracyFormat {
    /// Aligned columns, one line a group and metric, with what was skipped below.
    Table,
    /// One JSON object.
    Json,
    /// Comma-separated values, one line a group and metric.
    Csv,
}

/// Hold predictions against measurements.
///
/// Each row of a table is predicted from its configuration alone, never from what was measured of it or of anything
/// like it. The report has the median, mean and 90th percentile of the errors in percent, the median of predicted /
/// measured (above 1: too high), and the share of measured figures inside the predicted 80 % interval: for time to
/// first token, inter-token latency, normalised time per output token and throughput. Rows that cannot be predicted are
/// listed and count as infinite errors. Of rows tagged `saturated` only the throughput counts.
///
/// Tables are comma-separated values with a header. Required columns: model, server, accelerator, accelerators,
/// input_tokens, output_tokens, load_kind (closed, poisson, constant, burst, offline, at_throughput), load, and at least
/// one of ttft_ms, itl_ms, ntpot_ms, output_tokens_per_s. Known too: precision, server_version, tp, dp, ep, lengths,
/// engine_args, ttft_statistic, itl_statistic, tags, source.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # Measurements of your own
  kubectl infer accuracy --measured runs.csv
  kubectl infer accuracy --measured runs.csv --group-by model,accelerator,load -o csv

  # What the figures on models and accelerators that nobody measured are worth
  kubectl infer accuracy --leave-out group
  kubectl infer accuracy --leave-out accelerator -o json

  # What they are worth once one load of the same replica was measured
  kubectl infer accuracy --leave-out group --corrected-by 1")]
pub(crate) struct Accuracy {
    /// Table of measurements; `-` is standard input; repeatable. Without any: the catalog's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) measured: Vec<PathBuf>,
    /// Columns by which rows are grouped, separated by commas.
    #[arg(
        long,
        value_name = "COLUMNS",
        value_parser = values::grouping(),
        value_delimiter = ',',
        default_value = "model,precision,accelerator,server"
    )]
    pub(crate) group_by: Vec<Column>,
    /// Calibrate anew without what is then predicted: the rows of the same model, precision, accelerator and server, of
    /// the same accelerator, or of the same publisher.
    #[arg(long, value_name = "WHAT", value_parser = values::leave_out())]
    pub(crate) leave_out: Option<LeaveOut>,
    /// Correct the predictions of each replica by so many of its own rows, as `--measured` of `list` and `estimate` does; only
    /// the others are judged then.
    #[arg(long, value_name = "ROWS", value_parser = values::count)]
    pub(crate) corrected_by: Option<u32>,
    /// What to print.
    #[arg(short = 'o', long, value_enum, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: AccuracyFormat,
}
