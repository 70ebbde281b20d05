//! `accuracy`: predictions against measurements.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use infer_core::accuracy::{
    LeaveOut, Metrics, Prediction, Predictor, Refit, Report, Score, Skipped, Unpredictable, assess, left_out,
    predict,
};
use infer_core::catalog::Catalog;
use infer_core::estimate::{Calibration, Estimator, corrected_predictions};
use infer_core::measured::{Column, MeasuredRow, MeasuredTable, from_catalog};

use super::measurements::tables;
use crate::arguments::{Accuracy, AccuracyFormat};
use crate::failure::Failure;
use crate::output::{Cell, Heading, Outcome, Sheet, bullets, comma_separated, json, printable, table};

type Predictions = Vec<Result<Prediction, Unpredictable>>;

/// `accuracy`.
pub(super) fn accuracy(catalog: &Catalog, options: &Accuracy) -> Result<Outcome, Failure> {
    let calibration = Calibration::embedded().map_err(Failure::unexpected)?;
    let estimator = Estimator::new(catalog, calibration);
    judge(catalog, options, &estimator, &estimator)
}

/// What `predictor`, or what `refit` makes of the catalog's measurements, is worth on the tables asked for.
fn judge(
    catalog: &Catalog,
    options: &Accuracy,
    predictor: &dyn Predictor,
    refit: &dyn Refit,
) -> Result<Outcome, Failure> {
    let own = || from_catalog(catalog).map_err(Failure::unexpected);
    let mut tables = tables(&options.measured)?;
    if options.measured.is_empty() {
        tables.push(MeasuredTable { rows: own()?, ..MeasuredTable::default() });
    }
    let rows: Vec<&MeasuredRow> = tables.iter().flat_map(|table| &table.rows).collect();
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let (predictions, note): (Predictions, Option<String>) = match options.leave_out {
        Some(by) => {
            let (predictions, refits) = left_out(refit, &own()?, &rows, by, catalog, threads);
            (predictions, Some(left_out_note(by, refits)))
        }
        None => {
            let note = options.measured.is_empty().then(|| OWN_ROWS.to_owned());
            (predict(predictor, &rows, threads), note)
        }
    };
    let (tables, predictions) = match options.corrected_by {
        Some(known) => {
            let common = &Calibration::embedded().map_err(Failure::unexpected)?.bands.common;
            let corrected = corrected_predictions(catalog, common, &rows, &predictions, known as usize);
            judged(&tables, corrected)
        }
        None => (tables, predictions),
    };
    let mut report = assess(&tables, &predictions, &distinct(&options.group_by));
    report.notes.splice(0..0, options.corrected_by.map(corrected_note));
    report.notes.splice(0..0, note);
    render(&report, options.output).map(Outcome::print)
}

/// The rows that have a prediction or the reason why not.
fn judged(
    tables: &[MeasuredTable],
    predictions: Vec<Option<Result<Prediction, Unpredictable>>>,
) -> (Vec<MeasuredTable>, Predictions) {
    let mut kept = predictions.iter().map(Option::is_some);
    let judged = |table: &MeasuredTable| {
        let rows = table.rows.iter().filter(|_| kept.next().unwrap_or(false));
        MeasuredTable { rows: rows.cloned().collect(), ..table.clone() }
    };
    let tables = tables.iter().map(judged).collect();
    (tables, predictions.into_iter().flatten().collect())
}

fn corrected_note(known: u32) -> String {
    let rows = if known == 1 { "one row".to_owned() } else { format!("{known} rows") };
    format!(
        "corrected by {rows} of each replica, which are not judged; replicas with no row beside them are left out"
    )
}

const OWN_ROWS: &str = "these rows calibrated what predicts them, which flatters it: `--leave-out` does not";

fn left_out_note(by: LeaveOut, refits: usize) -> String {
    let what = match by {
        LeaveOut::Group => "model, precision, accelerator and server",
        LeaveOut::Accelerator => "accelerator",
        LeaveOut::Source => "publisher",
    };
    let times = if refits == 1 { "once".to_owned() } else { format!("{refits} times") };
    format!(
        "calibrated {times} on the catalog's measurements, each time without those of the {what} predicted"
    )
}

/// The columns in the order asked, each once.
fn distinct(columns: &[Column]) -> Vec<Column> {
    let mut distinct = Vec::new();
    for column in columns {
        if !distinct.contains(column) {
            distinct.push(*column);
        }
    }
    distinct
}

