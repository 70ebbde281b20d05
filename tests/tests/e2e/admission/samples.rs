//! The samples of the documentation, applied: they are left, mended, warned of or refused as their page says, and a
//! file hears from `lint` what its object hears from admission.

use super::{Admission, applied, create, essence, until};
use anyhow::{Context, Result, ensure};
use infer_core::rules::{Scope, find};
use infer_tests::binaries;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

pub(crate) const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/samples");

/// What the page says of a sample: rules that are mended, and rules that are warned of.
pub(crate) const SAID: [(&str, &[&str], &[&str]); 7] = [
    ("clean.yaml", &[], &[]),
    // The fix of INF001 brings what INF005 asks for.
    ("large-model.yaml", &["INF001"], &[]),
    ("bucket.yaml", &["INF020"], &["INF021"]),
    ("shared-xla-cache.yaml", &[], &["INF040"]),
    ("bad-parallelism.yaml", &[], &["INF053"]),
    ("cpu-autoscaler.yaml", &["INF101"], &["INF100"]),
    ("over-budget.yaml", &[], &[]),
];

pub(crate) fn documents(path: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(serde_saphyr::from_multiple(&text)?)
}

/// A finding, as far as it is the same about a file and about an object.
type Heard = BTreeSet<(String, String, String, String)>;

/// What `lint` says about a file, without the rules that only files are asked.
fn lint(file: &Path) -> Result<Heard> {
    let output = Command::new(binaries::kubectl_infer()?)
        .env_remove("KUBECONFIG")
        .args(["lint", "--output=json", "--filename"])
        .arg(file)
        .output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let findings = report["findings"].as_array().context("no findings")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let heard = findings.iter().map(|finding| {
        (
            text(&finding["object"]["kind"]),
            text(&finding["rule"]),
            text(&finding["severity"]),
            text(&finding["what"]),
        )
    });
    let everywhere = |rule: &str| find(rule).is_some_and(|rule| rule.scope == Scope::Everywhere);
    Ok(heard.filter(|(_, rule, _, _)| everywhere(rule)).collect())
}

