//! Writes the figures of `docs/accuracy.md`: `cargo run --release -p infer-core --example accuracy-page`.
//!
//! Each block between `<!-- figures: NAME -->` and `<!-- end -->` is replaced by its table; the text around them stays. Takes
//! some minutes: the estimator is fitted anew for every group, accelerator and publisher that is left out, and for
//! every part of a step that is taken away. Exit status 1 if the page cannot be read or written.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;

use infer_core::accuracy::{
    LeaveOut, Metrics, Prediction, Report, Score, Unpredictable, assess, left_out, predict,
};
use infer_core::catalog::Catalog;
use infer_core::curve::{FigureBands, RatioBand};
use infer_core::estimate::step::{Constants, SERVERS};
use infer_core::estimate::{Calibration, Estimator, corrected_predictions};
use infer_core::measured::{Column, MeasuredRow, MeasuredTable, from_catalog};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/accuracy.md");

type Predictions = Vec<Result<Prediction, Unpredictable>>;

fn main() -> ExitCode {
    match write_page(Path::new(PAGE)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn write_page(path: &Path) -> Result<(), String> {
    let catalog = Catalog::embedded();
    let rows = from_catalog(&catalog).map_err(|error| error.to_string())?;
    let calibration = Calibration::embedded().map_err(|error| error.to_string())?;
    let figures = Figures { catalog: &catalog, calibration: &calibration, rows: &rows };
    let by_group = figures.left_out(&calibration, LeaveOut::Group);
    let by_accelerator = figures.left_out(&calibration, LeaveOut::Accelerator);
    let by_source = figures.left_out(&calibration, LeaveOut::Source);
    let mut page = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let blocks = [
        ("intervals", figures.intervals()),
        ("errors", figures.errors(&by_group, &by_accelerator, &by_source)),
        ("accelerators", figures.accelerators(&by_accelerator)),
        ("corrected", figures.corrected(&by_group)),
        ("ablations", figures.ablations(&by_accelerator, &by_source)),
    ];
    for (name, table) in blocks {
        page = replaced(&page, name, &table)?;
    }
    std::fs::write(path, page).map_err(|error| format!("{}: {error}", path.display()))
}

/// The page with another table in the block of this name.
fn replaced(page: &str, name: &str, table: &str) -> Result<String, String> {
    let start = format!("<!-- figures: {name} -->\n");
    let missing = || format!("the page has no block `{}` … `<!-- end -->`", start.trim());
    let (before, rest) = page.split_once(&start).ok_or_else(missing)?;
    let (_, after) = rest.split_once("<!-- end -->").ok_or_else(missing)?;
    Ok(format!("{before}{start}\n{table}\n<!-- end -->{after}"))
}

struct Figures<'a> {
    catalog: &'a Catalog,
    calibration: &'a Calibration,
    rows: &'a [MeasuredRow],
}

impl Figures<'_> {
    fn refs(&self) -> Vec<&MeasuredRow> {
        self.rows.iter().collect()
    }

    fn left_out(&self, calibration: &Calibration, by: LeaveOut) -> Predictions {
        eprintln!("left out: {}", by.name());
        let estimator = Estimator::new(self.catalog, calibration.clone());
        left_out(&estimator, self.rows, &self.refs(), by, self.catalog, threads()).0
    }

    fn report(&self, predictions: &Predictions, group_by: &[Column]) -> Report {
        let table = MeasuredTable { rows: self.rows.to_vec(), ..MeasuredTable::default() };
        assess(&[table], predictions, group_by)
    }

    fn intervals(&self) -> String {
        let mut table =
            "| | TTFT | ITL | NTPOT | throughput | rows |\n|---|---|---|---|---|---|\n".to_owned();
        let interval = |band: &RatioBand| format!("{:.2}–{:.2}", band.low, band.high);
        let mut line = |name: &str, bands: &FigureBands| {
            let FigureBands { ttft, itl, ntpot, throughput } = bands;
            let [ttft, itl_band, ntpot, throughput] = [ttft, itl, ntpot, throughput].map(interval);
            let _ =
                writeln!(table, "| {name} | {ttft} | {itl_band} | {ntpot} | {throughput} | {} |", itl.points);
        };
        let bands = &self.calibration.bands;
        for (server, bands) in SERVERS.iter().zip(&bands.near).filter(|(_, bands)| bands.itl.points > 0) {
            // A server without residuals of its own has those of all.
            if *server != "jetstream" {
                line(&format!("{}, an accelerator that was fitted", title(server)), bands);
            }
        }
        line("an accelerator that was not", &bands.far);
        table
    }

    /// All rows and those of each server, fitted and left out.
    fn errors(
        &self,
        by_group: &Predictions,
        by_accelerator: &Predictions,
        by_source: &Predictions,
    ) -> String {
        let fitted =
            predict(&Estimator::new(self.catalog, self.calibration.clone()), &self.refs(), threads());
        let reports = [&fitted, by_group, by_accelerator, by_source]
            .map(|predictions| self.report(predictions, &[Column::Server]));
        let mut table = "| | rows | fitted | group left out | accelerator left out | publisher left out |\n\
                         |---|---|---|---|---|---|\n"
            .to_owned();
        line(&mut table, "", &reports.each_ref().map(|report| &report.overall.metrics));
        for server in ["vllm", "sglang", "trtllm"] {
            let of = |report: &Report| {
                let is_it = |key: &[(Column, Option<String>)]| {
                    key.iter().any(|(_, of)| of.as_deref() == Some(server))
                };
                report.groups.iter().find(|group| is_it(&group.key)).map(|group| group.metrics.clone())
            };
            let found: Vec<Metrics> = reports.iter().filter_map(of).collect();
            line(&mut table, &format!("{}: ", title(server)), &found.iter().collect::<Vec<_>>());
        }
        table
    }

    /// Each accelerator, predicted by a fit that has never seen it.
    fn accelerators(&self, predictions: &Predictions) -> String {
        let mut table =
            "| accelerator | rows | TTFT | ITL | throughput |\n|---|---|---|---|---|\n".to_owned();
        let report = self.report(predictions, &[Column::Accelerator]);
        let mut groups: Vec<_> = report.groups.iter().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.rows));
        for group in groups {
            let name = group.key.first().and_then(|(_, value)| value.as_deref()).unwrap_or_default();
            let Metrics { ttft, itl, throughput, .. } = &group.metrics;
            let [ttft, itl, throughput] = [ttft, itl, throughput].map(figures_of);
            let _ = writeln!(table, "| {name} | {} | {ttft} | {itl} | {throughput} |", group.rows);
        }
        table
    }

    /// What one, three and ten rows of a replica make of the predictions of its others.
    fn corrected(&self, by_group: &Predictions) -> String {
        let mut table =
            "| rows measured | rows judged | TTFT | ITL | throughput |\n|---|---|---|---|---|\n".to_owned();
        for known in [1, 3, 10] {
            let common = &self.calibration.bands.common;
            let corrected = corrected_predictions(self.catalog, common, &self.refs(), by_group, known);
            let judged: Vec<MeasuredRow> = self
                .rows
                .iter()
                .zip(&corrected)
                .filter(|(_, of)| of.is_some())
                .map(|(row, _)| row.clone())
                .collect();
            let count = judged.len();
            let before: Predictions = by_group
                .iter()
                .zip(&corrected)
                .filter(|(_, of)| of.is_some())
                .map(|(of, _)| of.clone())
                .collect();
            let after: Predictions = corrected.into_iter().flatten().collect();
            let table_of = || MeasuredTable { rows: judged.clone(), ..MeasuredTable::default() };
            for (name, predictions) in [("0", &before), (&known.to_string(), &after)] {
                let Metrics { ttft, itl, throughput, .. } =
                    assess(&[table_of()], predictions, &[]).overall.metrics;
                let [ttft, itl, throughput] = [&ttft, &itl, &throughput].map(figures_of);
                let _ = writeln!(table, "| {name} | {count} | {ttft} | {itl} | {throughput} |");
            }
        }
        table
    }

    /// Each part of a step taken away, the others fitted anew, accelerators and publishers left out.
    fn ablations(&self, by_accelerator: &Predictions, by_source: &Predictions) -> String {
        let columns = "TTFT | ITL | throughput";
        let mut table =
            format!("| without | {columns} | publisher: {columns} |\n|---|---|---|---|---|---|---|\n");
        let mut line = |name: &str, left_out: [&Predictions; 2]| {
            let cells = left_out.map(|predictions| {
                let Metrics { ttft, itl, throughput, .. } = self.report(predictions, &[]).overall.metrics;
                [&ttft, &itl, &throughput].map(figures_of).join(" | ")
            });
            let _ = writeln!(table, "| {name} | {} |", cells.join(" | "));
        };
        line("(nothing)", [by_accelerator, by_source]);
        for (name, constants) in ABLATIONS {
            eprintln!("without {name}");
            let mut calibration = self.calibration.clone();
            take_away(&mut calibration.constants, constants);
            let [accelerator, source] =
                [LeaveOut::Accelerator, LeaveOut::Source].map(|by| self.left_out(&calibration, by));
            line(name, [&accelerator, &source]);
        }
        table
    }
}