fn render(report: &Report, format: AccuracyFormat) -> Result<String, Failure> {
    Ok(match format {
        AccuracyFormat::Json => json(report)?,
        AccuracyFormat::Csv => comma_separated(&sheet(report)),
        AccuracyFormat::Table => {
            let mut text = table(&sheet(report));
            text.push_str(&skipped(report));
            if !report.notes.is_empty() {
                text.push('\n');
                text.push_str(&bullets(&report.notes.iter().map(|note| printable(note)).collect::<Vec<_>>()));
            }
            text
        }
    })
}

/// What stands in the first column of the lines over all rows.
const ALL_ROWS: &str = "(all)";

/// One line for each metric that was measured: of all rows, then of each group.
fn sheet(report: &Report) -> Sheet {
    let keys = report.groups.first().map(|group| group.key.as_slice()).unwrap_or_default();
    let text = |title| Heading { title, wide: false, figures: false };
    let figure = |title| Heading { title, wide: false, figures: true };
    let mut columns: Vec<Heading> = keys.iter().map(|(column, _)| text(title(*column))).collect();
    columns.push(text("Metric"));
    columns.extend(["N", "Median Error(%)", "Mean Error(%)", "P90 Error(%)", "Ratio", "In Band"].map(figure));
    let overall = keys.iter().enumerate().map(|(index, _)| match index {
        0 => Cell::Text(ALL_ROWS.to_owned()),
        _ => Cell::Missing,
    });
    let mut rows = lines(&overall.collect::<Vec<_>>(), &report.overall.metrics);
    for group in &report.groups {
        let cell = |value: &Option<String>| match value {
            Some(text) => Cell::Text(printable(text)),
            None => Cell::Missing,
        };
        let key: Vec<Cell> = group.key.iter().map(|(_, value)| cell(value)).collect();
        rows.extend(lines(&key, &group.metrics));
    }
    Sheet { columns, rows }
}

fn lines(key: &[Cell], metrics: &Metrics) -> Vec<Vec<Cell>> {
    let measured = metrics.named().into_iter().filter(|(_, score)| score.n > 0);
    let line = |(name, score): (&str, &Score)| {
        let number = |value: Option<f64>, decimals| match value {
            Some(value) => Cell::Number { value, decimals },
            None => Cell::Missing,
        };
        let figures = [
            Cell::Number { value: score.n as f64, decimals: 0 },
            number(score.median_absolute_percentage_error, 1),
            number(score.mean_absolute_percentage_error, 1),
            number(score.p90_absolute_percentage_error, 1),
            number(score.median_ratio, 2),
            number(score.band_coverage, 2),
        ];
        key.iter().cloned().chain([Cell::Text(name.to_owned())]).chain(figures).collect()
    };
    measured.map(line).collect()
}

/// The rows that could not be predicted, by reason.
fn skipped(report: &Report) -> String {
    /// Rows that are named before the rest is counted.
    const MOST: usize = 10;
    // In the order of the rows that first have the reason.
    let mut by_reason: Vec<(&str, &str, Vec<usize>)> = Vec::new();
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for Skipped { at, reason } in &report.skipped {
        let place = *places.entry((&at.document, reason)).or_insert(by_reason.len());
        match by_reason.get_mut(place) {
            Some((_, _, rows)) => rows.push(at.row),
            None => by_reason.push((&at.document, reason, vec![at.row])),
        }
    }
    let overall = &report.overall;
    let mut text = match overall.skipped {
        0 => return String::new(),
        skipped => format!("\n{skipped} of {} rows could not be predicted:\n", overall.rows),
    };
    for (document, reason, rows) in by_reason {
        let mut named: Vec<String> = rows.iter().take(MOST).map(usize::to_string).collect();
        if rows.len() > MOST {
            named.push(format!("and {} more", rows.len() - MOST));
        }
        let word = if rows.len() == 1 { "row" } else { "rows" };
        let line = format!("{document}, {word} {}: {reason}", named.join(", "));
        text.push_str(&format!("  {}\n", printable(&line)));
    }
    text
}

