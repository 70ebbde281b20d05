//! `lint`: files or a cluster in, findings out, fixes back into the files.

mod github;
mod json;
mod live;
pub(super) mod policies;
mod problem;
mod sarif;
mod text;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use infer_core::catalog::Catalog;
use infer_core::documents::SourceFile;
use infer_core::lint::{self, Fixed, Input, Unplaced};
use infer_core::policy::Snapshot;
use similar::TextDiff;

use super::files::{self, STANDARD_INPUT};
use crate::arguments::{ClusterOptions, LintFormat, LintOptions};
use crate::environment;
use crate::failure::Failure;
use crate::output::{Destination, Outcome};

use problem::Report;

/// `lint`: status 1 where there are warnings or errors.
pub(super) fn lint(
    catalog: Catalog,
    cluster: &ClusterOptions,
    options: &LintOptions,
) -> Result<Outcome, Failure> {
    let mut snapshot = Snapshot { catalog: Arc::new(catalog), ..Snapshot::default() };
    if !options.policy.is_empty() {
        policies::of_files(&options.policy, &mut snapshot)?;
    }
    let now = now();
    if options.live {
        let report = live::report(cluster, options, snapshot, now)?;
        return outcome(&report, options, None);
    }
    let mut inputs = files::read(&options.filename, options.recursive)?;
    policies::labels(&inputs, &mut snapshot);
    let mut fixes = Fixes::default();
    if options.fix || options.diff {
        fixes = Fixes::of(&inputs, &snapshot, now)?;
        if options.diff {
            return Ok(fixes.as_diff(&inputs));
        }
        fixes.save(&mut inputs)?;
    }
    let reports = lint::lint(&inputs, &snapshot, now).map_err(Failure::user)?;
    let report = Report { fixed: fixes.placed(), unplaced: fixes.unplaced(), ..Report::of_files(&reports) };
    outcome(&report, options, fixes.of_standard_input(&inputs))
}

/// Seconds since 1970, by which exemptions expire.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The report, or, where standard input was to be fixed, its text with the report beside it.
fn outcome(report: &Report, options: &LintOptions, fixed_input: Option<String>) -> Result<Outcome, Failure> {
    let is_colored = fixed_input.is_none() && io::stdout().is_terminal() && environment::wants_color();
    let text = match options.output {
        LintFormat::Text => text::render(report, is_colored),
        LintFormat::Json => json::render(report)?,
        LintFormat::Sarif => sarif::render(report)?,
        LintFormat::Github => github::render(report),
    };
    let status = u8::from(report.fails());
    Ok(match fixed_input {
        Some(input) => {
            Outcome { status, remark: Some(text.trim_end().to_owned().into()), ..Outcome::print(input) }
        }
        None => Outcome { status, ..Outcome::print(text) },
    })
}

/// Fixes of all files, in their order.
#[derive(Default)]
struct Fixes(Vec<Fixed>);

impl Fixes {
    fn of(inputs: &[Input], snapshot: &Snapshot, now: i64) -> Result<Self, Failure> {
        let known = lint::surroundings(inputs, snapshot);
        let files = inputs.iter().zip(&known);
        let fixes = files.map(|(input, known)| lint::fix(input, known, now).map_err(Failure::user));
        Ok(Self(fixes.collect::<Result<_, _>>()?))
    }

    fn placed(&self) -> usize {
        self.0.iter().map(|fixed| fixed.placed.len()).sum()
    }

    fn unplaced(&self) -> Vec<Unplaced> {
        self.0.iter().flat_map(|fixed| &fixed.unplaced).cloned().collect()
    }

    /// Writes the files that changed, each whole or not at all.
    fn save(&self, inputs: &mut [Input]) -> Result<(), Failure> {
        for (input, fixed) in inputs.iter_mut().zip(&self.0) {
            if fixed.text == input.file.text() {
                continue;
            }
            if input.name != STANDARD_INPUT {
                Destination::of(Some(Path::new(&input.name))).write(&fixed.text)?;
            }
            input.file = SourceFile::read(fixed.text.clone());
        }
        Ok(())
    }

    /// Standard input with its fixes, where `--fix` was asked of it.
    fn of_standard_input(&self, inputs: &[Input]) -> Option<String> {
        let mut files = inputs.iter().zip(&self.0);
        files.find(|(input, _)| input.name == STANDARD_INPUT).map(|(_, fixed)| fixed.text.clone())
    }

    fn as_diff(&self, inputs: &[Input]) -> Outcome {
        let mut text = String::new();
        for (input, fixed) in inputs.iter().zip(&self.0) {
            let diff = TextDiff::from_lines(input.file.text(), &fixed.text);
            text.push_str(&diff.unified_diff().header(&input.name, &input.name).to_string());
            // Programs that apply diffs skip lines that are none.
            for unplaced in &fixed.unplaced {
                text.push_str(&text::unplaced(unplaced));
            }
        }
        Outcome { status: u8::from(!text.is_empty()), ..Outcome::print(text) }
    }
}