/// Parts, and the values of their constants that make them nothing.
const ABLATIONS: [(&str, &[(&str, f64)]); 9] = [
    (
        "matrix work: only bytes count",
        &[("half_compute", MUCH), ("unpacked_compute", 1.0), ("expert_compute", 1.0)],
    ),
    ("reads of the cache", &[("cache_bandwidth", MUCH)]),
    ("attention of prompts", &[("prefill_attention_compute", MUCH)]),
    ("bytes between matrices", &[("activation_passes", LITTLE)]),
    ("exchanges between accelerators", &[("exchange_latency_us", LITTLE), ("link_bandwidth", MUCH)]),
    (
        "launches",
        &[
            ("layer_us", LITTLE),
            ("expert_layer_us", LITTLE),
            ("latent_layer_us", LITTLE),
            ("index_layer_us", LITTLE),
            ("recurrent_layer_us", LITTLE),
            ("prefill_layer_us", LITTLE),
        ],
    ),
    ("the server's own time", &[("step_ms", LITTLE), ("sequence_us", LITTLE)]),
    ("the way to the client", &[("answer_ms", LITTLE), ("answer_steps", LITTLE), ("stream_ms", LITTLE)]),
    (
        "differences between families of chips",
        &[("blackwell_compute", 1.0), ("blackwell_launch", 1.0), ("amd_time", 1.0)],
    ),
];