/// The sample after `lint --fix`.
fn fixed(sample: &str, dir: &Path) -> Result<std::path::PathBuf> {
    let copy = dir.join(sample);
    fs::copy(format!("{SAMPLES}/{sample}"), &copy)?;
    let mut command = Command::new(binaries::kubectl_infer()?);
    command.env_remove("KUBECONFIG").args(["lint", "--fix", "--filename"]).arg(&copy);
    let output = command.output()?;
    ensure!(output.status.code() < Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(copy)
}

/// Ids of rules at the start of warnings.
fn warned(warnings: &[String]) -> BTreeSet<&str> {
    warnings.iter().filter_map(|text| text.split(' ').next()).filter(|word| word.starts_with("INF")).collect()
}

#[test]
fn each_is_mended_and_warned_of_as_its_page_and_lint_say() -> Result<()> {
    let admission = Admission::start("samples")?;
    let dir = tempfile::tempdir()?;
    for (sample, mended, warnings) in SAID {
        let file = fixed(sample, dir.path())?;
        let after_fix = lint(&file)?;
        let objects = documents(&Path::new(SAMPLES).join(sample))?;
        for (mut object, fixed) in objects.into_iter().zip(documents(&file)?) {
            let what = format!("{} of {sample}", object["kind"]);
            // Two samples have servers of the same name.
            let name = format!(
                "{}-{}",
                sample.trim_end_matches(".yaml"),
                object["metadata"]["name"].as_str().unwrap_or_default()
            );
            let is_autoscaler = object["kind"] == "HorizontalPodAutoscaler";
            let mut expected = fixed;
            for object in [&mut object, &mut expected] {
                object["metadata"]["name"] = json!(name);
                if is_autoscaler {
                    object["spec"]["scaleTargetRef"]["name"] = json!(name);
                }
            }
            if is_autoscaler {
                until("the target is known", || {
                    Ok(applied(&admission.dry_run(&object)?.body).contains("INF").then_some(()))
                })?;
            }
            let answer = admission.accepts(&object)?;
            // The text that `lint --fix` writes is what admission makes of the object.
            let by_lint = create(&admission.plain, &expected, "dryRun=All")?.body;
            assert_eq!(essence(&answer.body)?["spec"], essence(&by_lint)?["spec"], "{what}");
            let of_page = |rules: &[&'static str]| -> BTreeSet<&str> {
                rules.iter().copied().filter(|rule| is_autoscaler == rule.starts_with("INF1")).collect()
            };
            let applied: BTreeSet<_> = applied(&answer.body).split(',').filter(|id| *id != "none").collect();
            ensure!(applied.is_superset(&of_page(mended)), "{what}: only {applied:?} mended");
            ensure!(!mended.is_empty() || applied.is_empty(), "{what}: {applied:?} mended");
            assert_eq!(warned(&answer.warnings), of_page(warnings), "{what}: {:?}", answer.warnings);
            let kind = answer.body["kind"].as_str().unwrap_or_default();
            let loud =
                after_fix.iter().filter(|(of, _, severity, _)| of == kind && severity != "information");
            let loud: BTreeSet<_> = loud.map(|(_, rule, _, _)| rule.as_str()).collect();
            assert_eq!(warned(&answer.warnings), loud, "{what}: {:?}", answer.warnings);
        }
    }
    Ok(())
}

/// What the API server fills in makes no difference.
#[test]
fn lint_says_the_same_of_a_file_and_of_its_dry_run_object() -> Result<()> {
    let admission = Admission::start("parity")?;
    let dir = tempfile::tempdir()?;
    for (sample, _, _) in SAID {
        let file = Path::new(SAMPLES).join(sample);
        let mut text = String::new();
        for object in documents(&file)? {
            let answer = create(&admission.plain, &object, "dryRun=All")?;
            ensure!(answer.status == 201, "{sample}: {}", answer.body);
            text += &format!("---\n{}\n", answer.body);
        }
        let defaulted = dir.path().join(sample);
        fs::write(&defaulted, text)?;
        let heard = lint(&file)?;
        ensure!(!heard.is_empty() || sample == "over-budget.yaml", "{sample}: nothing is found");
        assert_eq!(lint(&defaulted)?, heard, "{sample}");
    }
    Ok(())
}

/// The same of every example of every rule: those are the only manifests that trip each.
#[test]
fn lint_says_the_same_of_every_example_and_of_its_dry_run_object() -> Result<()> {
    let admission = Admission::start("example-parity")?;
    let dir = tempfile::tempdir()?;
    let (mut compared, mut different) = (0, Vec::new());
    for rule in infer_core::rules::rules() {
        for (name, text) in [("trips", rule.examples.trips), ("passes", rule.examples.passes)] {
            let what = format!("{}-{name}.yaml", rule.id);
            let file = dir.path().join(&what);
            fs::write(&file, text)?;
            let mut defaulted = String::new();
            for object in documents(&file)? {
                let answer = create(&admission.plain, &object, "dryRun=All")?;
                // INF059 is about what the API server refuses.
                ensure!(answer.status == 201 || what == "INF059-trips.yaml", "{what}: {}", answer.body);
                let object = if answer.status == 201 { answer.body } else { object };
                defaulted += &format!("---\n{object}\n");
            }
            let copy = dir.path().join("defaulted.yaml");
            fs::write(&copy, defaulted)?;
            let (written, defaulted) = (lint(&file)?, lint(&copy)?);
            compared += 1;
            if written != defaulted {
                let both = (written.difference(&defaulted), defaulted.difference(&written));
                different.push(format!("{what}: {both:#?}"));
            }
        }
    }
    ensure!(different.is_empty() && compared > 100, "of {compared}:\n{}", different.join("\n"));
    Ok(())
}

#[test]
fn what_costs_too_much_is_refused() -> Result<()> {
    let admission = Admission::start("budget")?;
    let object = documents(&Path::new(SAMPLES).join("over-budget.yaml"))?.remove(0);
    ensure!(admission.dry_run(&object)?.status == 201, "it is refused without a policy");
    // Other tests run at the same time: the policy of the sample, for this namespace only.
    let policy = documents(&Path::new(SAMPLES).join("budget.yaml"))?.remove(0);
    let limits = format!("limits: {}", policy["spec"]["limits"]);
    let reason = admission.enforce("budget", &limits, &object)?;
    ensure!(reason.contains("INF122 over-budget (policy budget)") && reason.contains("$18.03"), "{reason}");
    let clean = documents(&Path::new(SAMPLES).join("clean.yaml"))?.remove(0);
    admission.accepts(&clean)?;
    Ok(())
}