const fn title(column: Column) -> &'static str {
    match column {
        Column::Model => "Model",
        Column::Precision => "Precision",
        Column::Server => "Model Server",
        Column::ServerVersion => "Model Server Version",
        Column::Accelerator => "Accelerator",
        Column::Accelerators => "Accelerators",
        Column::Tp => "TP",
        Column::Dp => "DP",
        Column::Ep => "EP",
        Column::InputTokens => "Input Tokens",
        Column::OutputTokens => "Output Tokens",
        Column::Lengths => "Lengths",
        Column::EngineArgs => "Engine Arguments",
        Column::LoadKind => "Load Kind",
        Column::Load => "Load",
        Column::TtftStatistic => "TTFT Statistic",
        Column::ItlStatistic => "ITL Statistic",
        Column::TtftMs => "TTFT(ms)",
        Column::ItlMs => "ITL(ms)",
        Column::NtpotMs => "NTPOT(ms)",
        Column::OutputTokensPerS => "Output Tokens/s",
        Column::Tags => "Tags",
        Column::Source => "Source",
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use infer_core::curve::Banded;
    use infer_core::measured::Experiment;

    use super::*;

    /// Ten milliseconds a token on whatever it has heard of.
    struct Toy;

    impl Predictor for Toy {
        fn predict(&self, experiment: &Experiment) -> Result<Prediction, Unpredictable> {
            let model = &experiment.configuration.model;
            if model == "m/unheard-of" {
                return Err(Unpredictable::because(format!("unknown model `{model}`")));
            }
            let itl_milliseconds = Some(Banded::within_factor(10.0, 1.25));
            Ok(Prediction { itl_milliseconds, ..Prediction::default() })
        }
    }

    impl Refit for Toy {
        fn refit(&self, kept: &[&MeasuredRow]) -> Result<Box<dyn Predictor + '_>, Unpredictable> {
            assert!(!kept.is_empty());
            Ok(Box::new(Toy))
        }
    }

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        accuracy: Accuracy,
    }

    const TABLE: &str = "\
model,precision,server,accelerator,accelerators,input_tokens,output_tokens,load_kind,load,ttft_ms,itl_ms,power_w
m/a,bf16,vllm,nvidia-h100-80gb,1,100,100,poisson,1,,8,1
m/a,bf16,vllm,nvidia-h100-80gb,1,100,100,poisson,2,,10,1
m/b,,sglang,nvidia-l4,2,100,100,closed,4,50,20,1
m/unheard-of,fp8,vllm,nvidia-l4,1,100,100,poisson,2,,20,1
m/b,fp9,sglang,nvidia-l4,1,100,100,poisson,2,,20,1
";

    /// What the command prints of [`TABLE`] in a file called `runs.csv`.
    fn printed(arguments: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.csv");
        std::fs::write(&path, TABLE).unwrap();
        let path = path.display().to_string();
        let line = ["accuracy", "--measured", &path].into_iter().chain(arguments.iter().copied());
        let options = Line::try_parse_from(line).unwrap().accuracy;
        let outcome = judge(&Catalog::embedded(), &options, &Toy, &Toy).unwrap();
        outcome.text.replace(&path, "runs.csv")
    }

    #[test]
    fn people_read_errors_by_group_and_what_could_not_be_predicted() {
        insta::assert_snapshot!(printed(&[]));
    }

    #[test]
    fn programs_read_json() {
        insta::assert_snapshot!(printed(&["-o", "json", "--group-by", "accelerator"]));
    }

    #[test]
    fn csv_has_the_lines_of_the_table_in_full_precision() {
        insta::assert_snapshot!(printed(&["-o", "csv", "--group-by", "accelerator,load,accelerator"]));
    }

    #[test]
    fn what_was_left_out_is_said() {
        let report = printed(&["--leave-out", "accelerator"]);
        let note =
            "* Calibrated 2 times on the catalog's measurements, each time without those of the accelerator";
        assert!(report.contains(note), "{report}");
    }

    #[test]
    fn the_catalogs_own_rows_are_judged_where_no_table_is_named() {
        let options = Line::try_parse_from(["accuracy", "--group-by", "load_kind"]).unwrap().accuracy;
        let report = judge(&Catalog::embedded(), &options, &Toy, &Toy).unwrap().text;
        assert!(report.contains("\nclosed "), "{report}");
        assert!(report.contains("* These rows calibrated what predicts them"), "{report}");
    }

    #[test]
    fn columns_that_say_what_came_out_are_no_groups() {
        let refused =
            Line::try_parse_from(["accuracy", "--group-by", "model,itl_ms"]).unwrap_err().to_string();
        assert!(refused.contains("'itl_ms'") && refused.contains("server_version"), "{refused}");
    }

    #[test]
    fn what_is_no_table_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pod.yaml").display().to_string();
        let refused = || {
            let options = Line::try_parse_from(["accuracy", "--measured", &path]).unwrap().accuracy;
            judge(&Catalog::embedded(), &options, &Toy, &Toy).unwrap_err().to_string()
        };
        let message = refused();
        assert!(message.contains("pod.yaml") && message.contains("cannot read"), "{message}");
        std::fs::write(&path, "kind: Pod\n").unwrap();
        let message = refused();
        assert!(message.contains("pod.yaml: is no table of measurements"), "{message}");
    }
}