const MUCH: f64 = 1e6;
const LITTLE: f64 = 1e-6;

/// Sets constants, of every server where they are a server's, so that no fit moves them.
fn take_away(constants: &mut Constants, values: &[(&str, f64)]) {
    let names: Vec<String> = constants.named().into_iter().map(|(name, _)| name).collect();
    for (name, constant) in names.iter().zip(constants.all_mut()) {
        let of_server = SERVERS.iter().find_map(|server| name.strip_prefix(server)?.strip_prefix('_'));
        let short = of_server.unwrap_or(name);
        if let Some((_, value)) = values.iter().find(|(of, _)| *of == short) {
            (constant.value, constant.prior, constant.spread) = (*value, *value, 1e-12);
        }
    }
}

fn line(table: &mut String, prefix: &str, columns: &[&Metrics]) {
    let Some(first) = columns.first() else { return };
    for (place, (name, score)) in first.named().into_iter().enumerate() {
        // NTPOT has few rows of its own.
        if score.n == 0 || (name == "NTPOT" && !prefix.is_empty()) {
            continue;
        }
        let cells: Vec<String> = columns.iter().map(|metrics| figures_of(metrics.named()[place].1)).collect();
        let _ = writeln!(table, "| {prefix}{name} | {} | {} |", score.n, cells.join(" | "));
    }
}

/// Median error in percent, median ratio, share in the interval.
fn figures_of(score: &Score) -> String {
    let Score { median_absolute_percentage_error, median_ratio, band_coverage, .. } = score;
    match (median_absolute_percentage_error, median_ratio, band_coverage) {
        (Some(error), Some(ratio), Some(coverage)) => format!("{error:.1} % · {ratio:.2} · {coverage:.2}"),
        _ => "–".to_owned(),
    }
}

fn title(server: &str) -> &str {
    match server {
        "vllm" => "vLLM",
        "sglang" => "SGLang",
        "trtllm" => "TensorRT-LLM",
        "tgi" => "TGI",
        other => other,
    }
}

fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
