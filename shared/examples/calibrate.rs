//! Fits the estimator's constants and intervals to measurements and writes them:
//! `cargo run --release -p infer-core --example calibrate -- [--measured FILE]… [--without-profiles] [--output FILE]`.
//!
//! Without options the catalog's own profiles are the measurements and `shared/data/estimator.json` is written; the same
//! measurements give the same bytes. Exit status 1 if a file cannot be read or written, 2 if an option makes no sense.

use std::path::PathBuf;
use std::process::ExitCode;

use infer_core::catalog::Catalog;
use infer_core::estimate::Calibration;
use infer_core::measured::{self, MeasuredRow, MeasuredTable};

struct Options {
    measured: Vec<PathBuf>,
    with_profiles: bool,
    output: PathBuf,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    match calibrate(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        measured: Vec::new(),
        with_profiles: true,
        output: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/estimator.json")),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a file"));
        match argument.as_str() {
            "--measured" => options.measured.push(value()?.into()),
            "--output" => options.output = value()?.into(),
            "--without-profiles" => options.with_profiles = false,
            other => return Err(format!("`{other}` is no option: --measured, --without-profiles, --output")),
        }
    }
    Ok(options)
}

fn calibrate(options: &Options) -> Result<(), String> {
    let catalog = Catalog::embedded();
    let mut rows = Vec::new();
    if options.with_profiles {
        rows.extend(measured::from_catalog(&catalog).map_err(|error| error.to_string())?);
    }
    for path in &options.measured {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        let table = MeasuredTable::read(&name, &text).map_err(|error| error.to_string())?;
        rows.extend(table.rows);
    }
    let rows: Vec<&MeasuredRow> = rows.iter().collect();
    eprintln!("{} measurements", rows.len());
    let fitted = Calibration::expected().fitted(&catalog, &rows);
    for (name, constant) in fitted.constants.named() {
        eprintln!("{name}: {:.4} (prior {}, {} points)", constant.value, constant.prior, constant.points);
    }
    let calibration = fitted.with_intervals(&catalog, &rows);
    let text = calibration.write().map_err(|error| error.to_string())?;
    std::fs::write(&options.output, text).map_err(|error| format!("{}: {error}", options.output.display()))
}
